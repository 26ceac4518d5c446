// What capture needs of the tensor room, in one place: telling tensors and their constants apart, fake tensors, leaf calls.
#pragma once
#include <Python.h>

#include <memory>
#include <string>
#include <vector>

#include "capture/value.h"

namespace fj::capture {

bool is_tensor(PyObject* object);
bool is_tensor_constant(PyObject* object);           // dtype, device, Size, …: compared by value
bool is_tensor_identity_constant(PyObject* object);  // known by identity

// The global modes as the Modes guard compares them.
std::vector<int64_t> modes_now();

// May this C callable be called while tracing, with fake tensors among its arguments?
bool is_tensor_callable(PyObject* callable);

// isinstance(t, type) for a fake tensor of a class: 0, 1, or -1 for "as for any object".
int tensor_isinstance(PyObject* tensor, PyObject* type);

class TensorSession {
 public:
  TensorSession();
  ~TensorSession();
  // Guards the tensor's facts, makes it an input of the graph and gives the value its fake tensor.
  void make_input(Tracer& tracer, TensorValue* v);
  // After a C call failed: true if that was a fake tensor's refusal, then `reason` and `detail` say which.
  static bool failed_on_fake(bool* data_dependent, std::string* detail);
  // Makes these fakes the graph's outputs and has the graph compiled into the segment.
  void finish(Tracer& tracer, Segment& segment, const std::vector<PyObject*>& outputs);

  struct Impl;
  std::unique_ptr<Impl> impl;
};

}  // namespace fj::capture
