// The derivative of an autograd.Function as capture traced it. Lives as long as the process, like the code that it was
// made from: ops refer to it by address.
#pragma once
#include "ops/builder.h"

namespace fj {

class CustomGradient {
 public:
  virtual ~CustomGradient() = default;
  // From gradients of the outputs (none is null) to gradients of the inputs (null: none), given what was saved.
  virtual void apply(Builder& b, std::span<const Val> grads, std::span<const Val> saved,
                     SmallVec<Val, 4>& out) const = 0;

  std::vector<int32_t> saved_outputs;  // per saved value: the output that it is, or -1
};

}  // namespace fj
