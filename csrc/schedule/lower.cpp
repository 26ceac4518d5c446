// How a group becomes a kernel.
//
// Full members get the first sweep in which all they read is known, Kept members the point stage after it. A Full value
// that a later sweep needs again is loaded from its own output, computed again if that is cheap, or kept in a row of
// scratch. Column kernels have no scratch: there everything is computed again.
#include "schedule/lower.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "schedule/body.h"
#include "schedule/cost.h"
#include "schedule/narrow.h"
#include "schedule/prune.h"
#include "schedule/reduction.h"

namespace fj::schedule {
namespace {

constexpr int kCheap = 6;  // recomputing costs at most this many additions

struct Member {
  Node* node;
  Level level;
  int sweep = 0;   // Full: earliest sweep; reductions: the sweep that feeds them
  int point = -1;  // Kept: known after the point stage of this sweep; -1: before all
  int store = -1;  // operand, if the value must be in memory
  int scratch = -1;
  int cost = 0;
  SmallVec<int, 6> loads;  // per argument: operand, -1 where inside the group or no tensor
  int acc = -1;
  int partial = -1;  // operand of a narrow group's first kernel
};

class Lowering {
 public:
  Lowering(const Group& g, const NeededFn& needed) : g_(g), needed_(needed) {}

  GroupKernel run() {
    collect();
    plan_sweeps();
    axes();
    if (g_.is_narrow() && !has_arg_reduction()) split();
    emit();
    prune(out_.kernel);
    if (out_.split_axis >= 0) lower_second(g_, out_, reductions());
    out_.numbers = std::move(numbers_);
    return std::move(out_);
  }

 private:
  // -- members and operands ----------------------------------------------------------------------------------------
  void collect() {
    for (Node* n : g_.nodes) {
      index_[n] = members_.size();
      Member& m = members_.emplace_back();
      m.node = n;
      FJ_CHECK(level_of(g_, n, &m.level), "a member does not fit its group");
    }
    for (Member& m : members_) operands_of(m);
    for (Member& m : members_)
      for (Value* v : m.node->outs)
        if (needed_(v)) output_of(m, v);
  }

  Member* inside(const Value* root) {
    if (!root->def) return nullptr;
    auto it = index_.find(root->def);
    return it == index_.end() ? nullptr : &members_[it->second];
  }

  Level read_level(const Member& m) const { return is_reduction(m.node) ? Level::Full : m.level; }

  void operands_of(Member& m) {
    int before = 0;
    for (const Arg& a : m.node->args) {
      m.loads.push_back(-1);
      if (!a.is_tensor()) continue;
      const Value* v = value_of(a.val());
      const Value* root = root_of(v);
      if (Member* p = inside(root)) {
        before =
            std::max(before, p->level == Level::Full ? p->sweep : p->point + (read_level(m) == Level::Full ? 1 : 0));
        if (m.level == Level::Kept && !is_reduction(m.node)) m.point = std::max(m.point, p->point);
        continue;
      }
      OperandUse use;
      use.root = root;
      use.offset = v->offset - root->offset * size_of(root->dtype) / size_of(v->dtype);
      use.dtype = v->dtype;
      use.role = loop::Role::In;
      const Shape& at = is_trivial_reduction(m.node) ? v->sizes : read_sizes(m.node);
      FJ_CHECK(steps_in_space(g_, *v, at, read_level(m), &use.steps));
      m.loads.back() = add_operand(use, read_level(m));
    }
    m.sweep = before;
    if (is_reduction(m.node)) m.point = before;
  }

  int add_operand(const OperandUse& use, Level level) {
    for (size_t i = 0; i < out_.operands.size(); ++i) {
      const OperandUse& o = out_.operands[i];
      if (use.role == loop::Role::In && o.role == use.role && o.root == use.root && o.offset == use.offset &&
          o.steps == use.steps)
        return static_cast<int>(i);
    }
    out_.operands.push_back(use);
    int i = static_cast<int>(out_.operands.size()) - 1;
    if (level == Level::Full) full_level_.push_back(i);
    return i;
  }

  void output_of(Member& m, Value* v) {
    OperandUse use;
    use.root = v;
    use.dtype = v->dtype;
    use.role = loop::Role::Out;
    FJ_CHECK(steps_in_space(g_, *v, v->sizes, m.level, &use.steps));
    int i = add_operand(use, m.level);
    stores_.push_back({&m, v, i});
    if (v->index == 0) m.store = i;
  }

  // -- which value is made where -----------------------------------------------------------------------------------
  int sweeps() const {
    int n = 1;
    for (const Member& m : members_)
      if (m.level == Level::Full || is_reduction(m.node)) n = std::max(n, m.sweep + 1);
    return n;
  }

