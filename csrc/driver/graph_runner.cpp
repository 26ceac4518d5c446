#include "driver/graph_runner.h"

#include "driver/eager_program.h"
#include "driver/passes.h"
#include "driver/stats.h"
#include "ops/calls.h"
#include "tensor/dispatch.h"

namespace fj::driver {
namespace {

using graph::Graph;
using graph::value_of;

class CompiledRunner final : public GraphRunner {
 public:
  explicit CompiledRunner(std::unique_ptr<Graph> g) {
    make_outputs_distinct(*g, {});
    for (const graph::Value* v : g->outputs) {
      TensorMeta m = *v;
      m.offset = 0;
      m.requires_grad = false;
      outputs_.push_back(std::move(m));
    }
    for (auto& [target, value] : g->writes) writes_.push_back(target->index);
    program_ = compile_program(*g);
    ++stats().graphs;
    stats().kernels += static_cast<int64_t>(program_->kernels.size());
  }

  void run(std::span<TensorObj* const> inputs, Outs& outs) const override {
    SmallVec<void*, 16> in, out;
    for (TensorObj* t : inputs) in.push_back(data_of(t));
    for (const TensorMeta& m : outputs_) {
      outs.push_back(empty(m));
      out.push_back(data_of(outs.back().get()));
    }
    {
      LockRelease unlocked(program_->ns);
      program_->run(in.data(), out.data());
    }
    for (int32_t i : writes_) bump_version(inputs[static_cast<size_t>(i)]);
  }

 private:
  std::unique_ptr<runtime::Program> program_;
  std::vector<TensorMeta> outputs_;
  std::vector<int32_t> writes_;
};

class StepwiseRunner final : public GraphRunner {
 public:
  explicit StepwiseRunner(std::unique_ptr<Graph> g) : graph_(std::move(g)), writes_(writes_as_outputs(*graph_)) {
    ++stats().graphs;
  }

  void run(std::span<TensorObj* const> inputs, Outs& outs) const override {
    Outs all;
    GradModeGuard no_grad(false);
    run_nodes(*graph_, inputs, RunNodes::ByKernels, all);
    deliver(all, writes_, inputs, outs);
  }

 private:
  std::unique_ptr<Graph> graph_;
  std::vector<int32_t> writes_;
};

TensorRef distinct(const TensorRef& t, std::span<TensorObj* const> inputs, const Outs& outs) {
  bool shared = t->base != nullptr;
  for (TensorObj* i : inputs) shared = shared || i->storage == t->storage;
  for (const TensorRef& o : outs) shared = shared || o->storage == t->storage;
  if (!shared) return t;
  Outs copy;
  Arg args[] = {Arg(t.val()), Arg()};
  execute_op(op_def(OpId::clone), args, copy);
  return copy[0];
}

}  // namespace

std::vector<int32_t> writes_as_outputs(Graph& g) {
  std::vector<int32_t> written;
  for (auto& [target, value] : g.writes) {
    written.push_back(target->index);
    g.outputs.push_back(value);
  }
  return written;
}

void deliver(std::span<const TensorRef> results, std::span<const int32_t> written, std::span<TensorObj* const> inputs,
             Outs& outs) {
  const size_t own = results.size() - written.size();
  for (size_t i = 0; i < own; ++i) outs.push_back(distinct(results[i], inputs, outs));
  for (size_t i = 0; i < written.size(); ++i) {
    Outs ignored;
    Arg args[] = {Arg(val_of(inputs[static_cast<size_t>(written[i])])), Arg(results[own + i].val()), Arg(false)};
    execute_op(op_def(OpId::copy_), args, ignored);
  }
}

std::unique_ptr<GraphRunner> make_compiled_runner(std::unique_ptr<Graph> g) {
  return std::make_unique<CompiledRunner>(std::move(g));
}
std::unique_ptr<GraphRunner> make_stepwise_runner(std::unique_ptr<Graph> g) {
  return std::make_unique<StepwiseRunner>(std::move(g));
}

void run_nodes(const Graph& g, std::span<TensorObj* const> inputs, RunNodes how, Outs& outs) {
  std::vector<TensorRef> values(static_cast<size_t>(g.value_count()));
  for (size_t i = 0; i < g.inputs.size(); ++i)
    values[static_cast<size_t>(g.inputs[i]->id)] = TensorRef::borrow(inputs[i]);
  for (const graph::Node* n : g.nodes) {
    ArgVec args;
    for (const Arg& a : n->args)
      args.push_back(map_vals(a, [&](Val v) { return values[static_cast<size_t>(value_of(v)->id)].val(); }));
    Outs results;
    GradModeGuard mode(how == RunNodes::OnTape && !n->no_grad);
    if (how == RunNodes::ByKernels)
      execute_op(*n->op, args, results);
    else
      call_op(*n->op, args, results);
    FJ_CHECK(results.size() == n->outs.size(), n->op->full_name, " gave ", results.size(), " results");
    for (size_t i = 0; i < results.size(); ++i) values[static_cast<size_t>(n->outs[i]->id)] = std::move(results[i]);
  }
  for (const graph::Value* v : g.outputs) outs.push_back(values[static_cast<size_t>(v->id)]);
}

}  // namespace fj::driver
