// Iteration spaces: which dimensions a kernel loops over, in which order, and how each operand steps along them.
#pragma once
#include "loop/loop.h"
#include "ops/meta.h"

namespace fj::schedule {

// Element strides of an operand along the dimensions of a space; 0 where it is broadcast.
using Steps = SmallVec<int64_t, 6>;

// Strides of `m` along the trailing-aligned dimensions of `sizes`, which m's sizes broadcast to.
Steps broadcast_steps(const TensorMeta& m, const Shape& sizes);

struct Space {
  SmallVec<int64_t, 6> sizes;
  SmallVec<Steps, 8> steps;  // [operand][dim], in elements
};

// Drops dimensions of size one, orders the rest from the slowest to the fastest (operand 0 first in the vote) and
// merges neighbours that every operand walks as one. The result has at least one dimension.
void simplify_space(Space& s);

// The order in which `dims` should be nested, outermost first, by the operands' strides.
SmallVec<int, 6> nesting_order(const Space& s, std::span<const int> dims);

loop::VecClass vec_class(int64_t step, int64_t size);

}  // namespace fj::schedule
