#include "transform/joint.h"

#include <unordered_set>

#include "ops/bodies.h"
#include "ops/calls.h"
#include "transform/partition.h"

namespace fj::transform {
namespace {

bool can_carry(const TensorMeta& m) { return is_differentiable(m.dtype); }

// Which values depend on an input that requires a gradient.
class Dependence {
 public:
  explicit Dependence(const Graph& g) {
    for (const Value* v : g.inputs)
      if (v->requires_grad && can_carry(*v)) set_.insert(v);
    for (const Node* n : g.nodes) {
      if (n->no_grad || !n->op->vjp || !any_argument(*n)) continue;
      for (const Value* v : n->outs)
        if (can_carry(*v)) set_.insert(v);
    }
  }
  bool operator()(const Value* v) const { return set_.count(v) != 0; }
  bool argument(const Node& n, size_t i) const {
    if (!(n.op->vjp_args >> i & 1)) return false;
    bool any = false;
    for_each_val(Args(&n.args[i], 1), [&](Val v) { any = any || (*this)(value_of(v)); });
    return any;
  }

 private:
  bool any_argument(const Node& n) const {
    for (size_t i = 0; i < n.args.size(); ++i)
      if (argument(n, i)) return true;
    return false;
  }
  std::unordered_set<const Value*> set_;
};

class Reverse {
 public:
  Reverse(Graph& g, const Dependence& needs) : builder_(g), needs_(needs) {}

  void seed(const Value* v, Value* grad) { add(v, Val{grad}); }

  void node(const Node& n) {
    SmallVec<Val, 2> outs, grads;
    bool any = false, wanted = false;
    for (Value* v : n.outs) {
      auto it = grads_.find(v);
      outs.push_back(Val{v});
      grads.push_back(it == grads_.end() ? Val{} : it->second);
      any = any || grads.back();
      wanted = wanted || needs_(v);
    }
    if (!any || !wanted) return;
    VjpCtx c{builder_, *n.op, n.args, outs, grads, 0};
    for (size_t i = 0; i < n.args.size(); ++i) c.needs |= static_cast<uint64_t>(needs_.argument(n, i)) << i;
    c.result.resize(n.args.size());
    builder_.location = n.location;
    n.op->vjp(c);
    for (size_t i = 0; i < n.args.size(); ++i) take(n.args[i], c.result[i]);
  }

  Val of(const Value* v) const {
    auto it = grads_.find(v);
    return it == grads_.end() ? Val{} : it->second;
  }

 private:
  void take(const Arg& arg, const Arg& grad) {
    if (grad.is_tensor() && arg.is_tensor()) return add(value_of(arg.val()), grad.val());
    if (grad.tag() != ArgTag::TensorList || arg.tag() != ArgTag::TensorList) return;
    auto to = arg.as_vals();
    auto from = grad.as_vals();
    for (size_t i = 0; i < to.size() && i < from.size(); ++i)
      if (from[i] && to[i]) add(value_of(to[i]), from[i]);
  }

  void add(const Value* v, Val grad) {
    if (!needs_(v)) return;
    if (grad->dtype != v->dtype) grad = t::_to_dtype(builder_, grad, v->dtype);
    auto [it, fresh] = grads_.emplace(v, grad);
    if (!fresh) it->second = t::add(builder_, it->second, grad);
  }

