// Start of the compiler: registers what lower rooms ask for.
#pragma once
#include <Python.h>

namespace fj::driver {

// Called once when the module is imported; false with a Python exception set on failure.
bool init(PyObject* module);

}  // namespace fj::driver
