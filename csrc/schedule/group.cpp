#include "schedule/group.h"

#include <algorithm>
#include <unordered_map>

#include "ops/bodies.h"

namespace fj::schedule {
namespace {

constexpr size_t kMaxNodes = 48;  // of a group
constexpr size_t kMaxOperands = 40;
constexpr size_t kSiblings = 8;  // recent groups that are asked for a shared operand

class Grouper {
 public:
  explicit Grouper(const Graph& g) : graph_(g) {
    for (const Node* n : g.nodes)
      if (!n->op->is_view()) for_each_val(n->args, [&](Val v) { users_[root_of(value_of(v))].push_back(n); });
    for (const Value* v : g.outputs) users_[root_of(v)].push_back(nullptr);
    for (auto& [input, v] : g.writes) users_[root_of(v)].push_back(nullptr);
  }

  std::vector<std::unique_ptr<Group>> run() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      Node* n = graph_.nodes[i];
      if (n->op->is_view()) continue;
      position_[n] = static_cast<int>(i);
      if (n->op->kind == OpKind::Native)
        start_native(n);
      else
        add(n);
    }
    return in_order();
  }

 private:
  void start_native(Node* n) {
    Group& g = *units_.emplace_back(std::make_unique<Group>());
    g.native = n;
    g.nodes = {n};
    g.first = g.last = position_[n];
    unit_of_[n] = &g;
    if (draws(*n->op, n->args)) drawn_before_[&g] = std::exchange(last_draw_, &g);
  }

  // What draws comes after what drew before it, as if it used that one's result.
  Group* drawn_before(const Group& g) const {
    auto it = drawn_before_.find(&g);
    return it == drawn_before_.end() ? nullptr : it->second;
  }

  void start(Node* n) {
    Group& g = *units_.emplace_back(std::make_unique<Group>());
    for (Dim s : read_sizes(n))
      if (s != 1) g.sizes.push_back(s);
    g.reduced.resize(g.sizes.size(), 0);
    set_reduced(g, n);
    g.nodes = {n};
    g.first = g.last = position_[n];
    unit_of_[n] = &g;
  }

  static void set_reduced(Group& g, const Node* n) {
    if (!is_reduction(n)) return;
    g.reduced = reduced_in(g, n);
    g.has_reduce = true;
  }

  static SmallVec<int64_t, 6> reduced_in(const Group& g, const Node* n) {
    SmallVec<int64_t, 6> out(g.sizes.size(), 0);
    SmallVec<int, 6> where;
    if (!place_dims(g, read_sizes(n), Level::Full, &where)) return out;
    for (int64_t d : reduced_dims(n))
      if (where[static_cast<size_t>(d)] >= 0) out[static_cast<size_t>(where[static_cast<size_t>(d)])] = 1;
    return out;
  }

  Group* unit(const Value* root) const {
    if (!root->def) return nullptr;
    auto it = unit_of_.find(root->def);
    return it == unit_of_.end() ? nullptr : it->second;
  }

  void add(Node* n) {
    Group* home = nullptr;
    for (Group* g : candidates(n)) {
      if (!can_join(*g, n)) continue;
      join(*g, n);
      home = g;
      break;
    }
    if (!home) return start(n);
    for_each_val(n->args, [&](Val v) {
      Group* other = unit(root_of(value_of(v)));
      home = unit_of_[n];
      if (other && other != home && can_merge(*home, *other)) merge(*home, *other);
    });
  }

  // Groups of producers, latest first, then recent groups that read one of the node's operands.
  std::vector<Group*> candidates(const Node* n) const {
    std::vector<Group*> out;
    auto push = [&](Group* g) {
      if (g && !g->native && std::find(out.begin(), out.end(), g) == out.end()) out.push_back(g);
    };
    for_each_val(n->args, [&](Val v) { push(unit(root_of(value_of(v)))); });
    std::sort(out.begin(), out.end(), [](Group* a, Group* b) { return a->last > b->last; });
    size_t looked = 0;
    for (size_t i = units_.size(); i-- > 0 && looked < kSiblings;) {
      Group* g = units_[i].get();
      if (g->native || g->nodes.empty()) continue;
      ++looked;
      if (shares_operand(*g, n)) push(g);
    }
    return out;
  }

  static bool shares_operand(const Group& g, const Node* n) {
    bool shared = false;
    for_each_val(n->args, [&](Val v) {
      const Value* root = root_of(value_of(v));
      if (root->sizes.empty()) return;
      for (const Node* m : g.nodes)
        for_each_val(m->args, [&](Val w) { shared = shared || root_of(value_of(w)) == root; });
    });
    return shared;
  }

