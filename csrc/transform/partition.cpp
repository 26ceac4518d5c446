#include "transform/partition.h"

#include <unordered_set>

namespace fj::transform {
namespace {

constexpr size_t kLongestChain = 12;  // pointwise nodes that are computed again for one value

class Partition {
 public:
  Partition(const Graph& joint, size_t inputs, size_t forward_nodes, std::span<Value* const> grads, Joint& out)
      : joint_(joint), inputs_(inputs), forward_nodes_(forward_nodes), grads_(grads), out_(out) {
    for (size_t i = 0; i < forward_nodes; ++i) forward_.insert(joint.nodes[i]);
    for (size_t i = 0; i < inputs; ++i) inputs_set_.insert(joint.inputs[i]);
  }

  void run() {
    find_live();
    find_crossing();
    choose();
    build_forward();
    build_backward();
  }

 private:
  bool is_forward(const Value* v) const { return v->def ? forward_.count(v->def) != 0 : inputs_set_.count(v) != 0; }

  // Backward nodes that gradients depend on.
  void find_live() {
    std::unordered_set<const Value*> wanted;
    for (const Value* g : grads_)
      if (g) wanted.insert(g);
    for (size_t i = joint_.nodes.size(); i-- > forward_nodes_;) {
      Node* n = joint_.nodes[i];
      bool live = false;
      for (const Value* v : n->outs) live = live || wanted.count(v);
      if (!live) continue;
      backward_.push_back(n);
      for_each_val(n->args, [&](Val v) { wanted.insert(value_of(v)); });
    }
    std::reverse(backward_.begin(), backward_.end());
  }

  // Forward values that the backward pass reads, views replaced by what they view.
  void find_crossing() {
    auto cross = [&](const Value* v) {
      while (v->def && v->def->op->is_view()) v = value_of(v->def->args[0].val());
      if (seen_.insert(v).second) crossing_.push_back(v);
    };
    for (const Node* n : backward_)
      for_each_val(n->args, [&](Val v) {
        if (is_forward(value_of(v))) cross(value_of(v));
      });
    for (const Value* g : grads_)
      if (g && is_forward(g)) cross(g);
  }

  static bool is_cheap(const Value* v) {
    return v->def && v->def->op->kind == OpKind::Pointwise && !v->def->op->has(kRandom);
  }

  void choose() {
    for (const Value* v : crossing_)
      if (!is_cheap(v)) save(v);
    // In program order, so that later values can build on what earlier ones made the pass save.
    for (size_t i = 0; i < forward_nodes_; ++i)
      for (const Value* v : joint_.nodes[i]->outs) {
        if (!seen_.count(v) || !is_cheap(v)) continue;
        size_t length = 0;
        if (!reachable(v, length)) save(v);
      }
  }

  // Can v be computed from saved values and inputs?
  bool reachable(const Value* v, size_t& length) const {
    if (!v->def || saved_.count(v)) return true;
    if (v->def->op->is_view()) return reachable(value_of(v->def->args[0].val()), length);
    if (!is_cheap(v) || ++length > kLongestChain) return false;
    bool ok = true;
    for_each_val(v->def->args, [&](Val a) { ok = ok && reachable(value_of(a), length); });
    return ok;
  }

  void save(const Value* v) {
    if (v->def && saved_.insert(v).second) saved_order_.push_back(v);
  }

  void build_forward() {
    out_.forward = std::make_unique<Graph>();
    Graph& f = *out_.forward;
    ValueMap map;
    for (size_t i = 0; i < inputs_; ++i)
      map.set(joint_.inputs[i], f.add_input(*joint_.inputs[i], joint_.inputs[i]->name));
    for (size_t i = 0; i < forward_nodes_; ++i) copy_node(*joint_.nodes[i], f, map);
    copy_ends(joint_, f, map);
    for (const Value* v : saved_order_) {
      int32_t at = -1;
      for (size_t i = 0; i < joint_.outputs.size() && at < 0; ++i)
        if (joint_.outputs[i] == v) at = static_cast<int32_t>(i);
      if (at < 0) {
        at = static_cast<int32_t>(f.outputs.size());
        f.add_output(map[v]);
      }
      saved_at_[v] = {-1, at};
    }
    f.remove_dead_nodes();
  }

  void build_backward() {
    out_.backward = std::make_unique<Graph>();
    Graph& b = *out_.backward;
    b.functional = true;
    for (size_t i = inputs_; i < joint_.inputs.size(); ++i)
      map_.set(joint_.inputs[i], b.add_input(*joint_.inputs[i], joint_.inputs[i]->name));
    for (const Value* v : saved_order_) add_saved(v, saved_at_.at(v));
    for (const Node* n : backward_) {
      for_each_val(n->args, [&](Val v) { bring(value_of(v)); });
      copy_node(*n, b, map_);
    }
    for (Value* g : grads_) {
      out_.grad_outputs.push_back(g ? static_cast<int32_t>(b.outputs.size()) : -1);
      if (!g) continue;
      bring(g);
      b.add_output(map_[g]);
    }
  }

  void add_saved(const Value* v, Joint::Saved at) {
    TensorMeta m = *v;
    m.requires_grad = false;
    if (at.output >= 0) m.offset = 0;
    map_.set(v, out_.backward->add_input(m, v->name));
    out_.saved.push_back(at);
    out_.saved_values.push_back(v);
  }

  // Makes a forward value available in the backward graph.
  void bring(const Value* v) {
    if (map_.has(v)) return;
    if (!v->def) return add_saved(v, {static_cast<int32_t>(v->index), -1});
    FJ_CHECK(is_forward(v), "a gradient uses %", v->name, " before it is made");
    for_each_val(v->def->args, [&](Val a) { bring(value_of(a)); });
    copy_node(*v->def, *out_.backward, map_);
  }

  const Graph& joint_;
  size_t inputs_, forward_nodes_;
  std::span<Value* const> grads_;
  Joint& out_;
  std::unordered_set<const Node*> forward_;
  std::unordered_set<const Value*> inputs_set_, seen_, saved_;
  std::vector<const Value*> crossing_, saved_order_;
  std::vector<Node*> backward_;
  std::unordered_map<const Value*, Joint::Saved> saved_at_;
  ValueMap map_;
};

}  // namespace

void partition(const Graph& joint, size_t inputs, size_t forward_nodes, std::span<Value* const> grads, Joint& out) {
  Partition(joint, inputs, forward_nodes, grads, out).run();
}

}  // namespace fj::transform
