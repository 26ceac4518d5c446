// The compiler of the lazy device: a recorded graph as a functional program, without gradients.
#include "base/progress.h"
#include "driver/compiled.h"
#include "driver/init.h"
#include "driver/stats.h"
#include "py/error.h"
#include "tensor/lazy.h"

namespace fj::driver {
namespace {

class LazyProgram final : public lazy::Program {
 public:
  LazyProgram(std::unique_ptr<capture::Program> program, size_t noutputs)
      : program_(std::move(program)), noutputs_(noutputs) {}

  void run(std::span<TensorObj* const> inputs, Outs& outs) override {
    std::vector<PyObject*> in, out(noutputs_);
    for (TensorObj* t : inputs) in.push_back(as_object(t));
    if (!program_->run(in.data(), in.size(), out.data(), out.size())) throw py::PythonError();
    for (PyObject* t : out) outs.push_back(TensorRef::steal(as_tensor(t)));
  }

 private:
  std::unique_ptr<capture::Program> program_;
  size_t noutputs_;
};

std::shared_ptr<lazy::Program> compile(graph::Graph& g, const std::vector<TensorRef>& examples) {
  std::vector<PyObject*> objects;
  for (const TensorRef& t : examples) objects.push_back(as_object(t.get()));
  return std::make_shared<LazyProgram>(compile_graph(g, objects, {}), g.outputs.size());
}

}  // namespace

void register_lazy() { lazy::register_compiler(compile); }

}  // namespace fj::driver
