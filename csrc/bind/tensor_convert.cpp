// Conversions of dtype, device and layout: to(), float(), contiguous(), type(), resize_() …
#include "bind/create.h"
#include "bind/op_call.h"
#include "bind/tensor_type.h"
#include "py/text.h"
#include "tensor/lazy.h"
#include "tensor/meta_device.h"

namespace fj::bind {
namespace {

TensorRef converted(TensorObj* t, DType dtype, bool copy, MemoryFormat format) {
  bool relayout = is_channels_last(format) &&
                  !(t->meta.dim() == rank_of(format) && t->meta.strides == channels_last_strides(t->meta.sizes));
  if (dtype == t->meta.dtype && !copy && !relayout) return TensorRef::borrow(t);
  if (is_complex(t->meta.dtype) && !is_complex(dtype) && dtype != DType::Bool &&
      PyErr_WarnEx(PyExc_UserWarning, "Casting complex values to real discards the imaginary part", 1) < 0)
    throw py::PythonError();
  TensorRef out = dtype == t->meta.dtype ? TensorRef::borrow(t) : call1(OpId::_to_dtype, {Arg(val_of(t)), Arg(dtype)});
  bool fresh = out.get() != t;
  if (fresh && !relayout) return out;
  return call1(OpId::clone, {Arg(out.val()), Arg(relayout ? format : MemoryFormat::Preserve)});
}

void check_device(Device d) {
  FJ_USER_CHECK(d.type != DeviceType::CUDA, ErrorKind::Runtime, "framejit is not compiled with CUDA enabled");
}

// to(dtype), to(device, dtype), to(other): the kinds of argument tell them apart.
struct ToArgs {
  DType dtype;
  Device device;
  bool copy = false;
  MemoryFormat format = MemoryFormat::Preserve;

  bool target(PyObject* o) {
    Device d;
    if (is_tensor(o)) {
      dtype = as_tensor(o)->meta.dtype;
      device = as_tensor(o)->meta.device;
      return true;
    }
    if (as_dtype(o, &dtype)) return true;
    if (!as_device(o, &d)) return false;
    check_device(d);
    device = d;
    return true;
  }
  void keyword(std::string_view name, PyObject* o) {
    if (o == Py_None) return;
    if (name == "copy")
      copy = PyObject_IsTrue(o) == 1;
    else if (name == "non_blocking")
      return;
    else if (name == "memory_format")
      FJ_USER_CHECK(as_memory_format(o, &format), ErrorKind::Type,
                    "to(): argument 'memory_format' must be framejit.memory_format, not ", Py_TYPE(o)->tp_name);
    else if (name == "dtype" || name == "device" || name == "other")
      FJ_USER_CHECK(target(o), ErrorKind::Type, "to(): argument '", name, "' has type ", Py_TYPE(o)->tp_name);
    else
      raise(ErrorKind::Type, "to() got an unexpected keyword argument '", name, "'");
  }
};

PyObject* to(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = as_tensor(self);
    ToArgs a{t->meta.dtype, t->meta.device};
    Py_ssize_t flags = 0;  // trailing bools: non_blocking, copy
    for (Py_ssize_t i = 0; i < n; ++i) {
      if (args[i] == Py_None) continue;
      if (PyBool_Check(args[i])) {
        if (++flags == 2) a.copy = args[i] == Py_True;
        continue;
      }
      if (a.target(args[i])) continue;
      raise(ErrorKind::Type, "to() received an invalid combination of arguments - got (", Py_TYPE(args[i])->tp_name,
            "), but expected one of:\n * (framejit.device device, framejit.dtype dtype, bool non_blocking, bool copy, "
            "*, framejit.memory_format memory_format)\n"
            " * (framejit.dtype dtype, bool non_blocking, bool copy, *, framejit.memory_format memory_format)\n"
            " * (Tensor tensor, bool non_blocking, bool copy, *, framejit.memory_format memory_format)\n");
    }
    for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); ++k)
      a.keyword(py::utf8(PyTuple_GET_ITEM(kwnames, k)), args[n + k]);
    TensorRef there = lazy::moved(t, a.device);
    return wrap(converted(there.get(), a.dtype, a.copy && there.get() == t, a.format));
  });
}

template <DType kType>
PyObject* cast(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"memory_format", nullptr};
  PyObject* format = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", const_cast<char**>(names), &format)) return nullptr;
  return py::guarded<PyObject*>(nullptr,
                                [&] { return wrap(converted(as_tensor(self), kType, false, MemoryFormat::Preserve)); });
}

PyObject* cpu(PyObject* self, PyObject*, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [&] { return wrap(lazy::moved(as_tensor(self), Device{})); });
}
PyObject* cuda(PyObject*, PyObject*, PyObject*) {
  PyErr_SetString(PyExc_AssertionError, "framejit is not compiled with CUDA enabled");
  return nullptr;
}

