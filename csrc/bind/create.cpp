#include "bind/create.h"

#include <cstring>

#include "bind/module.h"
#include "bind/overrides.h"
#include "bind/parse.h"
#include "bind/read.h"
#include "bind/tensor_type.h"
#include "ops/rules.h"
#include "tensor/dispatch.h"
#include "tensor/lazy.h"
#include "tensor/meta_device.h"

namespace fj::bind {
namespace {

bool is_number(PyObject* o) { return PyFloat_Check(o) || PyLong_Check(o) || PyComplex_Check(o); }

// A sequence that spells out a dimension. Strings and tensors are not.
bool is_nested(PyObject* o) {
  if (PyList_Check(o) || PyTuple_Check(o)) return true;
  return !is_number(o) && !is_tensor(o) && !PyUnicode_Check(o) && !PyBytes_Check(o) && !PyDict_Check(o) &&
         PySequence_Check(o) && PySequence_Size(o) >= 0;
}

[[noreturn]] void refuse(PyObject* o) {
  if (PyErr_Occurred()) PyErr_Clear();
  if (PyUnicode_Check(o)) raise(ErrorKind::Type, "new(): invalid data type 'str'");
  raise(ErrorKind::Runtime, "Could not infer dtype of ", Py_TYPE(o)->tp_name);
}

// First pass: the shape by first elements, the dtype by all elements.
struct Scan {
  bool whole_range = false;  // for uint64: integers beyond int64 are no error
  Shape sizes;
  bool any = false;
  DType dtype = DType::Bool;

  void see(DType t) {
    dtype = any ? promote(dtype, t) : t;
    any = true;
  }
  void number(const Arg& n) { see(dtype_of_number(n)); }
  void walk(PyObject* o, size_t depth, bool first) {
    Arg n;
    if (is_tensor(o)) {
      const TensorMeta& m = as_tensor(o)->meta;
      if (first)
        for (Dim s : m.sizes) sizes.push_back(s);
      return see(m.dtype);
    }
    bool plain = PyFloat_CheckExact(o) || PyLong_CheckExact(o) || PyBool_Check(o);
    if (!plain && PyObject_CheckBuffer(o) && as_number(o, &n))
      return see(from_array(o, true)->meta.dtype);  // a NumPy scalar
    if (whole_range && PyLong_CheckExact(o)) return see(DType::I64);
    if (int64_t i; PyLong_CheckExact(o) && !as_int64(o, &i)) throw py::PythonError();
    if (as_number(o, &n)) return number(n);
    if (!is_nested(o)) {
      TensorRef array = from_array(o, true);
      if (!array) refuse(o);
      if (first)
        for (Dim s : array->meta.sizes) sizes.push_back(s);
      return see(array->meta.dtype);
    }
    py::Ref items = py::check(PySequence_Fast(o, "expected a sequence"));
    Py_ssize_t count = PySequence_Fast_GET_SIZE(items.get());
    FJ_USER_CHECK(depth < 64, ErrorKind::Value, "too many dimensions, or a list that contains itself");
    if (first) sizes.push_back(count);
    for (Py_ssize_t i = 0; i < count; ++i) walk(PySequence_Fast_GET_ITEM(items.get(), i), depth + 1, first && i == 0);
  }
};

struct Fill {
  TensorObj* out;
  DType dtype;

