#pragma once
#include "loop/loop.h"

namespace fj::schedule {

// Drops instructions whose value nobody uses, and stages that do nothing.
void prune(loop::Kernel& k);

}  // namespace fj::schedule
