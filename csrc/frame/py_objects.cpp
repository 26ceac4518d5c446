// See py_objects.h.
#include "frame/py_objects.h"

#include "py/ref.h"

namespace fj::frame {

using py::Ref;

PyObject* new_empty(PyTypeObject* base, PyObject* type) {
  auto* cls = type ? reinterpret_cast<PyTypeObject*>(type) : base;
  if (cls == &PyList_Type) return PyList_New(0);
  if (cls == &PyDict_Type) return PyDict_New();
  return new_object(cls);
}

PyObject* new_object(PyTypeObject* type) {
  // The nearest base written in C: object for plain classes, OrderedDict or defaultdict with the state that they need.
  PyTypeObject* base = type;
  while (base->tp_base && (base->tp_flags & Py_TPFLAGS_HEAPTYPE)) base = base->tp_base;
  Ref none = Ref::steal(PyTuple_New(0));
  return none && base->tp_new ? base->tp_new(type, none.get(), nullptr) : nullptr;
}

int dict_set(PyObject* dict, PyObject* key, PyObject* value) {
  return PyODict_Check(dict) ? PyODict_SetItem(dict, key, value) : PyDict_SetItem(dict, key, value);
}

int dict_del(PyObject* dict, PyObject* key) {
  return PyODict_Check(dict) ? PyODict_DelItem(dict, key) : PyDict_DelItem(dict, key);
}

void dict_clear(PyObject* dict) {
  if (!PyODict_Check(dict)) return PyDict_Clear(dict);
  Ref done = Ref::steal(PyObject_CallMethod(reinterpret_cast<PyObject*>(&PyODict_Type), "clear", "O", dict));
  if (!done) PyErr_Clear();
}

int set_attr(PyObject* object, PyObject* name, PyObject* value) {
  if (PyType_Check(object)) return PyType_Type.tp_setattro(object, name, value);
  return PyObject_GenericSetAttr(object, name, value);
}

}  // namespace fj::frame