  void put(std::byte* at, const Arg& n) {
    check_fits(dtype, n);
    store_number(at, dtype, n);
  }
  void copy_tensor(std::byte* at, size_t depth, TensorObj* t) {
    t = check_data(t, "a copy of its elements");
    TensorMeta part = out->meta;
    FJ_USER_CHECK(part.sizes.size() - depth == t->meta.sizes.size(), ErrorKind::Value, "expected sequence of length ",
                  depth < part.sizes.size() ? part.sizes[depth] : 1, " at dim ", depth);
    part.sizes.assign(out->meta.sizes.begin() + depth, out->meta.sizes.end());
    part.strides.assign(out->meta.strides.begin() + depth, out->meta.strides.end());
    part.offset = (at - out->storage->data) / size_of(dtype);
    TensorRef view = make_view(out, part);
    Outs outs;
    ArgVec args{Arg(view.val()), Arg(val_of(t)), Arg(false)};
    LayerPause none;
    GradModeGuard no_grad(false);
    execute_op(*find_op("copy_"), args, outs);
  }
  void walk(PyObject* o, size_t depth, std::byte* at) {
    Arg n;
    if (is_tensor(o)) return copy_tensor(at, depth, as_tensor(o));
    if (dtype == DType::U64 && depth == out->meta.sizes.size() && PyLong_CheckExact(o)) {
      unsigned long long v = PyLong_AsUnsignedLongLong(o);
      if (PyErr_Occurred()) throw py::PythonError();
      std::memcpy(at, &v, sizeof v);
      return;
    }
    bool number = as_number(o, &n);
    if (depth == out->meta.sizes.size()) {
      if (!number)
        raise(ErrorKind::Type,
              is_nested(o) ? "only one element tensors can be converted to Python scalars" : "must be a number");
      return put(at, n);
    }
    if (!number && !is_nested(o)) return copy_tensor(at, depth, from_array(o, true).get());
    FJ_USER_CHECK(!number, ErrorKind::Type, "object of type '", Py_TYPE(o)->tp_name, "' has no len()");
    py::Ref items = py::check(PySequence_Fast(o, "expected a sequence"));
    Py_ssize_t count = PySequence_Fast_GET_SIZE(items.get());
    FJ_USER_CHECK(count == out->meta.sizes[depth], ErrorKind::Value, "expected sequence of length ",
                  out->meta.sizes[depth], " at dim ", depth, " (got ", count, ")");
    for (Py_ssize_t i = 0; i < count; ++i)
      walk(PySequence_Fast_GET_ITEM(items.get(), i), depth + 1, at + i * out->meta.strides[depth] * size_of(dtype));
  }
};

TensorRef copied(TensorObj* t, DType dtype) {
  LayerPause none;
  GradModeGuard no_grad(false);
  TensorRef out = empty(t->meta.sizes, dtype);
  Outs outs;
  ArgVec args{Arg(out.val()), Arg(val_of(t)), Arg(false)};
  execute_op(*find_op("copy_"), args, outs);
  out->storage->version = 0;
  return out;
}

}  // namespace

TensorRef adopted(TensorRef fresh) {
  Layer* top = thread_state().top;
  return top ? top->adopt(std::move(fresh)) : fresh;
}

void require_grad(TensorObj* t) {
  FJ_USER_CHECK(is_differentiable(t->meta.dtype), ErrorKind::Runtime,
                "Only Tensors of floating point and complex dtype can require gradients");
  if (is_wrapped(t)) raise(ErrorKind::Unsupported, "a new leaf that requires grad inside a trace");
  t->meta.requires_grad = true;
  facts_changed(t);
}

TensorRef tensor_from_data(PyObject* data, const DType* dtype) {
  if (is_tensor(data)) {
    TensorObj* t = as_tensor(data);
    if (t->wrapper) return call1(OpId::_to_dtype, {Arg(val_of(t)), Arg(dtype ? *dtype : t->meta.dtype)});
    return copied(t, dtype ? *dtype : t->meta.dtype);
  }
  Arg n;
  Scan scan;
  scan.whole_range = dtype && *dtype == DType::U64;
  if (!PyList_Check(data) && !PyTuple_Check(data) && !PyLong_CheckExact(data) && !as_number(data, &n))
    if (TensorRef array = from_array(data, true)) return copied(array.get(), dtype ? *dtype : array->meta.dtype);
  scan.walk(data, 0, true);
  TensorRef out = empty(scan.sizes, dtype ? *dtype : scan.any ? scan.dtype : default_dtype());
  Fill{out.get(), out->meta.dtype}.walk(data, 0, data_of(out.get()));
  return out;
}

TensorRef tensor_sharing_data(PyObject* data, const DType* dtype) {
  Arg n;
  if (is_tensor(data)) {
    if (!dtype || *dtype == as_tensor(data)->meta.dtype) return TensorRef::borrow(as_tensor(data));
    return call1(OpId::_to_dtype, {Arg(val_of(as_tensor(data))), Arg(*dtype)});
  }
  if (!PyList_Check(data) && !PyTuple_Check(data) && !as_number(data, &n)) {
    TensorRef array = from_array(data, true);
    if (array && (!dtype || *dtype == array->meta.dtype)) return array;
  }
  return tensor_from_data(data, dtype);
}

TensorRef legacy_constructor(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  FJ_USER_CHECK(!kwargs || PyDict_GET_SIZE(kwargs) == 0, ErrorKind::Type, "Tensor() takes no keyword arguments");
  Py_ssize_t n = PyTuple_GET_SIZE(args);
  TensorRef out;
  DType dtype = default_dtype();
  if (n == 1 && !PyLong_Check(PyTuple_GET_ITEM(args, 0))) {
    PyObject* data = PyTuple_GET_ITEM(args, 0);
    if (is_tensor(data))
      out = make_alias(as_tensor(data));
    else
      out = tensor_from_data(data, &dtype);
  } else {
    Shape sizes;
    for (Py_ssize_t i = 0; i < n; ++i) {
      int64_t s = 0;
      if (!as_int64(PyTuple_GET_ITEM(args, i), &s)) throw py::PythonError();
      FJ_USER_CHECK(s >= 0, ErrorKind::Runtime, "Trying to create tensor with negative dimension ", s);
      sizes.push_back(s);
    }
    out = empty(n ? sizes : Shape{0}, dtype);
  }
  out = adopted(std::move(out));
  if (type == tensor_type) return out;
  TensorRef made = new_tensor_of(type, out->meta, StorageRef::borrow(out->storage));
  meta_device::settle(made.get());
  return made;
}

namespace {

// tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False) and as_tensor, asarray.
struct Factory {
  PyObject* data = nullptr;
  DType dtype = DType::F32;
  bool has_dtype = false;
  Device where;
  bool requires_grad = false;
  int copy = -1;

