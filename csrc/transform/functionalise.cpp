#include "transform/functionalise.h"

#include <unordered_set>

#include "ops/calls.h"
#include "transform/scatter_view.h"

namespace fj::transform {
namespace {

// The family of a base value.
struct Family {
  const Value* base;    // raw
  Value* current;       // in the new graph
  int32_t version = 0;  // writes so far
};

// How a raw value hangs on its base: through the view node that made it, from its parent.
struct Member {
  int32_t family;
  const Value* parent = nullptr;  // raw; null: the base itself
  const Node* view = nullptr;
  Value* value = nullptr;  // in the new graph, as of `version`
  int32_t version = -1;
};

bool mutates(const OpDef& op) {
  for (const ArgDef& a : op.args)
    if (a.mutated) return true;
  return false;
}

class Functionaliser {
 public:
  explicit Functionaliser(const Graph& raw) : raw_(raw) { out_.graph = std::make_unique<Graph>(); }

  Functional run() {
    Graph& to = *out_.graph;
    to.functional = true;
    for (const Value* v : raw_.inputs) new_family(v, to.add_input(*v, v->name));
    ninputs_ = static_cast<int32_t>(families_.size());
    for (const Node* n : raw_.nodes) node(*n);
    outputs();
    for (int32_t i = 0; i < ninputs_; ++i)
      if (families_[static_cast<size_t>(i)].version > 0)
        to.writes.push_back({to.inputs[static_cast<size_t>(i)], families_[static_cast<size_t>(i)].current});
    return std::move(out_);
  }

 private:
  void new_family(const Value* base, Value* current) {
    members_[base] = {static_cast<int32_t>(families_.size()), nullptr, nullptr, current, 0};
    families_.push_back({base, current});
  }

  Member& member(const Value* raw) {
    auto it = members_.find(raw);
    FJ_CHECK(it != members_.end(), "%", raw->name, " is used before it is made");
    return it->second;
  }
  Family& family(const Value* raw) { return families_[static_cast<size_t>(member(raw).family)]; }

  // The new graph's value of a raw one, with all writes so far.
  Value* get(const Value* raw) {
    raw = canonical(raw);
    Member& m = member(raw);
    Family& f = families_[static_cast<size_t>(m.family)];
    if (m.version == f.version) return m.value;
    Value* v = f.current;
    if (m.view) {
      Value* parent = get(m.parent);
      v = apply(*m.view, parent, raw->index);
    }
    Member& again = member(raw);
    again.value = v;
    again.version = f.version;
    return v;
  }

  Value* apply(const Node& view, Value* parent, int32_t index) {
    const TensorMeta& traced = *value_of(view.args[0].val());
    if (view.op->id == OpId::as_strided && !(parent->strides == traced.strides && parent->offset == traced.offset))
      raise(ErrorKind::Unsupported, "as_strided of a tensor that was written to and whose memory is not dense");
    ArgVec args;
    for (const Arg& a : view.args) args.push_back(a);
    args[0] = Arg(Val{parent});
    // The other arguments of views are numbers.
    SmallVec<Val, 2> outs;
    graph::GraphBuilder b(*out_.graph);
    b.location = view.location;
    b.no_grad = view.no_grad;
    b.emit(*view.op, args, outs);
    return value_of(outs[static_cast<size_t>(index)]);
  }

  ArgVec mapped_args(const Node& n) {
    ArgVec args;
    for (const Arg& a : n.args) args.push_back(map_vals(a, [&](Val v) { return Val{get(value_of(v))}; }));
    return args;
  }

  void node(const Node& n) {
    if (n.op->is_view()) return view(n);
    if (n.op->has(kInplace) || mutates(*n.op)) return inplace(n);
    ArgVec args = mapped_args(n);
    SmallVec<TensorMeta, 2> metas;
    for (const Value* v : n.outs) metas.push_back(*v);
    Node* m = out_.graph->add_node(*n.op, args, metas);
    m->location = n.location;
    m->no_grad = n.no_grad;
    for (size_t i = 0; i < n.outs.size(); ++i) new_family(n.outs[i], m->outs[i]);
  }

  void view(const Node& n) {
    const Value* parent = value_of(n.args[0].val());
    for (Value* v : n.outs) members_[v] = {member(parent).family, parent, &n, nullptr, -1};
    if (n.outs.size() != 1) return;  // each is made when it is asked for
    Value* made = apply(n, get(parent), 0);
    Member& m = member(n.outs[0]);
    m.value = made;
    m.version = family(n.outs[0]).version;
  }

  void inplace(const Node& n) {
    FJ_USER_CHECK(n.op->partner, ErrorKind::Unsupported, n.op->full_name, " has no functional form");
    for (size_t i = 1; i < n.op->args.size(); ++i)
      FJ_USER_CHECK(!n.op->args[i].mutated, ErrorKind::Unsupported, n.op->full_name,
                    " writes to more than its first argument");
    const Value* self = value_of(n.args[0].val());
    graph::GraphBuilder b(*out_.graph);
    b.location = n.location;
    b.no_grad = n.no_grad;
    SmallVec<Val, 2> outs;
    ArgVec args = mapped_args(n);
    b.emit(*n.op->partner, args, outs);
    Val fresh = outs[0];
    if (fresh->dtype != self->dtype) fresh = t::_to_dtype(b, fresh, self->dtype);
    if (!(fresh->sizes == self->sizes)) fresh = t::expand(b, fresh, self->sizes);
    write(self, value_of(fresh), b);
    for (Value* v : n.outs) same_as(v, self);
  }

  // The result of an in-place op is its first argument.
  void same_as(const Value* v, const Value* self) {
    Member m = member(self);
    members_[v] = m;
    aliases_[v] = self;
  }

