#include "schedule/layout.h"

namespace fj::schedule {

Steps broadcast_steps(const TensorMeta& m, const Shape& sizes) {
  Steps out(sizes.size(), 0);
  const int64_t lead = static_cast<int64_t>(sizes.size()) - m.dim();  // negative: ones that a copy may have in front
  for (int64_t d = lead < 0 ? -lead : 0; d < m.dim(); ++d) out[lead + d] = m.sizes[d] == 1 ? 0 : m.strides[d];
  return out;
}

namespace {

// Whether dimension a belongs outside of b: the first operand whose strides differ decides.
bool is_outer(const Space& s, int a, int b) {
  for (const Steps& t : s.steps) {
    int64_t x = t[a] < 0 ? -t[a] : t[a], y = t[b] < 0 ? -t[b] : t[b];
    if (x == 0 || y == 0) continue;  // a broadcast dimension says nothing
    if (x != y) return x > y;
  }
  return a < b;
}

bool mergeable(const Space& s, size_t outer, size_t inner) {
  for (const Steps& t : s.steps)
    if (t[outer] != t[inner] * s.sizes[inner]) return false;
  return true;
}

}  // namespace

SmallVec<int, 6> nesting_order(const Space& s, std::span<const int> dims) {
  SmallVec<int, 6> order(dims.begin(), dims.end());
  // Insertion sort: the relation is not a strict weak order when operands disagree.
  for (size_t i = 1; i < order.size(); ++i)
    for (size_t k = i; k > 0 && is_outer(s, order[k], order[k - 1]); --k) std::swap(order[k], order[k - 1]);
  return order;
}

void simplify_space(Space& s) {
  SmallVec<int, 6> dims;
  for (size_t d = 0; d < s.sizes.size(); ++d)
    if (s.sizes[d] != 1) dims.push_back(static_cast<int>(d));
  SmallVec<int, 6> order = nesting_order(s, dims);
  Space out;
  out.steps.resize(s.steps.size());
  for (int d : order) {
    out.sizes.push_back(s.sizes[d]);
    for (size_t i = 0; i < s.steps.size(); ++i) out.steps[i].push_back(s.steps[i][d]);
    size_t n = out.sizes.size();
    if (n < 2 || !mergeable(out, n - 2, n - 1)) continue;
    out.sizes[n - 2] *= out.sizes[n - 1];
    out.sizes.pop_back();
    for (Steps& t : out.steps) {
      t[n - 2] = t[n - 1];
      t.pop_back();
    }
  }
  if (out.sizes.empty()) {
    out.sizes.push_back(1);
    for (Steps& t : out.steps) t.push_back(1);
  }
  s = std::move(out);
}

loop::VecClass vec_class(int64_t step, int64_t size) {
  if (step == 1 || size == 1) return loop::VecClass::Contig;
  return step == 0 ? loop::VecClass::Broadcast : loop::VecClass::Strided;
}

}  // namespace fj::schedule