PyObject* contiguous(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"memory_format", nullptr};
  PyObject* format = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:contiguous", const_cast<char**>(names), &format)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = as_tensor(self);
    MemoryFormat f = MemoryFormat::Contiguous;
    FJ_USER_CHECK(!format || as_memory_format(format, &f), ErrorKind::Type,
                  "contiguous(): argument 'memory_format' must be framejit.memory_format, not ",
                  Py_TYPE(format)->tp_name);
    FJ_USER_CHECK(f != MemoryFormat::Preserve, ErrorKind::Runtime,
                  "preserve memory format is unsupported by the contiguous operator");
    if (is_channels_last(f)) return wrap(converted(t, t->meta.dtype, false, f));
    if (t->meta.is_contiguous()) return Py_NewRef(self);
    return wrap(call1(OpId::clone, {Arg(val_of(t)), Arg(f)}));
  });
}

// type(): the old name of the class, or a conversion to a dtype or such a name.
PyObject* type(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"dtype", "non_blocking", nullptr};
  PyObject* wanted = Py_None;
  int non_blocking = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Op:type", const_cast<char**>(names), &wanted, &non_blocking))
    return nullptr;
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    TensorObj* t = as_tensor(self);
    if (wanted == Py_None) return PyUnicode_FromFormat("framejit.%sTensor", scalar_type_name(t->meta.dtype));
    DType dtype = t->meta.dtype;
    if (PyUnicode_Check(wanted)) {
      std::string_view name = py::name_view(wanted);
      if (size_t dot = name.rfind('.'); dot != name.npos) name.remove_prefix(dot + 1);
      bool found = false;
      for (int i = 0; i < kDTypeCount; ++i)
        if (name == cat(scalar_type_name(static_cast<DType>(i)), "Tensor")) {
          dtype = static_cast<DType>(i);
          found = true;
        }
      FJ_USER_CHECK(found, ErrorKind::Value, "invalid type: '", py::utf8(wanted), "'");
    } else {
      py::Ref own;  // of FloatTensor and the like
      if (PyType_Check(wanted)) {
        own = py::Ref::steal(PyObject_GetAttrString(wanted, "dtype"));
        if (!own) PyErr_Clear();
      }
      FJ_USER_CHECK(as_dtype(own ? own.get() : wanted, &dtype), ErrorKind::Type,
                    "dtype must be a type, str, or dtype object");
    }
    return wrap(converted(t, dtype, false, MemoryFormat::Preserve));
  });
}

PyObject* type_as(PyObject* self, PyObject* other) {
  return py::guarded<PyObject*>(nullptr, [&] {
    FJ_USER_CHECK(is_tensor(other), ErrorKind::Type, "type_as(): argument 'other' (position 1) must be Tensor, not ",
                  Py_TYPE(other)->tp_name);
    return wrap(converted(as_tensor(self), as_tensor(other)->meta.dtype, false, MemoryFormat::Preserve));
  });
}

// resize_(sizes): the same storage, grown where needed, seen in row-major order.
PyObject* resize(PyObject* self, PyObject* args) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = as_tensor(self);
    FJ_USER_CHECK(!meta_device::is_meta(t), ErrorKind::NotImplemented, "resize_ of a meta tensor");
    if (is_without_memory(t)) raise(ErrorKind::Unsupported, "resize_ of a traced tensor");
    FJ_USER_CHECK(!t->meta.requires_grad, ErrorKind::Runtime, "cannot resize variables that require grad");
    PyObject* list =
        PyTuple_GET_SIZE(args) == 1 && PySequence_Check(PyTuple_GET_ITEM(args, 0)) ? PyTuple_GET_ITEM(args, 0) : args;
    py::Ref items = py::check(PySequence_Fast(list, "resize_() takes sizes"));
    TensorMeta m = t->meta;
    m.sizes.clear();
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
      int64_t s = 0;
      if (!as_int64(PySequence_Fast_GET_ITEM(items.get(), i), &s)) throw py::PythonError();
      FJ_USER_CHECK(s >= 0, ErrorKind::Runtime, "resize_: the size of dimension ", i, " is negative: ", s);
      m.sizes.push_back(s);
    }
    checked_nbytes(m.sizes, m.dtype);
    m.strides = contiguous_strides(m.sizes);
    int64_t need = extent_nbytes(m);
    if (need > t->storage->nbytes) resize_storage(t->storage, need);
    t->meta = std::move(m);
    facts_changed(t);
    return Py_NewRef(self);
  });
}

PyCFunction keywords(PyCFunctionWithKeywords f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}
constexpr int kBoth = METH_VARARGS | METH_KEYWORDS;

}  // namespace

