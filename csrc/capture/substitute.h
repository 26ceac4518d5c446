// Python functions that are interpreted where C ones are called: framejit._polyfills has the tables.
#pragma once
#include "capture/protocol.h"

namespace fj::capture {

// The Python function that stands for a C callable (or for a Python one that takes a lock), or NULL.
PyObject* substitute_of(PyObject* callable);
// The same among what the program has added alone.
PyObject* added_substitute_of(PyObject* callable);
void add_substitute(PyObject* callable, PyObject* function);  // None takes it away
PyObject* substitute_of_method(PyTypeObject* type, std::string_view name);
V call_substitute(Tracer& t, PyObject* callable, PyObject* function, Args args);
// A Python function that carries out an instruction or a C type's method, by its name in framejit._polyfills.HELPERS.
V call_helper(Tracer& t, const char* name, Args args);
// Was it made by a substitute? Then its type would show that it is not the real thing.
bool is_substitute_part(PyObject* globals);
bool is_substitute_class(PyTypeObject* type);
// A Python function that is called rather than interpreted, because it computes from constants alone.
bool is_pure_code(PyCodeObject* code);

}  // namespace fj::capture