  Factory(PyObject* args, PyObject* kwargs, const char* format) {
    static const char* names[] = {"data", "dtype", "device", "requires_grad", "pin_memory", "copy", nullptr};
    PyObject *type = Py_None, *device = Py_None, *copy_arg = Py_None;
    int grad = 0, pin = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, const_cast<char**>(names), &data, &type, &device, &grad,
                                     &pin, &copy_arg))
      throw py::PythonError();
    if (type != Py_None) {
      has_dtype = as_dtype(type, &dtype);
      FJ_USER_CHECK(has_dtype, ErrorKind::Type, "tensor(): argument 'dtype' must be framejit.dtype, not ",
                    Py_TYPE(type)->tp_name);
    }
    if (device != Py_None && (!as_device(device, &where) || where.type == DeviceType::CUDA))
      raise(ErrorKind::Runtime, "framejit is not compiled with support for this device");
    if (device == Py_None && !is_tensor(data)) where = meta_device::default_device();
    requires_grad = grad;
    if (copy_arg != Py_None) copy = PyObject_IsTrue(copy_arg);
  }
  PyObject* finish(TensorRef t) const {
    t = where.type != DeviceType::CPU ? lazy::moved(t.get(), where) : adopted(std::move(t));
    if (requires_grad) require_grad(t.get());
    return wrap(std::move(t));
  }
  const DType* wanted() const { return has_dtype ? &dtype : nullptr; }
};

PyObject* make_tensor(PyObject*, PyObject* args, PyObject* kwargs) {
  return py::guarded<PyObject*>(nullptr, [&] {
    Factory f(args, kwargs, "O|$OOppO:tensor");
    if (is_tensor(f.data) &&
        PyErr_WarnEx(PyExc_UserWarning,
                     "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
                     "sourceTensor.detach().clone().requires_grad_(True), rather than framejit.tensor(sourceTensor).",
                     1) < 0)
      throw py::PythonError();
    return f.finish(tensor_from_data(f.data, f.wanted()));
  });
}

