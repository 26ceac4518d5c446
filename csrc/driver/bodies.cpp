#include "driver/bodies.h"

#include <cstring>
#include <unordered_map>

#include "driver/eager_program.h"
#include "driver/passes.h"
#include "ops/calls.h"
#include "runtime/memory.h"
#include "runtime/native/iterate.h"
#include "transform/functionalise.h"
#include "transform/joint.h"

namespace fj::driver {
namespace {

using graph::Graph;
using graph::Value;
using graph::value_of;

// An operand with the strides that the program was compiled for.
class Packed {
 public:
  Packed(const TensorView& v, const TensorMeta& want) {
    if (v.strides == want.strides || v.numel() == 0) {
      data = v.data;
      return;
    }
    bytes_ = static_cast<size_t>(checked_extent(want.sizes, want.strides, 0) * size_of(want.dtype));
    data = own_ = static_cast<std::byte*>(runtime::alloc_bytes(bytes_));
    TensorView to = v;
    to.data = own_;
    to.strides = want.strides;
    native::copy_view(to, v);
  }
  Packed(Packed&& o) noexcept : data(o.data), own_(std::exchange(o.own_, nullptr)), bytes_(o.bytes_) {}
  ~Packed() {
    if (own_) runtime::free_bytes(own_, bytes_);
  }
  std::byte* data = nullptr;

 private:
  std::byte* own_ = nullptr;
  size_t bytes_ = 0;
};

// Without writes; each result becomes a tensor of its own.
std::unique_ptr<Graph> functional(const Graph& traced) {
  auto g = transform::copy_graph(traced);
  graph::GraphBuilder b(*g);
  for (Value*& v : g->outputs) v = value_of(t::clone(b, Val{v}));
  transform::Functional f = transform::functionalise(*g);
  FJ_USER_CHECK(f.graph->writes.empty(), ErrorKind::Unsupported, "a body that writes to what it is given");
  return std::move(f.graph);
}

class TracedBodies final : public Bodies {
 public:
  TracedBodies(std::vector<std::unique_ptr<Graph>> graphs, bool alike, Bodies* forward) : forward_(forward) {
    for (auto& g : graphs) {
      bodies_.emplace_back();
      bodies_.back().functional = functional(*g);
      bodies_.back().traced = std::move(g);
    }
    for (size_t i = 0; i < bodies_.size(); ++i) take_results(bodies_[i], alike ? &bodies_ : nullptr);
  }

  size_t count() const { return bodies_.size(); }
  const Graph& traced(size_t i) const { return *bodies_[i].traced; }

  std::span<const TensorMeta> results(size_t body) const override {
    return {bodies_[body].results.data(), bodies_[body].results.size()};
  }

  Bodies* forward() const override { return forward_; }

  bool draws() const override {
    return std::any_of(bodies_.begin(), bodies_.end(), [](const Body& b) { return driver::draws(*b.functional); });
  }

  void prepare() override {
    if (forward_) forward_->prepare();
    for (Body& b : bodies_) {
      if (b.program) continue;
      auto g = transform::copy_graph(*b.functional);
      std::vector<const TensorMeta*> metas;
      for (const TensorMeta& m : b.results) metas.push_back(&m);
      make_outputs_distinct(*g, metas);
      b.program = compile_program(*g);
    }
  }

  void run(size_t body, std::span<const TensorView> operands, std::span<const TensorView> results) override {
    prepare();
    const Body& b = bodies_[body];
    std::vector<Packed> packed;
    SmallVec<void*, 16> in, out;
    for (size_t i = 0; i < operands.size(); ++i) {
      packed.emplace_back(operands[i], *b.functional->inputs[i]);
      in.push_back(packed.back().data);
    }
    for (const TensorView& v : results) out.push_back(v.data);
    b.program->run(in.data(), out.data());
  }

  Bodies& gradient() override {
    if (gradient_) return *gradient_;
    std::vector<std::unique_ptr<Graph>> graphs;
    for (const Body& b : bodies_) graphs.push_back(gradient_of(*b.functional));
    return *(gradient_ = &make_bodies(std::move(graphs), true));
  }

  Bodies& saving(size_t carried) override {
    std::vector<std::unique_ptr<Graph>> graphs;
    graphs.push_back(transform::copy_graph(*bodies_[0].functional));
    for (size_t i = 0; i < carried; ++i) graphs[0]->add_output(graphs[0]->inputs[i]);
    return make_bodies(std::move(graphs), false);
  }

