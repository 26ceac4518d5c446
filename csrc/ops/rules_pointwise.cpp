// Composites and derivatives of pointwise ops that are more than an expression.
#include "ops/calls.h"
#include "ops/rules.h"

namespace fj {

using Outs = SmallVec<Val, 2>;

void vjp_pow(VjpCtx& c) {
  Builder& b = c.b;
  const Arg &x = c.args[0], &e = c.args[1];
  if (c.need(0) && x.is_tensor()) {
    Val g;
    if (e.is_number()) {
      double p = e.as_double();
      g = p == 0 ? t::zeros_like(b, c.grads[0]) : t::mul(b, c.grads[0], t::mul(b, t::pow(b, x, p - 1), p));
    } else {
      Val d = t::mul(b, e, t::pow(b, x, t::sub(b, e, 1)));
      g = t::mul(b, c.grads[0], t::masked_fill(b, d, t::eq(b, e, 0), 0));
    }
    c.result[0] = Arg(reduce_to(b, g, x.val()));
  }
  if (c.need(1) && e.is_tensor()) {
    // d/de x**e = x**e log x, taken as 0 where x is 0 and e is not negative.
    Val zero = x.is_tensor() ? t::logical_and(b, t::eq(b, x, 0), t::ge(b, e, 0)) : Val{};
    Val log = x.is_tensor() ? t::log(b, x) : t::log(b, t::full_like(b, e, x));
    Val d = t::mul(b, c.outs[0], log);
    if (zero)
      d = t::masked_fill(b, d, zero, 0);
    else if (x.as_double() == 0)
      d = t::masked_fill(b, d, t::ge(b, e, 0), 0);
    c.result[1] = Arg(reduce_to(b, t::mul(b, c.grads[0], d), e.val()));
  }
}

void vjp_clamp(VjpCtx& c) {
  Builder& b = c.b;
  const Arg &x = c.args[0], &lo = c.args[1], &hi = c.args[2];
  Val below = lo.is_none() ? Val{} : t::lt(b, x, lo), above = hi.is_none() ? Val{} : t::gt(b, x, hi);
  if (c.need(0)) {
    Val out = below && above ? t::logical_or(b, below, above) : below ? below : above;
    c.result[0] = Arg(reduce_to(b, t::where(b, out, 0, c.grads[0]), x.val()));
  }
  if (c.need(1) && lo.is_tensor()) {
    Val hit = hi.is_none() ? below : t::logical_and(b, below, t::lt(b, lo, hi));
    c.result[1] = Arg(reduce_to(b, t::where(b, hit, c.grads[0], 0), lo.val()));
  }
  if (c.need(2) && hi.is_tensor()) {
    Val hit = lo.is_none() ? above : t::logical_or(b, above, t::gt(b, lo, hi));
    c.result[2] = Arg(reduce_to(b, t::where(b, hit, c.grads[0], 0), hi.val()));
  }
}

void vjp_masked_fill(VjpCtx& c) {
  if (c.need(0)) c.result[0] = Arg(reduce_to(c.b, t::masked_fill(c.b, c.grads[0], c.args[1], 0), c.args[0].val()));
  if (c.need(2) && c.args[2].is_tensor())
    c.result[2] = Arg(reduce_to(c.b, t::where(c.b, c.args[1], c.grads[0], 0), c.args[2].val()));
}

void vjp_gelu(VjpCtx& c) {
  Builder& b = c.b;
  Val x = c.args[0].val();
  Val d;
  if (c.args[1].as_str() == "none") {
    Val cdf = t::mul(b, t::add(b, t::erf(b, t::mul(b, x, 0.7071067811865476)), 1), 0.5);
    Val pdf = t::mul(b, t::exp(b, t::mul(b, t::mul(b, x, x), -0.5)), 0.3989422804014327);
    d = t::add(b, cdf, t::mul(b, x, pdf));
  } else {
    Val sq = t::mul(b, x, x);
    Val inner = t::mul(b, t::mul(b, x, t::add(b, t::mul(b, sq, 0.044715), 1)), 0.7978845608028654);
    Val th = t::tanh(b, inner);
    Val slope = t::mul(b, t::add(b, t::mul(b, sq, 0.134145), 1), 0.7978845608028654);
    Val tail = t::mul(b, t::mul(b, x, t::rsub(b, t::mul(b, th, th), 1)), slope);
    d = t::mul(b, t::add(b, t::add(b, th, 1), tail), 0.5);
  }
  c.result[0] = Arg(reduce_to(b, t::mul(b, c.grads[0], d), x));
}

void decompose_div_mode(Builder& b, const OpDef&, Args args, Outs& outs) {
  if (args[2].is_none()) {
    outs.push_back(t::div(b, args[0], args[1]));
    return;
  }
  const std::string& mode = args[2].as_str();
  FJ_USER_CHECK(mode == "floor" || mode == "trunc", ErrorKind::Runtime,
                "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '", mode, "'");
  outs.push_back(mode == "floor" ? t::floor_divide(b, args[0], args[1]) : t::_trunc_divide(b, args[0], args[1]));
}

void decompose_logit(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val x = args[0].val();
  if (x->dtype == DType::Bool) x = t::_to_dtype(b, x, default_dtype());
  if (!args[1].is_none()) x = t::clamp(b, x, args[1], 1 - args[1].as_double());
  outs.push_back(t::log(b, t::div(b, x, t::rsub(b, x, 1))));
}

void decompose_prelu(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val x = args[0].val(), w = args[1].val();
  if (w->numel() == 1) {
    w = t::reshape(b, w, Arg::ints({}));
  } else {
    FJ_USER_CHECK(w->dim() == 1, ErrorKind::Runtime,
                  "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = ", w->dim());
    FJ_USER_CHECK(x->dim() > 1 && x->sizes[1] == w->numel(), ErrorKind::Runtime,
                  "Mismatch of parameter numbers and input channel size. Found parameter numbers = ", w->numel(),
                  " and channel size = ", x->dim() > 1 ? x->sizes[1] : 1, ".");
    Shape sizes(static_cast<size_t>(x->dim()), 1);
    sizes[1] = w->numel();
    w = t::reshape(b, w, sizes);
  }
  outs.push_back(t::where(b, t::gt(b, x, 0), x, t::mul(b, x, w)));
}

void decompose_glu(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val x = args[0].val();
  FJ_USER_CHECK(x->dim() > 0, ErrorKind::Runtime, "glu does not support 0-dimensional tensors");
  int64_t d = wrap_dim(args[1].as_int(), x->dim());
  FJ_USER_CHECK(x->sizes[d] % 2 == 0, ErrorKind::Runtime, "Halving dimension must be even, but dimension ", d,
                " is size ", x->sizes[d]);
  Dim half = x->sizes[d] / 2;
  outs.push_back(t::mul(b, t::narrow(b, x, d, 0, half), t::sigmoid(b, t::narrow(b, x, d, half, half))));
}

}  // namespace fj
