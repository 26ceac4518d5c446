#include "ops/rules_util.h"

namespace fj {

Val transpose_last(Builder& b, Val v) {
  SmallVec<int64_t, 6> order;
  for (int64_t d = 0; d < v->dim(); ++d) order.push_back(d);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return t::permute(b, v, Arg::ints(order));
}

Val insert_dim(Builder& b, Val v, int64_t dim) {
  Shape sizes = v->sizes;
  sizes.insert(sizes.begin() + dim, 1);
  return t::reshape(b, v, sizes);
}

Val drop_dim(Builder& b, Val v, int64_t dim) {
  Shape sizes = v->sizes;
  sizes.erase(sizes.begin() + dim);
  return t::reshape(b, v, sizes);
}

Val move_dim(Builder& b, Val v, int64_t from, int64_t to) {
  if (from == to) return v;
  SmallVec<int64_t, 6> order;
  for (int64_t d = 0; d < v->dim(); ++d)
    if (d != from) order.push_back(d);
  order.insert(order.begin() + to, from);
  return t::permute(b, v, Arg::ints(order));
}

Val reshape_to(Builder& b, Val v, const Shape& sizes) { return v->sizes == sizes ? v : t::reshape(b, v, sizes); }
Val expand_to(Builder& b, Val v, const Shape& sizes) { return v->sizes == sizes ? v : t::expand(b, v, sizes); }
Val cast_to(Builder& b, Val v, DType dtype) { return !v || v->dtype == dtype ? v : t::_to_dtype(b, v, dtype); }
Val to_compute(Builder& b, Val v) { return v ? cast_to(b, v, compute_type(v->dtype)) : v; }
Val scaled(Builder& b, Val v, const Arg& s) { return number_is(s, 1) ? v : t::mul(b, v, s); }

Val sum_dims(Builder& b, Val v, std::span<const int64_t> dims, bool keepdim) {
  return dims.empty() ? v : t::sum(b, v, Arg::ints(dims), Arg(keepdim));
}

Val add_maybe(Builder& b, Val x, Val y) { return !x ? y : !y ? x : t::add(b, x, y); }

Dim product(std::span<const Dim> sizes) {
  Dim n = 1;
  for (Dim s : sizes) n *= s;
  return n;
}

bool number_is(const Arg& a, double v) { return a.is_number() && a.as_double() == v; }

}  // namespace fj
