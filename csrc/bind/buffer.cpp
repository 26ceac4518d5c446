// The buffer protocol, both ways: tensors show their memory, and are made over the memory of others. NumPy goes through
// here too, so that it need not be imported.
#include "bind/create.h"
#include "bind/module.h"
#include "bind/parse.h"
#include "bind/tensor_type.h"
#include "tensor/layer.h"

namespace fj::bind {
namespace {

// int64 is what NumPy calls its int64: of the two C types of that size the first.
constexpr const char* kInt64 = sizeof(long) == 8 ? "l" : "q";
constexpr const char* kUInt64 = sizeof(long) == 8 ? "L" : "Q";
constexpr const char* kFormats[kDTypeCount] = {"?", "B", "b",  "h",  "i", kInt64, "e",    nullptr,
                                               "f", "d", "Zf", "Zd", "H", "I",    kUInt64};

// Shape and strides in the form of the protocol, living as long as the view.
struct Geometry {
  SmallVec<Py_ssize_t, 6> shape, strides;
};

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  view->obj = nullptr;
  return py::guarded<int>(-1, [&] {
    TensorObj* t = check_data(as_tensor(self), "the buffer protocol");
    const TensorMeta& m = t->meta;
    auto refuse = [](const char* why) {
      PyErr_SetString(PyExc_BufferError, why);
      return -1;
    };
    if (m.requires_grad) return refuse("Can't export the memory of a Tensor that requires grad. Use tensor.detach().");
    const char* format = kFormats[static_cast<int>(m.dtype)];
    if (!format) return refuse("bfloat16 has no buffer format");
    bool strided = (flags & PyBUF_STRIDES) == PyBUF_STRIDES;
    bool want_c =
        (flags & PyBUF_C_CONTIGUOUS) == PyBUF_C_CONTIGUOUS || (flags & PyBUF_ANY_CONTIGUOUS) == PyBUF_ANY_CONTIGUOUS;
    if ((want_c || !strided) && !m.is_contiguous()) return refuse("the tensor is not contiguous");
    auto* g = new Geometry();
    for (int64_t d = 0; d < m.dim(); ++d) {
      g->shape.push_back(m.sizes[d]);
      g->strides.push_back(m.strides[d] * size_of(m.dtype));
    }
    view->buf = data_of(t);
    view->len = m.numel() * size_of(m.dtype);
    view->itemsize = size_of(m.dtype);
    view->readonly = 0;
    view->ndim = static_cast<int>(m.dim());
    view->format = (flags & PyBUF_FORMAT) ? const_cast<char*>(format) : nullptr;
    view->shape = (flags & PyBUF_ND) == PyBUF_ND ? g->shape.data() : nullptr;
    view->strides = strided ? g->strides.data() : nullptr;
    view->suboffsets = nullptr;
    view->internal = g;
    view->obj = Py_NewRef(self);
    return 0;
  });
}

void release_buffer(PyObject*, Py_buffer* view) { delete static_cast<Geometry*>(view->internal); }

bool dtype_of_format(const char* f, Py_ssize_t itemsize, DType* out) {
  if (!f) f = "B";
  if (*f == '>' || *f == '!')
    raise(ErrorKind::Value,
          "given numpy array has byte order different from the native byte order. Conversion between byte orders is "
          "currently not supported.");
  if (*f == '@' || *f == '=' || *f == '<') ++f;
  if (*f == 'Z' && (f[1] == 'f' || f[1] == 'd') && !f[2]) {  // the parts' format behind a Z
    *out = f[1] == 'f' ? DType::C64 : DType::C128;
    return true;
  }
  if (!*f || f[1]) return false;
  switch (*f) {
    case '?': *out = DType::Bool; return true;
    case 'B': *out = DType::U8; return true;
    case 'b': *out = DType::I8; return true;
    case 'e': *out = DType::F16; return true;
    case 'f': *out = DType::F32; return true;
    case 'd': *out = DType::F64; return true;
    case 'h':
    case 'i':
    case 'l':
    case 'q': *out = itemsize == 2 ? DType::I16 : itemsize == 4 ? DType::I32 : DType::I64; return true;
    case 'H':
    case 'I':
    case 'L':
    case 'Q': *out = itemsize == 2 ? DType::U16 : itemsize == 4 ? DType::U32 : DType::U64; return true;
    default: return false;
  }
}

// A tensor over a memoryview's memory; the memoryview becomes the storage's owner.
TensorRef from_view(py::Ref view, PyObject* source) {
  Py_buffer* b = PyMemoryView_GET_BUFFER(view.get());
  TensorMeta m;
  if (!dtype_of_format(b->format, b->itemsize, &m.dtype))
    raise(ErrorKind::Type, "can't convert ", Py_TYPE(source)->tp_name, " with elements of format '",
          b->format ? b->format : "",
          "'. The only supported types are: float64, float32, float16, complex64, complex128, int64, int32, int16, "
          "int8, uint64, uint32, uint16, uint8, and bool.");
  int64_t low = 0, reach = 0;
  for (int d = 0; d < b->ndim; ++d) {
    int64_t stride = b->strides ? b->strides[d] : b->itemsize;
    FJ_USER_CHECK(
        stride >= 0, ErrorKind::Value,
        "At least one stride in the given numpy array is negative, and tensors with negative strides are not currently "
        "supported. (You can probably work around this by making a copy of your array  with array.copy().) ");
    FJ_USER_CHECK(stride % b->itemsize == 0, ErrorKind::Value,
                  "given numpy array strides not a multiple of the element byte size. Copy the numpy array to "
                  "reallocate the memory.");
    m.sizes.push_back(b->shape[d]);
    m.strides.push_back(stride / b->itemsize);
    if (b->shape[d] > 0) reach += (b->shape[d] - 1) * stride;
  }
  (void)low;
  int64_t nbytes = b->len == 0 ? 0 : reach + b->itemsize;
  void* data = b->buf;
  return new_tensor(std::move(m), StorageRef::steal(wrap_storage(data, nbytes, view.release())));
}

PyObject* from_numpy(PyObject*, PyObject* array) {
  return py::guarded<PyObject*>(nullptr, [&] {
    bool is_array = PyObject_HasAttrString(array, "__array_interface__") && PyObject_CheckBuffer(array) &&
                    std::string_view(Py_TYPE(array)->tp_name).find("numpy.") == 0;
    FJ_USER_CHECK(is_array || PyObject_HasAttrString(array, "__array_interface__"), ErrorKind::Type,
                  "expected np.ndarray (got ", Py_TYPE(array)->tp_name, ")");
    TensorRef t = from_array(array, false);
    FJ_USER_CHECK(t, ErrorKind::Type, "expected np.ndarray (got ", Py_TYPE(array)->tp_name, ")");
    return wrap(adopted(std::move(t)));
  });
}

PyObject* frombuffer(PyObject*, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"buffer", "dtype", "count", "offset", "requires_grad", nullptr};
  PyObject *buffer, *type = nullptr;
  Py_ssize_t count = -1, offset = 0;
  int grad = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$Onnp:frombuffer", const_cast<char**>(names), &buffer, &type,
                                   &count, &offset, &grad))
    return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorMeta m;
    FJ_USER_CHECK(type, ErrorKind::Type, "frombuffer() missing 1 required keyword argument: \"dtype\"");
    FJ_USER_CHECK(as_dtype(type, &m.dtype), ErrorKind::Type,
                  "frombuffer(): argument 'dtype' must be framejit.dtype, not ", Py_TYPE(type)->tp_name);
    FJ_USER_CHECK(PyObject_CheckBuffer(buffer), ErrorKind::Value, "object does not implement Python buffer protocol.");
    py::Ref view = py::check(PyMemoryView_FromObject(buffer));
    Py_buffer* b = PyMemoryView_GET_BUFFER(view.get());
    int64_t size = size_of(m.dtype);
    FJ_USER_CHECK(PyBuffer_IsContiguous(b, 'C'), ErrorKind::Value, "the buffer is not contiguous");
    FJ_USER_CHECK(b->len > 0 && count != 0, ErrorKind::Value, "both buffer length (", b->len, ") and count (", count,
                  ") must not be 0");
    FJ_USER_CHECK(offset >= 0 && offset < b->len, ErrorKind::Value, "offset (", offset,
                  " bytes) must be non-negative and no greater than buffer length (", b->len, " bytes) minus 1");
    FJ_USER_CHECK(count > 0 || (b->len - offset) % size == 0, ErrorKind::Value, "buffer length (", b->len - offset,
                  " bytes) after offset (", offset, " bytes) must be a multiple of element size (", size, ")");
    int64_t n = count > 0 ? count : (b->len - offset) / size;
    FJ_USER_CHECK(n <= (b->len - offset) / size, ErrorKind::Value, "requested buffer length (", n, " * ", size,
                  " bytes) after offset (", offset, " bytes) must not be greater than actual buffer length (", b->len,
                  " bytes)");
    if (b->readonly &&
        PyErr_WarnEx(PyExc_UserWarning,
                     "The given buffer is not writable, and PyTorch does not support non-writable tensors. This means "
                     "you can write to the underlying (supposedly non-writable) buffer using the tensor.",
                     1) < 0)
      throw py::PythonError();
    void* data = static_cast<char*>(b->buf) + offset;
    TensorRef t =
        new_tensor(make_meta(Shape{n}, m.dtype), StorageRef::steal(wrap_storage(data, n * size, view.release())));
    if (grad) require_grad(t.get());
    return wrap(adopted(std::move(t)));
  });
}