  // Gives `raw` the elements of `fresh` and its family a new version.
  void write(const Value* raw, Value* fresh, graph::GraphBuilder& b) {
    Member& m = member(raw);
    Family& f = families_[static_cast<size_t>(m.family)];
    Value* base = fresh;
    if (m.view) base = value_of(write_through(b, Val{f.current}, *f.base, Val{fresh}, *raw));
    keep_layout(base, *f.base);
    f.current = base;
    ++f.version;
    // The written value itself needs not be cut out of the base again.
    Member& again = member(raw);
    again.value = fresh;
    again.version = f.version;
    if (!again.view) again.value = base;
  }

  // A fresh result may have any dense layout: the base's own lets the views of it be made as before.
  static void keep_layout(Value* v, const TensorMeta& base) {
    if (v->strides == base.strides || !v->def || v->def->op->is_view() || !base.is_dense()) return;
    if (v->def->op->kind == OpKind::Pointwise || v->def->op->kind == OpKind::Reduction) v->strides = base.strides;
  }

  const Value* canonical(const Value* v) const {
    for (auto it = aliases_.find(v); it != aliases_.end(); it = aliases_.find(v)) v = it->second;
    return v;
  }

  std::vector<std::pair<const Node*, int32_t>> views_to(const Value* v) {
    std::vector<std::pair<const Node*, int32_t>> out;
    for (v = canonical(v); member(v).view; v = canonical(member(v).parent)) out.push_back({member(v).view, v->index});
    std::reverse(out.begin(), out.end());
    return out;
  }

  static bool ends_history(const std::vector<std::pair<const Node*, int32_t>>& views) {
    return std::any_of(views.begin(), views.end(),
                       [](const auto& v) { return v.first->no_grad || v.first->op->id == OpId::detach; });
  }

  void outputs() {
    std::unordered_map<const Value*, int32_t> seen;    // canonical raw value -> output
    std::unordered_map<int32_t, int32_t> base_output;  // family -> output of the new graph
    for (const Value* raw : raw_.outputs) {
      const Value* v = canonical(raw);
      OutputSpec spec;
      auto [it, first] = seen.emplace(v, static_cast<int32_t>(out_.outputs.size()));
      if (!first) spec.same_as = it->second;
      const Member& m = member(v);
      spec.views = views_to(v);
      if (m.family < ninputs_) {
        spec.kind = m.view ? OutputSpec::InputView : OutputSpec::InputItself;
        spec.index = m.family;
      } else {
        auto [at, fresh] = base_output.emplace(m.family, static_cast<int32_t>(out_.graph->outputs.size()));
        if (fresh) {
          out_.graph->add_output(families_[static_cast<size_t>(m.family)].current);
          out_.plain.push_back(true);
        }
        if (!ends_history(spec.views)) out_.plain[static_cast<size_t>(at->second)] = false;
        spec.kind = m.view ? OutputSpec::ResultView : OutputSpec::Result;
        spec.index = at->second;
      }
      out_.outputs.push_back(std::move(spec));
    }
  }

  const Graph& raw_;
  Functional out_;
  int32_t ninputs_ = 0;
  std::vector<Family> families_;
  std::unordered_map<const Value*, Member> members_;
  std::unordered_map<const Value*, const Value*> aliases_;
};

// See loses_history. Values are told apart as their tape would: by whether they carry a gradient to an input.
class Histories {
 public:
  explicit Histories(const Graph& g) {
    for (const Value* v : g.inputs) {
      base_[v] = v;
      if (v->requires_grad && is_differentiable(v->dtype)) carries_.insert(v);
    }
    for (const Node* n : g.nodes) node(*n);
    for (const Value* v : g.outputs) {
      const Value* base = base_.at(v);
      if (stale_.count(v) || (carries_.count(v) && written_.count(base) && base->def)) lost = true;
    }
  }
  bool lost = false;

 private:
  // Of the arguments that a gradient goes to: does one carry it? Was one written behind its history's back?
  bool differentiated(const Node& n, bool* stale) const {
    const OpDef& rule = n.op->has(kInplace) && n.op->partner ? *n.op->partner : *n.op;
    if (n.no_grad || !rule.vjp) return false;
    bool any = false;
    for (size_t i = 0; i < n.args.size(); ++i)
      if (rule.vjp_args >> i & 1)
        for_each_val(Args(&n.args[i], 1), [&](Val arg) {
          const Value* v = value_of(arg);
          if (!carries_.count(v)) return;
          any = true;
          *stale = *stale || stale_.count(v) || written_.count(base_.at(v));
        });
    return any;
  }

  void node(const Node& n) {
    bool stale = false;
    const bool any = differentiated(n, &stale);
    const bool writes = mutates(*n.op);
    const Value* self = writes || n.op->is_view() ? value_of(n.args[0].val()) : nullptr;
    const Value* base = self ? base_.at(self) : nullptr;
    if (writes && carries_.count(base) && (n.no_grad || !carries_.count(self))) written_.insert(base);
    auto note = [&](const Value* v) {
      if (any && is_differentiable(v->dtype)) carries_.insert(v);
      if (stale) stale_.insert(v);
    };
    if (writes) note(self), note(base);
    for (const Value* v : n.outs) {
      base_[v] = base ? base : v;
      if (writes && carries_.count(self)) carries_.insert(v);
      note(v);
    }
  }

  std::unordered_map<const Value*, const Value*> base_;
  std::unordered_set<const Value*> carries_, written_, stale_;
};

}  // namespace

bool loses_history(const Graph& raw) { return Histories(raw).lost; }

Functional functionalise(const Graph& raw) { return Functionaliser(raw).run(); }

}  // namespace fj::transform
