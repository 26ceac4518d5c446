// Storage: the memory behind tensors, shared by views, with the counters that tell who wrote to it.
//
// Counts are plain integers: a Storage is retained and released only with the interpreter's lock held. Memory is either
// our own (64-byte aligned; small blocks carry their data inside themselves and come from a free list) or somebody
// else's, kept alive by `owner` (a buffer, an array, a DLPack capsule).
#pragma once
#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace fj {

struct alignas(64) Storage {
  std::byte* data;
  int64_t nbytes;
  int64_t capacity;
  PyObject* owner;                         // keeps foreign memory alive; null for our own
  void (*release_owner)(PyObject* owner);  // null: Py_DECREF
  uint32_t refs;
  uint32_t version;  // in-place writes through tensors that share this counter
  uint64_t writes;   // all in-place writes, those through `.data` too
};
static_assert(sizeof(Storage) == 64);

// Our own memory, not initialised. Raises where the machine has not that much.
Storage* new_storage(int64_t nbytes);
// Foreign memory; takes over one reference to `owner`.
Storage* wrap_storage(void* data, int64_t nbytes, PyObject* owner, void (*release_owner)(PyObject*) = nullptr);
// A storage without memory: what fake tensors have, so that aliasing and versions can be followed.
Storage* new_fake_storage(int64_t nbytes);
// Grows or shrinks our own storage, keeping the common prefix. Raises for foreign memory that would have to grow.
void resize_storage(Storage* s, int64_t nbytes);
void destroy_storage(Storage* s) noexcept;

// Counters for tests of leaks: storages and bytes alive.
struct StorageStats {
  int64_t live = 0;
  int64_t bytes = 0;
};
StorageStats& storage_stats();

class StorageRef {
 public:
  StorageRef() = default;
  static StorageRef steal(Storage* s) {
    StorageRef r;
    r.p_ = s;
    return r;
  }
  static StorageRef borrow(Storage* s) {
    if (s) ++s->refs;
    return steal(s);
  }
  StorageRef(const StorageRef& o) : p_(o.p_) {
    if (p_) ++p_->refs;
  }
  StorageRef(StorageRef&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  StorageRef& operator=(StorageRef o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~StorageRef() {
    if (p_ && --p_->refs == 0) destroy_storage(p_);
  }
  Storage* get() const { return p_; }
  Storage* operator->() const { return p_; }
  Storage* release() { return std::exchange(p_, nullptr); }
  explicit operator bool() const { return p_ != nullptr; }

 private:
  Storage* p_ = nullptr;
};

}  // namespace fj
