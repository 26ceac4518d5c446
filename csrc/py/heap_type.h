// What types made from a PyType_Spec have in common.
#pragma once
#include <Python.h>

namespace fj::py {

template <class F>
void* slot(F* f) {
  return reinterpret_cast<void*>(f);
}

// The end of tp_dealloc: the memory goes, and the instance's reference to its type.
inline void free_object(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

// tp_getattro of what stands for another object, which may be NULL: attributes that are not its own are that one's.
inline PyObject* get_own_or(PyObject* self, PyObject* other, PyObject* name) {
  PyObject* own = PyObject_GenericGetAttr(self, name);
  if (own || !other || !PyErr_ExceptionMatches(PyExc_AttributeError)) return own;
  PyErr_Clear();
  return PyObject_GetAttr(other, name);
}

}  // namespace fj::py
