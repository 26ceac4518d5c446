// Attributes of Tensor that need no op, and those that are a view.
#include "bind/create.h"
#include "bind/op_call.h"
#include "bind/tensor_type.h"
#include "tensor/layer.h"
#include "tensor/meta_device.h"
#include "tensor/python_dispatch.h"

namespace fj::bind {
namespace {

TensorObj* self_of(PyObject* o) { return as_tensor(o); }
const TensorMeta& meta_of(PyObject* o) { return as_tensor(o)->meta; }

PyObject* shape(PyObject* o, void*) { return new_size(meta_of(o).sizes); }
PyObject* dtype(PyObject* o, void*) { return Py_NewRef(dtype_object(meta_of(o).dtype)); }
PyObject* device(PyObject* o, void*) { return new_device(meta_of(o).device); }
PyObject* layout(PyObject*, void*) { return Py_NewRef(strided_layout()); }
PyObject* ndim(PyObject* o, void*) { return PyLong_FromLongLong(meta_of(o).dim()); }
PyObject* itemsize(PyObject* o, void*) { return PyLong_FromLong(size_of(meta_of(o).dtype)); }
PyObject* nbytes(PyObject* o, void*) { return PyLong_FromLongLong(meta_of(o).numel() * size_of(meta_of(o).dtype)); }
PyObject* version(PyObject* o, void*) { return PyLong_FromLong(version_of(self_of(o))); }
PyObject* always_false(PyObject*, void*) { Py_RETURN_FALSE; }
PyObject* is_cpu(PyObject* o, void*) { return PyBool_FromLong(meta_of(o).device.type == DeviceType::CPU); }
PyObject* name(PyObject*, void*) { Py_RETURN_NONE; }
PyObject* array_priority(PyObject*, void*) { return PyFloat_FromDouble(1000); }
template <OpId kPart>
PyObject* part(PyObject* o, void*) {
  return py::guarded<PyObject*>(nullptr, [&] { return wrap(call1(kPart, {Arg(val_of(self_of(o)))})); });
}

// The last two dimensions, or all of them, swapped: T, mT.
template <bool kMatrix>
PyObject* transposed(PyObject* o, void*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    int64_t n = meta_of(o).dim();
    SmallVec<int64_t, 6> dims;
    for (int64_t d = 0; d < n; ++d) dims.push_back(kMatrix ? d : n - 1 - d);
    if (kMatrix && n > 0) {  // of a scalar it is the scalar
      FJ_USER_CHECK(n >= 2, ErrorKind::Runtime, "tensor.mT is only supported on matrices or batches of matrices. Got ",
                    n, "-D tensor.");
      std::swap(dims[n - 1], dims[n - 2]);
    }
    return wrap(call1(OpId::permute, {Arg(val_of(self_of(o))), Arg::ints(dims)}));
  });
}

// mH and H: the last two dimensions swapped, conjugated.
PyObject* adjoint(PyObject* o, void*) {
  return py::guarded<PyObject*>(nullptr, [&] { return wrap(call1(OpId::adjoint, {Arg(val_of(self_of(o)))})); });
}

PyObject* get_data(PyObject* o, void*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = self_of(o);
    if (is_wrapped(t)) raise(ErrorKind::Unsupported, "`.data` of a traced tensor");
    if (python_dispatch::is_asked(t)) {  // its class makes what it is made of
      GradModeGuard no_grad(false);
      return wrap(call1(OpId::detach, {Arg(val_of(t))}));
    }
    return wrap(make_data(t));
  });
}

PyObject* is_meta_tensor(PyObject* o, void*) { return PyBool_FromLong(meta_device::is_meta(self_of(o))); }

int set_data(PyObject* o, PyObject* value, void*) {
  return py::guarded<int>(-1, [&] {
    FJ_USER_CHECK(value && is_tensor(value), ErrorKind::Type, "Variable data has to be a tensor, but got ",
                  value ? Py_TYPE(value)->tp_name : "nothing");
    TensorObj *t = self_of(o), *from = as_tensor(value);
    if (meta_device::is_traced(t) || meta_device::is_traced(from))
      raise(ErrorKind::Unsupported, "assignment to `.data` of a traced tensor");
    FJ_USER_CHECK(!t->meta.requires_grad || is_differentiable(from->meta.dtype), ErrorKind::Runtime,
                  "data set to a tensor that requires gradients must be floating point or complex dtype");
    look_at(t, from);
    return 0;
  });
}

}  // namespace

void look_at(TensorObj* t, const TensorObj* from) {
  const bool requires_grad = t->meta.requires_grad;
  Storage* old = t->storage;
  t->storage = StorageRef::borrow(from->storage).release();
  if (--old->refs == 0) destroy_storage(old);
  t->meta = from->meta;
  t->meta.requires_grad = requires_grad;
  meta_device::settle(t);
  facts_changed(t);
}

PyGetSetDef kTensorAttributes[] = {
    {"shape", shape, nullptr, "The sizes of the dimensions.", nullptr},
    {"dtype", dtype, nullptr, "The type of the elements.", nullptr},
    {"device", device, nullptr, "Where the memory is.", nullptr},
    {"layout", layout, nullptr, "framejit.strided; tensors of framejit.sparse have others.", nullptr},
    {"ndim", ndim, nullptr, "The number of dimensions.", nullptr},
    {"itemsize", itemsize, nullptr, "Bytes an element.", nullptr},
    {"nbytes", nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"_version", version, nullptr, "How often the tensor has been written in place.", nullptr},
    {"data", get_data, set_data, "The same memory without gradients and with its own version counter.", nullptr},
    {"T", transposed<false>, nullptr, "A view with the dimensions reversed.", nullptr},
    {"H", adjoint, nullptr, "The conjugate transpose of a matrix.", nullptr},
    {"mT", transposed<true>, nullptr, "A view with the last two dimensions swapped.", nullptr},
    {"mH", adjoint, nullptr, "The last two dimensions swapped, conjugated; a view where the tensor is real.", nullptr},
    {"real", part<OpId::real>, nullptr, "A view of the real parts; a real tensor itself.", nullptr},
    {"imag", part<OpId::imag>, nullptr, "A view of the imaginary parts; RuntimeError for a real tensor.", nullptr},
    {"is_cpu", is_cpu, nullptr, nullptr, nullptr},
    {"is_cuda", always_false, nullptr, nullptr, nullptr},
    {"is_mps", always_false, nullptr, nullptr, nullptr},
    {"is_meta", is_meta_tensor, nullptr, nullptr, nullptr},
    {"is_sparse", always_false, nullptr, nullptr, nullptr},
    {"is_sparse_csr", always_false, nullptr, nullptr, nullptr},
    {"is_quantized", always_false, nullptr, nullptr, nullptr},
    {"is_nested", always_false, nullptr, nullptr, nullptr},
    {"is_mkldnn", always_false, nullptr, nullptr, nullptr},
    {"name", name, nullptr, nullptr, nullptr},
    {"__array_priority__", array_priority, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

}  // namespace fj::bind
