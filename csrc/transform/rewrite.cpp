#include "transform/rewrite.h"

namespace fj::transform {

Value* ValueMap::operator[](const Value* v) const {
  auto it = map_.find(v);
  FJ_CHECK(it != map_.end(), "%", v->name, " has no counterpart in the new graph");
  return it->second;
}

ArgVec ValueMap::args(const Node& n) const {
  ArgVec out;
  for (const Arg& a : n.args) out.push_back(map_vals(a, *this));
  return out;
}

void copy_inputs(const Graph& from, Graph& to, ValueMap& map) {
  for (const Value* v : from.inputs) map.set(v, to.add_input(*v, v->name));
}

Node* copy_node(const Node& n, Graph& to, ValueMap& map) {
  SmallVec<TensorMeta, 2> metas;
  for (const Value* v : n.outs) metas.push_back(*v);
  Node* m = to.add_node(*n.op, map.args(n), metas);
  m->location = n.location;
  m->no_grad = n.no_grad;
  for (size_t i = 0; i < n.outs.size(); ++i) map.set(n.outs[i], m->outs[i]);
  return m;
}

void copy_ends(const Graph& from, Graph& to, const ValueMap& map) {
  to.functional = from.functional;
  for (const Value* v : from.outputs) to.add_output(map[v]);
  for (auto& [target, value] : from.writes) to.writes.push_back({map[target], map[value]});
}

std::unique_ptr<Graph> copy_graph(const Graph& from) {
  auto to = std::make_unique<Graph>();
  ValueMap map;
  copy_inputs(from, *to, map);
  for (const Node* n : from.nodes) copy_node(*n, *to, map);
  copy_ends(from, *to, map);
  return to;
}

}  // namespace fj::transform
