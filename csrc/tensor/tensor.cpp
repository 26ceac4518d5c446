#include "tensor/tensor.h"

#include <array>
#include <new>

#include "base/half.h"
#include "tensor/layer.h"
#include "tensor/tape_api.h"

namespace fj {

PyTypeObject* tensor_type = nullptr;
TapeApi tape_api;
thread_local ThreadState thread_state_;

namespace {

constexpr int kMaxFree = 128;
TensorObj* free_tensors[kMaxFree];
int free_count = 0;

// An object whose meta is constructed and whose pointers are null.
TensorObj* allocate(PyTypeObject* type) {
  if (type == tensor_type && free_count > 0) {
    TensorObj* t = free_tensors[--free_count];
    PyObject_Init(as_object(t), type);
    return t;
  }
  TensorObj* t;
  if (type == tensor_type) {
    t = PyObject_GC_New(TensorObj, type);
    if (!t) throw std::bad_alloc();
    t->flags = t->stamp = 0;
    std::memset(reinterpret_cast<char*>(t) + offsetof(TensorObj, storage), 0,
                sizeof(TensorObj) - offsetof(TensorObj, storage));
  } else {
    t = as_tensor(type->tp_alloc(type, 0));  // zeroed and tracked
    if (!t) throw std::bad_alloc();
  }
  new (&t->meta) TensorMeta();
  return t;
}

template <class Meta>
TensorRef make(PyTypeObject* type, Meta&& meta, StorageRef storage) {
  TensorObj* t = allocate(type);
  t->meta = std::forward<Meta>(meta);
  t->storage = storage.release();
  return TensorRef::steal(t);
}

void drop_version(TensorObj* t) {
  if (t->version && --t->version->refs == 0) delete t->version;
  t->version = nullptr;
}

struct ByteRange {
  const std::byte *begin, *end;
};
ByteRange range_of(const TensorObj* t) {
  int64_t low = 0, high = 0;
  for (int64_t d = 0; d < t->meta.dim(); ++d) {
    Dim reach = (t->meta.sizes[d] - 1) * t->meta.strides[d];
    (reach < 0 ? low : high) += reach;
  }
  int64_t size = size_of(t->meta.dtype);
  return {data_of(t) + low * size, data_of(t) + (high + 1) * size};
}

}  // namespace

TensorRef new_tensor(const TensorMeta& meta, StorageRef storage) { return make(tensor_type, meta, std::move(storage)); }
TensorRef new_tensor(TensorMeta&& meta, StorageRef storage) {
  return make(tensor_type, std::move(meta), std::move(storage));
}
TensorRef new_tensor_of(PyTypeObject* type, const TensorMeta& meta, StorageRef storage) {
  return make(type, meta, std::move(storage));
}

TensorRef empty(TensorMeta meta) {
  meta.offset = 0;
  int64_t nbytes = checked_nbytes(meta.sizes, meta.dtype);
  return new_tensor(std::move(meta), StorageRef::steal(new_storage(nbytes)));
}
TensorRef empty(const Shape& sizes, DType dtype) {
  checked_nbytes(sizes, dtype);
  return empty(make_meta(sizes, dtype));
}

TensorRef make_view(TensorObj* t, const TensorMeta& meta) {
  TensorRef out = new_tensor(meta, StorageRef::borrow(t->storage));
  out->meta.requires_grad = false;
  TensorObj* root = t->base ? t->base : t;
  out->base = root;
  Py_INCREF(root);
  if (t->version) {
    out->version = t->version;
    ++t->version->refs;
  }
  out->flags = t->flags & kInferenceTensor;
  return out;
}

TensorRef make_alias(TensorObj* t) {
  TensorRef out = new_tensor(t->meta, StorageRef::borrow(t->storage));
  out->meta.requires_grad = false;
  if (t->version) {
    out->version = t->version;
    ++t->version->refs;
  }
  if (t->wrapper)
    if (Wrapper* w = t->wrapper->clone()) set_wrapper(out.get(), w);
  return out;
}

TensorRef make_data(TensorObj* t) {
  TensorRef out = new_tensor(t->meta, StorageRef::borrow(t->storage));
  out->meta.requires_grad = false;
  out->version = new VersionCell();
  if (t->wrapper)
    if (Wrapper* w = t->wrapper->clone()) set_wrapper(out.get(), w);
  return out;
}

TensorRef scalar_tensor(const Arg& number, DType dtype) {
  TensorRef out = empty(Shape(), dtype);
  store_number(data_of(out.get()), dtype, number);
  return out;
}

int64_t extent_nbytes(const TensorMeta& m) {
  int64_t bytes = 0;
  if (__builtin_mul_overflow(checked_extent(m.sizes, m.strides, m.offset), static_cast<int64_t>(size_of(m.dtype)),
                             &bytes))
    raise(ErrorKind::Runtime, "Storage size calculation overflowed with sizes=", m.sizes, " and strides=", m.strides);
  return bytes;
}

bool overlaps_itself(const TensorMeta& m) {
  // Exact where dimensions nest (each stride spans the dimensions below it); otherwise only stride 0 is known for sure.
  for (int64_t d = 0; d < m.dim(); ++d) {
    if (m.sizes[d] == 0) return false;
  }
  for (int64_t d = 0; d < m.dim(); ++d)
    if (m.sizes[d] > 1 && m.strides[d] == 0) return true;
  return false;
}

bool overlaps_partly(const TensorObj* a, const TensorObj* b) {
  if (a == b || !a->storage->data || !b->storage->data) return false;
  if (a->meta.numel() == 0 || b->meta.numel() == 0) return false;
  ByteRange x = range_of(a), y = range_of(b);
  if (x.end <= y.begin || y.end <= x.begin) return false;
  return !(data_of(a) == data_of(b) && a->meta.dtype == b->meta.dtype && a->meta.sizes == b->meta.sizes &&
           a->meta.strides == b->meta.strides);
}

namespace {
Arg complex_number(auto parts) { return Arg::complex(parts[0], parts[1]); }
}  // namespace

Arg load_number(const std::byte* p, DType t) {
  auto get = [&]<class T>(T v) {
    std::memcpy(&v, p, sizeof v);
    return v;
  };
  switch (t) {
    case DType::Bool: return Arg(get(uint8_t{}) != 0);
    case DType::U8: return Arg(int64_t{get(uint8_t{})});
    case DType::I8: return Arg(int64_t{get(int8_t{})});
    case DType::I16: return Arg(int64_t{get(int16_t{})});
    case DType::I32: return Arg(int64_t{get(int32_t{})});
    case DType::I64: return Arg(get(int64_t{}));
    case DType::F16: return Arg(double{to_float(get(F16{}))});
    case DType::BF16: return Arg(double{to_float(get(BF16{}))});
    case DType::F32: return Arg(double{get(float{})});
    case DType::F64: return Arg(get(double{}));
    case DType::C64: return complex_number(get(std::array<float, 2>{}));
    case DType::C128: return complex_number(get(std::array<double, 2>{}));
    case DType::U16: return Arg(int64_t{get(uint16_t{})});
    case DType::U32: return Arg(int64_t{get(uint32_t{})});
    case DType::U64: {
      uint64_t v = get(uint64_t{});
      return v <= INT64_MAX ? Arg(static_cast<int64_t>(v)) : Arg(static_cast<double>(v));
    }
  }
  return Arg();
}

void store_number(std::byte* p, DType t, const Arg& n) {
  auto put = [&](auto v) { std::memcpy(p, &v, sizeof v); };
  FJ_USER_CHECK(!n.is_complex() || is_complex(t), ErrorKind::Runtime, "value cannot be converted to type ",
                cpp_type_name(t), " without overflow");
  switch (t) {
    case DType::Bool: return put(static_cast<uint8_t>(n.tag() == ArgTag::Float ? n.as_double() != 0 : n.as_int() != 0));
    case DType::U8: return put(static_cast<uint8_t>(n.as_int()));
    case DType::I8: return put(static_cast<int8_t>(n.as_int()));
    case DType::I16: return put(static_cast<int16_t>(n.as_int()));
    case DType::I32: return put(static_cast<int32_t>(n.as_int()));
    case DType::I64: return put(n.as_int());
    case DType::F16: return put(to_f16(static_cast<float>(n.as_double())));
    case DType::BF16: return put(to_bf16(static_cast<float>(n.as_double())));
    case DType::F32: return put(static_cast<float>(n.as_double()));
    case DType::F64: return put(n.as_double());
    case DType::C64: return put(std::array<float, 2>{static_cast<float>(n.real()), static_cast<float>(n.imag())});
    case DType::C128: return put(std::array<double, 2>{n.real(), n.imag()});
    case DType::U16: return put(static_cast<uint16_t>(n.as_int()));
    case DType::U32: return put(static_cast<uint32_t>(n.as_int()));
    case DType::U64: return put(n.as_int());
  }
}

bool stamp_facts(TensorObj* t) {
  static uint32_t last = 0;
  if (t->stamp) return true;
  if (last == ~uint32_t{0}) return false;
  t->stamp = ++last;
  return true;
}

void set_wrapper(TensorObj* t, Wrapper* w) {
  facts_changed(t);
  delete t->wrapper;
  t->wrapper = w;
  if (!w) return;
  w->attached(t);
  track(t);
}

int tensor_traverse(PyObject* self, visitproc visit, void* arg) {
  TensorObj* t = as_tensor(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(t->dict);
  Py_VISIT(t->base);
  if (t->wrapper)
    if (int r = t->wrapper->traverse(visit, arg)) return r;
  if (t->autograd && tape_api.traverse) return tape_api.traverse(t, visit, arg);
  return 0;
}

int tensor_clear(PyObject* self) {
  TensorObj* t = as_tensor(self);
  Py_CLEAR(t->dict);
  if (t->autograd && tape_api.clear) tape_api.clear(t);
  if (t->wrapper) {
    Wrapper* w = std::exchange(t->wrapper, nullptr);
    delete w;
  }
  return 0;
}

void tensor_dealloc(PyObject* self) {
  TensorObj* t = as_tensor(self);
  PyTypeObject* type = Py_TYPE(self);
  if (PyObject_GC_IsTracked(self)) PyObject_GC_UnTrack(self);
  if (t->weakrefs) PyObject_ClearWeakRefs(self);
  if (t->dict || t->autograd || t->wrapper) tensor_clear(self);
  Py_CLEAR(t->base);
  drop_version(t);
  if (t->storage) {
    Storage* s = std::exchange(t->storage, nullptr);
    if (--s->refs == 0) destroy_storage(s);
  }
  if (type == tensor_type && free_count < kMaxFree) {
    t->flags = t->stamp = 0;
    t->meta.offset = 0;
    t->meta.requires_grad = false;
    free_tensors[free_count++] = t;
  } else {
    t->meta.~TensorMeta();
    type->tp_free(self);
  }
  Py_DECREF(type);
}

}  // namespace fj
