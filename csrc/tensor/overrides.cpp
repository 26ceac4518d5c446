#include "tensor/overrides.h"

#include "tensor/python_dispatch.h"

namespace fj::overrides {

thread_local State state_;
constinit thread_local bool objects_asked = true;
int modes_anywhere = 0;

namespace {

PyObject* disabled = nullptr;

// Parameters are met so often that the last type found not to answer is remembered.
PyTypeObject* silent_type = nullptr;
unsigned silent_tag = 0;

}  // namespace

void set_functions(PyObject* f) { disabled = Py_NewRef(f); }

bool type_answers(PyTypeObject* type) {
  static PyObject* const name = PyUnicode_InternFromString("__torch_function__");
  if (type == tensor_type || (type == silent_type && type->tp_version_tag == silent_tag)) return false;
  PyObject* found = _PyType_Lookup(type, name);
  if (found && Py_TYPE(found) == &PyStaticMethod_Type) {
    PyObject* inner = PyObject_GetAttr(reinterpret_cast<PyObject*>(type), name);
    found = inner;
    Py_XDECREF(inner);
    if (!found) PyErr_Clear();
  }
  // Of a class that answers below the tape only Tensor's own handler is not asked: results are of its handler's class.
  const bool inherited = found && found == _PyType_Lookup(tensor_type, name) && python_dispatch::type_answers(type);
  if (found && found != disabled && !inherited) return true;
  if (type->tp_version_tag) {
    silent_type = type;
    silent_tag = type->tp_version_tag;
  }
  return false;
}

bool heap_answers(PyObject* o) { return objects_asked && type_answers(Py_TYPE(o)); }

namespace {

bool any(PyObject* const* items, Py_ssize_t n, int depth) {
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = items[i];
    if (!o || Py_TYPE(o) == tensor_type) continue;
    if (PyTuple_Check(o) || PyList_Check(o)) {
      if (depth > 0 && any(PySequence_Fast_ITEMS(o), PySequence_Fast_GET_SIZE(o), depth - 1)) return true;
    } else if (answers(o)) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool any_answers(PyObject* const* items, Py_ssize_t n) { return any(items, n, 2); }

}  // namespace fj::overrides
