// Forward graph -> forward and backward graphs: reverse differentiation by the ops' rules, then a cut.
//
// The cut: results of products, reductions, native and composite ops that the backward pass reads are saved; views are
// made again from what they view; pointwise values are computed again where everything that they come from is saved
// anyway or an input, else saved.
#pragma once
#include "transform/rewrite.h"

namespace fj::transform {

struct Joint {
  // Outputs: those of the original graph, then the saved values that are neither inputs nor among the outputs.
  std::unique_ptr<Graph> forward;
  // Inputs: gradients of the differentiable outputs, then the saved values. Outputs: gradients of `grad_inputs`,
  // without those that are null.
  std::unique_ptr<Graph> backward;
  std::vector<int32_t> differentiable;  // outputs of the original graph that gradients may come for
  std::vector<int32_t> grad_inputs;     // inputs that require a gradient
  std::vector<int32_t> grad_outputs;    // per grad input: output of the backward graph, or -1 where no gradient flows
  struct Saved {
    int32_t input = -1, output = -1;  // the one that is not -1: of the forward graph
  };
  std::vector<Saved> saved;
  // Both passes before the cut, for derivatives of derivatives: inputs are the original graph's, then the gradients of
  // the differentiable outputs.
  std::unique_ptr<Graph> whole;
  std::vector<Value*> whole_grads;         // per grad input, or null
  std::vector<const Value*> saved_values;  // per saved value: what it is in `whole`
};

// Null `backward` if no output depends on an input that requires a gradient. Raises Unsupported where a rule is
// missing.
// `plain`: outputs for which no gradient comes, though they depend on such inputs.
Joint differentiate(const Graph& functional, const std::vector<bool>& plain = {});

// The gradients as a graph of their own, that can be differentiated in turn.
struct SecondOrder {
  // Inputs: the original graph's, gradients of the differentiable outputs, then `saved`. Outputs as `backward` has
  // them.
  std::unique_ptr<Graph> graph;
  std::vector<int32_t> saved;  // indices into Joint::saved
};
SecondOrder gradient_graph(const Joint& joint);

}  // namespace fj::transform
