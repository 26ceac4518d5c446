#include "schedule/schedule.h"

#include <unordered_map>
#include <unordered_set>

#include "ops/calls.h"
#include "ops/foreign.h"
#include "schedule/arena.h"
#include "schedule/body.h"
#include "schedule/lower.h"

namespace fj::schedule {
namespace {

using runtime::Place;

class Scheduler final : public NeededFn {
 public:
  Scheduler(Graph& g, const Backend& backend)
      : graph_(g), backend_(backend), program_(std::make_unique<runtime::Program>()) {}

  std::unique_ptr<runtime::Program> run() {
    program_->ninputs = static_cast<int32_t>(graph_.inputs.size());
    program_->noutputs = static_cast<int32_t>(graph_.outputs.size());
    detach_writes();
    units_ = form_groups(graph_);
    find_uses();
    bind_ends();
    for (size_t u = 0; u < units_.size(); ++u) {
      at_ = static_cast<int>(u);
      if (units_[u]->native)
        native_step(*units_[u]->native);
      else
        kernel_steps(*units_[u]);
      free_dead();
    }
    fix_arena();
    program_->arena_bytes = arena_.size();
    for (const auto& k : program_->kernels) program_->ns += k.ns;
    return std::move(program_);
  }

  bool operator()(const Value* v) const override { return external_.count(v) != 0; }

 private:
  // -- uses and places ---------------------------------------------------------------------------------------------
  // A write-back of an input's own elements goes through a copy: another write may change them first.
  void detach_writes() {
    for (auto& [target, value] : graph_.writes) {
      if (root_of(value)->def) continue;
      graph::GraphBuilder b(graph_);
      value = value_of(t::clone(b, Val{value}));
    }
  }

  void find_uses() {
    for (size_t u = 0; u < units_.size(); ++u)
      for (const Node* n : units_[u]->nodes) unit_of_[n] = static_cast<int>(u);
    for (size_t u = 0; u < units_.size(); ++u) {
      for (const Node* n : units_[u]->nodes) {
        for_each_val(n->args, [&](Val v) {
          const Value* root = root_of(value_of(v));
          last_use_[root] = static_cast<int>(u);
          if (root->def && unit_of_.at(root->def) != static_cast<int>(u)) external_.insert(root);
        });
        if (units_[u]->native)
          for (const Value* v : n->outs) external_.insert(v);
      }
    }
  }

  void bind_ends() {
    for (size_t i = 0; i < graph_.outputs.size(); ++i) {
      const Value* v = graph_.outputs[i];
      FJ_CHECK(root_of(v) == v && v->def && !places_.count(v), "outputs of a schedule are distinct results");
      places_[v] = {program_->ninputs + static_cast<int32_t>(i), 0};
      external_.insert(v);
      last_use_[v] = static_cast<int>(units_.size());
    }
    std::vector<std::pair<Value*, Value*>> copies;
    for (auto& [target, value] : graph_.writes) {
      if (writes_directly(target, value)) {
        places_[value] = {target->index, 0};
        external_.insert(value);
        last_use_[value] = static_cast<int>(units_.size());
      } else {
        copies.push_back({target, value});
      }
    }
    for (auto& [target, value] : copies) copy_at_end(target, value);
  }

  // The group that makes `value` may store to the input at once: nobody reads the input later, and the group itself
  // only at the points that it stores.
  bool writes_directly(const Value* target, const Value* value) {
    if (!value->def || root_of(value) != value || places_.count(value) || !(value->sizes == target->sizes) ||
        !(value->strides == target->strides) || value->dtype != target->dtype)
      return false;
    int u = unit_of_.at(value->def);
    if (units_[static_cast<size_t>(u)]->native) return false;
    auto it = last_use_.find(target);
    if (it != last_use_.end() && it->second > u) return false;
    for (auto& [t, v] : graph_.writes)
      if (v == value && t != target) return false;
    const Group& g = *units_[static_cast<size_t>(u)];
    if (g.has_reduce) return false;  // a later sweep might read what an earlier one stored
    Steps own, read;
    if (!steps_in_space(g, *value, value->sizes, Level::Full, &own)) return false;
    bool ok = true;
    for (const Node* n : g.nodes) {
      for_each_val(n->args, [&](Val v) {
        const Value* w = value_of(v);
        if (root_of(w) != target) return;
        ok = ok && w->offset == target->offset && steps_in_space(g, *w, read_sizes(n), Level::Full, &read) &&
             read == own;
      });
    }
    return ok;
  }

