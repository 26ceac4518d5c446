// A captured graph as forward and backward runners.
//
// A call: inputs -> forward runner -> outputs as the raw graph had them (results, the inputs themselves, views of
// either). Where gradients are wanted the results become outputs of one tape node whose backward pass is the backward
// runner, compiled at the first backward pass.
#include <algorithm>

#include "base/progress.h"
#include "driver/compiled.h"
#include "driver/graph_runner.h"
#include "driver/stats.h"
#include "ops/calls.h"
#include "py/error.h"
#include "tensor/autograd.h"
#include "tensor/dispatch.h"
#include "tensor/profile.h"
#include "tensor/python_dispatch.h"
#include "transform/functionalise.h"
#include "transform/joint.h"

namespace fj::driver {
namespace {

using transform::Joint;
using transform::OutputSpec;

// What forward calls share with the tape nodes that they leave behind.
struct Backward {
  std::unique_ptr<graph::Graph> graph;
  std::unique_ptr<GraphRunner> runner;
  std::vector<TensorMeta> grads;  // of the differentiable outputs, as the graph expects them
  std::vector<int32_t> outputs;   // per wanted input: the runner's output, or -1
  std::vector<Joint::Saved> saved;
  std::vector<int32_t> differentiable, grad_inputs;
  RunnerChoice choice;
  Joint joint;                              // what is left of it: for derivatives of the derivative
  std::unique_ptr<capture::Program> twice;  // the backward pass as a differentiable program, once asked for
  std::vector<int32_t> twice_saved;         // which saved tensors it takes

  void keep(Joint whole) {
    joint = std::move(whole);
    joint.differentiable = differentiable;
    joint.saved = saved;
  }

  const GraphRunner& ready() {
    if (!runner) {
      CompileTimer timer(false);
      progress::Scope scope(nullptr, false);
      runner = choice.make(transform::copy_graph(*graph), Direction::Backward);
    }
    return *runner;
  }

  static uint64_t next_number() {
    static uint64_t last = 0;
    return ++last;
  }
  const uint64_t number = next_number();
};

TensorRef call_one(OpId id, std::initializer_list<Arg> args) {
  Outs outs;
  execute_op(op_def(id), Args(args.begin(), args.size()), outs);
  return outs[0];
}

// A gradient with the geometry that the program was compiled for; null stands for zeros.
TensorRef fitted(const TensorRef& grad, const TensorMeta& want) {
  if (grad && grad->meta.strides == want.strides && grad->meta.dtype == want.dtype) return grad;
  TensorRef t = empty(want);
  Outs ignored;
  if (grad) {
    Arg args[] = {Arg(t.val()), Arg(grad.val()), Arg(false)};
    execute_op(op_def(OpId::copy_), args, ignored);
  } else {
    call_one(OpId::zero_, {Arg(t.val())});
  }
  return t;
}

// The same by ops that others hear of: for a gradient that is differentiated itself, or recorded.
TensorRef fitted_on_tape(const TensorRef& grad, const TensorMeta& want) {
  if (!grad && tape::being_recorded) return call1(OpId::_zeros, {Arg(want.sizes), Arg(want.dtype)});
  if (!grad) return fitted(grad, want);
  EagerBuilder b;
  Val v = grad.val();
  if (v->dtype != want.dtype) v = t::_to_dtype(b, v, want.dtype);
  if (v->strides == want.strides) return b.take(v);
  std::vector<int64_t> order(want.sizes.size()), back(order.size());
  for (size_t d = 0; d < order.size(); ++d) order[d] = static_cast<int64_t>(d);
  std::stable_sort(order.begin(), order.end(), [&](int64_t x, int64_t y) { return want.strides[x] > want.strides[y]; });
  for (size_t d = 0; d < order.size(); ++d) back[static_cast<size_t>(order[d])] = static_cast<int64_t>(d);
  Val packed = t::clone(b, t::permute(b, v, Arg::ints(order)), MemoryFormat::Contiguous);
  return b.take(t::permute(b, packed, Arg::ints(back)));
}

// Made of other tensors, with a class that answers ops (tensor/python_dispatch.h).
bool any_without_memory(std::span<const TensorRef> tensors) {
  return python_dispatch::in_use && std::any_of(tensors.begin(), tensors.end(), [](const TensorRef& t) {
           return t && python_dispatch::has_no_memory(t.get());
         });
}

class CompiledBackward final : public tape::BackwardFn {
 public:
  explicit CompiledBackward(std::shared_ptr<Backward> shared) : shared_(std::move(shared)) {}

