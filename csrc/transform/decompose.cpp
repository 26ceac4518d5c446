#include "transform/decompose.h"

#include "ops/foreign.h"

namespace fj::transform {

void PrimitiveBuilder::emit(const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  if (must_rewrite(op, args)) return emit_foreign(*this, op, args, outs);
  if (op.kind == OpKind::Composite) {
    FJ_CHECK(op.decompose, "composite ", op.full_name, " has no decomposition");
    return op.decompose(*this, op, args, outs);
  }
  Node* n = graph_.add_node(op, args);
  n->location = location;
  for (Value* v : n->outs) outs.push_back(Val{v});
}

std::unique_ptr<Graph> decompose(const Graph& g) {
  auto to = std::make_unique<Graph>();
  ValueMap map;
  copy_inputs(g, *to, map);
  PrimitiveBuilder b(*to);
  for (const Node* n : g.nodes) {
    if (n->op->kind != OpKind::Composite) {
      copy_node(*n, *to, map);
      continue;
    }
    b.location = n->location;
    SmallVec<Val, 2> outs;
    ArgVec args = map.args(*n);
    b.emit(*n->op, args, outs);
    FJ_CHECK(outs.size() == n->outs.size(), n->op->full_name, " decomposes to ", outs.size(), " results");
    for (size_t i = 0; i < outs.size(); ++i) map.set(n->outs[i], value_of(outs[i]));
  }
  copy_ends(g, *to, map);
  return to;
}

}  // namespace fj::transform