  graph::GraphBuilder builder_;
  const Dependence& needs_;
  std::unordered_map<const Value*, Val> grads_;
};

}  // namespace

Joint differentiate(const Graph& functional, const std::vector<bool>& plain) {
  Joint out;
  std::unique_ptr<Graph> joint = copy_graph(functional);
  Dependence needs(*joint);
  size_t forward_nodes = joint->nodes.size(), inputs = joint->inputs.size();
  std::vector<Node*> forward(joint->nodes.begin(), joint->nodes.end());
  for (size_t i = 0; i < inputs; ++i)
    if (joint->inputs[i]->requires_grad && can_carry(*joint->inputs[i]))
      out.grad_inputs.push_back(static_cast<int32_t>(i));
  for (auto& [target, value] : joint->writes)
    FJ_USER_CHECK(!needs(value), ErrorKind::Unsupported, "an input is overwritten with a value that needs a gradient");
  Reverse reverse(*joint, needs);
  for (size_t i = 0; i < joint->outputs.size(); ++i) {
    const Value* v = joint->outputs[i];
    if (!needs(v) || (i < plain.size() && plain[i])) continue;
    out.differentiable.push_back(static_cast<int32_t>(i));
    TensorMeta m = *v;
    m.offset = 0;
    if (!m.is_dense()) m.strides = contiguous_strides(m.sizes);
    m.requires_grad = false;
    reverse.seed(v, joint->add_input(m, cat("grad_", i)));
  }
  if (out.differentiable.empty()) {
    out.grad_inputs.clear();
    out.forward = std::move(joint);
    return out;
  }
  for (size_t i = forward_nodes; i-- > 0;) reverse.node(*forward[i]);
  for (const Node* n : joint->nodes)
    FJ_USER_CHECK(!n->op->has(kDynamicShape), ErrorKind::Unsupported, "a gradient goes through ", n->op->full_name,
                  ", whose size depends on data");
  std::vector<Value*> grads;
  for (int32_t i : out.grad_inputs) grads.push_back(value_of(reverse.of(joint->inputs[static_cast<size_t>(i)])));
  partition(*joint, inputs, forward_nodes, grads, out);
  out.whole = std::move(joint);
  out.whole_grads = std::move(grads);
  return out;
}

namespace {

// Copies what gradients depend on; stops at values that are inputs of the new graph.
class GradientGraph {
 public:
  explicit GradientGraph(const Joint& j) : joint_(j), from_(*j.whole), needs_(*j.whole) {}

  SecondOrder build() {
    out_.graph = std::make_unique<Graph>();
    Graph& g = *out_.graph;
    size_t own = from_.inputs.size() - joint_.differentiable.size();
    for (size_t i = 0; i < own; ++i) map_.set(from_.inputs[i], g.add_input(*from_.inputs[i], from_.inputs[i]->name));
    for (size_t i = own; i < from_.inputs.size(); ++i) {
      TensorMeta m = *from_.inputs[i];
      m.requires_grad = true;
      map_.set(from_.inputs[i], g.add_input(m, from_.inputs[i]->name));
    }
    // Constants of the second derivative are taken as they were: random numbers among them.
    for (size_t k = 0; k < joint_.saved.size(); ++k) {
      const Value* v = joint_.saved_values[k];
      if (!v->def || needs_(v)) continue;
      TensorMeta m = *v;
      m.offset = 0;
      map_.set(v, g.add_input(m, v->name));
      out_.saved.push_back(static_cast<int32_t>(k));
    }
    for (const Value* v : joint_.whole_grads) want(v);
    for (const Node* n : from_.nodes)
      if (live_.count(n)) copy(*n);
    for (const Value* v : joint_.whole_grads)
      if (v) g.add_output(map_[v]);
    return std::move(out_);
  }

 private:
  void want(const Value* v) {
    std::vector<const Value*> stack;
    if (v) stack.push_back(v);
    while (!stack.empty()) {
      const Value* at = stack.back();
      stack.pop_back();
      if (map_.has(at) || !at->def || !live_.insert(at->def).second) continue;
      for_each_val(at->def->args, [&](Val a) { stack.push_back(value_of(a)); });
    }
  }

  void copy(const Node& n) {
    FJ_USER_CHECK(!draws(*n.op, n.args), ErrorKind::Unsupported,
                  "a compiled function with random numbers that its backward pass does not keep cannot be "
                  "differentiated twice; call it uncompiled");
    copy_node(n, *out_.graph, map_);
  }

  const Joint& joint_;
  const Graph& from_;
  Dependence needs_;
  ValueMap map_;
  std::unordered_set<const Node*> live_;
  SecondOrder out_;
};

}  // namespace

SecondOrder gradient_graph(const Joint& joint) { return GradientGraph(joint).build(); }

}  // namespace fj::transform