  void apply(std::span<const TensorRef> grads, std::span<const TensorRef> saved, Outs& out) override {
    Backward& b = *shared_;
    GradModeGuard no_grad(false);
    const bool by_ops = any_without_memory(grads);
    SmallVec<TensorRef, 8> fit;
    SmallVec<TensorObj*, 16> in;
    for (size_t i = 0; i < b.grads.size(); ++i) {
      fit.push_back(taken(grads[i], b.grads[i], by_ops));
      in.push_back(fit.back().get());
    }
    for (const TensorRef& t : saved) in.push_back(t.get());
    Outs results;
    const profile::Span span("CompiledGraphBackward");
    if (by_ops || tape::being_recorded)
      run_nodes(*b.graph, in, by_ops ? RunNodes::ByOps : RunNodes::OnTape, results);
    else
      b.ready().run(in, results);
    for (int32_t i : b.outputs) out.push_back(i < 0 ? TensorRef() : results[static_cast<size_t>(i)]);
  }
  void apply_differentiably(std::span<const TensorRef> grads, std::span<const TensorRef> inputs,
                            std::span<const TensorRef> saved, Outs& out) override;
  uint64_t number() const override { return shared_->number; }

 private:
  // A gradient as the graph takes it; op by op, what answers ops itself is taken as it is.
  static TensorRef taken(const TensorRef& grad, const TensorMeta& want, bool by_ops) {
    if (by_ops) return grad && python_dispatch::is_asked(grad.get()) ? grad : fitted(grad, want);
    return tape::being_recorded ? fitted_on_tape(grad, want) : fitted(grad, want);
  }

  std::shared_ptr<Backward> shared_;
};

class FunctionalProgram final : public capture::Program {
 public:
  FunctionalProgram(const graph::Graph& raw, const RunnerChoice& choice)
      : in_python_(choice.compilers[0]), raw_(transform::copy_graph(raw)) {
    if (transform::loses_history(*raw_))
      raise(ErrorKind::Unsupported, "a tensor with a history is written where gradients are off");
    transform::Functional f = transform::functionalise(*raw_);
    outputs_ = std::move(f.outputs);
    for (auto& [target, value] : f.graph->writes) writes_.push_back(target->index);
    Joint joint = transform::differentiate(*f.graph, f.plain);
    if (joint.backward) {
      for (const graph::Node* n : joint.backward->nodes)
        if (n->op->has(kDynamicShape))
          raise(ErrorKind::Unsupported, "sizes in the derivative depend on data: ", n->op->full_name);
      for (const Joint::Saved& s : joint.saved)
        if (s.input >= 0 && std::count(writes_.begin(), writes_.end(), s.input))
          raise(ErrorKind::Unsupported, "the derivative needs an input as it was before it is written");
      backward_ = std::make_shared<Backward>();
      for (size_t i = 0; i < joint.differentiable.size(); ++i) backward_->grads.push_back(*joint.backward->inputs[i]);
      backward_->graph = std::move(joint.backward);
      backward_->outputs = std::move(joint.grad_outputs);
      backward_->saved = joint.saved;
      backward_->differentiable = joint.differentiable;
      backward_->grad_inputs = std::move(joint.grad_inputs);
      backward_->choice = choice;
    }
    forward_ = choice.make(std::move(joint.forward), backward_ ? Direction::Forward : Direction::Inference);
    if (backward_) backward_->keep(std::move(joint));
  }

  bool errors_are_final() const override { return in_python_; }

  bool run(PyObject* const* inputs, size_t n, PyObject** outputs, size_t noutputs) override {
    return py::guarded(false, [&] {
      const profile::Span span("CompiledGraph");
      SmallVec<TensorObj*, 16> in;
      for (size_t i = 0; i < n; ++i) in.push_back(as_tensor(inputs[i]));
      Outs made;
      if (!writes_.empty() && writes_alias(in))
        run_nodes(*raw_, in, RunNodes::OnTape, made);
      else
        call(in, made);
      FJ_CHECK(made.size() == noutputs);
      for (size_t i = 0; i < noutputs; ++i) outputs[i] = made[i].release_object();
      return true;
    });
  }

 private:
  // An input that is written shares memory with another one: only the program's own order of ops is right then.
  bool writes_alias(std::span<TensorObj* const> in) const {
    for (int32_t w : writes_)
      for (size_t i = 0; i < in.size(); ++i)
        if (static_cast<int32_t>(i) != w && in[i]->storage == in[static_cast<size_t>(w)]->storage) return true;
    return false;
  }

  void call(std::span<TensorObj* const> in, Outs& made) const {
    Outs results;
    forward_->run(in, results);
    if (backward_) {  // some of it was traced in grad mode, also where the segment begins without
      GradModeGuard on(true);
      attach(in, results);
    }
    for (size_t i = 0; i < outputs_.size(); ++i) made.push_back(output(outputs_[i], in, results, made));
  }

