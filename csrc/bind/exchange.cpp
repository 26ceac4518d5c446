// NumPy arrays and DLPack capsules of a tensor's memory, without copying.
#include "bind/create.h"
#include "bind/module.h"
#include "bind/tensor_type.h"
#include "tensor/dispatch.h"
#include "tensor/lazy.h"

namespace fj::bind {
namespace {

// numpy(): an array over the memory, by way of the buffer protocol.
PyObject* to_numpy(TensorObj* t, bool force) {
  TensorRef self = TensorRef::borrow(t);
  if (force && t->meta.requires_grad) self = make_alias(t);
  FJ_USER_CHECK(!self->meta.requires_grad, ErrorKind::Runtime,
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.");
  FJ_USER_CHECK(!lazy::is_lazy(t), ErrorKind::Type,
                "can't convert lazy:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory "
                "first.");
  FJ_USER_CHECK(self->meta.dtype != DType::BF16, ErrorKind::Type, "Got unsupported ScalarType BFloat16");
  check_data(self.get(), "numpy");
  py::Ref numpy = py::check(PyImport_ImportModule("numpy"));
  py::Ref view = py::check(PyMemoryView_FromObject(as_object(self.get())));
  return PyObject_CallMethod(numpy.get(), "asarray", "O", view.get());
}

PyObject* numpy_method(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"force", nullptr};
  int force = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$p:numpy", const_cast<char**>(names), &force)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] { return to_numpy(as_tensor(self), force); });
}

PyObject* array_method(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"dtype", "copy", nullptr};
  PyObject *type = Py_None, *copy = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:__array__", const_cast<char**>(names), &type, &copy))
    return nullptr;
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    py::Ref array = py::check(to_numpy(as_tensor(self), false));
    if (type != Py_None) {
      py::Ref same = py::check(PyObject_GetAttrString(array.get(), "astype"));
      py::Ref call_args = py::check(PyTuple_Pack(1, type));
      py::Ref call_kwargs = py::check(Py_BuildValue("{s:O}", "copy", copy == Py_True ? Py_True : Py_False));
      return PyObject_Call(same.get(), call_args.get(), call_kwargs.get());
    }
    return copy == Py_True ? PyObject_CallMethod(array.get(), "copy", nullptr) : array.release();
  });
}

// What NumPy functions give for a tensor argument becomes a tensor again.
PyObject* array_wrap(PyObject*, PyObject* args) {
  PyObject* array = PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : nullptr;
  if (!array) return PyErr_Format(PyExc_TypeError, "__array_wrap__() needs an array");
  return py::guarded<PyObject*>(nullptr, [&] { return wrap(tensor_from_data(array, nullptr)); });
}

// -- DLPack (version 0 structures, which every reader takes) --------------------------------------------------------

struct DLTensor {
  void* data;
  struct {
    int32_t type, id;
  } device;
  int32_t ndim;
  struct {
    uint8_t code, bits;
    uint16_t lanes;
  } dtype;
  int64_t *shape, *strides;
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void* manager;
  void (*deleter)(DLManagedTensor*);
};
enum : uint8_t { kDLInt = 0, kDLUInt = 1, kDLFloat = 2, kDLBfloat = 4, kDLComplex = 5, kDLBool = 6 };

struct Export {
  DLManagedTensor managed;
  TensorRef tensor;
  Shape shape, strides;
};

void delete_export(DLManagedTensor* m) {
  PyGILState_STATE state = PyGILState_Ensure();
  delete static_cast<Export*>(m->manager);
  PyGILState_Release(state);
}

void destroy_capsule(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, "dltensor")) return;  // consumed: the consumer deletes
  auto* m = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, "dltensor"));
  m->deleter(m);
}

uint8_t dl_code(DType t) {
  return t == DType::Bool   ? kDLBool
         : is_unsigned(t)   ? kDLUInt
         : t == DType::BF16 ? kDLBfloat
         : is_complex(t)    ? kDLComplex
         : is_float(t)      ? kDLFloat
                            : kDLInt;
}

PyObject* to_dlpack(PyObject* self) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = check_data(as_tensor(self), "__dlpack__");
    FJ_USER_CHECK(!t->meta.requires_grad, ErrorKind::Runtime,
                  "Can't export tensors that require gradient, use tensor.detach()");
    auto* e = new Export{{}, TensorRef::borrow(t), t->meta.sizes, t->meta.strides};
    DLTensor& d = e->managed.tensor;
    d.data = data_of(t);
    d.device = {1, 0};
    d.ndim = static_cast<int32_t>(t->meta.dim());
    d.dtype = {dl_code(t->meta.dtype), static_cast<uint8_t>(size_of(t->meta.dtype) * 8), 1};
    d.shape = e->shape.data();
    d.strides = e->strides.data();
    d.byte_offset = 0;
    e->managed.manager = e;
    e->managed.deleter = delete_export;
    PyObject* capsule = PyCapsule_New(&e->managed, "dltensor", destroy_capsule);
    if (!capsule) delete e;
    return capsule;
  });
}
PyObject* dlpack_method(PyObject* self, PyObject*, PyObject*) { return to_dlpack(self); }
PyObject* dlpack_device(PyObject*, PyObject*) { return Py_BuildValue("(ii)", 1, 0); }

