// The kernel of a single pointwise op, generic in sizes: what eager calls run.
#pragma once
#include "loop/loop.h"
#include "ops/opdef.h"

namespace fj::schedule {

// Operand 0 is the result, then the tensor arguments in order; parameters are the numbers that are not baked, in order.
loop::Kernel lower_single_pointwise(const OpDef& op, Args args, DType out, int rank,
                                    std::span<const loop::VecClass> classes);

}  // namespace fj::schedule
