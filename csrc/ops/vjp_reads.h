// What the derivative for one argument reads, where that is less than what those for all arguments read together.
#pragma once
#include <cstdint>
#include <span>

#include "ops/opdef.h"

namespace fj {

struct VjpReads {
  uint64_t args, outs;  // bit i: the data of argument i, of result i
};

// One for each argument; none: each derivative reads op.vjp_saves_args and op.vjp_saves_outs.
std::span<const VjpReads> vjp_reads(OpId id);

// What the derivatives for the arguments `needs` (bit i: argument i) read.
inline VjpReads vjp_reads(const OpDef& op, uint64_t needs) {
  std::span<const VjpReads> each = vjp_reads(op.id);
  if (each.empty()) return {op.vjp_saves_args, op.vjp_saves_outs};
  VjpReads all{0, 0};
  for (size_t i = 0; i < each.size(); ++i)
    if (needs >> i & 1) all = {all.args | each[i].args, all.outs | each[i].outs};
  return all;
}

}  // namespace fj
