// autograd.Function inside a frame: forward and backward are traced at the call, backward into a graph of its own that
// becomes the derivative of one node.
//
// Backward runs later in truth, or never. So it may compute, but not change anything that is seen outside of it: where
// it does, the trace is cut at the call and CPython runs it as it is.
#include "capture/function_grad.h"

#include <unordered_map>

#include "base/hash.h"
#include "capture/asks.h"
#include "capture/tensors.h"
#include "graph/graph.h"
#include "ops/calls.h"
#include "ops/custom_gradient.h"
#include "tensor/autograd.h"
#include "tensor/dispatch.h"

namespace fj::capture {

namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

// Nodes of a backward pass, applied anew wherever the derivative is asked for.
class TracedGradient final : public CustomGradient {
 public:
  void apply(Builder& b, std::span<const Val> grads, std::span<const Val> saved, SmallVec<Val, 4>& out) const override {
    std::unordered_map<const Value*, Val> map;
    for (size_t i = 0; i < grads.size(); ++i) map[graph.inputs[i]] = grads[i];
    for (size_t i = 0; i < saved.size(); ++i) map[graph.inputs[grads.size() + i]] = saved[i];
    for (const Node* n : graph.nodes) {
      ArgVec args;
      for (const Arg& a : n->args) args.push_back(map_vals(a, [&](Val v) { return map.at(graph::value_of(v)); }));
      SmallVec<Val, 2> outs;
      b.emit(*n->op, args, outs);
      for (size_t i = 0; i < n->outs.size(); ++i) map[n->outs[i]] = outs[i];
    }
    for (const Value* v : results) {
      Val r = v ? map.at(v) : Val{};
      out.push_back(r && once ? t::_once_differentiable(b, r) : r);
    }
  }

  Graph graph;  // inputs: gradients of the outputs, then what it reads of the forward pass
  std::vector<const Value*> results;
  bool once = false;  // recorded without a derivative of its own
};

struct Application {
  Tracer& t;
  V cls, ctx;
  Values args;
  std::vector<TensorValue*> inputs;  // tensor arguments
  std::vector<size_t> places;        // where they stand among the arguments
  Values outputs;
  bool single = false;

  TensorObj* fake(V v) { return as_tensor(as<TensorValue>(v)->fake); }
};

[[noreturn]] void refuse(const char* why) { cut(Reason::unsupported_op, "an autograd.Function ", why); }

void read_arguments(Application& a, bool* needs) {
  Values flags;
  for (size_t i = 0; i < a.args.size(); ++i) {
    V v = a.args[i];
    a.t.use(v);
    if (TensorValue* plain = plain_tensor(v)) {
      a.t.use(plain);
      if (thread_state().grad_mode && tape::requires_grad(a.fake(plain))) refuse("of a tensor of a subclass");
    }
    const bool need = v->is == Is::Tensor && tape::requires_grad(a.fake(v));
    if (v->is == Is::Tensor) {
      a.inputs.push_back(as<TensorValue>(v));
      a.places.push_back(i);
    }
    *needs = *needs || need;
    flags.push_back(a.t.boolean(need));
  }
  *needs = *needs && thread_state().grad_mode;
  set_attr(a.t, a.ctx, FJ_NAME("needs_input_grad"), a.t.tuple(flags));
}

V run_forward(Application& a) {
  GradModeGuard off(false);
  Args args;
  args.pos = a.args;
  V forward = get_attr(a.t, a.cls, FJ_NAME("forward"));
  if (!truth(a.t, get_attr(a.t, a.cls, FJ_NAME("_has_setup_context")))) {
    args.pos.insert(args.pos.begin(), a.ctx);
    return call(a.t, forward, std::move(args));
  }
  V out = call(a.t, forward, std::move(args));
  call_values(a.t, get_attr(a.t, a.cls, FJ_NAME("setup_context")), {a.ctx, a.t.tuple(a.args), out});
  return out;
}

bool is_marked(Application& a, PyObject* name, V v) {
  V marked = get_attr(a.t, a.ctx, name);
  if (is_const(a.t, marked, Py_None)) return false;
  for (V m : unpack(a.t, marked))
    if (m == v || (m->is == Is::Tensor && as<TensorValue>(m)->fake == as<TensorValue>(v)->fake)) return true;
  return false;
}

void check_outputs(Application& a, V out) {
  a.single = out->is != Is::Tuple;
  a.outputs = a.single ? Values{out} : as<TupleValue>(out)->items;
  size_t tensors = 0;
  for (V v : a.outputs) {
    a.t.use(v);
    if (v->is != Is::Tensor && !is_const(a.t, v, Py_None)) refuse("that gives something else than tensors");
    tensors += v->is == Is::Tensor;
  }
  V dirty = get_attr(a.t, a.ctx, FJ_NAME("dirty_tensors"));
  if (!is_const(a.t, dirty, Py_None) && !unpack(a.t, dirty).empty()) refuse("that writes to its inputs");
  if (tensors != 1 && !truth(a.t, get_attr(a.t, a.ctx, FJ_NAME("materialize_grads"))))
    refuse("with several outputs that does not materialize gradients");
}

// What has been written to values that the trace knows of: reading one for the first time is no write.
class Watch {
 public:
  explicit Watch(Tracer& t) {
    t.for_each_value([&](V v) {
      if (v->touched)
        seen_.push_back({v, state_of(v)});
      else if (v->is == Is::List)
        unread_.push_back({v, growth_of(v)});
    });
  }
  bool changed() const {
    for (auto& [v, before] : seen_)
      if (state_of(v) != before) return true;
    for (auto& [v, before] : unread_)
      if (growth_of(v) != before) return true;
    return false;
  }

