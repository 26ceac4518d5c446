// Bodies of operators that take functions: what a trace records in one is taken out of its graph again.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ops/calls.h"
#include "tensor/dispatch.h"
#include "tensor/trace.h"

namespace fj::trace {

using graph::Graph;
using graph::Node;
using graph::Value;

void TraceSession::begin_body(std::span<TensorObj* const> parameters, std::span<TensorObj* const> sliced,
                              Outs& stand_ins) {
  Body body;
  body.begin = graph_.nodes.size();
  GradModeGuard no_grad(false);
  auto stand_in = [&](const Shape& sizes, DType dtype) {
    stand_ins.push_back(call1(OpId::_zeros, {Arg(sizes), Arg(dtype)}));
    body.parameters.push_back(value_of(stand_ins.back().get()));
  };
  for (TensorObj* p : parameters) stand_in(p->meta.sizes, p->meta.dtype);
  for (TensorObj* p : sliced) stand_in(Shape(p->meta.sizes.begin() + 1, p->meta.sizes.end()), p->meta.dtype);
  graph_.nodes.resize(body.begin);
  open_.push_back(std::move(body));
}

void TraceSession::end_body(std::span<TensorObj* const> results) {
  FJ_USER_CHECK(!open_.empty(), ErrorKind::Runtime, "no body is open");
  std::vector<TensorRef> given;
  for (TensorObj* t : results) given.push_back(fake_of(t));
  Body body = std::move(open_.back());
  open_.pop_back();
  for (const TensorRef& t : given) {
    body.results.push_back(value_of(t.get()));
    body.met.push_back(t);
  }
  body.nodes.assign(graph_.nodes.begin() + static_cast<std::ptrdiff_t>(body.begin), graph_.nodes.end());
  graph_.nodes.resize(body.begin);
  std::unordered_set<const Value*> known(body.parameters.begin(), body.parameters.end());
  auto meet = [&](Value* v) {
    if (known.insert(v).second) body.outside.push_back(v);
  };
  for (const Node* n : body.nodes) {
    for_each_val(n->args, [&](Val v) { meet(graph::value_of(v)); });
    known.insert(n->outs.begin(), n->outs.end());
  }
  for (Value* v : body.results) meet(v);
  closed_.push_back(std::move(body));
}

void TraceSession::drop_body() {
  FJ_USER_CHECK(!open_.empty(), ErrorKind::Runtime, "no body is open");
  open_.pop_back();
}

namespace {

// What all read comes first, then what each alone reads.
std::vector<Value*> in_order(std::span<std::vector<Value*>* const> read) {
  std::vector<Value*> shared, alone, seen;
  auto add = [&](Value* v, std::vector<Value*>& to) {
    if (std::find(seen.begin(), seen.end(), v) != seen.end()) return;
    seen.push_back(v);
    to.push_back(v);
  };
  for (Value* v : *read[0]) {
    const bool all = std::all_of(read.begin(), read.end(),
                                 [&](const auto* r) { return std::find(r->begin(), r->end(), v) != r->end(); });
    if (all) add(v, shared);
  }
  for (const auto* r : read)
    for (Value* v : *r) add(v, alone);
  shared.insert(shared.end(), alone.begin(), alone.end());
  return shared;
}

}  // namespace

std::vector<std::unique_ptr<Graph>> TraceSession::take_bodies(size_t n, Outs& operands) {
  FJ_USER_CHECK(closed_.size() >= n, ErrorKind::Runtime, "too few bodies");
  std::vector<Body> bodies(std::make_move_iterator(closed_.end() - static_cast<std::ptrdiff_t>(n)),
                           std::make_move_iterator(closed_.end()));
  closed_.resize(closed_.size() - n);
  std::vector<std::vector<Value*>*> read;
  for (Body& b : bodies) read.push_back(&b.outside);
  const std::vector<Value*> order = in_order(read);
  for (const Value* v : order) {
    TensorRef fake;
    for (const Body& b : bodies)
      for (const TensorRef& t : b.met)
        if (value_of(t.get()) == v) fake = t;
    FJ_USER_CHECK(fake, ErrorKind::Unsupported, "a body that writes to what it is given");
    operands.push_back(fake);
  }
  std::vector<std::unique_ptr<Graph>> graphs;
  for (const Body& b : bodies) {
    auto g = std::make_unique<Graph>();
    std::unordered_map<const Value*, Value*> map;
    for (const Value* v : b.parameters) map[v] = g->add_input(*v, v->name);
    for (const Value* v : order) map[v] = g->add_input(*v, v->name);
    for (const Node* node : b.nodes) {
      ArgVec args;
      for (const Arg& a : node->args)
        args.push_back(map_vals(a, [&](Val v) { return Val{map.at(graph::value_of(v))}; }));
      SmallVec<TensorMeta, 2> metas;
      for (const Value* v : node->outs) metas.push_back(*v);
      Node* copy = g->add_node(*node->op, args, metas);
      copy->location = node->location;
      copy->no_grad = node->no_grad;
      copy->autocast = node->autocast;
      copy->region = node->region;
      for (size_t i = 0; i < node->outs.size(); ++i) {
        map[node->outs[i]] = copy->outs[i];
        copy->outs[i]->name = node->outs[i]->name;
      }
    }
    for (const Value* v : b.results) g->add_output(map.at(v));
    graphs.push_back(std::move(g));
  }
  return graphs;
}

}  // namespace fj::trace
