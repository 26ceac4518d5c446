// Long reductions to few results, cut in two kernels (see GroupKernel).
#pragma once
#include "schedule/lower.h"

namespace fj::schedule {

struct PartialReduction {
  const Node* node;
  OperandUse result;
  int partial;
};

// Turns the first reduced axis into an axis of chunks and one within a chunk.
void cut_axis(GroupKernel& k);
// Adds an operand for one accumulator's partial results; returns its number.
int add_partial(GroupKernel& k, DType t);
void lower_second(const Group& g, GroupKernel& k, std::span<const PartialReduction> reductions);

}  // namespace fj::schedule