  static bool same(const SmallVec<int64_t, 6>& a, const SmallVec<int64_t, 6>& b) { return a == b; }

  bool can_join(Group& g, const Node* n) {
    if (g.nodes.size() >= kMaxNodes || operand_count(g) + n->args.size() + 1 > kMaxOperands) return false;
    if (is_reduction(n)) {
      SmallVec<int, 6> where;
      if (!place_dims(g, read_sizes(n), Level::Full, &where)) return false;
      if (g.has_reduce && !same(g.reduced, reduced_in(g, n))) return false;
    }
    Level level;
    if (!level_of(g, n, &level)) return false;
    if (!reads_in_place(g, n)) return false;
    if (g.is_narrow() && !is_free_of_reductions(g, n)) return false;
    return !depends_outside(g, n);
  }

  bool is_free_of_reductions(const Group& g, const Node* n) const {
    Level level;
    if (!level_of(g, n, &level) || (level == Level::Kept && !is_reduction(n))) return false;
    bool free = true;
    for_each_val(n->args, [&](Val v) {
      const Value* root = root_of(value_of(v));
      if (unit(root) == &g && is_reduction(root->def)) free = false;
    });
    return free;
  }

  // Every value of the group that `n` reads lies at the point where n reads it.
  bool reads_in_place(const Group& g, const Node* n) const {
    bool ok = true;
    Level level;
    if (!level_of(g, n, &level)) return false;
    Level read_level = is_reduction(n) ? Level::Full : level;
    for_each_val(n->args, [&](Val v) {
      const Value* w = value_of(v);
      const Value* root = root_of(w);
      if (unit(root) != &g || !ok) return;
      ok = read_matches(g, n, w, root, read_level);
    });
    return ok;
  }

  static bool read_matches(const Group& g, const Node* n, const Value* w, const Value* root, Level read_level) {
    Level own_level;
    if (!level_of(g, root->def, &own_level) || w->offset != root->offset || w->dtype != root->dtype) return false;
    Steps mine, own;
    if (!steps_in_space(g, *w, read_at(n, w), read_level, &mine)) return false;
    if (!steps_in_space(g, *root, root->sizes, own_level, &own)) return false;
    for (size_t d = 0; d < g.sizes.size(); ++d)
      if (mine[d] != own[d]) return false;
    return true;
  }

  static const Shape& read_at(const Node* n, const Value* w) {
    return is_trivial_reduction(n) ? w->sizes : read_sizes(n);
  }

  // What a kernel of the group would read and write: each view of a tensor is an operand of its own, and so is each
  // result that something outside uses.
  size_t operand_count(const Group& g) const {
    std::vector<const Value*> read;
    size_t written = 0;
    for (const Node* m : g.nodes) {
      for_each_val(m->args, [&](Val v) {
        const Value* x = value_of(v);
        if (unit(root_of(x)) != &g && std::find(read.begin(), read.end(), x) == read.end()) read.push_back(x);
      });
      for (const Value* out : m->outs) written += is_used_outside(g, out);
    }
    return read.size() + written;
  }

  bool is_used_outside(const Group& g, const Value* v) const {
    auto users = users_.find(v);
    if (users == users_.end()) return false;
    return std::any_of(users->second.begin(), users->second.end(), [&](const Node* n) {
      auto unit = n ? unit_of_.find(n) : unit_of_.end();
      return unit == unit_of_.end() || unit->second != &g;
    });
  }

  // Whether something outside of `g` that n reads was computed from g.
  bool depends_outside(const Group& g, const Node* n) {
    bool found = false;
    ++walk_;
    for_each_val(n->args, [&](Val v) {
      Group* u = unit(root_of(value_of(v)));
      if (u && u != &g && !found) found = reaches(*u, g);
    });
    return found;
  }

  // Whether `from` uses, directly or not, a result of `target`. Program positions do not help: an early node's group
  // may have been joined by late ones.
  bool reaches(Group& from, const Group& target) {
    if (from.walk == walk_) return false;
    from.walk = walk_;
    bool found = false;
    for (const Node* m : from.nodes) {
      for_each_val(m->args, [&](Val v) {
        if (found) return;
        Group* u = unit(root_of(value_of(v)));
        if (!u || u == &from) return;
        found = u == &target || reaches(*u, target);
      });
    }
    Group* before = drawn_before(from);
    return found || (before && reaches(*before, target));
  }

