// What the calling thread has switched on: gradient modes and active layers.
#pragma once
#include <bit>
#include <cstdint>

#include "ops/dtype.h"

namespace fj {

class Layer;

// What a graph break does: what `fullgraph` of the compiled function says, or what error_on_graph_break() does. The
// values leave the lower half of their byte to the default dtype (modes_word).
enum class OnBreak : uint8_t { AsCompiled = 0, GoOn = 0x10, Error = 0x20 };

// Ops of autocast's lists run in the dtype that is set here (autocast.h). Eight bytes, so that guards compare one word.
struct AutocastState {
  bool cpu = false, cuda = false;  // which devices it is on for; tensors are on the CPU, the other is only kept
  bool cache = true;               // leaves that were cast stay cast until the outermost region ends
  uint8_t nesting = 0;             // regions around
  DType cpu_dtype = DType::BF16, cuda_dtype = DType::F16;
  bool inside = false;  // an op is being taken apart: the parts are our matter, but for products
  OnBreak on_break = OnBreak::AsCompiled;
};
static_assert(sizeof(AutocastState) == sizeof(uint64_t));

// What a program switches on and off for its thread.
struct Modes {
  bool grad_mode = true;
  bool inference_mode = false;
  AutocastState autocast;
  friend bool operator==(const Modes& a, const Modes& b) {
    return a.grad_mode == b.grad_mode && a.inference_mode == b.inference_mode &&
           std::bit_cast<uint64_t>(a.autocast) == std::bit_cast<uint64_t>(b.autocast);
  }
};

struct ThreadState : Modes {
  Layer* top = nullptr;       // the innermost active layer; each knows the one below
  Layer* recorder = nullptr;  // while the tape records a traced call: what stands in for its execution
};

extern thread_local ThreadState thread_state_;
inline ThreadState& thread_state() { return thread_state_; }

// All modes that a compiled function may depend on, in one word: grad mode, inference mode, default dtype, autocast,
// what a break does.
inline uint64_t modes_word() {
  const ThreadState& s = thread_state_;
  return std::bit_cast<uint64_t>(s.autocast) | uint64_t{s.grad_mode} << 48 | uint64_t{s.inference_mode} << 49 |
         static_cast<uint64_t>(default_dtype()) << 56;
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
