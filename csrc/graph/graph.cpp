#include "graph/graph.h"

#include "ops/bodies.h"
#include "ops/foreign.h"
#include "ops/infer.h"

namespace fj::graph {

Value* Graph::new_value(const TensorMeta& m, std::string name) {
  Value& v = values_.emplace_back();
  static_cast<TensorMeta&>(v) = m;
  v.id = static_cast<int32_t>(values_.size()) - 1;
  v.name = name.empty() ? cat("v", v.id) : std::move(name);
  return &v;
}

Value* Graph::add_input(const TensorMeta& meta, std::string name) {
  Value* v = new_value(meta, std::move(name));
  v->index = static_cast<int32_t>(inputs.size());
  inputs.push_back(v);
  return v;
}

Node* Graph::add_node(const OpDef& op, Args args) {
  SmallVec<TensorMeta, 2> metas;
  if (op.has(kInplace))
    metas.push_back(*args[0].val());
  else
    infer_op(op, args, metas);
  return add_node(op, args, metas);
}

Node* Graph::add_node(const OpDef& op, Args args, std::span<const TensorMeta> metas) {
  Node& n = nodes_store_.emplace_back();
  n.op = &op;
  n.args.assign(args.begin(), args.end());
  for (const TensorMeta& m : metas) {
    Value* v = new_value(m, {});
    v->def = &n;
    v->index = static_cast<int32_t>(n.outs.size());
    n.outs.push_back(v);
  }
  nodes.push_back(&n);
  return &n;
}

std::vector<int32_t> Graph::use_counts() const {
  std::vector<int32_t> uses(values_.size(), 0);
  for (const Node* n : nodes) for_each_val(n->args, [&](Val v) { ++uses[value_of(v)->id]; });
  for (const Value* v : outputs) ++uses[v->id];
  for (auto& [target, value] : writes) {
    ++uses[target->id];
    ++uses[value->id];
  }
  return uses;
}

void Graph::remove_dead_nodes() {
  std::vector<int32_t> uses = use_counts();
  std::vector<Node*> kept;
  for (size_t i = nodes.size(); i-- > 0;) {
    Node* n = nodes[i];
    bool live = n->op->has(kInplace) || draws(*n->op, n->args);
    for (const ArgDef& a : n->op->args) live = live || a.mutated;
    for (Value* v : n->outs) live = live || uses[v->id] > 0;
    if (live)
      kept.push_back(n);
    else
      for_each_val(n->args, [&](Val v) { --uses[value_of(v)->id]; });
  }
  nodes.assign(kept.rbegin(), kept.rend());
}

void GraphBuilder::emit(const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  if (must_rewrite(op, args)) return emit_foreign(*this, op, args, outs);
  if (!keep_composites_ && is_transparent(op)) {
    op.decompose(*this, op, args, outs);
    return;
  }
  Node* n = graph_.add_node(op, args);
  n->location = location;
  n->no_grad = no_grad;
  for (Value* v : n->outs) outs.push_back(Val{v});
}

}  // namespace fj::graph
