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

Val uncover(Builder& b, const TensorMeta& base, Val src, const TensorMeta& view) {
  // Elements in memory order, then the base's dimensions in memory order, then the base's own order.
  SmallVec<int64_t, 6> from = memory_order(view), to = memory_order(base);
  Val v = t::permute(b, src, Arg::ints(from));
  Shape sizes;
  for (int64_t d : to) sizes.push_back(base.sizes[static_cast<size_t>(d)]);
  v = t::reshape(b, v, sizes);
  SmallVec<int64_t, 6> back(to.size(), 0);
  for (size_t i = 0; i < to.size(); ++i) back[static_cast<size_t>(to[i])] = static_cast<int64_t>(i);
  return t::permute(b, v, Arg::ints(back));
}

}  // namespace

Val write_through(Builder& b, Val base, const TensorMeta& base_meta, Val src, const TensorMeta& view) {
  if (covers(base_meta, view)) return uncover(b, base_meta, src, view);
  // Positions are those of the base's own layout; a base that has another one now is laid out again first.
  if (!(base->strides == base_meta.strides))
    raise(ErrorKind::Unsupported, "write through a view of a tensor that is not dense");
  return t::as_strided_scatter(b, base, src, view.sizes, view.strides, Arg(int64_t{view.offset - base_meta.offset}));
}

}  // namespace fj::transform