  void plan_sweeps() {
    nsweeps_ = sweeps();
    axes();  // row or column is known from here on; scratch operands join without steps
    column_ = g_.has_reduce && !out_.axes.reduced.back();
    for (Member& m : members_)
      if (m.level == Level::Full)
        m.cost = m.node->op->kind == OpKind::Pointwise
                     ? pointwise_cost(*m.node->op, m.node->args, m.node->outs[0]->dtype)
                     : 1;
    for (int k = nsweeps_ - 1; k > 0; --k) {
      std::unordered_set<const Member*> seen;
      for (Member& m : members_) {
        if (is_reduction(m.node) && m.sweep == k) demand_args(m, k, seen);
        if (m.level == Level::Full && m.store >= 0 && m.sweep == k) demand_args(m, k, seen);
        if (m.scratch >= 0 && m.sweep == k) demand_args(m, k, seen);
      }
    }
  }

  void demand_args(Member& m, int k, std::unordered_set<const Member*>& seen) {
    for_each_val(m.node->args, [&](Val v) {
      Member* p = inside(root_of(value_of(v)));
      if (p && p->level == Level::Full) demand(*p, k, seen);
    });
  }

  void demand(Member& m, int k, std::unordered_set<const Member*>& seen) {
    if (!seen.insert(&m).second) return;
    if (m.sweep < k) {
      if (m.store >= 0) {
        out_.operands[static_cast<size_t>(m.store)].role = loop::Role::InOut;
        return;
      }
      if (m.scratch >= 0) return;
      if (!column_ && chain_cost(m, k, 0) > kCheap) {
        OperandUse use;
        use.dtype = m.node->outs[0]->dtype;
        use.role = loop::Role::Scratch;
        out_.operands.push_back(use);
        m.scratch = static_cast<int>(out_.operands.size()) - 1;
        return;
      }
    }
    demand_args(m, k, seen);
  }

  // Additions that computing m again in sweep k takes.
  int chain_cost(const Member& m, int k, int depth) {
    if (depth > 8) return kCheap + 1;
    int cost = m.cost;
    for_each_val(m.node->args, [&](Val v) {
      Member* p = inside(root_of(value_of(v)));
      if (!p || p->level != Level::Full || cost > kCheap) return;
      if (p->sweep < k && (p->store >= 0 || p->scratch >= 0)) return;
      cost += chain_cost(*p, k, depth + 1);
    });
    return cost;
  }

  // -- axes --------------------------------------------------------------------------------------------------------
  bool has_arg_reduction() const {
    for (const Member& m : members_)
      if (is_reduction(m.node) && is_arg_reduction(m.node->op->reduce)) return true;
    return false;
  }

  void axes() {
    for (OperandUse& o : out_.operands)
      if (o.steps.empty()) o.steps = scratch_steps();
    out_.axes = build_axes(g_, out_.operands, full_level_, has_arg_reduction());
  }

  // Row-major over the reduced dimensions: what the row temporary is.
  Steps scratch_steps() const {
    Steps out(g_.sizes.size(), 0);
    int64_t step = 1;
    for (size_t d = g_.sizes.size(); d-- > 0;) {
      if (!g_.reduced[d]) continue;
      out[d] = step;
      step *= g_.sizes[d];
    }
    return out;
  }

  // -- narrow groups -----------------------------------------------------------------------------------------------
  void split() {
    cut_axis(out_);
    std::erase_if(stores_, [](const Store& s) { return s.member->level == Level::Kept; });
    for (Member& m : members_)
      if (is_reduction(m.node)) m.partial = add_partial(out_, accumulator_type(*m.node));
  }

  // Which value of a reduction goes to which operand of the first kernel: what the second one needs to know.
  std::vector<PartialReduction> reductions() {
    std::vector<PartialReduction> out;
    for (Member& m : members_) {
      if (!is_reduction(m.node) || m.store < 0) continue;
      out.push_back(
          {m.node, out_.operands[static_cast<size_t>(m.store)], out_.operands[static_cast<size_t>(m.partial)].partial});
    }
    return out;
  }

  void declare() {
    loop::Kernel& k = out_.kernel;
    for (int64_t r : out_.axes.reduced) k.add_axis(r ? loop::AxisKind::Reduce : loop::AxisKind::Parallel);
    size_t last = out_.axes.sizes.size() - 1;
    for (size_t i = 0; i < out_.operands.size(); ++i) {
      loop::VecClass c = vec_class(out_.axes.steps[i][last], 2);
      bool kept_store =
          out_.operands[i].role != loop::Role::In && g_.has_reduce && !column_ && c == loop::VecClass::Broadcast;
      if (c == loop::VecClass::Broadcast && out_.operands[i].role != loop::Role::In && !kept_store)
        c = loop::VecClass::Strided;
      k.add_operand(out_.operands[i].dtype, out_.operands[i].role, c);
    }
  }

