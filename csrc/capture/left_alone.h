// Modules whose functions are left alone: the standard library and packages with nothing for us in them. A function of
// theirs that is called at a break is not compiled, and a trace is not cut inside one for what C does there.
#pragma once
#include <Python.h>

#include <string>

namespace fj::capture {

// The name of the module that `globals` are of, a str (borrowed); NULL: they, or a name in them, are missing.
PyObject* module_name(PyObject* globals);
std::string module_text(PyObject* globals);  // "module 'name'", as messages have it
// `module`: a function's __module__, or NULL.
bool left_alone(PyObject* module);

}  // namespace fj::capture
