// Shared by the printer and the parser of graphs.
#pragma once
#include <string>

#include "ops/meta.h"

namespace fj::graph {

// "float32[2, 3; 1, 2] @5 grad"
std::string meta_text(const TensorMeta& m);

}  // namespace fj::graph
