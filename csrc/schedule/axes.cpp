// From the dimensions of a space to the axes of a kernel.
#include "schedule/lower.h"

namespace fj::schedule {
namespace {

// Merges neighbours of the same kind that all operands walk as one.
Axes merged(const Space& s, std::span<const int> order, const SmallVec<int64_t, 6>& reduced) {
  Axes a;
  a.steps.resize(s.steps.size());
  for (int d : order) {
    size_t n = a.sizes.size();
    bool merge = n > 0 && a.reduced[n - 1] == reduced[static_cast<size_t>(d)];
    for (size_t i = 0; merge && i < s.steps.size(); ++i) merge = a.steps[i][n - 1] == s.steps[i][d] * s.sizes[d];
    if (merge) {
      a.sizes[n - 1] *= s.sizes[d];
      for (size_t i = 0; i < s.steps.size(); ++i) a.steps[i][n - 1] = s.steps[i][d];
      continue;
    }
    a.sizes.push_back(s.sizes[d]);
    a.reduced.push_back(reduced[static_cast<size_t>(d)]);
    for (size_t i = 0; i < s.steps.size(); ++i) a.steps[i].push_back(s.steps[i][d]);
  }
  return a;
}

// Votes of the full-level operands: which dimension do they walk element by element?
int unit_votes(std::span<const OperandUse> operands, std::span<const int> full_level, int dim) {
  int votes = 0;
  for (int i : full_level) votes += operands[static_cast<size_t>(i)].steps[dim] == 1;
  return votes;
}

Steps index_steps(const Group& g) {
  Steps out(g.sizes.size(), 0);
  int64_t step = 1;
  for (size_t d = g.sizes.size(); d-- > 0;) {
    if (!g.reduced[d]) continue;
    out[d] = step;
    step *= g.sizes[d];
  }
  return out;
}

// Dimensions in nesting order: kept ones, reduced ones, and for a column kernel one kept dimension last.
SmallVec<int, 6> nest(const Group& g, const Space& s, std::span<const OperandUse> operands,
                      std::span<const int> full_level) {
  SmallVec<int, 6> kept, reduced;
  for (size_t d = 0; d < g.sizes.size(); ++d) (g.reduced[d] ? reduced : kept).push_back(static_cast<int>(d));
  kept = nesting_order(s, kept);
  reduced = nesting_order(s, reduced);
  if (reduced.empty()) return kept;
  SmallVec<int, 6> order;
  int column = -1, best = unit_votes(operands, full_level, reduced.back());
  for (int d : kept) {
    int votes = unit_votes(operands, full_level, d);
    if (votes > best || (votes == best && votes > 0 && g.sizes[static_cast<size_t>(d)] >= 16 &&
                         g.sizes[static_cast<size_t>(reduced.back())] < 4)) {
      best = votes;
      column = d;
    }
  }
  for (int d : kept)
    if (d != column) order.push_back(d);
  for (int d : reduced) order.push_back(d);
  if (column >= 0) order.push_back(column);
  return order;
}

}  // namespace

Axes build_axes(const Group& g, std::span<const OperandUse> operands, std::span<const int> full_level,
                bool keep_index) {
  Space s;
  s.sizes = g.sizes;
  for (const OperandUse& o : operands) s.steps.push_back(o.steps);
  if (keep_index) s.steps.push_back(index_steps(g));
  Axes a = merged(s, nest(g, s, operands, full_level), g.reduced);
  if (a.sizes.empty()) {
    a.sizes.push_back(1);
    a.reduced.push_back(0);
    for (auto& t : a.steps) t.push_back(1);
  }
  if (keep_index) {
    a.index_steps = a.steps.back();
    a.steps.pop_back();
  }
  return a;
}

}  // namespace fj::schedule