  void copy_at_end(Value* target, Value* value) {
    graph::GraphBuilder b(graph_);
    TensorMeta want = *target;
    if (is_complex(want.dtype)) {  // kernels write the parts
      value = value_of(t::view_as_real(b, Val{value}));
      const Arg self[] = {Arg(Val{target})};
      InferCtx c{op_def(OpId::view_as_real), self};
      c.op.infer(c);
      want = c.out[0];
    }
    if (is_wide_unsigned(want.dtype)) {
      value = value_of(signed_view(b, Val{value}));
      want.dtype = value->dtype;
    }
    Value* copy = value_of(t::clone(b, Val{value}));
    static_cast<TensorMeta&>(*copy) = want;
    copy->offset = 0;
    auto unit = std::make_unique<Group>();
    for (Dim s : copy->sizes)
      if (s != 1) unit->sizes.push_back(s);
    unit->reduced.resize(unit->sizes.size(), 0);
    unit->nodes = {copy->def};
    int u = static_cast<int>(units_.size());
    unit_of_[copy->def] = u;
    units_.push_back(std::move(unit));
    const Value* root = root_of(value);
    external_.insert(root);
    last_use_[root] = std::max(last_use_.count(root) ? last_use_[root] : 0, u);
    external_.insert(copy);
    places_[copy] = {target->index, 0};
    last_use_[copy] = u;
  }

  Place place_of(const Value* root) {
    if (!root->def) return {root->index, 0};
    auto it = places_.find(root);
    if (it != places_.end()) return it->second;
    const int64_t bytes = checked_extent(root->sizes, root->strides, 0) * size_of(root->dtype);
    Place p{kArena, arena_.take(bytes)};
    places_[root] = p;
    owned_.push_back({root, p.offset, bytes});
    return p;
  }

  void free_dead() {
    std::erase_if(owned_, [&](const Owned& o) {
      auto it = last_use_.find(o.value);
      if (it != last_use_.end() && it->second > at_) return false;
      arena_.give_back(o.offset, o.bytes);
      return true;
    });
    for (auto& [offset, bytes] : temporaries_) arena_.give_back(offset, bytes);
    temporaries_.clear();
  }

  // The arena comes after the constants, so its number is known at the end.
  void fix_arena() {
    auto fix = [&](Place& p) {
      if (p.base == kArena) p.base = program_->arena_base();
    };
    for (auto& k : program_->kernels)
      for (Place& p : k.operands) fix(p);
    for (auto& n : program_->natives) {
      for (Place& p : n.inputs) fix(p);
      for (auto& l : n.lists)
        for (Place& p : l) fix(p);
      for (Place& p : n.out_places) fix(p);
    }
  }

  // -- kernels -----------------------------------------------------------------------------------------------------
  void kernel_steps(const Group& g) {
    if (g.kept_points() == 0) return;  // nothing to write
    GroupKernel k = lower_group(g, *this);
    if (k.operands.empty()) return;
    std::vector<Place> partials;
    int64_t kept = g.kept_points();
    for (DType t : k.partials) {
      int64_t bytes = kept * k.chunks * size_of(t);
      partials.push_back({kArena, arena_.take(bytes)});
      temporaries_.push_back({partials.back().offset, bytes});
    }
    if (k.split_axis < 0) {
      add_kernel(k, partials);
      return;
    }
    KernelRef code = backend_.compile(k.kernel);
    int64_t full = k.split_size / k.chunk, rest = k.split_size % k.chunk;
    size_t at = static_cast<size_t>(k.split_axis);
    if (full > 0) {
      k.axes.sizes[at] = full;
      add_kernel(k, partials, code);
    }
    if (rest > 0) {
      k.axes.sizes[at] = 1;
      k.axes.sizes[at + 1] = rest;
      add_kernel(k, partials, code, at, full);
    }
    add_kernel(k.second, partials);
  }

