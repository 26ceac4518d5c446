// Statistics built from the primitive reductions, and their derivatives.
#include <cmath>

#include "ops/rule_decls.h"
#include "ops/rules_util.h"

namespace fj {

using Outs = SmallVec<Val, 2>;

namespace {

Dim reduced_count(Val self, const Arg& dim) {
  Dim n = 1;
  for (int64_t d : wrap_dims(dim, self->dim())) n *= self->dim() ? self->sizes[d] : 1;
  return n;
}

// A result of a reduction with its reduced dimensions put back as ones, so that it broadcasts against the input.
Val unreduce(Builder& b, Val reduced, Val self, const Arg& dim, bool keepdim) {
  if (keepdim || self->dim() == 0) return reduced;
  Shape kept = self->sizes;
  for (int64_t d : wrap_dims(dim, self->dim())) kept[d] = 1;
  return t::reshape(b, reduced, kept);
}

Val cast(Builder& b, Val v, const Arg& dtype) { return dtype.is_none() ? v : cast_to(b, v, dtype.as_dtype()); }

double correction_of(const Arg& a) { return a.is_none() ? 1.0 : a.as_double(); }

Val variance(Builder& b, Val self, const Arg& dim, const Arg& correction, bool keepdim, Val* mean_out) {
  Val mean = t::mean(b, self, dim, true);
  Val centred = t::sub(b, self, mean);
  Val total = t::sum(b, t::mul(b, centred, centred), dim, keepdim);
  double n = static_cast<double>(reduced_count(self, dim)) - correction_of(correction);
  if (mean_out) *mean_out = mean;
  return t::div(b, total, std::max(n, 0.0));
}

}  // namespace

void decompose_mean(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = cast(b, args[0].val(), args[3]);
  outs.push_back(t::div(b, t::sum(b, self, args[1], args[2]), double(reduced_count(self, args[1]))));
}

void vjp_mean(VjpCtx& c) {
  Val self = c.args[0].val();
  Val g = unreduce(c.b, c.grads[0], self, c.args[1], c.args[2].as_bool());
  g = t::div(c.b, g, double(reduced_count(self, c.args[1])));
  c.result[0] = Arg(t::expand(c.b, cast(c.b, g, self->dtype), self->sizes));
}

void decompose_var(Builder& b, const OpDef&, Args args, Outs& outs) {
  outs.push_back(variance(b, args[0].val(), args[1], args[2], args[3].as_bool(), nullptr));
}
void decompose_std(Builder& b, const OpDef&, Args args, Outs& outs) {
  outs.push_back(t::sqrt(b, variance(b, args[0].val(), args[1], args[2], args[3].as_bool(), nullptr)));
}

namespace {

// d var / dx = 2 (x - mean) / (n - correction)
Val var_grad(VjpCtx& c, Val grad) {
  Val self = c.args[0].val();
  double n = static_cast<double>(reduced_count(self, c.args[1])) - correction_of(c.args[2]);
  Val g = unreduce(c.b, grad, self, c.args[1], c.args[3].as_bool());
  Val centred = t::sub(c.b, self, t::mean(c.b, self, c.args[1], true));
  return t::mul(c.b, t::mul(c.b, g, 2.0 / n), centred);
}

}  // namespace

void vjp_var(VjpCtx& c) { c.result[0] = Arg(var_grad(c, c.grads[0])); }
void vjp_std(VjpCtx& c) {
  Val half = t::div(c.b, c.grads[0], t::mul(c.b, c.outs[0], 2));
  c.result[0] = Arg(var_grad(c, t::masked_fill(c.b, half, t::eq(c.b, c.outs[0], 0), 0)));
}

void decompose_var_mean(Builder& b, const OpDef&, Args args, Outs& outs) {
  outs.push_back(t::var(b, args[0], args[1], args[2], args[3]));
  outs.push_back(t::mean(b, args[0], args[1], args[3]));
}
void decompose_std_mean(Builder& b, const OpDef&, Args args, Outs& outs) {
  outs.push_back(t::std(b, args[0], args[1], args[2], args[3]));
  outs.push_back(t::mean(b, args[0], args[1], args[3]));
}

void decompose_var_mean_unbiased(Builder& b, const OpDef&, Args args, Outs& outs) {
  outs = t::var_mean(b, args[0], Arg(), args[1]);
}
void decompose_var_mean_dim_unbiased(Builder& b, const OpDef&, Args args, Outs& outs) {
  outs = t::var_mean(b, args[0], args[1], args[2], args[3]);
}
void decompose_std_mean_unbiased(Builder& b, const OpDef&, Args args, Outs& outs) {
  outs = t::std_mean(b, args[0], Arg(), args[1]);
}
void decompose_std_mean_dim_unbiased(Builder& b, const OpDef&, Args args, Outs& outs) {
  outs = t::std_mean(b, args[0], args[1], args[2], args[3]);
}

void decompose_nansum(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val();
  FJ_USER_CHECK(!is_complex(self->dtype), ErrorKind::Runtime, "nansum does not support complex inputs");
  if (is_float(self->dtype)) self = t::masked_fill(b, self, t::isnan(b, self), 0);
  outs.push_back(t::sum(b, self, args[1], args[2], args[3]));
}
void decompose_nanmean(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val count = t::sum(b, t::logical_not(b, t::isnan(b, args[0])), args[1], args[2]);
  outs.push_back(t::div(b, t::nansum(b, args[0], args[1], args[2], args[3]), count));
}

// -- sums of exponentials ------------------------------------------------------------------------------------------

void decompose_logsumexp(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val();
  if (!is_float(self->dtype)) self = cast_to(b, self, default_dtype());
  if (self->numel() == 0) return outs.push_back(t::log(b, t::sum(b, self, args[1], args[2])));
  Val top = t::amax(b, self, args[1], true);
  Val shift = t::masked_fill(b, top, t::isinf(b, top), 0);  // inf - inf would be NaN
  Val total = t::log(b, t::sum(b, t::exp(b, t::sub(b, self, shift)), args[1], args[2]));
  Val back = args[2].as_bool() || self->dim() == 0 ? shift : t::reshape(b, shift, total->sizes);
  outs.push_back(t::add(b, total, back));
}

void vjp_logsumexp(VjpCtx& c) {
  Val self = c.args[0].val();
  Val g = unreduce(c.b, c.grads[0], self, c.args[1], c.args[2].as_bool());
  Val r = unreduce(c.b, c.outs[0], self, c.args[1], c.args[2].as_bool());
  c.result[0] = Arg(t::mul(c.b, g, t::exp(c.b, t::sub(c.b, self, r))));
}

void infer_softmax(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  wrap_dim(c.args[1].as_int(), in.dim());
  DType type = c.args[2].is_none() ? in.dtype : c.args[2].as_dtype();
  FJ_USER_CHECK(is_float(type), ErrorKind::Runtime, "\"", c.op.name, "_lastdim_kernel_impl\" not implemented for '",
                scalar_type_name(type), "'");
  set_out(c, in.sizes, type);
}

namespace {

// The dtype of the result. Halves are computed in float32 and rounded once, as PyTorch does.
DType softmax_type(Args args) { return args[2].is_none() ? args[0].val()->dtype : args[2].as_dtype(); }

Val shifted(Builder& b, Args args) {
  Val self = cast_to(b, cast(b, args[0].val(), args[2]), compute_type(softmax_type(args)));
  return self->numel() == 0 ? self : t::sub(b, self, t::amax(b, self, Arg::ints({args[1].as_int()}), true));
}

}  // namespace

void decompose_softmax(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val e = t::exp(b, shifted(b, args));
  Val y = t::div(b, e, t::sum(b, e, Arg::ints({args[1].as_int()}), true));
  outs.push_back(cast_to(b, y, softmax_type(args)));
}
void decompose_log_softmax(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val x = shifted(b, args);
  Val y = t::sub(b, x, t::log(b, t::sum(b, t::exp(b, x), Arg::ints({args[1].as_int()}), true)));
  outs.push_back(cast_to(b, y, softmax_type(args)));
}

void vjp_softmax(VjpCtx& c) {
  const DType work = compute_type(c.grads[0]->dtype);
  Val y = cast_to(c.b, c.outs[0], work), gy = t::mul(c.b, cast_to(c.b, c.grads[0], work), y);
  Val total = t::sum(c.b, gy, Arg::ints({c.args[1].as_int()}), true);
  c.result[0] = Arg(cast(c.b, t::sub(c.b, gy, t::mul(c.b, y, total)), c.args[0].val()->dtype));
}
void vjp_log_softmax(VjpCtx& c) {
  const DType work = compute_type(c.grads[0]->dtype);
  Val y = cast_to(c.b, c.outs[0], work), grad = cast_to(c.b, c.grads[0], work);
  Val total = t::sum(c.b, grad, Arg::ints({c.args[1].as_int()}), true);
  Val g = t::sub(c.b, grad, t::mul(c.b, t::exp(c.b, y), total));
  c.result[0] = Arg(cast(c.b, g, c.args[0].val()->dtype));
}

// -- extremes ------------------------------------------------------------------------------------------------------

void vjp_amax(VjpCtx& c) {
  Val self = c.args[0].val();
  Val g = unreduce(c.b, c.grads[0], self, c.args[1], c.args[2].as_bool());
  Val top = unreduce(c.b, c.outs[0], self, c.args[1], c.args[2].as_bool());
  Val hit = t::_to_dtype(c.b, t::eq(c.b, self, top), self->dtype);
  Val share = t::div(c.b, hit, t::sum(c.b, hit, c.args[1], true));
  c.result[0] = Arg(t::mul(c.b, g, share));
}

void infer_max_dim(InferCtx& c) {
  Shape sizes = shape_reduce_nonempty(c);
  set_out(c, sizes, c.val(0)->dtype);
  set_out(c, sizes, DType::I64);
}
void decompose_max_dim(Builder& b, const OpDef&, Args args, Outs& outs) {
  outs.push_back(t::amax(b, args[0], Arg::ints({args[1].as_int()}), args[2]));
  outs.push_back(t::argmax(b, args[0], args[1], args[2]));
}
void decompose_min_dim(Builder& b, const OpDef&, Args args, Outs& outs) {
  outs.push_back(t::amin(b, args[0], Arg::ints({args[1].as_int()}), args[2]));
  outs.push_back(t::argmin(b, args[0], args[1], args[2]));
}
void decompose_aminmax(Builder& b, const OpDef&, Args args, Outs& outs) {
  Arg dims = args[1].is_none() ? Arg::ints({}) : Arg::ints({args[1].as_int()});
  Val self = args[0].val();
  FJ_USER_CHECK(self->numel() > 0 || !args[1].is_none(), ErrorKind::Runtime,
                "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.");
  outs.push_back(t::amin(b, args[0], dims, args[2]));
  outs.push_back(t::amax(b, args[0], dims, args[2]));
}

namespace {

// The gradient of an op that picked elements by index along `dim`: scattered back to where they came from.
Val scatter_back(VjpCtx& c, int64_t dim, Val grad, Val index) {
  Val self = c.args[0].val();
  Val zeros = t::_zeros(c.b, self->sizes, grad->dtype);
  return t::scatter_add(c.b, zeros, dim, index, grad);
}

void pick_vjp(VjpCtx& c, int64_t dim, bool keepdim) {
  Val grad = c.grads[0], index = c.outs[1];
  int64_t d = wrap_dim(dim, c.args[0].val()->dim());
  if (!keepdim && c.args[0].val()->dim() > 0) {
    grad = t::unsqueeze(c.b, grad, d);
    index = t::unsqueeze(c.b, index, d);
  }
  c.result[0] = Arg(scatter_back(c, d, grad, index));
}

}  // namespace

void vjp_select_dim(VjpCtx& c) {
  if (c.grads[0]) pick_vjp(c, c.args[1].as_int(), c.args[2].as_bool());
}
void vjp_select_dim_same(VjpCtx& c) {
  if (c.grads[0]) pick_vjp(c, c.args[1].as_int(), true);
}
void vjp_topk(VjpCtx& c) {
  if (c.grads[0]) pick_vjp(c, c.args[2].as_int(), true);
}
void vjp_kthvalue(VjpCtx& c) {
  if (c.grads[0]) pick_vjp(c, c.args[2].as_int(), c.args[3].as_bool());
}
void vjp_cummax(VjpCtx& c) {
  if (c.grads[0]) pick_vjp(c, c.args[1].as_int(), true);
}

void decompose_median_dim(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val();
  const int64_t d = wrap_dim(args[1].as_int(), self->dim());
  Dim n = self->dim() ? self->sizes[d] : 1;
  FJ_USER_CHECK(n > 0, ErrorKind::Index, "median(): Expected reduction dim ", d, " to have non-zero size.");
  for (Val v : t::kthvalue(b, self, (n + 1) / 2, args[1], args[2])) outs.push_back(v);
}
void decompose_median(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val flat = t::reshape(b, args[0], Arg::ints({-1}));
  if (flat->numel() == 0) {  // NaN, also as an integer
    Val nan = is_float(flat->dtype) ? t::mean(b, flat) : t::full(b, Arg(Shape()), Arg(std::nan("")), DType::F32);
    return outs.push_back(cast_to(b, nan, flat->dtype));
  }
  outs.push_back(t::kthvalue(b, flat, (flat->numel() + 1) / 2, 0)[0]);
}

// -- products, norms, scans ----------------------------------------------------------------------------------------

// Exact with zeros among the factors: the product of the others, by running products from both sides.
void vjp_prod(VjpCtx& c) {
  Val self = c.args[0].val();
  bool all = c.args[1].is_none();
  int64_t d = all ? 0 : wrap_dim(c.args[1].as_int(), self->dim());
  Val x = all ? t::reshape(c.b, self, Arg::ints({-1})) : self->dim() ? self : t::reshape(c.b, self, Arg::ints({1}));
  Val g = c.grads[0];
  if (all)
    g = t::reshape(c.b, g, Arg::ints({1}));
  else if (!c.args[2].as_bool())
    g = t::unsqueeze(c.b, g, self->dim() ? d : 0);
  Dim n = x->sizes[d];
  if (n == 0) {
    c.result[0] = Arg(t::_zeros(c.b, self->sizes, self->dtype));
    return;
  }
  Val one = t::ones_like(c.b, t::narrow(c.b, x, d, 0, 1));
  auto exclusive = [&](Val v) {
    Val head[2] = {one, t::narrow(c.b, v, d, 0, n - 1)};
    return t::cumprod(c.b, t::cat(c.b, Arg::tensors(head), d), d);
  };
  Arg dims = Arg::ints({d});
  Val before = exclusive(x), after = t::flip(c.b, exclusive(t::flip(c.b, x, dims)), dims);
  Val out = t::mul(c.b, g, t::mul(c.b, before, after));
  c.result[0] = Arg(t::reshape(c.b, cast(c.b, out, self->dtype), self->sizes));
}

void vjp_cumsum(VjpCtx& c) {
  Val self = c.args[0].val();
  if (self->dim() == 0) {
    c.result[0] = Arg(cast(c.b, c.grads[0], self->dtype));
    return;
  }
  Arg dims = Arg::ints({c.args[1].as_int()});
  Val g = t::flip(c.b, t::cumsum(c.b, t::flip(c.b, c.grads[0], dims), c.args[1]), dims);
  c.result[0] = Arg(cast(c.b, g, self->dtype));
}

// Where no factor is zero: reverse running sum of grad * result, divided by the factor. Zeros are handled by the
// native routine, which follows the definition.
void vjp_cumprod(VjpCtx& c) {
  Val g = t::_cumprod_backward(c.b, c.grads[0], c.args[0], c.args[1]);
  c.result[0] = Arg(cast(c.b, g, c.args[0].val()->dtype));
}

// d/dx_k = sum over i >= k of grad_i exp(x_k - result_i), kept in logarithms; the two signs of grad go apart.
void vjp_logcumsumexp(VjpCtx& c) {
  Builder& b = c.b;
  Val self = c.args[0].val(), result = c.outs[0], grad = c.grads[0];
  if (self->dim() == 0 || self->numel() == 0) {
    c.result[0] = Arg(grad);
    return;
  }
  Arg dims = Arg::ints({c.args[1].as_int()});
  Val top = t::detach(b, t::amax(b, self, dims, Arg(true)));
  Val scaled = t::mul(b, grad, t::exp(b, t::sub(b, top, result)));
  Val sums = t::flip(b, t::cumsum(b, t::flip(b, scaled, dims), c.args[1]), dims);
  c.result[0] = Arg(t::mul(b, sums, t::exp(b, t::sub(b, self, top))));
}

namespace {

// The smallest and the largest of no elements are no numbers.
void check_norm_of_some(Val self, double p, const Arg& dim) {
  bool all = dim.is_none() || dim.as_ints().empty();
  FJ_USER_CHECK(!all || self->numel() != 0, ErrorKind::Runtime, "linalg.vector_norm cannot compute the ", p,
                " norm on an empty tensor because the operation does not have an identity");
  if (all || self->dim() == 0) return;
  for (int64_t d : dim.as_ints())
    FJ_USER_CHECK(self->sizes[wrap_dim(d, self->dim())] != 0, ErrorKind::Runtime,
                  "linalg.vector_norm cannot compute the ", p, " norm on the dimension ", d,
                  " because this dimension is empty and the operation does not have an identity");
}

}  // namespace

void decompose_norm(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = cast(b, args[0].val(), args[4]);
  FJ_USER_CHECK(is_float(self->dtype), ErrorKind::Runtime,
                "linalg.vector_norm: Expected a floating point or complex tensor as input. Got ",
                scalar_type_name(self->dtype));
  double p = args[1].is_none() ? 2.0 : args[1].as_double();
  const Arg &dim = args[2], &keep = args[3];
  if (p < 0 || std::isinf(p)) check_norm_of_some(self, p, dim);
  Val a = p == 1 || std::isinf(p) ? t::abs(b, self) : self;
  Arg dims = dim.is_none() ? Arg::ints({}) : dim;
  if (p == 1)
    outs.push_back(t::sum(b, a, dim, keep));
  else if (p == 0)
    outs.push_back(t::sum(b, t::masked_fill(b, t::sign(b, a), t::ne(b, a, 0), 1), dim, keep));  // gradients of zero
  else if (std::isinf(p))
    outs.push_back(p > 0 ? t::amax(b, a, dims, keep) : t::amin(b, a, dims, keep));
  else
    outs.push_back(t::_p_norm(b, self, dim, keep, args[1].is_none() ? Arg(p) : args[1]));
}

void decompose_p_norm(Builder& b, const OpDef&, Args args, Outs& outs) {
  double p = args[3].as_double();
  if (p == 2) return outs.push_back(t::sqrt(b, t::sum(b, t::mul(b, args[0], args[0]), args[1], args[2])));
  outs.push_back(t::pow(b, t::sum(b, t::pow(b, t::abs(b, args[0]), p), args[1], args[2]), 1.0 / p));
}
// sign(x) (|x| / norm)^(p-1), and zero where x is zero, whatever the rest is there.
void vjp_p_norm(VjpCtx& c) {
  Builder& b = c.b;
  Val self = c.args[0].val();
  double p = c.args[3].as_double();
  Val g = unreduce(b, c.grads[0], self, c.args[1], c.args[2].as_bool());
  Val r = unreduce(b, c.outs[0], self, c.args[1], c.args[2].as_bool());
  Val unit = t::div(b, p == 2 ? self : t::abs(b, self), r);
  if (p != 2) unit = t::mul(b, t::sign(b, self), t::pow(b, unit, p - 1));
  unit = t::masked_fill(b, unit, p == 2 ? t::eq(b, r, 0) : t::eq(b, self, 0), 0);
  c.result[0] = Arg(t::mul(b, g, unit));
}

void decompose_argsort(Builder& b, const OpDef&, Args args, Outs& outs) {
  outs.push_back(t::sort(b, args[0], args[1], args[2], args[3])[1]);
}
void decompose_msort(Builder& b, const OpDef&, Args args, Outs& outs) { outs.push_back(t::sort(b, args[0], 0)[0]); }

}  // namespace fj
