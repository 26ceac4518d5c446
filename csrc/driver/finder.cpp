// Finders: what a segment looks at before its graph runs, computed by a program of its own.
//
// It is the part of the graph that leads there, without what it writes to its inputs. Random ops stay where they were,
// and the stream is put back afterwards: the graph itself draws the same numbers once more.
#include "driver/compiled.h"
#include "driver/graph_runner.h"
#include "ops/bodies.h"
#include "runtime/random.h"
#include "tensor/dispatch.h"
#include "transform/functionalise.h"
#include "transform/joint.h"

namespace fj::driver {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;
using graph::value_of;

bool mutates(const Graph& g) {
  for (const Node* n : g.nodes)
    if (!n->op->args.empty() && n->op->args[0].mutated) return true;
  return false;
}

bool draws(const Graph& g) {
  bool any = false;
  for (const Node* n : g.nodes) {
    any |= fj::draws(*n->op, n->args);
    for (const Arg& a : n->args)
      if (a.tag() == ArgTag::Object && !has_bodies(n->op->id))
        raise(ErrorKind::Unsupported, "a generator before sizes that depend on data");
  }
  return any;
}

struct KeepStream {
  explicit KeepStream(bool draws) {
    if (draws) before = std::make_unique<RandomStream>(default_stream());
  }
  ~KeepStream() {
    if (before) default_stream() = *before;
  }
  std::unique_ptr<RandomStream> before;
};

class NativeFinder final : public capture::Finder {
 public:
  NativeFinder(const Graph& so_far, const OpDef* op, Args args) : op_(op), args_(args.begin(), args.end()) {
    Graph part;
    transform::ValueMap map;
    transform::copy_inputs(so_far, part, map);
    for (const Node* n : so_far.nodes) transform::copy_node(*n, part, map);
    for (Value* v : part.inputs) v->requires_grad = false;
    for (Node* n : part.nodes)
      for (Value* v : n->outs) v->requires_grad = false;
    const bool written = mutates(part);
    for_each_val(args_, [&](Val v) {
      const Value* value = value_of(v);
      if (!value->def && !written) {
        inputs_.push_back(value->index);
        return;
      }
      inputs_.push_back(-1);
      part.add_output(value_of(graph::GraphBuilder(part).emit1(OpId::clone, {Arg(Val{map[value]}), Arg()})));
    });
    if (part.outputs.empty()) return;
    part.remove_dead_nodes();
    draws_ = draws(part);
    transform::Functional f = transform::functionalise(part);
    f.graph->writes.clear();
    f.graph->remove_dead_nodes();
    runner_ = make_compiled_runner(transform::differentiate(*f.graph, f.plain).forward);
  }

  void find(std::span<TensorObj* const> inputs, Outs& found) override {
    KeepStream keep(draws_);
    Outs computed;
    if (runner_) runner_->run(inputs, computed);
    ArgVec args;
    Outs given;
    size_t next = 0, out = 0;
    for (const Arg& a : args_)
      args.push_back(map_vals(a, [&](Val) {
        const int32_t input = inputs_[next++];
        given.push_back(input < 0 ? computed[out++] : TensorRef::borrow(inputs[static_cast<size_t>(input)]));
        return given.back().val();
      }));
    if (op_)
      execute_op(*op_, args, found);
    else
      found.push_back(given[0]);
  }

 private:
  const OpDef* op_;
  ArgVec args_;                  // their tensors are of a graph that is gone: places alone count
  std::vector<int32_t> inputs_;  // for each tensor among them: the input that it is, or -1
  bool draws_ = false;
  std::unique_ptr<GraphRunner> runner_;
};

}  // namespace

std::unique_ptr<capture::Finder> make_finder(const Graph& so_far, const OpDef* op, Args args,
                                             const std::vector<PyObject*>& examples) {
  FJ_USER_CHECK(!has_aliased_writes(so_far, examples), ErrorKind::Unsupported,
                "an input that is written shares memory with another input");
  return std::make_unique<NativeFinder>(so_far, op, args);
}

}  // namespace fj::driver
