// TensorObj: the one tensor object. A PyObject that embeds its TensorMeta (so a Val is a pointer into it) and refers to
// a Storage. Also the owned reference TensorRef and the ways to make tensors.
//
// GC rules: an object of the exact type starts untracked, since meta, storage and base cannot make a cycle; whoever
// gives it something that can (an instance dict, tape state, a wrapper) calls `track`. Freed objects of the exact type
// wait on a free list. Objects of Python subclasses are ordinary GC objects.
#pragma once
#include <Python.h>

#include "ops/arg.h"
#include "tensor/storage.h"

namespace fj {

struct AutogradMeta;  // the tape's (tensor/autograd*.h)
struct Wrapper;       // a layer's (tensor/layer.h)

// A version counter of its own: what `.data` gives, so that writes through it do not count for saved tensors.
struct VersionCell {
  uint32_t refs = 1;
  uint32_t version = 0;
};

enum TensorFlags : uint32_t {
  kInferenceTensor = 1 << 0,
  kNonLeaf = 1 << 1,        // a fake tensor that stands for a result of differentiable ops
  kFakeView = 1 << 3,       // a fake tensor that stands for a view from outside
  kNoGradView = 1 << 8,     // a view made while grad mode was off: its base's history is not its own
  kWrappedNumber = 1 << 2,  // a 0-d tensor made from a Python number: promotes as one
};

struct TensorObj {
  PyObject_HEAD uint32_t flags;
  uint32_t stamp;  // a number that no other tensor has (stamp_facts); 0 from when one of the facts changes
  TensorMeta meta;
  Storage* storage;  // owned; null only while an object is being made
  AutogradMeta* autograd;
  Wrapper* wrapper;
  TensorObj* base;       // owned: the root that this is a view of; null for others
  VersionCell* version;  // owned; null: the storage's counter
  PyObject* dict;
  PyObject* weakrefs;
};

extern PyTypeObject* tensor_type;  // created by bind with the slots of tensor_slots.h
inline bool is_tensor(PyObject* o) { return Py_TYPE(o) == tensor_type || PyType_IsSubtype(Py_TYPE(o), tensor_type); }
inline bool is_exact_tensor(PyObject* o) { return Py_TYPE(o) == tensor_type; }
inline TensorObj* as_tensor(PyObject* o) { return reinterpret_cast<TensorObj*>(o); }
inline PyObject* as_object(TensorObj* t) { return reinterpret_cast<PyObject*>(t); }

// Guards rely on the facts of a tensor (facts.h, sizes, strides, storage, base, wrapper) for as long as it has the
// stamp that it was given. Whoever changes one in a tensor that others may know says so.
inline void facts_changed(TensorObj* t) { t->stamp = 0; }
// False when there are no numbers left.
bool stamp_facts(TensorObj* t);

inline Val val_of(TensorObj* t) { return Val{&t->meta}; }
inline TensorObj* tensor_of(Val v) {
  return reinterpret_cast<TensorObj*>(reinterpret_cast<char*>(const_cast<TensorMeta*>(v.m)) -
                                      offsetof(TensorObj, meta));
}
inline TensorObj* obj_of(Val v) { return tensor_of(v); }

// Start of the tensor's elements. Only for tensors with data: see check_data in layer.h.
inline std::byte* data_of(const TensorObj* t) { return t->storage->data + t->meta.offset * size_of(t->meta.dtype); }
inline uint32_t version_of(const TensorObj* t) { return t->version ? t->version->version : t->storage->version; }
inline void bump_version(TensorObj* t) {
  ++t->storage->writes;
  ++(t->version ? t->version->version : t->storage->version);
}

class TensorRef {
 public:
  TensorRef() = default;
  static TensorRef steal(TensorObj* t) {
    TensorRef r;
    r.p_ = t;
    return r;
  }
  static TensorRef borrow(TensorObj* t) {
    Py_XINCREF(t);
    return steal(t);
  }
  TensorRef(const TensorRef& o) : p_(o.p_) { Py_XINCREF(p_); }
  TensorRef(TensorRef&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  TensorRef& operator=(TensorRef o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~TensorRef() { Py_XDECREF(p_); }
  TensorObj* get() const { return p_; }
  TensorObj* operator->() const { return p_; }
  Val val() const { return val_of(p_); }
  TensorObj* release() { return std::exchange(p_, nullptr); }
  PyObject* release_object() { return as_object(release()); }
  explicit operator bool() const { return p_ != nullptr; }

 private:
  TensorObj* p_ = nullptr;
};

using Outs = SmallVec<TensorRef, 2>;

// A tensor over `storage` (taken over). `meta.requires_grad` is taken as it stands.
TensorRef new_tensor(const TensorMeta& meta, StorageRef storage);
TensorRef new_tensor(TensorMeta&& meta, StorageRef storage);
// The same as an instance of a Python subclass (type is borrowed).
TensorRef new_tensor_of(PyTypeObject* type, const TensorMeta& meta, StorageRef storage);
// Fresh memory for `meta` (its strides may be any dense order), not initialised.
TensorRef empty(TensorMeta meta);
TensorRef empty(const Shape& sizes, DType dtype);
// A view with the given geometry over t's storage; `base` and the version cell are set, gradients are the tape's
// matter.
TensorRef make_view(TensorObj* t, const TensorMeta& meta);
// The same storage and meta, no gradient and no base: what detach() gives.
TensorRef make_alias(TensorObj* t);
// As make_alias, with its own version counter: what `.data` gives.
TensorRef make_data(TensorObj* t);
// A 0-d tensor of a number.
TensorRef scalar_tensor(const Arg& number, DType dtype);

inline void track(TensorObj* t) {
  if (!PyObject_GC_IsTracked(as_object(t))) PyObject_GC_Track(as_object(t));
}
// Bytes from the storage's start to behind the last element; checked against overflow.
int64_t extent_nbytes(const TensorMeta& m);
// Do any two elements of the tensor share memory?
bool overlaps_itself(const TensorMeta& m);
// May writing to `a` change `b`, other than element by element at the same place?
bool overlaps_partly(const TensorObj* a, const TensorObj* b);

// Reads and writes one element as a Python-like number; a uint64 beyond int64 is read as the nearest double.
Arg load_number(const std::byte* p, DType t);
void store_number(std::byte* p, DType t, const Arg& number);

// Slots of the type.
void tensor_dealloc(PyObject* self);
int tensor_traverse(PyObject* self, visitproc visit, void* arg);
int tensor_clear(PyObject* self);

}  // namespace fj
