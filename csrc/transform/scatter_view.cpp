#include "transform/scatter_view.h"

#include "ops/calls.h"

namespace fj::transform {
namespace {

// Dimensions larger than one, slowest first.
SmallVec<int64_t, 6> memory_order(const TensorMeta& m) {
  SmallVec<int64_t, 6> order;
  for (int64_t d = 0; d < m.dim(); ++d) order.push_back(d);
  std::stable_sort(order.begin(), order.end(), [&](int64_t x, int64_t y) {
    return m.strides[static_cast<size_t>(x)] > m.strides[static_cast<size_t>(y)];
  });
  return order;
}

// The view shows every element of a dense base exactly once: a reordering.
bool covers(const TensorMeta& base, const TensorMeta& view) {
  return base.offset == view.offset && base.numel() == view.numel() && base.is_dense() && view.is_dense();
}

Val permuted_back(Builder& b, Val v, const SmallVec<int64_t, 6>& order) {
  SmallVec<int64_t, 6> back(order.size(), 0);
  for (size_t i = 0; i < order.size(); ++i) back[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  return t::permute(b, v, Arg::ints(back));
}

Val uncover(Builder& b, const TensorMeta& base, Val src, const TensorMeta& view) {
  // Elements in memory order, then the base's dimensions in memory order, then the base's own order.
  SmallVec<int64_t, 6> from = memory_order(view), to = memory_order(base);
  Val v = t::permute(b, src, Arg::ints(from));
  Shape sizes;
  for (int64_t d : to) sizes.push_back(base.sizes[static_cast<size_t>(d)]);
  return permuted_back(b, t::reshape(b, v, sizes), to);
}

// Where the elements of views of a base lie among the base's elements in memory order: distances in memory, in which
// there may be gaps, become numbers of elements.
class Places {
 public:
  explicit Places(const TensorMeta& base) {
    for (int64_t d : memory_order(base)) {
      const int64_t size = base.sizes[static_cast<size_t>(d)], stride = base.strides[static_cast<size_t>(d)];
      if (size == 1) continue;
      if (!runs_.empty() && runs_.back().stride == size * stride)
        runs_.back() = {runs_.back().size * size, stride};
      else
        runs_.push_back({size, stride});
    }
    int64_t below = 1, last = 0;
    for (size_t i = runs_.size(); i-- > 0;) {
      if (runs_[i].stride <= last) refuse();  // elements share memory
      last += runs_[i].stride * (runs_[i].size - 1);
      runs_[i].elements = below;
      below *= runs_[i].size;
    }
  }

  // How many elements a step of `distance` goes on, that is made `times` times.
  int64_t step(int64_t distance, int64_t times) {
    if (times == 0) return 0;
    int64_t elements = 0;
    for (Run& run : runs_) {
      elements += distance / run.stride * run.elements;
      run.reached += distance / run.stride * times;
      if (run.reached >= run.size) refuse();
      distance %= run.stride;
    }
    if (distance != 0) refuse();
    return elements;
  }

 private:
  // Dimensions of which one goes on where the other ends.
  struct Run {
    int64_t size, stride;
    int64_t elements = 0;  // of the base, from one index to the next
    int64_t reached = 0;   // largest index that a view has come to
  };

  [[noreturn]] static void refuse() { raise(ErrorKind::Unsupported, "a write to memory between a tensor's elements"); }

  SmallVec<Run, 6> runs_;
};

}  // namespace

Val write_through(Builder& b, Val base, const TensorMeta& base_meta, Val src, const TensorMeta& view) {
  if (covers(base_meta, view)) return uncover(b, base_meta, src, view);
  if (view.numel() == 0) return base;
  Places places(base_meta);
  const int64_t offset = places.step(view.offset - base_meta.offset, 1);
  Shape strides;
  for (size_t d = 0; d < view.sizes.size(); ++d) strides.push_back(places.step(view.strides[d], view.sizes[d] - 1));
  const SmallVec<int64_t, 6> order = memory_order(base_meta);
  Val turned = t::permute(b, base, Arg::ints(order));
  return permuted_back(b, t::as_strided_scatter(b, turned, src, view.sizes, strides, Arg(offset)), order);
}

}  // namespace fj::transform