 private:
  // By how much a list is longer than it was when the trace began: one that is not read may grow (append_unread).
  static int64_t growth_of(V v) {
    const auto now = static_cast<int64_t>(as<ListValue>(v)->items.size());
    return v->touched && v->real && PyList_Check(v->real) ? now - PyList_GET_SIZE(v->real) : now;
  }
  static uint64_t state_of(V v) {
    Hasher h;
    h.add(static_cast<uint64_t>(v->changed));
    auto items = [&](const Values& list) {
      for (V item : list) h.add(reinterpret_cast<uint64_t>(item));
    };
    switch (v->is) {
      case Is::List: items(as<ListValue>(v)->items); break;
      case Is::Set: items(as<SetValue>(v)->items); break;
      case Is::Dict:
        h.add(static_cast<uint64_t>(as<DictValue>(v)->writes.size()));
        if (v->outside()) break;
        for (auto& e : as<DictValue>(v)->entries) h.add(reinterpret_cast<uint64_t>(e.value));
        break;
      case Is::Object: h.add(static_cast<uint64_t>(as<ObjectValue>(v)->slot_writes.size())); break;
      case Is::Cell:
        if (as<CellValue>(v)->known && (v->changed || !v->outside()))
          h.add(reinterpret_cast<uint64_t>(as<CellValue>(v)->contents));
        break;
      case Is::Iterator: h.add(static_cast<uint64_t>(as<IteratorValue>(v)->at)); break;
      case Is::Tensor: h.add(static_cast<uint64_t>(as<TensorValue>(v)->grad_changed)); break;
      default: break;
    }
    return h.value();
  }
  std::vector<std::pair<V, uint64_t>> seen_;
  std::vector<std::pair<V, int64_t>> unread_;
};

// Calls backward with stand-ins for the gradients; everything it records is taken out of the graph again.
class BackwardTrace {
 public:
  BackwardTrace(Application& a, Graph& g) : a_(a), t_(a.t), g_(g), made_(new TracedGradient) {}

  TracedGradient* run() {
    const size_t begin = g_.nodes.size();
    const Watch watch(t_);
    Values args{a_.ctx};
    GradModeGuard on(true);
    for (V v : a_.outputs) args.push_back(stand_in(v));
    const size_t body = g_.nodes.size();
    V result = nullptr;
    try {
      result = call_values(t_, get_attr(t_, a_.cls, FJ_NAME("backward")), std::move(args));
    } catch (Raised&) {
      refuse("whose backward() raises");
    }
    if (watch.changed()) refuse("whose backward() changes something");
    take_nodes(body);
    take_results(result);
    g_.nodes.resize(begin);
    return made_;
  }
  const std::vector<const Value*>& read() const { return read_; }

 private:
  V stand_in(V output) {
    if (output->is != Is::Tensor) return t_.none();
    TensorObj* like = a_.fake(output);
    TensorRef zeros = call1(OpId::_zeros, {Arg(like->meta.sizes), Arg(like->meta.dtype)});
    if (is_differentiable(like->meta.dtype)) {
      const Value* v = t_.tensors->value_of(as_object(zeros.get()));
      map_[v] = made_->graph.add_input(*v, "grad");
    }
    return t_.tensor(as_object(zeros.get()));
  }