  Bodies& backward(size_t carried, size_t slices) override {
    std::vector<std::unique_ptr<Graph>> graphs;
    graphs.push_back(backward_of(*bodies_.back().functional, carried, slices));
    return make_bodies(std::move(graphs), false, bodies_.size() > 1 ? this : nullptr);
  }

 private:
  struct Body {
    std::unique_ptr<Graph> traced, functional;
    SmallVec<TensorMeta, 2> results;
    std::unique_ptr<runtime::Program> program;
  };

  static void take_results(Body& b, const std::vector<Body>* alike) {
    for (size_t i = 0; i < b.functional->outputs.size(); ++i) {
      TensorMeta m = *b.functional->outputs[i];
      bool agree = alike && m.is_dense();
      if (alike)
        for (const Body& other : *alike) {
          const TensorMeta& o = *other.functional->outputs[i];
          FJ_USER_CHECK(o.sizes == m.sizes && o.dtype == m.dtype, ErrorKind::Unsupported,
                        "bodies that give tensors of other sizes or dtypes");
          agree = agree && o.strides == m.strides;
        }
      if (!agree) m.strides = contiguous_strides(m.sizes);
      m.offset = 0;
      m.requires_grad = false;
      b.results.push_back(std::move(m));
    }
  }

  static std::unique_ptr<Graph> gradient_of(const Graph& body) {
    auto g = transform::copy_graph(body);
    for (Value* v : g->inputs) v->requires_grad = is_differentiable(v->dtype);
    transform::Joint joint = transform::differentiate(*g);
    auto out = std::make_unique<Graph>();
    out->functional = true;
    transform::ValueMap map;
    const Graph& whole = joint.whole ? *joint.whole : *joint.forward;
    for (size_t i = 0; i < body.inputs.size(); ++i)
      map.set(whole.inputs[i], out->add_input(*whole.inputs[i], whole.inputs[i]->name));
    size_t next = body.inputs.size();
    for (size_t i = 0; i < body.outputs.size(); ++i) {
      const Value* v = body.outputs[i];
      if (!is_differentiable(v->dtype)) continue;
      const bool used =
          std::count(joint.differentiable.begin(), joint.differentiable.end(), static_cast<int32_t>(i)) != 0;
      TensorMeta m = make_meta(v->sizes, v->dtype);
      if (used) m.strides = whole.inputs[next]->strides;
      Value* grad = out->add_input(m, cat("grad_", i));
      if (used) map.set(whole.inputs[next++], grad);
    }
    for (const graph::Node* n : whole.nodes) transform::copy_node(*n, *out, map);
    graph::GraphBuilder b(*out);
    size_t wanted = 0;
    for (const Value* v : body.inputs) {
      if (!is_differentiable(v->dtype)) continue;
      const Value* grad = joint.grad_inputs.empty() ? nullptr : joint.whole_grads[wanted++];
      out->add_output(grad ? map[grad] : value_of(t::_zeros(b, v->sizes, v->dtype)));
    }
    out->remove_dead_nodes();
    for (Value* v : out->inputs) v->requires_grad = false;
    return out;
  }

  static std::unique_ptr<Graph> backward_of(const Graph& body, size_t carried, size_t slices) {
    const std::unique_ptr<Graph> gradient = gradient_of(body);
    const size_t own = body.inputs.size(), operands = own - carried - slices;
    auto out = std::make_unique<Graph>();
    out->functional = true;
    transform::ValueMap map;
    auto take = [&](const Value* v) { map.set(v, out->add_input(*v, v->name)); };
    size_t carried_grads = 0;
    for (size_t i = 0; i < carried; ++i) carried_grads += is_differentiable(body.inputs[i]->dtype);
    for (size_t i = 0; i < carried_grads; ++i) take(gradient->inputs[own + i]);
    std::vector<Value*> sums;
    for (size_t i = own - operands; i < own; ++i)
      if (const Value* v = body.inputs[i]; is_differentiable(v->dtype))
        sums.push_back(out->add_input(make_meta(v->sizes, v->dtype), cat("sum_", i)));
    for (size_t i = carried; i < carried + slices; ++i) take(gradient->inputs[i]);
    for (size_t i = 0; i < carried; ++i) take(gradient->inputs[i]);
    for (size_t i = own + carried_grads; i < gradient->inputs.size(); ++i) take(gradient->inputs[i]);
    for (size_t i = own - operands; i < own; ++i) take(gradient->inputs[i]);
    for (const graph::Node* n : gradient->nodes) transform::copy_node(*n, *out, map);
    graph::GraphBuilder b(*out);
    const auto& grads = gradient->outputs;  // of what is carried, of slices, of the operands
    const size_t last = grads.size() - sums.size();
    for (size_t i = 0; i < carried_grads; ++i) out->add_output(map[grads[i]]);
    for (size_t i = 0; i < sums.size(); ++i)
      out->add_output(value_of(t::add(b, Val{sums[i]}, Val{map[grads[last + i]]})));
    for (size_t i = carried_grads; i < last; ++i) out->add_output(map[grads[i]]);
    return out;
  }

