// Counters of what was compiled, and the scope that lets other Python threads run during a long kernel.
#pragma once
#include <Python.h>

#include <cstdint>

namespace fj::driver {

struct Stats {
  int64_t graphs = 0;      // compiled graphs (forward and backward counted apart)
  int64_t kernels = 0;     // in compiled graphs
  int64_t programs = 0;    // programs of eager ops
  int64_t compile_ns = 0;  // transform, schedule and codegen
  int64_t eager_compile_ns = 0;
  int64_t aot_ok = 0;      // graphs differentiated and functionalised ahead of time
  int64_t aot_not_ok = 0;  // and those for which that is not possible, which run op by op
};
Stats& stats();

// Adds the time of its scope to the eager or the graph compile time.
class CompileTimer {
 public:
  explicit CompileTimer(bool eager = true);
  ~CompileTimer();

 private:
  bool eager_;
  int64_t start_;
};

// Work that is estimated to take longer than this runs without the interpreter's lock.
constexpr double kReleaseLockNs = 100e3;

class LockRelease {
 public:
  explicit LockRelease(double ns) : state_(ns > kReleaseLockNs ? PyEval_SaveThread() : nullptr) {}
  ~LockRelease() {
    if (state_) PyEval_RestoreThread(state_);
  }
  LockRelease(const LockRelease&) = delete;
  LockRelease& operator=(const LockRelease&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace fj::driver
