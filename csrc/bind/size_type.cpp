// framejit.Size: a tuple of ints with numel().
#include "bind/module.h"
#include "bind/types.h"

namespace fj::bind {
namespace {

PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};

PyObject* repr(PyObject* self) {
  py::Ref list = py::Ref::steal(PySequence_List(self));
  return list ? PyUnicode_FromFormat("framejit.Size(%R)", list.get()) : nullptr;
}

PyObject* numel(PyObject* self, PyObject*) {
  int64_t n = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
    int64_t v = 0;
    if (!as_int64(PyTuple_GET_ITEM(self, i), &v)) return nullptr;
    n *= v;
  }
  return PyLong_FromLongLong(n);
}

PyObject* as_size(PyObject* tuple) {  // steals
  if (!tuple || !PyTuple_CheckExact(tuple)) return tuple;
  py::Ref own = py::Ref::steal(tuple);
  Py_ssize_t n = PyTuple_GET_SIZE(tuple);
  PyObject* out = type.tp_alloc(&type, n);
  if (!out) return nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(out, i, Py_NewRef(PyTuple_GET_ITEM(tuple, i)));
  return out;
}

PyObject* concat(PyObject* a, PyObject* b) {
  if (PyTuple_Check(b) || !PySequence_Check(b)) return as_size(PyTuple_Type.tp_as_sequence->sq_concat(a, b));
  PyErr_SetString(PyExc_TypeError, "can only concatenate tuple to framejit.Size");
  return nullptr;
}
PyObject* repeat(PyObject* a, Py_ssize_t n) { return as_size(PyTuple_Type.tp_as_sequence->sq_repeat(a, n)); }
PyObject* subscript(PyObject* a, PyObject* key) { return as_size(PyTuple_Type.tp_as_mapping->mp_subscript(a, key)); }

PyObject* make(PyTypeObject* t, PyObject* args, PyObject* kwargs) {
  py::Ref out = py::Ref::steal(PyTuple_Type.tp_new(t, args, kwargs));
  if (!out) return nullptr;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(out.get()); ++i) {
    PyObject* item = PyTuple_GET_ITEM(out.get(), i);
    if (PyLong_CheckExact(item)) continue;
    PyObject* index = PyNumber_Index(item);
    if (!index) {
      PyErr_Format(PyExc_TypeError, "framejit.Size() takes an iterable of 'int' (item %zd is '%s')", i,
                   Py_TYPE(item)->tp_name);
      return nullptr;
    }
    Py_DECREF(item);
    PyTuple_SET_ITEM(out.get(), i, index);
  }
  return out.release();
}

PyObject* reduce(PyObject* self, PyObject*) {
  py::Ref list = py::Ref::steal(PySequence_List(self));
  return list ? Py_BuildValue("O(O)", &type, list.get()) : nullptr;
}

PyMethodDef methods[] = {
    {"numel", numel, METH_NOARGS, "The product of the sizes."},
    {"__reduce__", reduce, METH_NOARGS, "Pickled as a list."},
    {nullptr, nullptr, 0, nullptr},
};
PySequenceMethods sequence{};
PyMappingMethods mapping{};

}  // namespace

bool as_int64(PyObject* o, int64_t* out) {
  py::Ref index;
  if (!PyLong_Check(o)) {
    index = py::Ref::steal(PyNumber_Index(o));
    if (!index) return false;
    o = index.get();
  }
  int overflow = 0;
  *out = PyLong_AsLongLongAndOverflow(o, &overflow);
  if (overflow) {
    PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
    return false;
  }
  return !(*out == -1 && PyErr_Occurred());
}

PyObject* new_int_tuple(const Shape& values) {
  PyObject* out = PyTuple_New(static_cast<Py_ssize_t>(values.size()));
  if (!out) return nullptr;
  for (size_t i = 0; i < values.size(); ++i)
    PyTuple_SET_ITEM(out, static_cast<Py_ssize_t>(i), PyLong_FromLongLong(values[i]));
  return out;
}

PyObject* new_size(const Shape& sizes) {
  PyObject* out = type.tp_alloc(&type, static_cast<Py_ssize_t>(sizes.size()));
  if (!out) return nullptr;
  for (size_t i = 0; i < sizes.size(); ++i)
    PyTuple_SET_ITEM(out, static_cast<Py_ssize_t>(i), PyLong_FromLongLong(sizes[i]));
  return out;
}

bool init_size(PyObject* module) {
  sequence.sq_concat = concat;
  sequence.sq_repeat = repeat;
  mapping.mp_subscript = subscript;
  type.tp_name = "framejit.Size";
  type.tp_base = &PyTuple_Type;
  type.tp_flags = Py_TPFLAGS_DEFAULT;
  type.tp_repr = repr;
  type.tp_new = make;
  type.tp_methods = methods;
  type.tp_as_sequence = &sequence;
  type.tp_as_mapping = &mapping;
  type.tp_doc = R"doc(The sizes of a tensor: a tuple with numel().

iterable (iterable of int): the sizes, none by default. Raises TypeError for others.

>>> import framejit
>>> framejit.Size([2, 3]).numel(), framejit.ones(2, 3).shape == (2, 3)
(6, True)
)doc";
  if (PyType_Ready(&type) < 0) return false;
  return PyModule_AddObjectRef(module, "Size", reinterpret_cast<PyObject*>(&type)) == 0;
}

}  // namespace fj::bind
