// Functional graphs for compilers written in Python: forward and backward passes apart.
#include <cstring>

#include "driver/compiled.h"
#include "driver/stats.h"
#include "py/error.h"
#include "tensor/dispatch.h"

namespace fj::driver {
namespace {

class PythonRunner final : public GraphRunner {
 public:
  PythonRunner(std::unique_ptr<graph::Graph> g, PyObject* compiler)
      : writes_(writes_as_outputs(*g)), results_(g->outputs.size()) {
    std::vector<py::Ref> examples;
    std::vector<PyObject*> given;
    for (const graph::Value* v : g->inputs) {
      TensorMeta meta = *v;
      meta.requires_grad = false;
      meta.offset = 0;
      TensorRef zeros = empty(std::move(meta));
      if (zeros->storage->nbytes) std::memset(zeros->storage->data, 0, static_cast<size_t>(zeros->storage->nbytes));
      examples.push_back(py::Ref::steal(zeros.release_object()));
      given.push_back(examples.back().get());
    }
    GradModeGuard no_grad(false);
    callable_ = lower_for_python(*g, given, compiler);
    ++stats().graphs;
  }

  void run(std::span<TensorObj* const> inputs, Outs& outs) const override {
    GradModeGuard no_grad(false);
    SmallVec<PyObject*, 16> in;
    for (TensorObj* t : inputs) in.push_back(as_object(t));
    py::Ref result = py::check(PyObject_Vectorcall(callable_.get(), in.data(), in.size(), nullptr));
    py::Ref items =
        is_tensor(result.get()) ? py::check(PyTuple_Pack(1, result.get())) : py::check(PySequence_Tuple(result.get()));
    FJ_USER_CHECK(PyTuple_GET_SIZE(items.get()) == static_cast<Py_ssize_t>(results_), ErrorKind::Runtime,
                  "the compiled graph returned ", PyTuple_GET_SIZE(items.get()), " results instead of ", results_);
    Outs all;
    for (size_t i = 0; i < results_; ++i) all.push_back(tensor_at(items.get(), i));
    deliver(all, writes_, inputs, outs);
  }

 private:
  static TensorRef tensor_at(PyObject* items, size_t i) {
    PyObject* o = PyTuple_GET_ITEM(items, static_cast<Py_ssize_t>(i));
    FJ_USER_CHECK(is_tensor(o), ErrorKind::Type, "the compiled graph's result ", i, " is no Tensor but ",
                  Py_TYPE(o)->tp_name);
    return TensorRef::borrow(as_tensor(o));
  }

  std::vector<int32_t> writes_;
  size_t results_;  // with what is written
  py::Ref callable_;
};

}  // namespace

std::unique_ptr<GraphRunner> make_python_runner(std::unique_ptr<graph::Graph> g, PyObject* compiler) {
  return std::make_unique<PythonRunner>(std::move(g), compiler);
}

}  // namespace fj::driver