  const Value* mapped(const Value* v) {
    auto it = map_.find(v);
    if (it != map_.end()) return it->second;
    read_.push_back(v);
    TensorMeta m = *v;
    return map_[v] = made_->graph.add_input(m, v->name);
  }

  void take_nodes(size_t body) {
    for (size_t i = body; i < g_.nodes.size(); ++i) {
      const Node& n = *g_.nodes[i];
      if (!n.op->args.empty() && n.op->args[0].mutated) refuse("whose backward() writes in place");
      made_->once = made_->once || n.no_grad;
      ArgVec args;
      for (const Arg& a : n.args) args.push_back(map_vals(a, [&](Val v) { return Val{mapped(graph::value_of(v))}; }));
      SmallVec<TensorMeta, 2> metas;
      for (const Value* v : n.outs) metas.push_back(*v);
      Node* copy = made_->graph.add_node(*n.op, args, metas);
      for (size_t k = 0; k < n.outs.size(); ++k) map_[n.outs[k]] = copy->outs[k];
    }
  }

  void take_results(V result) {
    Values items = result->is == Is::Tuple ? as<TupleValue>(result)->items : Values{result};
    while (items.size() > a_.args.size() && is_const(t_, items.back(), Py_None)) items.pop_back();
    if (items.size() != a_.args.size()) refuse("whose backward() gives a wrong number of gradients");
    for (size_t place : a_.places) {
      V v = items[place];
      t_.use(v);
      if (v->is != Is::Tensor && !is_const(t_, v, Py_None)) refuse("whose backward() gives no tensor");
      if (v->is != Is::Tensor) {
        made_->results.push_back(nullptr);
        continue;
      }
      const Value* value = t_.tensors->value_of(as<TensorValue>(v)->fake);
      if (!value) refuse("whose backward() gives a tensor of another trace");
      made_->results.push_back(mapped(value));
    }
  }

  Application& a_;
  Tracer& t_;
  Graph& g_;
  TracedGradient* made_;
  std::unordered_map<const Value*, Value*> map_;
  std::vector<const Value*> read_;  // of the forward pass, in order
};

// The node that gives the outputs their derivative.
Outs emit_node(Application& a, TracedGradient* gradient, const std::vector<const Value*>& read) {
  SmallVec<Val, 4> inputs, outputs, saved;
  Outs keep, made;
  std::vector<const Value*> values;
  for (TensorValue* v : a.inputs) inputs.push_back(val_of(a.fake(v)));
  for (V v : a.outputs) {
    if (v->is != Is::Tensor || !is_differentiable(a.fake(v)->meta.dtype)) continue;
    outputs.push_back(val_of(a.fake(v)));
    values.push_back(a.t.tensors->value_of(as<TensorValue>(v)->fake));
  }
  for (const Value* v : read) {
    int32_t output = -1;
    for (size_t i = 0; i < values.size(); ++i)
      if (values[i] == v) output = static_cast<int32_t>(i);
    gradient->saved_outputs.push_back(output);
    keep.push_back(a.t.tensors->fake_for(v, a.t));
    saved.push_back(keep.back().val());
  }
  ArgVec args{Arg::tensors(inputs), Arg::tensors(outputs), Arg::tensors(saved),
              Arg::object(static_cast<CustomGradient*>(gradient))};
  call_op(op_def(OpId::_function_grad), args, made);
  return made;
}

}  // namespace

V function_apply(Tracer& t, Args& given) {
  want(given, 3, 3);
  t.take_rule();
  Application a{t, given.pos[0], given.pos[1], {}, {}, {}, {}};
  t.use(given.pos[2]);
  a.args = as<TupleValue>(given.pos[2])->items;
  bool needs = false;
  read_arguments(a, &needs);
  V out = run_forward(a);
  if (!needs) return out;
  check_outputs(a, out);
  if (t.tape) t.tape->give_up("an autograd.Function");
  t.tensors->locate(t);
  BackwardTrace backward(a, t.tensors->graph());
  TracedGradient* gradient = backward.run();
  Outs made = emit_node(a, gradient, backward.read());
  Values results;
  size_t at = 0;
  for (V v : a.outputs) {
    if (v->is != Is::Tensor || !is_differentiable(a.fake(v)->meta.dtype)) {
      results.push_back(v);
      continue;
    }
    TensorRef linked = std::move(made[at++]);
    if (is_marked(a, FJ_NAME("non_differentiable"), v)) {
      results.push_back(v);
      continue;
    }
    results.push_back(t.tensor(as_object(linked.get())));
  }
  return a.single ? results[0] : t.tuple(std::move(results));
}

}  // namespace fj::capture
