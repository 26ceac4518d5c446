// The parts of framejit._C: one init function a part, called in the order of the table in module.cpp.
//
// An init function adds its names to the module and returns false with a Python exception set when it fails.
// To add a part: declare its function here, add one line to the table.
#pragma once
#include <Python.h>

namespace fj::bind {

struct ModulePart {
  const char* name;
  bool (*init)(PyObject* module);
};

bool init_debug_kernel(PyObject* module);

}  // namespace fj::bind
