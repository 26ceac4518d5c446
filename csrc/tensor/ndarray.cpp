#include "tensor/ndarray.h"

#include <string_view>
#include <unordered_map>

#include "tensor/layer.h"

namespace fj::ndarray {

namespace {

// The public head of PyArrayObject and PyArray_Descr: the same in NumPy 1.7 to 2.x.
struct Array {
  PyObject_HEAD char* data;
  int nd;
  Py_ssize_t* dims;
  Py_ssize_t* strides;
  PyObject* base;
  PyObject* descr;
  int flags;
};
struct Descr {
  PyObject_HEAD PyTypeObject* type;
  char kind, character, byteorder, former_flags;
  int number;
};
enum : int { kAligned = 0x100, kWriteable = 0x400 };

// NumPy's type numbers.
constexpr std::pair<int, DType> kNumbers[] = {
    {0, DType::Bool}, {1, DType::I8},   {2, DType::U8},   {3, DType::I16},  {5, DType::I32},   {7, DType::I64},
    {9, DType::I64},  {11, DType::F32}, {12, DType::F64}, {14, DType::C64}, {15, DType::C128}, {23, DType::F16},
};
static_assert(sizeof(long) == 8);

bool dtype_of_number(int number, DType* out) {
  for (auto& [n, dtype] : kNumbers)
    if (n == number) return *out = dtype, true;
  return false;
}

// Compiled functions leave arrays of these types to NumPy, whose promotion between integers is another than tensors';
// but tensors of these types are given back as arrays.
constexpr std::pair<int, DType> kUnsignedNumbers[] = {{4, DType::U16}, {6, DType::U32}, {8, DType::U64}};

int number_of(DType dtype) {
  for (auto& [n, d] : kUnsignedNumbers)
    if (d == dtype) return n;
  for (auto& [n, d] : kNumbers)
    if (d == dtype) return n;
  return -1;
}

// Functions of NumPy's C interface, by their fixed positions in its table.
struct Api {
  PyTypeObject* array;
  PyTypeObject* descr;
  PyObject* (*descr_from_type)(int);
  PyObject* (*scalar)(void*, PyObject*, PyObject*);
  void (*scalar_value)(PyObject*, void*);
  PyObject* (*make)(PyTypeObject*, int, const Py_ssize_t*, int, const Py_ssize_t*, void*, int, int, PyObject*);
  int (*set_base)(PyObject*, PyObject*);
  std::unordered_map<PyTypeObject*, DType> scalars;
  PyTypeObject* scalar_types[kDTypeCount] = {};
};

Api* load() {
  PyObject* name = PyUnicode_FromString("numpy");
  py::Ref numpy = py::Ref::steal(name ? PyImport_GetModule(name) : nullptr);
  Py_XDECREF(name);
  py::Ref dtype = py::Ref::steal(numpy ? PyObject_GetAttrString(numpy.get(), "dtype") : nullptr);
  py::Ref module;
  for (const char* home : {"numpy._core._multiarray_umath", "numpy.core._multiarray_umath"}) {
    if (!dtype || module) break;
    PyErr_Clear();
    module = py::Ref::steal(PyImport_ImportModule(home));
  }
  py::Ref capsule = py::Ref::steal(module ? PyObject_GetAttrString(module.get(), "_ARRAY_API") : nullptr);
  auto** table = capsule ? static_cast<void**>(PyCapsule_GetPointer(capsule.get(), nullptr)) : nullptr;
  PyErr_Clear();
  if (!table) return nullptr;
  auto* api = new Api;
  auto entry = [&](int i, auto& slot) { slot = reinterpret_cast<std::remove_reference_t<decltype(slot)>>(table[i]); };
  PyObject* (*type_object)(int);
  entry(2, api->array);
  entry(3, api->descr);
  entry(45, api->descr_from_type);
  entry(46, type_object);
  entry(60, api->scalar);
  entry(62, api->scalar_value);
  entry(93, api->make);
  entry(282, api->set_base);
  for (auto& [number, type] : kNumbers) {
    auto* scalar = reinterpret_cast<PyTypeObject*>(type_object(number));  // kept for the process's life
    if (!scalar) continue;
    api->scalars[scalar] = type;
    if (number == number_of(type)) api->scalar_types[static_cast<int>(type)] = scalar;
  }
  PyErr_Clear();
  return api;
}

const Api* api() {
  static Api* made = nullptr;
  if (!made) made = load();
  return made;
}

const Array* fields(PyObject* array) { return reinterpret_cast<const Array*>(array); }
bool is_numpy_type(PyTypeObject* type) { return std::string_view(type->tp_name).substr(0, 6) == "numpy."; }

// --- whose memory it is

// Storages over the memory of arrays, by the array that has it. An entry goes with its storage.
std::unordered_map<PyObject*, Storage*>& storages() {
  static std::unordered_map<PyObject*, Storage*> map;
  return map;
}

void release_array(PyObject* owner) {
  storages().erase(owner);
  Py_DECREF(owner);
}

struct Extent {
  char *low, *high;
};

Extent extent(const Array* a, int64_t itemsize) {
  Extent e{a->data, a->data};
  for (int d = 0; d < a->nd; ++d) {
    if (a->dims[d] == 0) return {a->data, a->data};
    (a->strides[d] < 0 ? e.low : e.high) += (a->dims[d] - 1) * a->strides[d];
  }
  e.high += itemsize;
  return e;
}

// The array at the end of the bases, or the tensor whose memory it shows.
PyObject* owner_of(PyObject* array) {
  PyObject* owner = array;
  while (PyObject* base = fields(owner)->base) {
    if (is_tensor(base)) return base;
    if (PyMemoryView_Check(base)) {
      PyObject* shown = PyMemoryView_GET_BUFFER(base)->obj;
      return shown && is_tensor(shown) ? shown : owner;
    }
    if (!PyType_IsSubtype(Py_TYPE(base), api()->array)) return owner;
    owner = base;
  }
  return owner;
}

int64_t item_size(const Array* a, DType fallback) {
  DType own;
  return dtype_of_number(reinterpret_cast<Descr*>(a->descr)->number, &own) ? size_of(own) : size_of(fallback);
}

StorageRef wrap_array(PyObject* owner, Extent e) {
  auto found = storages().find(owner);
  if (found != storages().end() && reinterpret_cast<char*>(found->second->data) == e.low &&
      found->second->nbytes == e.high - e.low)
    return StorageRef::borrow(found->second);
  Storage* s = wrap_storage(e.low, e.high - e.low, Py_NewRef(owner), nullptr);
  if (found != storages().end()) return StorageRef::steal(s);  // it has been resized since
  s->release_owner = release_array;
  storages()[owner] = s;
  return StorageRef::steal(s);
}

StorageRef storage_of(PyObject* array, DType dtype) {
  PyObject* owner = owner_of(array);
  const Extent mine = extent(fields(array), size_of(dtype));
  auto holds = [&](Extent e) {
    return mine.low >= e.low && mine.high <= e.high && (mine.low - e.low) % size_of(dtype) == 0;
  };
  if (is_tensor(owner)) {
    Storage* s = as_tensor(owner)->storage;
    auto* start = reinterpret_cast<char*>(s->data);
    if (start && holds({start, start + s->nbytes})) return StorageRef::borrow(s);
    owner = array;
  }
  Extent whole = extent(fields(owner), item_size(fields(owner), dtype));
  if (!holds(whole)) {
    owner = array;
    whole = mine;
  }
  return wrap_array(owner, whole);
}

TensorRef over_scalar(PyObject* scalar, DType dtype) {
  TensorRef t = empty(Shape{}, dtype);
  api()->scalar_value(scalar, data_of(t.get()));
  return t;
}

bool check_given(TensorObj* t) {
  if (!api()) return PyErr_SetString(PyExc_ImportError, "NumPy has not been imported"), false;
  if (t->meta.requires_grad)
    return PyErr_SetString(PyExc_RuntimeError, "an array of a Tensor that requires grad: use tensor.detach()"), false;
  if (number_of(t->meta.dtype) < 0)
    return PyErr_Format(PyExc_TypeError, "NumPy has no %s", name_of(t->meta.dtype)), false;
  return true;
}

}  // namespace

bool is_array(PyObject* o) { return is_numpy_type(Py_TYPE(o)) && api() && Py_TYPE(o) == api()->array; }
bool is_scalar_type(PyTypeObject* type) { return is_numpy_type(type) && api() && api()->scalars.count(type); }
bool is_scalar(PyObject* o) { return is_scalar_type(Py_TYPE(o)); }
bool is_dtype(PyObject* o) { return is_numpy_type(Py_TYPE(o)) && api() && PyType_IsSubtype(Py_TYPE(o), api()->descr); }
bool is_function(PyObject* o) {
  const std::string_view name = Py_TYPE(o)->tp_name;
  return name == "numpy.ufunc" || name == "numpy._ArrayFunctionDispatcher";
}
bool is_writeable(PyObject* array) { return (fields(array)->flags & kWriteable) != 0; }
PyTypeObject* array_type() { return api() ? api()->array : nullptr; }
PyTypeObject* scalar_type(DType dtype) { return api() ? api()->scalar_types[static_cast<int>(dtype)] : nullptr; }

TensorRef tensor_over(PyObject* o) {
  if (!is_array(o)) {
    if (!is_scalar(o)) return {};
    return over_scalar(o, api()->scalars.at(Py_TYPE(o)));
  }
  const Array* a = fields(o);
  auto* descr = reinterpret_cast<Descr*>(a->descr);
  TensorMeta m;
  if (!dtype_of_number(descr->number, &m.dtype) || descr->byteorder == '>' || !(a->flags & kAligned)) return {};
  const int64_t itemsize = size_of(m.dtype);
  bool plain = true;
  for (int d = 0; d < a->nd; ++d) {
    m.sizes.push_back(a->dims[d]);
    m.strides.push_back(a->strides[d] / itemsize);
    plain &= a->dims[d] > 1;
    if (a->dims[d] > 1 && (a->strides[d] < 0 || a->strides[d] % itemsize != 0)) return {};
  }
  if (!plain) {  // the strides of dimensions that have no second element say nothing, and vary
    const Shape dense = contiguous_strides(m.sizes);
    for (int d = 0; d < a->nd; ++d)
      if (a->dims[d] <= 1 || m.numel() == 0) m.strides[d] = dense[d];
  }
  StorageRef storage = storage_of(o, m.dtype);
  m.offset = (a->data - reinterpret_cast<char*>(storage->data)) / itemsize;
  return new_tensor(std::move(m), std::move(storage));
}

py::Ref array_over(TensorObj* t, bool writeable) {
  check_data(t, "numpy");
  if (!check_given(t)) return {};
  const TensorMeta& m = t->meta;
  SmallVec<Py_ssize_t, 6> strides;
  for (Dim s : m.strides) strides.push_back(s * size_of(m.dtype));
  static_assert(sizeof(Dim) == sizeof(Py_ssize_t));
  auto* dims = reinterpret_cast<const Py_ssize_t*>(m.sizes.data());
  py::Ref array =
      py::Ref::steal(api()->make(api()->array, static_cast<int>(m.dim()), dims, number_of(m.dtype), strides.data(),
                                 data_of(t), 0, (writeable ? kWriteable : 0) | kAligned, nullptr));
  if (!array || api()->set_base(array.get(), Py_NewRef(as_object(t))) < 0) return {};
  return array;
}

py::Ref scalar_of(TensorObj* t) {
  check_data(t, "numpy");
  if (!check_given(t)) return {};
  if (t->meta.numel() != 1)
    return PyErr_SetString(PyExc_ValueError, "a NumPy scalar of a Tensor that has not one element"), py::Ref();
  py::Ref descr = py::Ref::steal(api()->descr_from_type(number_of(t->meta.dtype)));
  return descr ? py::Ref::steal(api()->scalar(data_of(t), descr.get(), nullptr)) : py::Ref();
}

}  // namespace fj::ndarray
