// Copying a graph while changing it: what every transform is made of.
#pragma once
#include <unordered_map>

#include "graph/graph.h"

namespace fj::transform {

using graph::Graph;
using graph::Node;
using graph::Value;
using graph::value_of;

// From the values of one graph to those of another.
class ValueMap {
 public:
  Value* operator[](const Value* v) const;
  Val operator()(Val v) const { return Val{(*this)[value_of(v)]}; }
  void set(const Value* from, Value* to) { map_[from] = to; }
  bool has(const Value* v) const { return map_.count(v) != 0; }
  ArgVec args(const Node& n) const;

 private:
  std::unordered_map<const Value*, Value*> map_;
};

// Inputs with their names, then nodes one by one through `copy_node`, then outputs and write-backs.
void copy_inputs(const Graph& from, Graph& to, ValueMap& map);
// The same op on the mapped arguments; keeps metas, location and flags.
Node* copy_node(const Node& n, Graph& to, ValueMap& map);
void copy_ends(const Graph& from, Graph& to, const ValueMap& map);
std::unique_ptr<Graph> copy_graph(const Graph& from);

}  // namespace fj::transform