PyObject* as_tensor_function(PyObject*, PyObject* args, PyObject* kwargs) {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    Factory f(args, kwargs, "O|OOppO:as_tensor");
    if (is_tensor(f.data) && f.copy != 1) return wrap(tensor_sharing_data(f.data, f.wanted()));
    return f.finish(f.copy == 1 ? tensor_from_data(f.data, f.wanted()) : tensor_sharing_data(f.data, f.wanted()));
  });
}

PyObject* asarray_function(PyObject*, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"obj", "dtype", "device", "copy", "requires_grad", nullptr};
  PyObject *obj, *type = Py_None, *device = Py_None, *copy = Py_None;
  int grad = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OOOp:asarray", const_cast<char**>(names), &obj, &type, &device,
                                   &copy, &grad))
    return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    DType t = DType::F32;
    FJ_USER_CHECK(type == Py_None || as_dtype(type, &t), ErrorKind::Type,
                  "asarray(): argument 'dtype' must be framejit.dtype, not ", Py_TYPE(type)->tp_name);
    const DType* wanted = type == Py_None ? nullptr : &t;
    bool must_copy = copy != Py_None && PyObject_IsTrue(copy);
    TensorRef out = must_copy ? tensor_from_data(obj, wanted) : tensor_sharing_data(obj, wanted);
    if (!is_tensor(obj)) out = adopted(std::move(out));
    if (grad) require_grad(out.get());
    return wrap(std::move(out));
  });
}

PyObject* scalar_tensor_function(PyObject*, PyObject* args, PyObject* kwargs) {
  return py::guarded<PyObject*>(nullptr, [&] {
    Factory f(args, kwargs, "O|$OOppO:scalar_tensor");
    DType t = f.has_dtype ? f.dtype : default_dtype();
    return f.finish(tensor_from_data(f.data, &t));
  });
}

PyMethodDef functions[] = {
    {"tensor", reinterpret_cast<PyCFunction>(make_tensor), METH_VARARGS | METH_KEYWORDS,
     R"doc(A new tensor with a copy of `data`.

data (Tensor, array, number or sequence), dtype (framejit.dtype or None), device (framejit.device or str),
requires_grad, pin_memory (bool). Raises TypeError for other types, ValueError for rows of different lengths.

>>> import framejit
>>> framejit.tensor([[1.0, 2.0], [3.0, 4.0]])
tensor([[1., 2.],
        [3., 4.]])
)doc"},
    {"as_tensor", reinterpret_cast<PyCFunction>(as_tensor_function), METH_VARARGS | METH_KEYWORDS,
     R"doc(A tensor that shares `data`'s memory where it can.

data (Tensor, array, number or sequence), dtype (framejit.dtype or None), device (framejit.device or str). Raises
TypeError for other types, ValueError for rows of different lengths.

>>> import framejit
>>> framejit.as_tensor([1.0, 2.0])
tensor([1., 2.])
)doc"},
    {"asarray", reinterpret_cast<PyCFunction>(asarray_function), METH_VARARGS | METH_KEYWORDS,
     R"doc(A tensor of `obj`, sharing memory unless `copy`.

obj (Tensor, array, number or sequence), dtype (framejit.dtype or None), device (framejit.device or str), copy (bool
or None), requires_grad (bool). Raises TypeError for other types.

>>> import framejit
>>> framejit.asarray([1, 2])
tensor([1, 2])
)doc"},
    {"scalar_tensor", reinterpret_cast<PyCFunction>(scalar_tensor_function), METH_VARARGS | METH_KEYWORDS,
     R"doc(A 0-d tensor of a number.

s (number), dtype (framejit.dtype or None). Raises TypeError for other types.

>>> import framejit
>>> framejit.scalar_tensor(2.5)
tensor(2.5000)
)doc"},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_create(PyObject* module) {
  return PyModule_AddFunctions(module, asking_functions(module, functions, false)) == 0;
}

}  // namespace fj::bind
