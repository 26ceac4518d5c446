// Ops that Python answers below the tape, by `__torch_dispatch__`: all of them while a mode is active, and those with a
// tensor of a class that has the method.
//
// Active modes stand in for execution (thread_state().recorder); while one answers, those around it do. A tensor of
// such a class carries a Wrapper under which it is on the tape like any other. It may have no memory (a wrapper of
// other tensors); then whoever wants its elements asks its class for aten::_local_scalar_dense. What the tape keeps of
// a result is an alias of the plain type: `object_of` says which object Python knows instead.
#pragma once
#include <vector>

#include "py/ref.h"
#include "tensor/layer.h"

namespace fj::python_dispatch {

// Has a tensor of such a class been made in this process? Asked before anything else, so that others pay nothing.
extern bool in_use;
bool type_answers(PyTypeObject* type);
void set_disabled(PyObject* function);  // what in the method's place says "not asked": Tensor's own

// Gives a tensor of such a class its wrapper; others stay as they are.
void settle(TensorObj* t, bool has_memory);
void settle_without_memory(TensorObj* t);  // of any type
bool is_asked(const TensorObj* t);
bool has_no_memory(const TensorObj* t);  // it is asked, and a wrapper of other tensors
bool involves(Args args);
PyObject* object_of(TensorObj* t);  // borrowed

extern int modes_anywhere;  // of all threads: while there are none nobody looks further
bool mode_active_here();
inline bool mode_active() { return modes_anywhere && mode_active_here(); }
void push_mode(PyObject* mode);
py::Ref pop_mode();  // null: none is active
const std::vector<py::Ref>& modes();

// What execution of a call is where an argument is asked.
void execute(const OpDef& op, Args args, Outs& outs);

// What capture does instead of putting calls to Python: those that have an answer already get it, in order. The first
// one that has none is noted and raises; the whole is made again once its answer is known.
struct Listing {
  PyObject* answers;  // a tuple, of a tuple of tensors for each call
  Py_ssize_t answered = 0;
  const OpDef* op = nullptr;  // the call that was noted …
  py::Ref values;             // … and its arguments
};
extern thread_local Listing* listing;

// How a call is put to Python, as bind says: to a mode, or (null) to the classes of the arguments. `item` gives the
// number in a tensor of one element that has no memory.
struct Ask {
  void (*call)(PyObject* mode, const OpDef& op, Args args, Outs& outs) = nullptr;
  TensorRef (*item)(TensorObj* t, const char* what) = nullptr;
};
extern Ask ask;

}  // namespace fj::python_dispatch
