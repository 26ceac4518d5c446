// Rough costs of scalar code, for choices between computing again and storing.
#pragma once
#include "loop/loop.h"
#include "ops/opdef.h"

namespace fj::schedule {

// One element of a pointwise op, in units of an addition.
int pointwise_cost(const OpDef& op, Args args, DType out);

}  // namespace fj::schedule
