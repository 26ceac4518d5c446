// Size classes: four per power of two, so that at most a fifth of a block is waste. Blocks up to 4 KiB go through
// a per-thread list without a lock; larger ones through one list a class under a mutex.
#include "runtime/memory.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "base/error.h"

namespace fj::runtime {
namespace {

constexpr size_t kAlign = 64;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kLocalLimit = 4096;
constexpr int kLocalClasses = 32;
constexpr int kLocalDepth = 64;  // blocks of one class that a thread keeps
constexpr int kClasses = 160;
constexpr int64_t kCacheCap = int64_t{1} << 30;

struct SizeClass {
  int index;
  size_t bytes;
};

// 64, 128, 192, 256, then 5/4, 6/4, 7/4 and 8/4 of each power of two.
SizeClass class_of(size_t n) {
  if (n <= 256) {
    size_t blocks = n == 0 ? 1 : (n + 63) / 64;
    return {static_cast<int>(blocks) - 1, blocks * 64};
  }
  int log = 63 - __builtin_clzll(n - 1);  // 2^log < n <= 2^(log+1)
  size_t quarter = size_t{1} << (log - 2);
  size_t q = (n - 1 - (size_t{1} << log)) / quarter + 1;  // 1..4
  return {4 + (log - 8) * 4 + static_cast<int>(q) - 1, (size_t{1} << log) + q * quarter};
}

struct Shared {
  std::mutex mutex;
  std::vector<void*> lists[kClasses];
};
Shared& shared() {
  static Shared* s = new Shared;  // never destroyed: storages may outlive static destructors
  return *s;
}
std::atomic<int64_t> g_in_use{0}, g_cached{0};

struct Local {
  int count[kLocalClasses] = {};
  void* blocks[kLocalClasses][kLocalDepth];
  ~Local() {
    for (int c = 0; c < kLocalClasses; ++c) {
      for (int i = 0; i < count[c]; ++i) std::free(blocks[c][i]);
      count[c] = kLocalDepth;  // frees that come later in this thread go to the shared lists
    }
  }
};
thread_local Local t_local;

void* from_system(size_t bytes) {
  void* p = bytes <= (size_t{1} << 46)
                ? std::aligned_alloc(bytes >= 2 * kHugePage ? kHugePage : kAlign,
                                     bytes >= 2 * kHugePage ? (bytes + kHugePage - 1) / kHugePage * kHugePage : bytes)
                : nullptr;
  if (!p) {
    release_cached_memory();
    raise(ErrorKind::Memory,
          "[enforce fail at alloc_cpu.cpp] . DefaultCPUAllocator: can't allocate memory: you tried to allocate ", bytes,
          " bytes. Error code 12 (Cannot allocate memory)");
  }
  if (bytes >= 2 * kHugePage) madvise(p, bytes, MADV_HUGEPAGE);
  return p;
}

void* from_shared(SizeClass c) {
  Shared& s = shared();
  std::lock_guard<std::mutex> lock(s.mutex);
  auto& list = s.lists[c.index];
  if (list.empty()) return nullptr;
  void* p = list.back();
  list.pop_back();
  g_cached.fetch_sub(static_cast<int64_t>(c.bytes), std::memory_order_relaxed);
  return p;
}

}  // namespace

void* alloc_bytes(size_t nbytes) {
  FJ_USER_CHECK(nbytes < (size_t{1} << 62), ErrorKind::Memory, "can't allocate memory: you tried to allocate ", nbytes,
                " bytes");
  SizeClass c = class_of(nbytes);
  if (c.bytes <= kLocalLimit) {
    Local& l = t_local;
    int n = l.count[c.index];
    if (n > 0 && n < kLocalDepth) return l.blocks[c.index][l.count[c.index] = n - 1];
    return from_system(c.bytes);
  }
  g_in_use.fetch_add(static_cast<int64_t>(c.bytes), std::memory_order_relaxed);
  if (void* p = from_shared(c)) return p;
  return from_system(c.bytes);
}

void free_bytes(void* p, size_t nbytes) {
  if (!p) return;
  SizeClass c = class_of(nbytes);
  if (c.bytes <= kLocalLimit) {
    Local& l = t_local;
    int& n = l.count[c.index];
    if (n < kLocalDepth - 1)
      l.blocks[c.index][n++] = p;
    else
      std::free(p);
    return;
  }
  int64_t bytes = static_cast<int64_t>(c.bytes);
  g_in_use.fetch_sub(bytes, std::memory_order_relaxed);
  if (g_cached.load(std::memory_order_relaxed) + bytes > kCacheCap) return std::free(p);
  Shared& s = shared();
  std::lock_guard<std::mutex> lock(s.mutex);
  s.lists[c.index].push_back(p);
  g_cached.fetch_add(bytes, std::memory_order_relaxed);
}

MemoryStats memory_stats() { return {g_in_use.load(), g_cached.load()}; }

void release_cached_memory() {
  Shared& s = shared();
  std::lock_guard<std::mutex> lock(s.mutex);
  for (auto& list : s.lists) {
    for (void* p : list) std::free(p);
    list.clear();
  }
  g_cached = 0;
}

}  // namespace fj::runtime
