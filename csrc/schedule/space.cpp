// How values lie in a group's space.
#include "ops/rules.h"
#include "schedule/group.h"

namespace fj::schedule {

int64_t Group::points() const {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return n;
}

int64_t Group::kept_points() const {
  int64_t n = 1;
  for (size_t d = 0; d < sizes.size(); ++d)
    if (!reduced[d]) n *= sizes[d];
  return n;
}

bool Group::is_narrow() const {
  int64_t kept = kept_points();
  return has_reduce && kept < 8 && kept > 0 && points() / kept > 32768;
}

const Value* root_of(const Value* v) {
  while (v->def && v->def->op->is_view()) v = value_of(v->def->args[0].val());
  return v;
}

SmallVec<int64_t, 6> reduced_dims(const Node* n) {
  if (n->args[0].val()->dim() == 0) return {};  // dim 0 and -1 are allowed for it, and reduce nothing
  int at = n->op->arg_index("dim");
  return wrap_dims(at < 0 ? Arg() : n->args[static_cast<size_t>(at)], n->args[0].val()->dim());
}

bool is_trivial_reduction(const Node* n) {
  if (n->op->kind != OpKind::Reduction) return false;
  for (int64_t d : reduced_dims(n))
    if (n->args[0].val()->sizes[static_cast<size_t>(d)] != 1) return false;
  return true;
}

bool is_reduction(const Node* n) { return n->op->kind == OpKind::Reduction && !is_trivial_reduction(n); }

const Shape& read_sizes(const Node* n) {
  return n->op->kind == OpKind::Reduction ? n->args[0].val()->sizes : n->outs[0]->sizes;
}

bool place_dims(const Group& g, const Shape& sizes, Level level, SmallVec<int, 6>* out) {
  size_t at = 0;
  auto skip = [&] {
    while (level == Level::Kept && at < g.sizes.size() && g.reduced[at]) ++at;
  };
  out->clear();
  for (Dim s : sizes) {
    if (s == 1) {
      out->push_back(-1);
      continue;
    }
    skip();
    if (at >= g.sizes.size() || g.sizes[at] != s) return false;
    out->push_back(static_cast<int>(at++));
  }
  skip();
  return at == g.sizes.size();
}

bool steps_in_space(const Group& g, const TensorMeta& v, const Shape& at, Level level, Steps* out) {
  SmallVec<int, 6> where;
  if (!place_dims(g, at, level, &where)) return false;
  Steps along = broadcast_steps(v, at);
  *out = Steps(g.sizes.size(), 0);
  for (size_t d = 0; d < where.size(); ++d)
    if (where[d] >= 0) (*out)[static_cast<size_t>(where[d])] = along[d];
  return true;
}

bool level_of(const Group& g, const Node* n, Level* out) {
  SmallVec<int, 6> where;
  *out = Level::Full;
  if (is_reduction(n)) {
    *out = Level::Kept;
    return place_dims(g, read_sizes(n), Level::Full, &where);
  }
  const Shape& sizes = is_trivial_reduction(n) ? n->outs[0]->sizes : read_sizes(n);
  if (place_dims(g, sizes, Level::Full, &where)) return true;
  *out = Level::Kept;
  return g.has_reduce && place_dims(g, sizes, Level::Kept, &where);
}

}  // namespace fj::schedule
