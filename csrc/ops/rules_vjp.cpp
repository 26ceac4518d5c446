// Derivative rules that are more than an expression. Each is vjp_X(VjpCtx&), named by rows as "fn:X".
#include "ops/calls.h"
#include "ops/checks.h"
#include "ops/rules_util.h"

namespace fj {

Val reduce_to(Builder& b, Val grad, Val like) {
  if (!grad || !like) return grad;
  if (!(grad->sizes == like->sizes)) {
    int64_t lead = grad->dim() - like->dim();
    SmallVec<int64_t, 6> dims;
    for (int64_t d = 0; d < grad->dim(); ++d)
      if (d < lead || (like->sizes[d - lead] == 1 && grad->sizes[d] != 1)) dims.push_back(d);
    if (!dims.empty()) grad = t::sum(b, grad, Arg::ints(dims), Arg(true));
    if (lead > 0) grad = t::view(b, grad, like->sizes);
  }
  return cast_to(b, grad, like->dtype);
}

void vjp_to_dtype(VjpCtx& c) { c.result[0] = Arg(t::_to_dtype(c.b, c.grads[0], c.args[0].val()->dtype)); }

void vjp_expand(VjpCtx& c) { c.result[0] = Arg(reduce_to(c.b, c.grads[0], c.args[0].val())); }

void vjp_permute(VjpCtx& c) {
  auto dims = c.args[1].as_ints();
  int64_t n = static_cast<int64_t>(dims.size());
  SmallVec<int64_t, 6> inverse(dims.size(), 0);
  for (int64_t i = 0; i < n; ++i) inverse[wrap_dim(dims[i], n)] = i;
  c.result[0] = Arg(t::permute(c.b, c.grads[0], Arg::ints(inverse)));
}

// (grad, self, dim)
void infer_cumprod_backward(InferCtx& c) {
  wrap_dim(c.args[2].as_int(), c.val(1)->dim());
  check_shape(c, 0, c.val(1)->sizes);
  set_out(c, c.val(0)->sizes, c.val(0)->dtype);
}

// Row k of `m` is x with a one in place k, so that cumprod(m)[k, i] is the derivative of product i by factor k, and
//   _cumprod_backward(g, x)[k] = sum over i >= k of g[i] * cumprod(m)[k, i].
// Exact with zeros among the factors; quadratic, but only second derivatives come here.
void vjp_cumprod_backward(VjpCtx& c) {
  Builder& b = c.b;
  const int64_t dim = wrap_dim(c.args[2].as_int(), c.args[1].val()->dim()), last = c.args[1].val()->dim() - 1;
  if (last < 0) return;  // a 0-d tensor: the derivative by its only factor is constant
  auto turned = [&](Val v) { return move_dim(b, v, dim, last); };
  Val g = turned(c.args[0].val()), x = turned(c.args[1].val()), u = turned(c.grads[0]);
  const Dim n = x->sizes[static_cast<size_t>(last)];
  Shape square = x->sizes;
  square.push_back(n);
  Val eye = t::eq(b, t::eye(b, Arg(n), x->dtype), Arg(int64_t{1}));
  Val ones = t::add(b, t::_zeros(b, Shape{n, n}, x->dtype), Arg(int64_t{1}));
  Val before = t::ne(b, t::tril(b, ones, Arg(int64_t{-1})), Arg(int64_t{0}));  // i < k
  Val m = t::masked_fill(b, t::expand(b, insert_dim(b, x, last), square), eye, Arg(1.0));
  Val products = t::cumprod(b, m, Arg(last + 1));
  Val us = t::masked_fill(b, t::expand(b, insert_dim(b, u, last + 1), square), before, Arg(0.0));
  const int64_t rows[] = {last};
  if (c.need(0)) c.result[0] = Arg(move_dim(b, t::sum(b, t::mul(b, us, products), Arg::ints(rows)), last, dim));
  if (!c.need(1)) return;
  Val dm = t::_cumprod_backward(b, t::mul(b, us, insert_dim(b, g, last)), m, Arg(last + 1));
  c.result[1] = Arg(move_dim(b, t::sum(b, t::masked_fill(b, dm, eye, Arg(0.0)), Arg::ints(rows)), last, dim));
}

// The gradient of a sum is the output's gradient spread over the summed dimensions.
void vjp_sum(VjpCtx& c) {
  Val self = c.args[0].val(), grad = c.grads[0];
  if (!c.args[2].as_bool() && self->dim() > 0) {
    auto dims = wrap_dims(c.args[1], self->dim());
    Shape kept = self->sizes;
    for (int64_t d : dims) kept[d] = 1;
    grad = t::reshape(c.b, grad, kept);
  }
  c.result[0] = Arg(t::expand(c.b, cast_to(c.b, grad, self->dtype), self->sizes));
}

}  // namespace fj
