// Derivative rules that are more than an expression. Each is vjp_X(VjpCtx&), named by rows as "fn:X".
#include "ops/calls.h"
#include "ops/rules.h"

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
  if (grad->dtype != like->dtype) grad = t::_to_dtype(b, grad, like->dtype);
  return grad;
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

// The gradient of a sum is the output's gradient spread over the summed dimensions.
void vjp_sum(VjpCtx& c) {
  Val self = c.args[0].val(), grad = c.grads[0];
  if (!c.args[2].as_bool() && self->dim() > 0) {
    auto dims = wrap_dims(c.args[1], self->dim());
    Shape kept = self->sizes;
    for (int64_t d : dims) kept[d] = 1;
    grad = t::reshape(c.b, grad, kept);
  }
  if (grad->dtype != self->dtype) grad = t::_to_dtype(c.b, grad, self->dtype);
  c.result[0] = Arg(t::expand(c.b, grad, self->sizes));
}

}  // namespace fj
