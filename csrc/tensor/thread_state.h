// What the calling thread has switched on: gradient modes and active layers.
#pragma once
#include <cstdint>

#include "ops/dtype.h"

namespace fj {

class Layer;

struct ThreadState {
  bool grad_mode = true;
  bool inference_mode = false;
  Layer* top = nullptr;  // the innermost active layer; each knows the one below
};

extern thread_local ThreadState thread_state_;
inline ThreadState& thread_state() { return thread_state_; }

// All modes that a compiled function may depend on, in one word: grad mode, inference mode, default dtype.
inline uint64_t modes_word() {
  const ThreadState& s = thread_state_;
  return uint64_t{s.grad_mode} | uint64_t{s.inference_mode} << 1 | static_cast<uint64_t>(default_dtype()) << 8;
}

class GradModeGuard {
 public:
  explicit GradModeGuard(bool on) : before_(thread_state_.grad_mode) { thread_state_.grad_mode = on; }
  ~GradModeGuard() { thread_state_.grad_mode = before_; }
  GradModeGuard(const GradModeGuard&) = delete;
  GradModeGuard& operator=(const GradModeGuard&) = delete;

 private:
  bool before_;
};

}  // namespace fj
