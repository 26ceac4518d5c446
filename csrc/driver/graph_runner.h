// Runs a functional graph on tensors: as one compiled program, or node by node (`aot_eager`, and the oracle of tests).
#pragma once
#include <memory>
#include <vector>

#include "graph/graph.h"
#include "py/ref.h"
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
// By what `compiler` (compiler(gm, example inputs) -> callable) makes of the graph; see framejit._aot.
std::unique_ptr<GraphRunner> make_python_runner(std::unique_ptr<graph::Graph> g, PyObject* compiler);

// Who runs the graphs of a functional program.
enum class Direction : uint8_t { Forward, Backward, Inference };
struct RunnerChoice {
  bool stepwise = false;
  py::Ref compilers[3];  // by direction: compilers in Python, or NULL

  std::unique_ptr<GraphRunner> make(std::unique_ptr<graph::Graph> g, Direction which) const {
    if (const py::Ref& compiler = compilers[static_cast<int>(which)])
      return make_python_runner(std::move(g), compiler.get());
    return stepwise ? make_stepwise_runner(std::move(g)) : make_compiled_runner(std::move(g));
  }
};

// For runners without a compiled program: what the graph writes back becomes outputs after its own; the indices of the
// inputs that are written.
std::vector<int32_t> writes_as_outputs(graph::Graph& g);
// What such a graph gave: its own results, each with memory that is no input's and no other's, go to `outs`, what comes
// after them to the written inputs.
void deliver(std::span<const TensorRef> results, std::span<const int32_t> written, std::span<TensorObj* const> inputs,
             Outs& outs);

// How the nodes of a graph run one by one: by execute_op, below the tape; by call_op, which classes that answer ops
// hear of, without gradients; or so with gradients in the mode that was traced, whatever it is outside.
enum class RunNodes { ByKernels, ByOps, OnTape };
// Runs the nodes of any graph, raw ones too. `inputs` stand for its inputs.
void run_nodes(const graph::Graph& g, std::span<TensorObj* const> inputs, RunNodes how, Outs& outs);

}  // namespace fj::driver
