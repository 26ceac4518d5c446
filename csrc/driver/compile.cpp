#include <cstdio>

#include "base/flags.h"
#include "driver/compiled.h"
#include "driver/graph_runner.h"
#include "driver/stats.h"
#include "py/error.h"
#include "transform/rewrite.h"

namespace fj::driver {
namespace {

class Replay final : public capture::Program {
 public:
  explicit Replay(const graph::Graph& g) : graph_(transform::copy_graph(g)) {}

  bool run(PyObject* const* inputs, size_t n, PyObject** outputs, size_t) override {
    return py::guarded(false, [&] {
      SmallVec<TensorObj*, 16> in;
      for (size_t i = 0; i < n; ++i) in.push_back(as_tensor(inputs[i]));
      Outs outs;
      run_nodes(*graph_, in, true, outs);
      for (size_t i = 0; i < outs.size(); ++i) outputs[i] = outs[i].release_object();
      return true;
    });
  }

 private:
  std::unique_ptr<graph::Graph> graph_;
};

bool is_name(PyObject* backend, const char* name) {
  return backend && PyUnicode_Check(backend) && PyUnicode_CompareWithASCIIString(backend, name) == 0;
}

}  // namespace

std::unique_ptr<capture::Program> make_replay(const graph::Graph& g) { return std::make_unique<Replay>(g); }

std::unique_ptr<capture::Program> compile_graph(graph::Graph& g, const std::vector<PyObject*>& examples,
                                                const capture::CompileOptions& options) {
  CompileTimer timer(false);
  if (flags::log_on("graph")) std::fprintf(stderr, "captured:\n%s", graph::print(g).c_str());
  if (flags::get().verify > 0) graph::verify(g);
  PyObject* backend = options.backend == Py_None ? nullptr : options.backend;
  if (is_name(backend, "eager")) return make_replay(g);
  if (backend && !PyUnicode_Check(backend)) return make_python_program(g, examples, backend);
  try {
    auto program = make_functional_program(g, examples, is_name(backend, "aot_eager"));
    ++stats().aot_ok;
    return program;
  } catch (const Error& e) {
    // A derivative whose sizes depend on data, or that does not exist, is eager autograd's matter.
    bool replay = e.kind() == ErrorKind::Unsupported || e.kind() == ErrorKind::DataDependent ||
                  e.kind() == ErrorKind::NotImplemented;
    ++stats().aot_not_ok;
    if (!replay) throw;
    if (flags::log_on("graph")) std::fprintf(stderr, "runs op by op: %s\n", e.what());
    return make_replay(g);
  }
}

}  // namespace fj::driver
