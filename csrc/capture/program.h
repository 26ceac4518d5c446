// The upward interfaces of capture: what becomes of a traced graph. Registered by driver, called by capture.
#pragma once
#include <Python.h>

#include <memory>
#include <string>
#include <vector>

namespace fj::graph {
class Graph;
}

namespace fj::capture {

// A compiled graph. `run` takes borrowed tensors and fills new references; on failure it sets a Python error, has
// filled nothing and has changed no input. May be called by several threads and recursively.
class Program {
 public:
  virtual ~Program() = default;
  virtual bool run(PyObject* const* inputs, size_t ninputs, PyObject** outputs, size_t noutputs) = 0;
  // Is that not sure? Then its error is the call's: the code must not run again.
  virtual bool errors_are_final() const { return false; }
  // Does `run` take references of its own before anything else can run? Then the caller need not.
  virtual bool holds_inputs() const { return false; }
};

// What the user asked for with compile(...); lives as long as the CompiledFunction.
struct CompileOptions {
  PyObject* backend = nullptr;  // a str, a callable or NULL for the default; borrowed from the CompiledFunction
  PyObject* options = nullptr;
  bool fullgraph = false;
  int dynamic = -1;  // -1: automatic, 0: never, 1: always
  bool is_python() const { return backend && backend != Py_None && !PyUnicode_Check(backend); }
};

// `examples` are the real tensors that the inputs had while tracing (borrowed). Throws fj::Error when it cannot
// compile.
using CompileFn = std::unique_ptr<Program> (*)(graph::Graph& graph, const std::vector<PyObject*>& examples,
                                               const CompileOptions& options);
void register_compiler(CompileFn fn);
class Tape;
// A tape given to a back end written in Python, which is asked once for all sizes. NULL when the back end is none of
// those. The program takes the values at the tape's Input and Number steps, in order.
using CompileTapeFn = std::unique_ptr<Program> (*)(const Tape& tape, const std::vector<PyObject*>& examples,
                                                   const CompileOptions& options);
void register_tape_compiler(CompileTapeFn fn);
CompileTapeFn tape_compiler();
CompileFn compiler();

}  // namespace fj::capture
