// Objects of modules that are imported when they are first asked for.
#pragma once

#include "py/error.h"

namespace fj::py {

// An attribute of a module, which is kept for ever. To be made `static constinit`: in a function a static that imports
// as it is made may deadlock (py/once.h).
class Imported {
 public:
  constexpr Imported(const char* module, const char* name) : module_(module), name_(name) {}

  // Borrowed. Throws PythonError.
  PyObject* get() {
    if (!object_) {
      Ref module = check(PyImport_ImportModule(module_));
      PyObject* const found = check(PyObject_GetAttrString(module.get(), name_)).release();
      if (!object_) object_ = found;  // imports let other threads run
    }
    return object_;
  }
  PyTypeObject* type() { return reinterpret_cast<PyTypeObject*>(get()); }

 private:
  const char *module_, *name_;
  PyObject* object_ = nullptr;
};

}  // namespace fj::py