  // Through a third unit.
  bool reaches_indirectly(Group& from, const Group& target) {
    from.walk = ++walk_;
    for (const Node* m : from.nodes) {
      bool found = false;
      for_each_val(m->args, [&](Val v) {
        Group* u = unit(root_of(value_of(v)));
        if (u && u != &from && u != &target && !found) found = reaches(*u, target);
      });
      if (found) return true;
    }
    return false;
  }

  void join(Group& g, Node* n) {
    set_reduced(g, n);
    g.nodes.push_back(n);
    g.last = std::max(g.last, position_[n]);
    unit_of_[n] = &g;
  }

  bool can_merge(Group& a, Group& b) {
    if (b.native || a.native || !same(a.sizes, b.sizes)) return false;
    if (a.has_reduce && b.has_reduce && !same(a.reduced, b.reduced)) return false;
    if (a.nodes.size() + b.nodes.size() > kMaxNodes || operand_count(a) + operand_count(b) > kMaxOperands) return false;
    if (reaches_indirectly(a, b) || reaches_indirectly(b, a)) return false;
    return merged_reads_match(a, b);
  }

  bool merged_reads_match(Group& a, Group& b) {
    Group both;
    both.sizes = a.sizes;
    both.has_reduce = a.has_reduce || b.has_reduce;
    both.reduced = a.has_reduce ? a.reduced : b.reduced;
    for (Group* reader : {&a, &b}) {
      Group* other = reader == &a ? &b : &a;
      for (const Node* n : reader->nodes) {
        Level level;
        if (!level_of(both, n, &level)) return false;
        Level read_level = is_reduction(n) ? Level::Full : level;
        bool ok = true;
        for_each_val(n->args, [&](Val v) {
          const Value* w = value_of(v);
          const Value* root = root_of(w);
          if (!ok || unit(root) != other) return;
          ok = read_matches(both, n, w, root, read_level) && !(both.is_narrow() && is_reduction(root->def));
        });
        if (!ok || (both.is_narrow() && level == Level::Kept && !is_reduction(n))) return false;
      }
    }
    return true;
  }

  void merge(Group& into, Group& from) {
    for (Node* n : from.nodes) unit_of_[n] = &into;
    into.nodes.insert(into.nodes.end(), from.nodes.begin(), from.nodes.end());
    std::sort(into.nodes.begin(), into.nodes.end(), [&](Node* a, Node* b) { return position_[a] < position_[b]; });
    if (from.has_reduce) {
      into.has_reduce = true;
      into.reduced = from.reduced;
    }
    into.first = std::min(into.first, from.first);
    into.last = std::max(into.last, from.last);
    from.nodes.clear();
  }

  // Depth first by program position.
  std::vector<std::unique_ptr<Group>> in_order() {
    std::erase_if(units_, [](auto& u) { return u->nodes.empty(); });
    std::sort(units_.begin(), units_.end(), [](auto& a, auto& b) { return a->last < b->last; });
    std::unordered_map<const Group*, int> state;  // 1: on the way, 2: placed
    std::vector<const Group*> order;
    for (auto& u : units_) place(*u, state, order);
    std::vector<std::unique_ptr<Group>> out;
    for (const Group* g : order) {
      for (auto& u : units_) {
        if (u.get() != g) continue;
        out.push_back(std::move(u));
        break;
      }
    }
    return out;
  }

  void place(const Group& g, std::unordered_map<const Group*, int>& state, std::vector<const Group*>& order) {
    int& s = state[&g];
    if (s == 2) return;
    FJ_CHECK(s == 0, "cycle between fusion groups");
    s = 1;
    if (const Group* before = drawn_before(g)) place(*before, state, order);
    for (const Node* n : g.nodes) {
      for_each_val(n->args, [&](Val v) {
        Group* u = unit(root_of(value_of(v)));
        if (u && u != &g) place(*u, state, order);
      });
    }
    state[&g] = 2;
    order.push_back(&g);
  }

  const Graph& graph_;
  std::vector<std::unique_ptr<Group>> units_;
  std::unordered_map<const Node*, Group*> unit_of_;
  std::unordered_map<const Value*, std::vector<const Node*>> users_;  // by root; null: an output of the graph
  std::unordered_map<const Node*, int> position_;
  std::unordered_map<const Group*, Group*> drawn_before_;
  Group* last_draw_ = nullptr;
  int walk_ = 0;
};

}  // namespace

std::vector<std::unique_ptr<Group>> form_groups(const Graph& g) { return Grouper(g).run(); }

}  // namespace fj::schedule
