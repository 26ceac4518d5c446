#include <unordered_map>

#include "base/hash.h"
#include "ops/bodies.h"
#include "transform/simplify.h"

namespace fj::transform {
namespace {

uint64_t hash_of(const OpDef& op, Args args) {
  Hasher h;
  h.add(static_cast<uint64_t>(op.id));
  for (const Arg& a : args) h.add(a.hash());
  for_each_val(args, [&](Val v) { h.add(reinterpret_cast<uint64_t>(v.m)); });
  return h.value();
}

bool same_call(const Node& a, const Node& b, Args args) {
  if (a.op != b.op || a.outs.size() != b.outs.size()) return false;
  for (size_t i = 0; i < args.size(); ++i)
    if (!(a.args[i] == args[i])) return false;
  for (size_t i = 0; i < a.outs.size(); ++i)
    if (!(a.outs[i]->strides == b.outs[i]->strides) || a.outs[i]->dtype != b.outs[i]->dtype) return false;
  return true;
}

}  // namespace

std::unique_ptr<Graph> eliminate_common(const Graph& g) {
  auto to = std::make_unique<Graph>();
  ValueMap map;
  copy_inputs(g, *to, map);
  std::unordered_map<const Value*, int> outputs;
  for (const Value* v : g.outputs) ++outputs[v];
  std::unordered_multimap<uint64_t, Node*> seen;
  for (const Node* n : g.nodes) {
    bool fixed = draws(*n->op, n->args);
    for (const Value* v : n->outs) fixed = fixed || outputs.count(v);
    ArgVec args = map.args(*n);
    uint64_t key = hash_of(*n->op, args);
    Node* twin = nullptr;
    if (!fixed) {
      auto [it, end] = seen.equal_range(key);
      for (; it != end && !twin; ++it)
        if (same_call(*it->second, *n, args)) twin = it->second;
    }
    if (twin) {
      for (size_t i = 0; i < n->outs.size(); ++i) map.set(n->outs[i], twin->outs[i]);
      continue;
    }
    Node* copy = copy_node(*n, *to, map);
    if (!draws(*n->op, n->args)) seen.emplace(key, copy);
  }
  copy_ends(g, *to, map);
  return to;
}

}  // namespace fj::transform
