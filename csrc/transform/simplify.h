// Small rewrites on functional graphs of primitive ops. Every rule keeps IEEE results bit for bit.
#pragma once
#include "transform/rewrite.h"

namespace fj::transform {

// Algebraic identities, casts and clones to the same thing, views of views, dead nodes.
std::unique_ptr<Graph> simplify(const Graph& g);
// Equal ops on equal arguments become one; random ops are never merged.
std::unique_ptr<Graph> eliminate_common(const Graph& g);

}  // namespace fj::transform
