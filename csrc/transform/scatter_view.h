// A write through a view as a functional value of its base.
#pragma once
#include "ops/builder.h"

namespace fj::transform {

// `base` with the elements that a view of `base_meta` (geometry `view`) shows replaced by those of `src`, which has the
// view's sizes.
Val write_through(Builder& b, Val base, const TensorMeta& base_meta, Val src, const TensorMeta& view);

}  // namespace fj::transform
