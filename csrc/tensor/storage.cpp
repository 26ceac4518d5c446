#include "tensor/storage.h"

#include <cstring>

#include "base/error.h"
#include "runtime/memory.h"

namespace fj {
namespace {

// One block size for everything small: header and 64 bytes of data (a scalar, a short vector).
constexpr int64_t kInlineBytes = 64;
constexpr int kMaxFree = 256;

Storage* free_blocks[kMaxFree];
int free_count = 0;
StorageStats stats;

// Big blocks; small ones are `small_block`s.
std::byte* big_block(int64_t nbytes) {
  // More than any address space has: say so instead of asking the system.
  FJ_USER_CHECK(nbytes >= 0 && nbytes < (int64_t{1} << 47), ErrorKind::Memory,
                "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate ",
                nbytes, " bytes.");
  return static_cast<std::byte*>(runtime::alloc_bytes(static_cast<size_t>(nbytes)));
}
void free_big(std::byte* p, int64_t nbytes) { runtime::free_bytes(p, static_cast<size_t>(nbytes)); }

constexpr int64_t kSmallBlock = sizeof(Storage) + kInlineBytes;

Storage* small_block() {
  if (free_count > 0) return free_blocks[--free_count];
  return reinterpret_cast<Storage*>(big_block(kSmallBlock));
}

std::byte* inline_data(Storage* s) { return reinterpret_cast<std::byte*>(s) + sizeof(Storage); }

void init(Storage* s, std::byte* data, int64_t nbytes, int64_t capacity) {
  *s = Storage{data, nbytes, capacity, nullptr, nullptr, 1, 0, 0};
  ++stats.live;
}

bool owns_heap(const Storage* s) { return s->capacity > kInlineBytes; }

}  // namespace

StorageStats& storage_stats() { return stats; }

Storage* new_storage(int64_t nbytes) {
  Storage* s = small_block();
  if (nbytes <= kInlineBytes && nbytes >= 0) {
    init(s, inline_data(s), nbytes, kInlineBytes);
    return s;
  }
  std::byte* data = nullptr;
  try {
    data = big_block(nbytes);
  } catch (...) {
    free_big(reinterpret_cast<std::byte*>(s), kSmallBlock);
    throw;
  }
  init(s, data, nbytes, nbytes);
  stats.bytes += nbytes;
  return s;
}

Storage* wrap_storage(void* data, int64_t nbytes, PyObject* owner, void (*release_owner)(PyObject*)) {
  Storage* s = small_block();
  init(s, static_cast<std::byte*>(data), nbytes, 0);
  s->owner = owner;
  s->release_owner = release_owner;
  return s;
}

Storage* new_fake_storage(int64_t nbytes) {
  Storage* s = small_block();
  init(s, nullptr, nbytes, 0);
  return s;
}

void resize_storage(Storage* s, int64_t nbytes) {
  if (nbytes <= s->capacity || nbytes <= s->nbytes) {
    s->nbytes = nbytes;
    return;
  }
  FJ_USER_CHECK(!s->owner && s->data, ErrorKind::Runtime, "Trying to resize storage that is not resizable");
  std::byte* fresh = big_block(nbytes);
  std::memcpy(fresh, s->data, static_cast<size_t>(s->nbytes));
  if (owns_heap(s)) {
    free_big(s->data, s->capacity);
    stats.bytes -= s->capacity;
  }
  stats.bytes += nbytes;
  s->data = fresh;
  s->nbytes = s->capacity = nbytes;
}

void destroy_storage(Storage* s) noexcept {
  --stats.live;
  if (owns_heap(s)) {
    stats.bytes -= s->capacity;
    free_big(s->data, s->capacity);
  }
  if (s->owner) {
    if (s->release_owner)
      s->release_owner(s->owner);
    else
      Py_DECREF(s->owner);
  }
  if (free_count < kMaxFree)
    free_blocks[free_count++] = s;
  else
    free_big(reinterpret_cast<std::byte*>(s), kSmallBlock);
}

}  // namespace fj
