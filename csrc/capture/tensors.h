// What capture needs of the tensor room, in one place: telling tensors and their constants apart, fake tensors, leaf
// calls.
#pragma once
#include <Python.h>

#include <memory>
#include <string>
#include <vector>

#include "capture/tape.h"
#include "capture/value.h"
#include "graph/graph.h"
#include "tensor/tensor.h"

namespace fj::capture {

bool is_tensor(PyObject* object);
bool is_size_type(PyTypeObject* type);               // framejit.Size, a tuple
bool is_tensor_constant(PyObject* object);           // dtype, device, Size, …: compared by value
bool is_tensor_identity_constant(PyObject* object);  // known by identity
bool is_vmap_layer(PyObject* object);                // one that is running, as framejit.func holds it

// The global modes as the Modes guard compares them.
std::vector<int64_t> modes_now();

// May this C callable be called while tracing, with fake tensors among its arguments?
bool is_tensor_callable(PyObject* callable);
// Is this what Tensor's MRO holds a C method?
bool is_tensor_method(PyObject* raw);
// Break the graph at what changes or shows something that a fake tensor does not have.
void check_tensor_method(PyObject* name, bool outside);
void check_tensor_attribute(PyObject* name);
bool needs_grad(PyObject* fake);  // of a tensor that requires a gradient or has a history

class TensorSession {
 public:
  TensorSession();
  ~TensorSession();
  // Guards the tensor's facts, makes it an input of the graph and gives the value its fake tensor.
  void make_input(Tracer& tracer, TensorValue* v);
  // The ops recorded from now on come from the line where the innermost frame stands.
  void locate(Tracer& tracer);
  // Before a tensor meets a Python number in an operator: a number that varies from call to call becomes an input of
  // the graph. Replaces `number` by its 0-d tensor, or leaves it.
  void number_as_input(Tracer& tracer, V* number, V beside);
  // The same in this dtype, whatever it meets; false: it is left.
  bool number_input(Tracer& tracer, V* number, PyObject* dtype);
  // For the tape: ops are recorded by leaf calls alone, or the trace cannot be replayed.
  void expect_ops(Tape& tape);     // before a call
  bool count_ops(TapeStep& step);  // after it: were there any? Also notes where the call was made
  const std::shared_ptr<const graph::Location>& location() const;  // as `locate` has left it
  // The input that a fake tensor stands for; NULL for others.
  TensorValue* input_of(PyObject* fake) const;
  // A tensor of the trace itself, also below layers of vmap; no others are over the trace.
  bool is_followed(PyObject* fake) const;
  // Is this fake tensor one that the trace made, or an input?
  bool made_here(PyObject* fake) const;
  graph::Graph& graph();
  bool& below_tape();  // of the session
  bool noted_below_tape() const;
  // The trace keeps a tape: it may look at data.
  void watch(Tracer& tracer);
  const std::vector<PyObject*>& examples() const;  // what the graph's inputs are now
  graph::Value* value_of(PyObject* fake) const;    // NULL if it is no live fake tensor of this trace
  // A fake tensor for a value of the graph: one that the trace knows, if there is one.
  TensorRef fake_for(const graph::Value* value, Tracer& tracer);
  // A tensor made in the trace now requires a gradient: it can be used up inside, but not leave.
  void leaf_made(Tracer& tracer);
  // One that nobody sees but a transformation of framejit.func: a history may lead to it and leave.
  void transform_leaf(Tracer& tracer, TensorRef leaf);
  // A hook on a tensor made here, in a dict of the tape: its number. It is called inside, or the tensor cannot leave.
  int64_t hook_made(Tracer& tracer, py::Ref dict);
  void drop_hook(PyObject* number);
  // A tensor made here is given a hook at the exit: outputs keep the history that they have op by op.
  void hook_at_exit(Tracer& tracer, PyObject* fake);
  // For what C code calls back: the C++ exception that is being handled goes on when that C code has failed.
  void keep_exception();
  void rethrow_kept();
  // After a C call failed: true if that was a fake tensor's refusal, then `reason` and `detail` say which.
  static bool failed_on_fake(bool* data_dependent, std::string* detail);
  // Makes these fakes the graph's outputs and has the graph compiled into the segment.
  void finish(Tracer& tracer, Segment& segment, const std::vector<PyObject*>& outputs);

  struct Impl;
  std::unique_ptr<Impl> impl;

 private:
  bool input_of_number(Tracer& tracer, V* number, DType dtype);
  // Where an output's history leads: raises CannotRebuild if to a leaf made here; `spent`: a pass used it up already.
  void check_history(PyObject* output, bool* spent) const;
};

}  // namespace fj::capture