  std::vector<Body> bodies_;
  Bodies* gradient_ = nullptr;
  Bodies* forward_;
};

std::string key_of(const std::vector<std::unique_ptr<Graph>>& graphs, bool alike, const Bodies* forward) {
  std::string key = cat(alike ? "alike\n" : "\n", reinterpret_cast<uintptr_t>(forward), "\n");
  for (const auto& g : graphs) {
    key += graph::print(*g);
    for (const graph::Node* n : g->nodes)
      for (const Arg& a : n->args)
        if (a.tag() == ArgTag::Object) key += cat(reinterpret_cast<uintptr_t>(a.as_object()), "\n");
  }
  return key;
}

}  // namespace

Bodies& make_bodies(std::vector<std::unique_ptr<Graph>> graphs, bool alike, Bodies* forward) {
  static auto& known = *new std::unordered_map<std::string, std::unique_ptr<TracedBodies>>();
  std::string key = key_of(graphs, alike, forward);
  auto it = known.find(key);
  if (it == known.end())
    it = known.emplace(std::move(key), std::make_unique<TracedBodies>(std::move(graphs), alike, forward)).first;
  return *it->second;
}

bool draws(const Graph& g) {
  return std::any_of(g.nodes.begin(), g.nodes.end(), [](const graph::Node* n) { return fj::draws(*n->op, n->args); });
}

std::vector<std::unique_ptr<Graph>> take_draws(std::vector<std::unique_ptr<Graph>>& graphs) {
  std::vector<std::unique_ptr<Graph>> whole, drawing;
  if (std::none_of(graphs.begin(), graphs.end(), [](const auto& g) { return draws(*g); })) return drawing;
  std::vector<std::pair<size_t, const Value*>> drawn;  // by which of the graphs
  for (const auto& g : graphs) {
    for (const graph::Node* n : whole.emplace_back(functional(*g))->nodes)
      if (fj::draws(*n->op, n->args))
        for (const Value* v : n->outs) drawn.emplace_back(whole.size() - 1, v);
  }
  for (size_t i = 0; i < graphs.size(); ++i) {
    transform::ValueMap in_draws, in_rest;
    auto& draw = drawing.emplace_back(std::make_unique<Graph>());
    auto rest = std::make_unique<Graph>();
    transform::copy_inputs(*whole[i], *draw, in_draws);
    transform::copy_inputs(*whole[i], *rest, in_rest);
    draw->functional = rest->functional = true;
    for (auto& [of, v] : drawn) {
      TensorMeta m = *v;
      m.offset = 0;
      m.requires_grad = false;
      Value* given = rest->add_input(m);
      if (of == i) in_rest.set(v, given);
    }
    graph::GraphBuilder b(*draw);
    for (const graph::Node* n : whole[i]->nodes) {
      transform::copy_node(*n, *draw, in_draws);
      if (!fj::draws(*n->op, n->args)) transform::copy_node(*n, *rest, in_rest);
    }
    for (auto& [of, v] : drawn) draw->add_output(of == i ? in_draws[v] : value_of(t::_zeros(b, v->sizes, v->dtype)));
    for (const Value* v : whole[i]->outputs) rest->add_output(in_rest[v]);
    draw->remove_dead_nodes();
    graphs[i] = std::move(rest);
  }
  return drawing;
}

size_t body_count(const Bodies& bodies) { return static_cast<const TracedBodies&>(bodies).count(); }

const graph::Graph& graph_of(const Bodies& bodies, size_t i) {
  return static_cast<const TracedBodies&>(bodies).traced(i);
}

}  // namespace fj::driver
