// Autocast: where it is on, ops of its lists (autocast.def) get their arguments in another dtype. The casts are
// ordinary ops above the tape, so that gradients come back in the arguments' own dtypes, and inside a trace they are
// nodes.
#pragma once
#include "tensor/dispatch.h"

namespace fj::autocast {

enum class Policy : uint8_t { None, Lower, Float32, Promote };

// By the name of an op, or of a Python function that is on a list.
Policy policy_of(std::string_view name);

// Off for a scope: while an op of the lists runs, what it is made of is not cast again.
class Pause {
 public:
  Pause() : before_(thread_state_.autocast.cpu) { thread_state_.autocast.cpu = false; }
  ~Pause() { thread_state_.autocast.cpu = before_; }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  bool before_;
};

// While a transparent composite is taken apart: of the lists only Lower counts, so that einsum multiplies in the lower
// precision as PyTorch's does, and what else a decomposition uses shows nowhere.
class Inside {
 public:
  Inside() : before_(thread_state_.autocast.inside) { thread_state_.autocast.inside = true; }
  ~Inside() { thread_state_.autocast.inside = before_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  bool before_;
};

// With autocast on: calls `op` with its arguments cast and gives true, or false if the op is on no list.
bool call(const OpDef& op, Args args, Outs& outs);
// The tensors among `args` as the policy wants them.
ArgVec cast_args(Policy policy, Args args, Outs& keep);

// Forgets the casts of leaves; those of fake tensors only.
void clear_cache();
void drop_traced();
// Takes on modes that a program left behind; leaving the outermost region clears the cache.
void set_modes(const Modes& modes);

}  // namespace fj::autocast
