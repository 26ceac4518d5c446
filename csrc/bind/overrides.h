// Calls that arguments answer themselves (`__torch_function__`), and how every function of the extension comes to ask.
//
// Callables of the op table ask in op_call.cpp, operators in their slots; methods, attributes and functions of tables
// are bound through `asking`, which puts a function that asks before each.
#pragma once
#include "py/error.h"
#include "tensor/overrides.h"

namespace fj::bind {

// What the arguments (as vectorcall has them) make of the call of `function`; a new reference. Raises TypeError when
// none of them answers.
PyObject* ask(PyObject* function, PyObject* const* args, Py_ssize_t n, PyObject* kwnames);
// The same of an attribute of Tensor by name: a method, or a slot's wrapper.
PyObject* ask_method(const char* name, PyObject* const* args, Py_ssize_t n, PyObject* kwnames = nullptr);

// `function(*positional, **named)`; none where `positional` is NULL, or `named` NULL or None. Raises TypeError for what
// is no sequence, or no mapping.
py::Ref call_plainly(PyObject* function, PyObject* positional, PyObject* named);

inline bool asked(PyObject* a) { return overrides::answers(a) || overrides::mode_answers(); }
inline bool asked(PyObject* a, PyObject* b) { return overrides::answers(a) || asked(b); }

// Tables as they are given, with functions that ask before them; they live for ever. Class and static methods stay.
PyMethodDef* asking(PyMethodDef* methods);
PyGetSetDef* asking(PyGetSetDef* attributes);
// The same for functions of a module; without `objects` only modes are asked.
PyMethodDef* asking_functions(PyObject* module, PyMethodDef* functions, bool objects);

// An instance of the subclass `type` with what `t` has, and its history: `t` itself where nobody else knows it.
TensorRef to_subclass(TensorRef t, PyTypeObject* type);
// An instance of the class is made: if those answer, the package's functions must ask from now on.
void begin_overrides(PyTypeObject* type);

}  // namespace fj::bind