bool dtype_of_dl(const DLTensor& d, DType* out) {
  for (int i = 0; i < kDTypeCount; ++i) {
    *out = static_cast<DType>(i);
    if (d.dtype.lanes == 1 && dl_code(*out) == d.dtype.code && size_of(*out) * 8 == d.dtype.bits) return true;
  }
  return false;
}

void release_managed(PyObject* capsule) {
  auto* m = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, "used_dltensor"));
  if (m && m->deleter) m->deleter(m);
  Py_DECREF(capsule);
}

PyObject* from_dlpack(PyObject*, PyObject* source) {
  return py::guarded<PyObject*>(nullptr, [&] {
    py::Ref capsule = PyCapsule_CheckExact(source) ? py::Ref::borrow(source)
                                                   : py::check(PyObject_CallMethod(source, "__dlpack__", nullptr));
    FJ_USER_CHECK(PyCapsule_IsValid(capsule.get(), "dltensor"), ErrorKind::Runtime,
                  "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only once, so "
                  "you might have already constructed a tensor from it once.");
    auto* m = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.get(), "dltensor"));
    const DLTensor& d = m->tensor;
    TensorMeta meta;
    FJ_USER_CHECK(d.device.type == 1, ErrorKind::Runtime, "from_dlpack: only CPU memory can be taken");
    FJ_USER_CHECK(dtype_of_dl(d, &meta.dtype), ErrorKind::Runtime, "Unsupported DLPack type: code ", int{d.dtype.code},
                  ", ", int{d.dtype.bits}, " bits");
    for (int i = 0; i < d.ndim; ++i) meta.sizes.push_back(d.shape[i]);
    if (d.strides)
      for (int i = 0; i < d.ndim; ++i) meta.strides.push_back(d.strides[i]);
    else
      meta.strides = contiguous_strides(meta.sizes);
    for (Dim s : meta.strides)
      FJ_USER_CHECK(s >= 0, ErrorKind::Runtime, "from_dlpack: negative strides are not supported");
    void* data = static_cast<char*>(d.data) + d.byte_offset;
    int64_t nbytes = extent_nbytes(meta);
    PyCapsule_SetName(capsule.get(), "used_dltensor");
    PyCapsule_SetDestructor(capsule.get(), nullptr);
    return wrap(adopted(new_tensor(std::move(meta),
                                   StorageRef::steal(wrap_storage(data, nbytes, capsule.release(), release_managed)))));
  });
}
PyObject* to_dlpack_function(PyObject*, PyObject* t) {
  if (!is_tensor(t))
    return PyErr_Format(PyExc_TypeError, "to_dlpack(): argument must be Tensor, not %s", Py_TYPE(t)->tp_name);
  return to_dlpack(t);
}

PyMethodDef functions[] = {
    {"from_dlpack", from_dlpack, METH_O, R"doc(A tensor over the memory of an object with __dlpack__, or of a capsule.

ext_tensor (object). Raises AttributeError for objects that have no __dlpack__.

>>> import framejit
>>> x = framejit.ones(2)
>>> framejit.from_dlpack(x)
tensor([1., 1.])
)doc"},
    {"to_dlpack", to_dlpack_function, METH_O, R"doc(A DLPack capsule of a tensor's memory.

tensor (Tensor). Raises TypeError for other types.

>>> import framejit
>>> type(framejit.to_dlpack(framejit.ones(1))).__name__
'PyCapsule'
)doc"},
    {nullptr, nullptr, 0, nullptr},
};

PyCFunction keywords(PyCFunctionWithKeywords f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

}  // namespace

PyMethodDef kTensorExchange[] = {
    {"numpy", keywords(numpy_method), METH_VARARGS | METH_KEYWORDS, R"doc(A NumPy array over the same memory.

force (bool): detach first if it requires gradients. Raises RuntimeError for one that does.

>>> import framejit
>>> framejit.ones(2).numpy()
array([1., 1.], dtype=float32)
)doc"},
    {"__array__", keywords(array_method), METH_VARARGS | METH_KEYWORDS,
     "A NumPy array over the same memory, converted where asked."},
    {"__array_wrap__", array_wrap, METH_VARARGS, "A tensor of a NumPy result."},
    {"__dlpack__", keywords(dlpack_method), METH_VARARGS | METH_KEYWORDS, "A DLPack capsule of the memory."},
    {"__dlpack_device__", dlpack_device, METH_NOARGS, "The DLPack device: the CPU."},
    {nullptr, nullptr, 0, nullptr},
};

bool init_exchange(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace fj::bind
