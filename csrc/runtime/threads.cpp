// A job is published by bumping `epoch` (odd: open). Workers claim chunks from `next`; the caller waits until all
// chunks are finished and no worker is inside the job, so that the job's state may live on its stack.
#include "runtime/threads.h"

#include <immintrin.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <mutex>
#include <thread>

#include "base/flags.h"

namespace fj::runtime {
namespace {

constexpr int kSpins = 4000;  // about 40 us
constexpr int kMaxThreads = 64;

struct Job {
  ChunkFn fn = nullptr;
  void* state = nullptr;
  int64_t count = 0;
  std::atomic<int64_t> next{0}, finished{0};
};

struct Pool {
  std::atomic<uint32_t> epoch{0};
  std::atomic<Job*> job{nullptr};
  std::atomic<int> inside{0};  // workers that hold `job`
  std::atomic<int> sleeping{0};
  std::mutex busy;
  int workers = 0;
};

Pool* g_pool = nullptr;
std::atomic<int> g_threads{0};
std::mutex g_start;
thread_local bool t_inside = false;

void futex_wait(std::atomic<uint32_t>* word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}
void futex_wake(std::atomic<uint32_t>* word, int n) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, nullptr, nullptr, 0);
}

void work(Job& job, int worker) {
  for (;;) {
    int64_t i = job.next.fetch_add(1, std::memory_order_relaxed);
    if (i >= job.count) return;
    job.fn(job.state, i, worker);
    job.finished.fetch_add(1, std::memory_order_release);
  }
}

void worker_main(Pool* pool, int id) {
  t_inside = true;
  uint32_t seen = pool->epoch.load(std::memory_order_acquire);
  for (;;) {
    int spins = 0;
    while (pool->epoch.load(std::memory_order_acquire) == seen) {
      if (++spins < kSpins) {
        _mm_pause();
        continue;
      }
      pool->sleeping.fetch_add(1, std::memory_order_seq_cst);
      if (pool->epoch.load(std::memory_order_seq_cst) == seen) futex_wait(&pool->epoch, seen);
      pool->sleeping.fetch_sub(1, std::memory_order_relaxed);
      spins = 0;
    }
    seen = pool->epoch.load(std::memory_order_acquire);
    pool->inside.fetch_add(1, std::memory_order_seq_cst);
    if (Job* job = pool->job.load(std::memory_order_seq_cst)) work(*job, id);
    pool->inside.fetch_sub(1, std::memory_order_release);
  }
}

int threads_from_affinity() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::clamp(CPU_COUNT(&set), 1, kMaxThreads);
}

// A forked child has none of the parent's workers: it starts its own pool at its first job.
void forget_pool() { g_pool = nullptr; }

Pool* pool() {
  if (g_pool) return g_pool;
  std::lock_guard<std::mutex> lock(g_start);
  if (g_pool) return g_pool;
  static bool registered = (pthread_atfork(nullptr, nullptr, forget_pool), true);
  (void)registered;
  Pool* p = new Pool;  // lives as long as its detached workers: for ever
  p->workers = num_threads() - 1;
  for (int i = 0; i < p->workers; ++i) std::thread(worker_main, p, i + 1).detach();
  g_pool = p;
  return p;
}

void run_here(int64_t n, ChunkFn fn, void* state) {
  for (int64_t i = 0; i < n; ++i) fn(state, i, 0);
}

}  // namespace

int num_threads() {
  int n = g_threads.load(std::memory_order_relaxed);
  if (n > 0) return n;
  int64_t wanted = flags::get().threads;
  n = wanted > 0 ? static_cast<int>(std::min<int64_t>(wanted, kMaxThreads)) : threads_from_affinity();
  g_threads.store(n, std::memory_order_relaxed);
  return n;
}

void set_num_threads(int n) {
  // The running workers stay as they are; a job never uses more chunks at once than there are workers.
  g_threads.store(std::clamp(n, 1, kMaxThreads), std::memory_order_relaxed);
}

void run_chunks(int64_t n, ChunkFn fn, void* state) {
  if (n <= 1 || t_inside || num_threads() == 1) return run_here(n, fn, state);
  Pool* p = pool();
  std::unique_lock<std::mutex> lock(p->busy, std::try_to_lock);
  if (!lock.owns_lock() || p->workers == 0) return run_here(n, fn, state);
  Job job;
  job.fn = fn;
  job.state = state;
  job.count = n;
  p->job.store(&job, std::memory_order_seq_cst);
  p->epoch.fetch_add(1, std::memory_order_seq_cst);
  if (p->sleeping.load(std::memory_order_seq_cst) > 0)
    futex_wake(&p->epoch, static_cast<int>(std::min<int64_t>(n - 1, INT_MAX)));
  t_inside = true;
  work(job, 0);
  t_inside = false;
  // New workers see no job; those inside may still finish a chunk.
  p->job.store(nullptr, std::memory_order_seq_cst);
  int spins = 0;
  while (job.finished.load(std::memory_order_acquire) < n || p->inside.load(std::memory_order_seq_cst) > 0) {
    if (++spins < kSpins)
      _mm_pause();
    else
      sched_yield();
  }
}

}  // namespace fj::runtime
