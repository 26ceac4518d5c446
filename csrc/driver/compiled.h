// What becomes of a captured graph: the implementations of capture::Program and the choice between them.
#pragma once
#include "capture/look.h"
#include "capture/program.h"
#include "driver/graph_runner.h"
#include "graph/graph.h"
#include "tensor/tensor.h"

namespace fj::driver {

// Registered with capture: graph, example inputs, options -> program.
std::unique_ptr<capture::Program> compile_graph(graph::Graph& g, const std::vector<PyObject*>& examples,
                                                const capture::CompileOptions& options);

// Runs the recorded ops one after the other, exactly as the program would have.
std::unique_ptr<capture::Program> make_replay(const graph::Graph& g);
// Hands the graph to a back end written in Python (framejit._backends.lower).
std::unique_ptr<capture::Program> make_python_program(const graph::Graph& g, const std::vector<PyObject*>& examples,
                                                      PyObject* backend);
// The same for a graph whose sizes vary, with the sizes' computation in it (framejit._tape.lower).
std::unique_ptr<capture::Program> compile_tape(const capture::Tape& tape, const std::vector<PyObject*>& examples,
                                               const capture::CompileOptions& options);
// Functional graphs, differentiated ahead. Raises Unsupported for what only replay can do.
std::unique_ptr<capture::Program> make_functional_program(const graph::Graph& g, const std::vector<PyObject*>& examples,
                                                          const RunnerChoice& choice);
// A graph as an fx.GraphModule, compiled by a back end written in Python.
py::Ref lower_for_python(const graph::Graph& g, const std::vector<PyObject*>& examples, PyObject* backend);

// What looks at values of a graph before it runs.
std::unique_ptr<capture::Finder> make_finder(const graph::Graph& so_far, const OpDef* op, Args args,
                                             const std::vector<PyObject*>& examples);
// Two inputs over one storage, one of them written: the graph cannot tell their elements apart.
bool has_aliased_writes(const graph::Graph& g, const std::vector<PyObject*>& examples);

// Makes the compiler the lazy device's.
void register_lazy();

}  // namespace fj::driver