  // -- code --------------------------------------------------------------------------------------------------------
  void emit() {
    declare();
    Body body(out_.kernel);
    body_ = &body;
    bool before = std::any_of(members_.begin(), members_.end(), [](const Member& m) {
      return m.level == Level::Kept && !is_reduction(m.node) && m.point < 0;
    });
    if (before) point_stage(-1);
    for (int k = 0; k < nsweeps_; ++k) {
      sweep_stage(k);
      if (std::any_of(members_.begin(), members_.end(),
                      [&](const Member& m) { return m.level == Level::Kept && m.point == k; }))
        point_stage(k);
    }
  }

  void point_stage(int k) {
    body_->open(loop::StageKind::Point);
    for (Member& m : members_) {
      if (m.level != Level::Kept || m.point != k) continue;
      if (m.partial >= 0) {
        out_.kernel.store(m.partial, out_.kernel.result(m.acc));
        continue;
      }
      if (is_reduction(m.node))
        results(m);
      else
        kept_[m.node->outs[0]] = compute(m, k);
      for (auto& s : stores_)
        if (s.member == &m) out_.kernel.store(s.operand, kept_[s.value]);
    }
  }

  void results(Member& m) {
    SmallVec<loop::Value, 2> values;
    emit_results(*body_, *m.node, m.acc, values);
    for (size_t i = 0; i < m.node->outs.size(); ++i) kept_[m.node->outs[i]] = values[i];
  }

  void sweep_stage(int k) {
    body_->open(loop::StageKind::Sweep);
    full_.clear();
    for (Member& m : members_) {
      if (is_reduction(m.node) && m.sweep == k) {
        m.acc = emit_accumulate(*body_, *m.node, argument(m, 0, k), out_.axes);
        continue;
      }
      if (m.level != Level::Full || m.sweep != k) continue;
      if (m.scratch >= 0) out_.kernel.store(m.scratch, full(m, k));
      for (auto& s : stores_)
        if (s.member == &m) out_.kernel.store(s.operand, full(m, k));
    }
  }

  loop::Value full(Member& m, int k) {
    auto it = full_.find(m.node);
    if (it != full_.end()) return it->second;
    loop::Value v;
    if (m.sweep < k && m.store >= 0)
      v = body_->load(m.store);
    else if (m.sweep < k && m.scratch >= 0)
      v = body_->load(m.scratch);
    else
      v = compute(m, k);
    return full_[m.node] = v;
  }

  loop::Value argument(Member& m, size_t i, int k) {
    if (m.loads[i] >= 0) return body_->load(m.loads[i]);
    const Value* root = root_of(value_of(m.node->args[i].val()));
    Member* p = inside(root);
    return p->level == Level::Kept ? kept_.at(root) : full(*p, k);
  }

  loop::Value compute(Member& m, int k) {
    const Node& n = *m.node;
    if (n.op->kind == OpKind::Reduction) return emit_trivial_reduction(*body_, n, argument(m, 0, k));
    PointwiseArgs in;
    for (size_t i = 0; i < n.args.size(); ++i) {
      const Arg& a = n.args[i];
      in.in.push_back(a.is_tensor() ? argument(m, i, k) : loop::kNone);
      in.param.push_back(a.is_number() && !is_baked(*n.op, i, a) && !is_known_better(*n.op, i) ? number(n, i) : -1);
    }
    return emit_pointwise(*body_, *n.op, n.args, in, n.outs[0]->dtype);
  }

  int number(const Node& n, size_t i) {
    auto [it, fresh] = params_.try_emplace({&n, i}, -1);
    if (!fresh) return it->second;
    const Arg& a = n.args[i];
    if (out_.kernel.params.size() >= static_cast<size_t>(loop::kMaxParams)) return -1;
    numbers_.values.push_back(a);
    return it->second = out_.kernel.add_param(a.tag() == ArgTag::Float ? loop::ParamKind::Float : loop::ParamKind::Int);
  }

  struct Store {
    Member* member;
    Value* value;
    int operand;
  };
  struct ParamHash {
    size_t operator()(const std::pair<const Node*, size_t>& p) const {
      return std::hash<const void*>()(p.first) * 31 + p.second;
    }
  };

  const Group& g_;
  const NeededFn& needed_;
  GroupKernel out_;
  std::vector<Member> members_;
  std::unordered_map<const Node*, size_t> index_;
  std::vector<int> full_level_;
  std::vector<Store> stores_;
  std::unordered_map<const Value*, loop::Value> kept_;
  std::unordered_map<const Node*, loop::Value> full_;
  std::unordered_map<std::pair<const Node*, size_t>, int, ParamHash> params_;
  Numbers numbers_;
  Body* body_ = nullptr;
  int nsweeps_ = 1;
  bool column_ = false;
};

}  // namespace

GroupKernel lower_group(const Group& g, const NeededFn& needed) { return Lowering(g, needed).run(); }

}  // namespace fj::schedule
