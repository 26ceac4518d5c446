// Bytes for tensor storages and program arenas: 64-byte aligned, from free lists. Fresh pages are the most expensive
// thing that a big result can ask for (docs/performance.md), so freed blocks are kept, up to a cap, and given out
// again. Thread-safe; blocks may be freed by another thread than the one that asked for them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace fj::runtime {

// Never null; raises Memory when the system has no more. A request for 0 bytes gives a valid, distinct block.
void* alloc_bytes(size_t nbytes);
// `nbytes` as it was asked for.
void free_bytes(void* p, size_t nbytes);

struct MemoryStats {
  int64_t in_use;  // bytes handed out, rounded to their block size
  int64_t cached;  // bytes kept in free lists
};
MemoryStats memory_stats();
void release_cached_memory();

}  // namespace fj::runtime
