// Eager pointwise ops: a cache from (op, dtypes, layout classes, merged rank, attributes) to the kernel of a one-node
// graph. Sizes, strides and Python numbers are launch arguments, so that a new shape compiles nothing.
#pragma once
#include <span>

#include "ops/opdef.h"

namespace fj::driver {

// `in`: data of the tensor arguments in order. Sizes of `out` are the broadcast sizes.
void run_pointwise(const OpDef& op, Args args, std::span<void* const> in, const TensorMeta& out, void* out_data);
int64_t pointwise_cache_size();
void clear_pointwise_cache();

}  // namespace fj::driver
