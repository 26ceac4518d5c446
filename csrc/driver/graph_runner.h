// Runs a functional graph on tensors: as one compiled program, or node by node (`aot_eager`, and the oracle of tests).
#pragma once
#include <memory>

#include "graph/graph.h"
#include "tensor/tensor.h"

namespace fj::driver {

class GraphRunner {
 public:
  virtual ~GraphRunner() = default;
  // Fills one tensor an output; write-backs are done, their version counters bumped. Throws what an op raises.
  virtual void run(std::span<TensorObj* const> inputs, Outs& outs) const = 0;
};

// Outputs that are views, inputs or repeated become copies.
std::unique_ptr<GraphRunner> make_compiled_runner(std::unique_ptr<graph::Graph> g);
std::unique_ptr<GraphRunner> make_stepwise_runner(std::unique_ptr<graph::Graph> g);

// Runs the nodes of any graph, raw ones too, by call_op (or execute_op below the tape). `inputs` stand for its inputs.
void run_nodes(const graph::Graph& g, std::span<TensorObj* const> inputs, bool with_tape, Outs& outs);

}  // namespace fj::driver
