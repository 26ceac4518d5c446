#include "bind/tensor_type.h"

#include <structmember.h>

#include "bind/create.h"
#include "bind/module.h"
#include "bind/overrides.h"
#include "bind/types.h"
#include "tensor/batched.h"
#include "tensor/layer.h"

namespace fj::bind {
namespace {

PyMemberDef members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(TensorObj, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(TensorObj, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

// The instance dict is made on first use, and makes the object one that the collector must see.
PyObject* get_dict(PyObject* self, void*) {
  track(as_tensor(self));
  return PyObject_GenericGetDict(self, nullptr);
}
int set_dict(PyObject* self, PyObject* value, void*) {
  track(as_tensor(self));
  return PyObject_GenericSetDict(self, value, nullptr);
}
int set_attribute(PyObject* self, PyObject* name, PyObject* value) {
  int r = PyObject_GenericSetAttr(self, name, value);
  if (as_tensor(self)->dict) track(as_tensor(self));
  return r;
}

PyGetSetDef own_getset[] = {
    {"__dict__", get_dict, set_dict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return py::guarded<PyObject*>(nullptr, [&] {
    begin_overrides(type);
    return wrap(legacy_constructor(type, args, kwargs));
  });
}

// What is written in Python lives in the package and is looked up on first use.
PyObject* package_function(PyObject*& cache, const char* module_name, const char* name) {
  if (!cache) {
    py::Ref module = py::Ref::steal(PyImport_ImportModule(module_name));
    if (module) cache = PyObject_GetAttrString(module.get(), name);
  }
  return cache;
}

// What vmap has made of a tensor: the whole batch is shown.
PyObject* batched_repr(const TensorRef& value, int level, int64_t bdim) {
  py::Ref text = py::Ref::steal(PyObject_Repr(as_object(value.get())));
  if (text) text = py::Ref::steal(PyObject_CallMethod(text.get(), "replace", "ss", "\n", "\n    "));
  return text ? PyUnicode_FromFormat("BatchedTensor(lvl=%d, bdim=%d, value=\n    %U\n)", level, static_cast<int>(bdim),
                                     text.get())
              : nullptr;
}

PyObject* tensor_repr(PyObject* self) {
  static PyObject* function = nullptr;
  TensorObj* t = as_tensor(self);
  if (is_wrapped(t)) {
    TensorRef value;
    int64_t bdim;
    if (int level = batch_level(t, &value, &bdim)) return batched_repr(value, level, bdim);
    py::Ref size = py::Ref::steal(new_int_tuple(t->meta.sizes));
    return size ? PyUnicode_FromFormat("tensor(..., size=%R, dtype=framejit.%s)", size.get(), name_of(t->meta.dtype))
                : nullptr;
  }
  if (!package_function(function, "framejit._tensor_str", "tensor_repr")) return nullptr;
  if (asked(self)) return ask_method("__repr__", &self, 1);
  LayerPause none;
  GradModeGuard no_grad(false);
  return PyObject_CallOneArg(function, self);
}

// A 0-d tensor formats as its number.
PyObject* format(PyObject* self, PyObject* spec) {
  if (as_tensor(self)->meta.dim() > 0 || is_wrapped(as_tensor(self))) {
    if (!PyUnicode_GET_LENGTH(spec)) return PyObject_Str(self);
    return PyErr_Format(PyExc_TypeError, "unsupported format string passed to Tensor.__format__");
  }
  py::Ref number = py::Ref::steal(PyObject_CallMethod(self, "item", nullptr));
  return number ? PyObject_Format(number.get(), spec) : nullptr;
}
PyMethodDef protocol_methods[] = {
    {"__format__", format, METH_O, "A 0-d tensor formats as its number."},
    {nullptr, nullptr, 0, nullptr},
};

Py_hash_t tensor_hash(PyObject* self) { return static_cast<Py_hash_t>(reinterpret_cast<uintptr_t>(self) >> 4); }

}  // namespace

bool add_tensor_methods(PyMethodDef* table) {
  for (table = asking(table); table->ml_name; ++table) {
    py::Ref d;
    if (table->ml_flags & METH_STATIC) {
      py::Ref f = py::Ref::steal(PyCFunction_New(table, nullptr));
      if (f) d = py::Ref::steal(PyStaticMethod_New(f.get()));
    } else if (table->ml_flags & METH_CLASS) {
      d = py::Ref::steal(PyDescr_NewClassMethod(tensor_type, table));
    } else {
      d = py::Ref::steal(PyDescr_NewMethod(tensor_type, table));
    }
    if (!d || PyObject_SetAttrString(reinterpret_cast<PyObject*>(tensor_type), table->ml_name, d.get()) < 0)
      return false;
  }
  return true;
}

bool add_tensor_getset(PyGetSetDef* table) {
  for (table = asking(table); table->name; ++table) {
    py::Ref d = py::Ref::steal(PyDescr_NewGetSet(tensor_type, table));
    if (!d || PyObject_SetAttrString(reinterpret_cast<PyObject*>(tensor_type), table->name, d.get()) < 0) return false;
  }
  return true;
}

bool init_tensor(PyObject* module) {
  PyType_Slot slots[96], *at = slots;
  auto slot = [&](int id, void* p) { *at++ = {id, p}; };
  slot(Py_tp_dealloc, reinterpret_cast<void*>(tensor_dealloc));
  slot(Py_tp_traverse, reinterpret_cast<void*>(tensor_traverse));
  slot(Py_tp_clear, reinterpret_cast<void*>(tensor_clear));
  slot(Py_tp_new, reinterpret_cast<void*>(tensor_new));
  slot(Py_tp_repr, reinterpret_cast<void*>(tensor_repr));
  slot(Py_tp_hash, reinterpret_cast<void*>(tensor_hash));
  slot(Py_tp_setattro, reinterpret_cast<void*>(set_attribute));
  slot(Py_tp_members, members);
  slot(Py_tp_getset, own_getset);
  slot(Py_tp_doc, const_cast<char*>(R"doc(A multi-dimensional array of numbers.

Tensor(data: sequence) or Tensor(*sizes: int) makes one of the default dtype; `framejit.tensor` takes any. Raises TypeError
for other types.

>>> import framejit
>>> x = framejit.tensor([[1.0, 2.0], [3.0, 4.0]])
>>> x.shape, x.dtype, x.sum()
(framejit.Size([2, 2]), framejit.float32, tensor(10.))
)doc"));
  add_number_slots(at);
  add_sequence_slots(at);
  add_buffer_slots(at);
  slot(0, nullptr);
  PyType_Spec spec = {"framejit.Tensor", sizeof(TensorObj), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  tensor_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!tensor_type) return false;
  tensor_type->tp_name = "Tensor";  // as messages say it; the module stays in the type's dict
  return add_tensor_getset(kTensorAttributes) && add_tensor_methods(kTensorMethods) &&
         add_tensor_methods(kTensorConversions) && add_tensor_methods(kTensorExchange) &&
         add_tensor_methods(protocol_methods) && link_number_ops() &&
         PyModule_AddObjectRef(module, "Tensor", reinterpret_cast<PyObject*>(tensor_type)) == 0;
}

}  // namespace fj::bind
