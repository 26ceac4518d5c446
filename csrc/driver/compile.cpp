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
      run_nodes(*graph_, in, RunNodes::OnTape, outs);
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

// (forward, backward, inference) compilers of a back end that framejit._aot has made; NULL: it is another one.
py::Ref split_compilers(PyObject* backend) {
  if (!backend || PyUnicode_Check(backend)) return {};
  py::Ref all = py::Ref::steal(PyObject_GetAttrString(backend, "_framejit_aot"));
  PyErr_Clear();
  return all && PyTuple_Check(all.get()) && PyTuple_GET_SIZE(all.get()) == 3 ? std::move(all) : py::Ref();
}

RunnerChoice choice_of(PyObject* backend) {
  RunnerChoice choice;
  choice.stepwise = is_name(backend, "aot_eager");
  if (py::Ref all = split_compilers(backend))
    for (int i = 0; i < 3; ++i) choice.compilers[i] = py::Ref::borrow(PyTuple_GET_ITEM(all.get(), i));
  return choice;
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
  const RunnerChoice choice = choice_of(backend);
  if (backend && !PyUnicode_Check(backend) && !choice.compilers[0]) return make_python_program(g, examples, backend);
  try {
    auto program = make_functional_program(g, examples, choice);
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