  // `skip` rounds of axis `at` are left out: pointers start behind them.
  void add_kernel(const KernelPart& k, const std::vector<Place>& partials, KernelRef code = nullptr, size_t at = 0,
                  int64_t skip = 0) {
    runtime::KernelCall c;
    c.kernel = code ? code : backend_.compile(k.kernel);
    c.messages = kCheckMessages;
    c.sizes.assign(k.axes.sizes.begin(), k.axes.sizes.end());
    double points = 1;
    int64_t row = 1;
    for (size_t i = 0; i < c.sizes.size(); ++i) {
      points *= static_cast<double>(c.sizes[i]);
      if (k.axes.reduced[i]) row *= c.sizes[i];
    }
    c.ns = points * c.kernel->cost;
    for (size_t i = 0; i < k.operands.size(); ++i) {
      const OperandUse& o = k.operands[i];
      int64_t item = size_of(o.dtype);
      Place p;
      if (o.partial >= 0)
        p = partials[static_cast<size_t>(o.partial)];
      else if (o.root)
        p = place_of(o.root);
      else
        p.offset = row * item;
      if (p.base != -1) p.offset += (o.offset + skip * k.axes.steps[i][at]) * item;
      c.operands.push_back(p);
      bool one = c.sizes.back() == 1 && k.kernel.operands[i].vec == loop::VecClass::Contig;
      for (size_t a = 0; a < c.sizes.size(); ++a) c.strides.push_back(k.axes.steps[i][a] * item);
      if (one) c.strides.back() = item;
    }
    for (const Arg& a : k.numbers.values) {
      ParamValue v;
      if (a.tag() == ArgTag::Float)
        v.f = a.as_double();
      else
        v.i = a.as_int();
      c.params.push_back(v);
    }
    program_->steps.push_back({static_cast<int32_t>(program_->kernels.size()), -1});
    program_->kernels.push_back(std::move(c));
  }

  // -- native calls ------------------------------------------------------------------------------------------------
  Val keep_meta(const TensorMeta& m) { return Val{&program_->metas.emplace_back(m)}; }

  Place place_of_view(const Value* v) {
    const Value* root = root_of(v);
    Place p = place_of(root);
    p.offset += v->offset * size_of(v->dtype) - root->offset * size_of(root->dtype);
    return p;
  }

  void native_step(const Node& n) {
    runtime::NativeCall c;
    c.op = n.op;
    c.lists.resize(n.args.size());
    for (size_t i = 0; i < n.args.size(); ++i) {
      const Arg& a = n.args[i];
      c.inputs.push_back({});
      if (a.is_tensor()) c.inputs.back() = place_of_view(value_of(a.val()));
      if (a.tag() == ArgTag::TensorList)
        for (Val v : a.as_vals()) c.lists[i].push_back(v ? place_of_view(value_of(v)) : Place{});
      c.args.push_back(map_vals(a, [&](Val v) { return keep_meta(*v); }));
    }
    for (const Value* v : n.outs) {
      c.outs.push_back(keep_meta(*v));
      c.out_places.push_back(place_of(v));
    }
    program_->ns += native_cost(n);
    program_->steps.push_back({-1, static_cast<int32_t>(program_->natives.size())});
    program_->natives.push_back(std::move(c));
  }

  // Only to tell whether the interpreter's lock should be released: work is at least the elements that are touched.
  static double native_cost(const Node& n) {
    double elements = 0;
    for_each_val(n.args, [&](Val v) { elements += static_cast<double>(v->numel()); });
    for (const Value* v : n.outs) elements += static_cast<double>(v->numel());
    return elements;
  }

  struct Owned {
    const Value* value;
    int64_t offset, bytes;
  };
  static constexpr int32_t kArena = 0x7fffffff;

  Graph& graph_;
  const Backend& backend_;
  std::unique_ptr<runtime::Program> program_;
  std::vector<std::unique_ptr<Group>> units_;
  std::unordered_map<const Node*, int> unit_of_;
  std::unordered_map<const Value*, int> last_use_;
  std::unordered_map<const Value*, Place> places_;
  std::unordered_set<const Value*> external_;
  std::vector<Owned> owned_;
  std::vector<std::pair<int64_t, int64_t>> temporaries_;
  ArenaPlan arena_;
  int at_ = 0;
};

}  // namespace

std::unique_ptr<runtime::Program> schedule(graph::Graph& g, const Backend& backend) {
  return Scheduler(g, backend).run();
}

}  // namespace fj::schedule