PyMethodDef functions[] = {
    {"from_numpy", from_numpy, METH_O, R"doc(A tensor over a NumPy array's memory.

ndarray (numpy.ndarray). Raises TypeError for other types and for dtypes that framejit lacks.

>>> import framejit
>>> import numpy
>>> framejit.from_numpy(numpy.arange(3))
tensor([0, 1, 2])
)doc"},
    {"frombuffer", reinterpret_cast<PyCFunction>(frombuffer), METH_VARARGS | METH_KEYWORDS,
     R"doc(A 1-d tensor over the memory of an object with the buffer protocol.

buffer (object), dtype (framejit.dtype), count, offset (int), requires_grad (bool). Raises ValueError for a buffer
that is too short.

>>> import framejit
>>> framejit.frombuffer(b"abc", dtype=framejit.uint8)
tensor([97, 98, 99], dtype=framejit.uint8)
)doc"},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

TensorRef from_array(PyObject* o, bool may_be_read_only) {
  if (!PyObject_CheckBuffer(o)) {
    // Objects that only know __array__ give an array first.
    if (is_tensor(o) || PyType_Check(o) || !PyObject_HasAttrString(o, "__array__")) return {};
    py::Ref array = py::check(PyObject_CallMethod(o, "__array__", nullptr));
    if (!PyObject_CheckBuffer(array.get())) return {};
    return from_array(array.get(), may_be_read_only);
  }
  py::Ref view = py::Ref::steal(PyMemoryView_FromObject(o));
  if (!view) {
    PyErr_Clear();
    raise(ErrorKind::Type, "can't convert ", Py_TYPE(o)->tp_name,
          " to a tensor: its memory has no format that tensors know");
  }
  if (PyMemoryView_GET_BUFFER(view.get())->readonly && !may_be_read_only &&
      PyErr_WarnEx(PyExc_UserWarning,
                   "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This "
                   "means writing to this tensor will result in undefined behavior. You may want to copy the array to "
                   "protect its data or make it writable before converting it to a tensor.",
                   1) < 0)
    throw py::PythonError();
  return from_view(std::move(view), o);
}

void add_buffer_slots(PyType_Slot*& at) {
  *at++ = {Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)};
  *at++ = {Py_bf_releasebuffer, reinterpret_cast<void*>(release_buffer)};
}

bool init_buffer(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace fj::bind