PyMethodDef kTensorConversions[] = {
    {"to", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(to)), METH_FASTCALL | METH_KEYWORDS,
     R"doc(The tensor with another dtype or layout; itself where nothing changes.

dtype (framejit.dtype), device (framejit.device or str), other (Tensor), non_blocking, copy (bool), memory_format
(framejit.memory_format). Raises TypeError for other types, RuntimeError for a device that is not there.

>>> import framejit
>>> framejit.ones(1).to(framejit.int64), framejit.ones(1).to("cpu", framejit.float64)
(tensor([1]), tensor([1.], dtype=framejit.float64))
)doc"},
    {"float", keywords(cast<DType::F32>), kBoth, R"doc(to(framejit.float32).

memory_format (framejit.memory_format): accepted.

>>> import framejit
>>> framejit.tensor([1]).float()
tensor([1.])
)doc"},
    {"double", keywords(cast<DType::F64>), kBoth, R"doc(to(framejit.float64).

memory_format (framejit.memory_format): accepted.

>>> import framejit
>>> framejit.ones(1).double().dtype
framejit.float64
)doc"},
    {"half", keywords(cast<DType::F16>), kBoth, R"doc(to(framejit.float16).

memory_format (framejit.memory_format): accepted.

>>> import framejit
>>> framejit.ones(1).half().dtype
framejit.float16
)doc"},
    {"bfloat16", keywords(cast<DType::BF16>), kBoth, R"doc(to(framejit.bfloat16).

memory_format (framejit.memory_format): accepted.

>>> import framejit
>>> framejit.ones(1).bfloat16().dtype
framejit.bfloat16
)doc"},
    {"int", keywords(cast<DType::I32>), kBoth, R"doc(to(framejit.int32).

memory_format (framejit.memory_format): accepted.

>>> import framejit
>>> framejit.tensor([1.5]).int()
tensor([1], dtype=framejit.int32)
)doc"},
    {"long", keywords(cast<DType::I64>), kBoth, R"doc(to(framejit.int64).

memory_format (framejit.memory_format): accepted.

>>> import framejit
>>> framejit.tensor([1.5]).long()
tensor([1])
)doc"},
    {"short", keywords(cast<DType::I16>), kBoth, R"doc(to(framejit.int16).

memory_format (framejit.memory_format): accepted.

>>> import framejit
>>> framejit.tensor([1.5]).short()
tensor([1], dtype=framejit.int16)
)doc"},
    {"char", keywords(cast<DType::I8>), kBoth, R"doc(to(framejit.int8).

memory_format (framejit.memory_format): accepted.

>>> import framejit
>>> framejit.tensor([2.0]).char()
tensor([2], dtype=framejit.int8)
)doc"},
    {"byte", keywords(cast<DType::U8>), kBoth, R"doc(to(framejit.uint8).

memory_format (framejit.memory_format): accepted.

>>> import framejit
>>> framejit.tensor([2.0]).byte()
tensor([2], dtype=framejit.uint8)
)doc"},
    {"bool", keywords(cast<DType::Bool>), kBoth, R"doc(to(framejit.bool).

memory_format (framejit.memory_format): accepted.

>>> import framejit
>>> framejit.tensor([0, 2]).bool()
tensor([False,  True])
)doc"},
    {"cfloat", keywords(cast<DType::C64>), kBoth, R"doc(to(framejit.complex64).

memory_format (framejit.memory_format): accepted.

>>> import framejit
>>> framejit.ones(1).cfloat()
tensor([1.+0.j])
)doc"},
    {"cdouble", keywords(cast<DType::C128>), kBoth, R"doc(to(framejit.complex128).

memory_format (framejit.memory_format): accepted.

>>> import framejit
>>> framejit.ones(1).cdouble()
tensor([1.+0.j], dtype=framejit.complex128)
)doc"},
    {"cpu", keywords(cpu), kBoth, R"doc(The tensor itself.

>>> import framejit
>>> framejit.ones(1).cpu()
tensor([1.])
)doc"},
    {"cuda", keywords(cuda), kBoth, R"doc(Raises: there is no CUDA in this build.

It raises RuntimeError.

>>> import framejit
>>> framejit.ones(1).cuda()
Traceback (most recent call last):
    ...
AssertionError: framejit is not compiled with CUDA enabled
)doc"},
    {"contiguous", keywords(contiguous), kBoth, R"doc(The tensor itself if contiguous, else a copy that is.

memory_format (framejit.memory_format): contiguous. Raises TypeError for other types.

>>> import framejit
>>> framejit.ones(2, 3).t().contiguous().stride()
(2, 1)
)doc"},
    {"type", keywords(type), kBoth, R"doc(The old class name, or a conversion to one.

dtype (framejit.dtype or str), non_blocking (bool). Raises TypeError for other types, ValueError for a name that is
none.

>>> import framejit
>>> framejit.ones(1).type(), framejit.ones(1).type(framejit.int32)
('framejit.FloatTensor', tensor([1], dtype=framejit.int32))
)doc"},
    {"type_as", type_as, METH_O, R"doc(to(other.dtype).

other (Tensor). Raises TypeError for other types.

>>> import framejit
>>> framejit.ones(1).type_as(framejit.tensor([2]))
tensor([1])
)doc"},
    {"resize_", resize, METH_VARARGS, R"doc(Other sizes over the same storage, which grows where needed.

*size (int, or one sequence of int). Raises RuntimeError for negative sizes.

>>> import framejit
>>> framejit.ones(4).resize_(2, 2)
tensor([[1., 1.],
        [1., 1.]])
)doc"},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace fj::bind
