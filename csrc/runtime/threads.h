// The process's one thread pool. The caller takes part; work is claimed in chunks, so that a late or busy worker costs
// little. Workers spin for a while after work, then sleep. Library calls inside run on one thread.
#pragma once
#include <cstdint>

namespace fj::runtime {

// Threads that may work on one job, the caller included. From FRAMEJIT_THREADS, else the CPU affinity.
int num_threads();
void set_num_threads(int n);

using ChunkFn = void (*)(void* state, int64_t chunk, int worker);
// Calls fn for chunks 0..n-1, each once, on any of the pool's threads; returns when all are done. `worker` is in
// [0, num_threads()), 0 for the caller. Runs in order on the caller alone when the pool is busy (nested calls included)
// or n is 1. `fn` must not throw.
void run_chunks(int64_t n, ChunkFn fn, void* state);

// Whether splitting work of this many nanoseconds pays.
inline bool worth_splitting(double ns) { return ns > 30e3 && num_threads() > 1; }

}  // namespace fj::runtime