  void attach(std::span<TensorObj* const> in, Outs& results) const {
    SmallVec<TensorObj*, 16> wanted, outs;
    std::vector<int32_t> position(results.size(), -1);
    for (int32_t i : backward_->grad_inputs) wanted.push_back(in[static_cast<size_t>(i)]);
    for (int32_t i : backward_->differentiable) {
      position[static_cast<size_t>(i)] = static_cast<int32_t>(outs.size());
      outs.push_back(results[static_cast<size_t>(i)].get());
    }
    std::vector<tape::SavedSpec> saved;
    for (const Joint::Saved& s : backward_->saved) {
      if (s.input >= 0)
        saved.push_back({in[static_cast<size_t>(s.input)], -1});
      else
        saved.push_back({results[static_cast<size_t>(s.output)].get(), position[static_cast<size_t>(s.output)]});
    }
    tape::attach_backward(std::make_unique<CompiledBackward>(backward_), wanted, outs, saved, in);
  }

  TensorRef output(const OutputSpec& spec, std::span<TensorObj* const> in, const Outs& results,
                   const Outs& made) const {
    if (spec.same_as >= 0) return made[static_cast<size_t>(spec.same_as)];
    size_t i = static_cast<size_t>(spec.index);
    switch (spec.kind) {
      case OutputSpec::Result: return results[i];
      case OutputSpec::InputItself: return TensorRef::borrow(in[i]);
      case OutputSpec::InputView: return view(in[i], spec);
      case OutputSpec::ResultView: return view(results[i].get(), spec);
    }
    return {};
  }

  // The program's own views again, so that gradients flow through them as they would have.
  static TensorRef view(TensorObj* base, const OutputSpec& spec) {
    TensorRef t = TensorRef::borrow(base);
    for (auto [node, index] : spec.views) {
      ArgVec args = node->args;
      args[0] = Arg(t.val());
      Outs outs;
      GradModeGuard mode(!node->no_grad);
      call_op(*node->op, args, outs);
      t = outs[static_cast<size_t>(index)];
    }
    return t;
  }

  bool in_python_;
  std::unique_ptr<graph::Graph> raw_;
  std::unique_ptr<GraphRunner> forward_;
  std::shared_ptr<Backward> backward_;
  std::vector<OutputSpec> outputs_;
  std::vector<int32_t> writes_;
};

void CompiledBackward::apply_differentiably(std::span<const TensorRef> grads, std::span<const TensorRef> inputs,
                                            std::span<const TensorRef> saved, Outs& out) {
  Backward& b = *shared_;
  if (!b.twice) {
    CompileTimer timer(false);
    transform::SecondOrder second = transform::gradient_graph(b.joint);
    b.twice = std::make_unique<FunctionalProgram>(*second.graph, b.choice);
    b.twice_saved = std::move(second.saved);
  }
  std::vector<TensorRef> fit;
  std::vector<PyObject*> in;
  for (const TensorRef& t : inputs) in.push_back(as_object(t.get()));
  for (size_t i = 0; i < b.grads.size(); ++i) {
    fit.push_back(fitted_on_tape(grads[i], b.grads[i]));
    in.push_back(as_object(fit.back().get()));
  }
  for (int32_t k : b.twice_saved) in.push_back(as_object(saved[static_cast<size_t>(k)].get()));
  size_t n = static_cast<size_t>(std::count_if(b.outputs.begin(), b.outputs.end(), [](int32_t i) { return i >= 0; }));
  std::vector<PyObject*> results(n);
  if (!b.twice->run(in.data(), in.size(), results.data(), n)) throw py::PythonError();
  std::vector<TensorRef> owned;
  for (PyObject* o : results) owned.push_back(TensorRef::steal(as_tensor(o)));
  for (int32_t i : b.outputs) out.push_back(i < 0 ? TensorRef() : owned[static_cast<size_t>(i)]);
}

}  // namespace

bool has_aliased_writes(const graph::Graph& g, const std::vector<PyObject*>& examples) {
  for (const graph::Node* n : g.nodes) {
    if (n->op->args.empty() || !n->op->args[0].mutated) continue;
    const graph::Value* root = graph::value_of(n->args[0].val());
    while (root->def && !root->def->args.empty() && root->def->args[0].is_tensor() &&
           (root->def->op->is_view() || root->def->op->has(kInplace)))
      root = graph::value_of(root->def->args[0].val());
    if (root->def) continue;
    size_t w = static_cast<size_t>(root->index);
    for (size_t i = 0; i < examples.size(); ++i)
      if (i != w && as_tensor(examples[i])->storage == as_tensor(examples[w])->storage) return true;
  }
  return false;
}

std::unique_ptr<capture::Program> make_functional_program(const graph::Graph& g, const std::vector<PyObject*>& examples,
                                                          const RunnerChoice& choice) {
  FJ_USER_CHECK(!has_aliased_writes(g, examples), ErrorKind::Unsupported,
                "an input that is written shares memory with another input");
  return std::make_unique<FunctionalProgram>(g, choice);
}

}  // namespace fj::driver
