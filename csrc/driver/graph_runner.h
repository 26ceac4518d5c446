// Runs a functional graph on tensors: as one compiled program, or node by node (`aot_eager`, and the oracle of tests).
#pragma once
#include <memory>

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

// A result of its own: no input's memory, no other output's.
TensorRef distinct(const TensorRef& t, std::span<TensorObj* const> inputs, const Outs& outs);

// Runs the nodes of any graph, raw ones too, by call_op (or execute_op below the tape). `inputs` stand for its inputs.
void run_nodes(const graph::Graph& g, std::span<TensorObj* const> inputs, bool with_tape, Outs& outs);

}  // namespace fj::driver
