// framejit.dtype: one object for each type, compared by identity.
#include "bind/module.h"
#include "bind/types.h"

namespace fj::bind {
namespace {

struct DTypeObj {
  PyObject_HEAD DType dtype;
};

DTypeObj objects[kDTypeCount];

DType get(PyObject* o) { return reinterpret_cast<DTypeObj*>(o)->dtype; }

PyObject* repr(PyObject* self) { return PyUnicode_FromFormat("framejit.%s", name_of(get(self))); }
PyObject* itemsize(PyObject* self, void*) { return PyLong_FromLong(size_of(get(self))); }
PyObject* is_floating(PyObject* self, void*) { return PyBool_FromLong(is_float(get(self))); }
PyObject* is_complex_type(PyObject* self, void*) { return PyBool_FromLong(is_complex(get(self))); }
PyObject* is_signed(PyObject* self, void*) {
  return PyBool_FromLong(get(self) != DType::Bool && !is_unsigned(get(self)));
}
PyObject* to_real(PyObject* self, PyObject*) {
  return Py_NewRef(is_complex(get(self)) ? dtype_object(part_of(get(self))) : self);
}
PyObject* to_complex(PyObject* self, PyObject*) { return Py_NewRef(dtype_object(complex_of(get(self)))); }
PyObject* reduce(PyObject* self, PyObject*) { return PyUnicode_FromString(name_of(get(self))); }
Py_hash_t hash(PyObject* self) { return 0x5bd1e995 + static_cast<int>(get(self)) * 0x9E3779B1LL; }

PyGetSetDef getset[] = {
    {"itemsize", itemsize, nullptr, "Bytes an element.", nullptr},
    {"is_floating_point", is_floating, nullptr, "Whether the type is a floating one.", nullptr},
    {"is_complex", is_complex_type, nullptr, "Whether the type is a complex one.", nullptr},
    {"is_signed", is_signed, nullptr, "Whether the type has negative values.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMethodDef methods[] = {
    {"to_real", to_real, METH_NOARGS, "The type of a complex type's parts; a real type itself."},
    {"to_complex", to_complex, METH_NOARGS,
     "The complex type with parts of this type: complex128 for float64 and complex128, else complex64."},
    {"__reduce__", reduce, METH_NOARGS, "Pickled by name."},
    {nullptr, nullptr, 0, nullptr},
};

PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};

struct Alias {
  const char* name;
  DType dtype;
};
constexpr Alias kAliases[] = {
    {"float", DType::F32}, {"double", DType::F64}, {"half", DType::F16},   {"short", DType::I16},
    {"int", DType::I32},   {"long", DType::I64},   {"cfloat", DType::C64}, {"cdouble", DType::C128},
};

}  // namespace

PyObject* dtype_object(DType t) { return reinterpret_cast<PyObject*>(&objects[static_cast<int>(t)]); }

bool as_dtype(PyObject* o, DType* out) {
  if (Py_TYPE(o) == &type)
    *out = get(o);
  else if (o == reinterpret_cast<PyObject*>(&PyFloat_Type))
    *out = default_dtype();
  else if (o == reinterpret_cast<PyObject*>(&PyLong_Type))
    *out = DType::I64;
  else if (o == reinterpret_cast<PyObject*>(&PyBool_Type))
    *out = DType::Bool;
  else if (o == reinterpret_cast<PyObject*>(&PyComplex_Type))
    *out = complex_of(default_dtype());
  else
    return false;
  return true;
}

bool init_dtypes(PyObject* module) {
  type.tp_name = "framejit.dtype";
  type.tp_basicsize = sizeof(DTypeObj);
  type.tp_flags = Py_TPFLAGS_DEFAULT;
  type.tp_repr = repr;
  type.tp_hash = hash;
  type.tp_getset = getset;
  type.tp_methods = methods;
  type.tp_doc = R"doc(The type of a tensor's elements.

>>> import framejit
>>> framejit.float32.itemsize, framejit.float32.is_floating_point, framejit.ones(1).dtype
(4, True, framejit.float32)
)doc";
  if (PyType_Ready(&type) < 0) return false;
  if (PyModule_AddObjectRef(module, "dtype", reinterpret_cast<PyObject*>(&type)) < 0) return false;
  for (int i = 0; i < kDTypeCount; ++i) {
    PyObject_Init(reinterpret_cast<PyObject*>(&objects[i]), &type);
    objects[i].dtype = static_cast<DType>(i);
    if (PyModule_AddObjectRef(module, name_of(objects[i].dtype), dtype_object(objects[i].dtype)) < 0) return false;
  }
  for (const Alias& a : kAliases)
    if (PyModule_AddObjectRef(module, a.name, dtype_object(a.dtype)) < 0) return false;
  return true;
}

}  // namespace fj::bind
