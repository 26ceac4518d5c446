// The cut of a joint graph (see joint.h).
#pragma once
#include "transform/joint.h"

namespace fj::transform {

// `inputs`, `forward_nodes`: how many of the joint graph's inputs and nodes belong to the forward pass. `grads`:
// gradient of each of out.grad_inputs, or null.
void partition(const Graph& joint, size_t inputs, size_t forward_nodes, std::span<Value* const> grads, Joint& out);

}  // namespace fj::transform
