// Normalisations. All of them view their input so that statistics are means over some dimensions:
//   out = (x - mean) * rstd * weight + bias
// and share one derivative. Statistics are results of the ops, so second derivatives flow through them.
#include "ops/rules_util.h"

namespace fj {
namespace {

using Dims = SmallVec<int64_t, 6>;

struct Normalized {
  Val out, mean, rstd;  // statistics keep their dimensions
};

Val mean_over(Builder& b, Val x, const Dims& dims) { return t::mean(b, x, Arg::ints(dims), Arg(true)); }

// (x - mean) * rstd in the compute type.
Normalized standardize(Builder& b, Val x, const Dims& dims, const Arg& eps) {
  x = to_compute(b, x);
  Val mean = mean_over(b, x, dims), centred = t::sub(b, x, mean);
  Val var = mean_over(b, t::mul(b, centred, centred), dims);
  Val rstd = t::rsqrt(b, t::add(b, var, eps));
  return {t::mul(b, centred, rstd), mean, rstd};
}

// out * weight + bias, both viewed with `shape`, either may be null.
Val affine(Builder& b, Val out, Val weight, Val bias, const Shape& shape) {
  if (weight) out = t::mul(b, out, reshape_to(b, to_compute(b, weight), shape));
  if (bias) out = t::add(b, out, reshape_to(b, to_compute(b, bias), shape));
  return out;
}

// A parameter's gradient from a full-size one: summed over the dimensions where `shape` has ones.
Val param_grad(Builder& b, Val full, Val param, const Shape& shape) {
  Dims dims;
  for (size_t d = 0; d < shape.size(); ++d)
    if (shape[d] == 1) dims.push_back(static_cast<int64_t>(d));
  return cast_to(b, reshape_to(b, sum_dims(b, full, dims, true), param->sizes), param->dtype);
}

struct NormGrads {
  Val grad, mean_grad, rstd_grad;  // of out, mean, rstd; any may be null
};

// Fills results for input (argument 0), weight and bias. `x`, `mean` and `rstd` have the shapes that `standardize` saw.
void norm_vjp(VjpCtx& c, const NormGrads& g, Val x, Val mean, Val rstd, const Dims& dims, size_t weight_at,
              size_t bias_at, const Shape& shape) {
  Builder& b = c.b;
  Val input = c.args[0].val(), weight = c.args[weight_at].val(), bias = c.args[bias_at].val();
  x = to_compute(b, x);
  Val centred = t::sub(b, x, mean), xhat = t::mul(b, centred, rstd);
  Val grad = to_compute(b, g.grad), gx;
  if (c.need(weight_at) && weight && grad)
    c.result[weight_at] = Arg(param_grad(b, t::mul(b, grad, xhat), weight, shape));
  if (c.need(bias_at) && bias && grad) c.result[bias_at] = Arg(param_grad(b, grad, bias, shape));
  if (!c.need(0)) return;
  if (grad) {
    Val gh = weight ? t::mul(b, grad, reshape_to(b, to_compute(b, weight), shape)) : grad;
    Val inner = t::add(b, mean_over(b, gh, dims), t::mul(b, xhat, mean_over(b, t::mul(b, gh, xhat), dims)));
    gx = t::mul(b, t::sub(b, gh, inner), rstd);
  }
  double n = 1;
  for (int64_t d : dims) n *= static_cast<double>(x->sizes[d]);
  if (g.mean_grad) gx = add_maybe(b, gx, t::expand(b, t::mul(b, g.mean_grad, 1 / n), x->sizes));
  if (g.rstd_grad) {
    Val r3 = t::mul(b, rstd, t::mul(b, rstd, rstd));
    gx = add_maybe(b, gx, t::mul(b, centred, t::mul(b, t::mul(b, g.rstd_grad, r3), -1 / n)));
  }
  if (gx) c.result[0] = Arg(cast_to(b, reshape_to(b, gx, input->sizes), input->dtype));
}

// -- where statistics run and how parameters lie
// -----------------------------------------------------------------------

struct Layout {
  Shape view;   // of the input
  Dims dims;    // of `view`, that are averaged
  Shape param;  // of weight and bias, over `view` for batch and layer norm, over the input for group norm
};

Layout batch_layout(Val x) {
  Layout l{x->sizes, {}, Shape(x->sizes.size(), 1)};
  for (int64_t d = 0; d < x->dim(); ++d)
    if (d != 1) l.dims.push_back(d);
  l.param[1] = x->sizes[1];
  return l;
}

Layout layer_layout(Val x, std::span<const int64_t> normalized) {
  Layout l{x->sizes, {}, Shape(x->sizes.size(), 1)};
  for (size_t d = x->sizes.size() - normalized.size(); d < x->sizes.size(); ++d) {
    l.dims.push_back(static_cast<int64_t>(d));
    l.param[d] = x->sizes[d];
  }
  return l;
}

// [N, groups, channels a group, *spatial]
Layout group_layout(Val x, Dim groups) {
  Layout l{Shape{x->sizes[0], groups, x->sizes[1] / groups}, {}, Shape{1, groups, x->sizes[1] / groups}};
  for (int64_t d = 2; d < x->dim(); ++d) {
    l.view.push_back(x->sizes[d]);
    l.param.push_back(1);
  }
  for (int64_t d = 2; d < static_cast<int64_t>(l.view.size()); ++d) l.dims.push_back(d);
  return l;
}

Shape kept(const Layout& l) {
  Shape s = l.view;
  for (int64_t d : l.dims) s[d] = 1;
  return s;
}

void check_float(const OpDef& op, Val x) {
  FJ_USER_CHECK(is_float(x->dtype), ErrorKind::NotImplemented, "\"", op.name, "\" not implemented for '",
                scalar_type_name(x->dtype), "'");
}

void check_channels(Val x, Val v, const char* name) {
  FJ_USER_CHECK(!v || v->numel() == x->sizes[1], ErrorKind::Runtime, name, " should contain ", x->sizes[1],
                " elements not ", v->numel());
}

void check_normalized(Val x, std::span<const int64_t> shape, Val weight, Val bias) {
  size_t n = shape.size();
  FJ_USER_CHECK(n > 0, ErrorKind::Runtime,
                "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but "
                "got normalized_shape = ",
                shape);
  bool fits = n <= x->sizes.size() && std::equal(shape.begin(), shape.end(), x->sizes.end() - n);
  std::string wanted;
  for (int64_t s : shape) wanted += cat(", ", s);
  FJ_USER_CHECK(fits, ErrorKind::Runtime, "Given normalized_shape=", shape, ", expected input with shape [*", wanted,
                "], but got input of size", x->sizes);
  for (auto [v, name] : {std::pair<Val, const char*>{weight, "weight"}, {bias, "bias"}})
    FJ_USER_CHECK(!v || (v->sizes.size() == n && std::equal(shape.begin(), shape.end(), v->sizes.begin())),
                  ErrorKind::Runtime, "Expected ", name, " to be of same shape as normalized_shape, but got ", name,
                  " of shape ", v ? v->sizes : Shape(), " and normalized_shape = ", shape);
}

}  // namespace

// -- batch norm ----------------------------------------------------------------------------------------------------

// The statistics come back with one element a channel.
void decompose_batch_norm_train(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  Layout l = batch_layout(x);
  Normalized n = standardize(b, x, l.dims, args[3]);
  outs.push_back(cast_to(b, affine(b, n.out, args[1].val(), args[2].val(), l.param), x->dtype));
  outs.push_back(reshape_to(b, n.mean, Shape{x->sizes[1]}));
  outs.push_back(reshape_to(b, n.rstd, Shape{x->sizes[1]}));
}

void vjp_batch_norm_train(VjpCtx& c) {
  Val x = c.args[0].val();
  Layout l = batch_layout(x);
  auto spread = [&](Val v) { return v ? reshape_to(c.b, v, l.param) : v; };
  norm_vjp(c, {c.grads[0], spread(c.grads[1]), spread(c.grads[2])}, x, spread(c.outs[1]), spread(c.outs[2]), l.dims, 1,
           2, l.param);
}

void decompose_batch_norm_eval(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  Shape shape = batch_layout(x).param;
  Val mean = reshape_to(b, to_compute(b, args[3].val()), shape),
      var = reshape_to(b, to_compute(b, args[4].val()), shape);
  Val out = t::mul(b, t::sub(b, to_compute(b, x), mean), t::rsqrt(b, t::add(b, var, args[5])));
  outs.push_back(cast_to(b, affine(b, out, args[1].val(), args[2].val(), shape), x->dtype));
}

void vjp_batch_norm_eval(VjpCtx& c) {
  Builder& b = c.b;
  Val x = c.args[0].val(), weight = c.args[1].val(), bias = c.args[2].val(), g = to_compute(b, c.grads[0]);
  Shape shape = batch_layout(x).param;
  Val rstd = t::rsqrt(b, t::add(b, reshape_to(b, to_compute(b, c.args[4].val()), shape), c.args[5]));
  if (c.need(0)) {
    Val scale = weight ? t::mul(b, rstd, reshape_to(b, to_compute(b, weight), shape)) : rstd;
    c.result[0] = Arg(cast_to(b, t::mul(b, g, scale), x->dtype));
  }
  if (c.need(1) && weight) {
    Val xhat = t::mul(b, t::sub(b, to_compute(b, x), reshape_to(b, to_compute(b, c.args[3].val()), shape)), rstd);
    c.result[1] = Arg(param_grad(b, t::mul(b, g, xhat), weight, shape));
  }
  if (c.need(2) && bias) c.result[2] = Arg(param_grad(b, g, bias, shape));
}

namespace {

// Of nothing: the factors of all channels are the first one's, as in PyTorch, so that parameters have gradients.
Val normalize_nothing(Builder& b, Val x, Val weight, Val bias) {
  Val out = t::clone(b, x);
  if (weight) out = t::mul(b, out, t::select(b, weight, 0, 0));
  if (bias) out = t::add(b, out, t::select(b, bias, 0, 0));
  return out;
}

// running = (1 - momentum) * running + momentum * batch statistic
void move_running(Builder& b, Val running, Val value, const Arg& momentum) {
  t::mul_(b, running, Arg(1 - momentum.as_double()));
  t::add_(b, running, cast_to(b, value, running->dtype), momentum);
}

}  // namespace

// (input, weight, bias, running_mean, running_var, training, momentum, eps, _)
void decompose_batch_norm(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val(), mean = args[3].val(), var = args[4].val();
  bool training = args[5].as_bool();
  FJ_USER_CHECK(x->dim() >= 2 || x->numel() == 0, ErrorKind::Runtime,
                "batch_norm: expected an input of at least 2 dimensions, but got size ", x->sizes);
  check_float(op, x);
  FJ_USER_CHECK(training || mean, ErrorKind::Runtime, "running_mean must be defined in evaluation mode");
  FJ_USER_CHECK(training || var, ErrorKind::Runtime, "running_var must be defined in evaluation mode");
  if (x->numel() == 0) return outs.push_back(normalize_nothing(b, x, args[1].val(), args[2].val()));
  check_channels(x, mean, "running_mean");
  check_channels(x, var, "running_var");
  check_channels(x, args[1].val(), "weight");
  check_channels(x, args[2].val(), "bias");
  if (!training) {
    outs.push_back(t::_batch_norm_eval(b, x, args[1], args[2], mean, var, args[7]));
    return;
  }
  auto res = t::_batch_norm_train(b, x, args[1], args[2], args[7]);
  outs.push_back(res[0]);
  double n = static_cast<double>(x->numel()) / static_cast<double>(std::max<Dim>(1, x->sizes[1]));
  if (mean) move_running(b, mean, t::detach(b, res[1]), args[6]);
  if (var) {
    // rstd back to the unbiased variance.
    Val r = t::detach(b, res[2]), biased = t::sub(b, t::reciprocal(b, t::mul(b, r, r)), args[7]);
    move_running(b, var, t::mul(b, biased, n / (n - 1)), args[6]);
  }
}

// Every (member, channel) pair is a channel of one batch member; running statistics average over the members.
void decompose_instance_norm(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  FJ_USER_CHECK(x->dim() >= 2, ErrorKind::Runtime,
                "instance_norm: expected an input of at least 2 dimensions, but got size ", x->sizes);
  FJ_USER_CHECK(args[5].as_bool() || (args[3].val() && args[4].val()), ErrorKind::Runtime,
                "Expected running_mean and running_var to be defined when use_input_stats is false");
  check_float(op, x);
  Dim n = x->sizes[0], channels = x->sizes[1];
  if (!args[5].as_bool()) {
    outs.push_back(t::batch_norm(b, x, args[1], args[2], args[3], args[4], Arg(false), args[6], args[7]));
    return;
  }
  auto repeated = [&](const Arg& a) { return a.is_tensor() ? Arg(t::repeat(b, a, Arg::ints({n}))) : Arg(); };
  if (x->numel() == 0) return outs.push_back(normalize_nothing(b, x, repeated(args[1]).val(), repeated(args[2]).val()));
  Shape flat = x->sizes;
  flat[0] = 1;
  flat[1] = n * channels;
  auto res = t::_batch_norm_train(b, reshape_to(b, x, flat), repeated(args[1]), repeated(args[2]), args[7]);
  outs.push_back(reshape_to(b, res[0], x->sizes));
  auto over_members = [&](Val v) { return t::mean(b, reshape_to(b, v, Shape{n, channels}), Arg::ints({0})); };
  if (args[3].is_tensor()) move_running(b, args[3].val(), over_members(t::detach(b, res[1])), args[6]);
  if (args[4].is_tensor()) {
    double m = static_cast<double>(x->numel()) / static_cast<double>(std::max<Dim>(1, n * channels));
    Val r = t::detach(b, res[2]), biased = t::sub(b, t::reciprocal(b, t::mul(b, r, r)), args[7]);
    move_running(b, args[4].val(), over_members(t::mul(b, biased, m / (m - 1))), args[6]);
  }
}

// -- layer norm ----------------------------------------------------------------------------------------------------

void decompose_native_layer_norm(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  check_float(op, x);
  check_normalized(x, args[1].as_ints(), args[2].val(), args[3].val());
  Layout l = layer_layout(x, args[1].as_ints());
  Normalized n = standardize(b, x, l.dims, args[4]);
  outs.push_back(cast_to(b, affine(b, n.out, args[2].val(), args[3].val(), l.param), x->dtype));
  outs.push_back(n.mean);
  outs.push_back(n.rstd);
}

void vjp_native_layer_norm(VjpCtx& c) {
  Layout l = layer_layout(c.args[0].val(), c.args[1].as_ints());
  norm_vjp(c, {c.grads[0], c.grads[1], c.grads[2]}, c.args[0].val(), c.outs[1], c.outs[2], l.dims, 2, 3, l.param);
}

void decompose_layer_norm(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  outs.push_back(t::native_layer_norm(b, args[0], args[1], args[2], args[3], args[4])[0]);
}

// -- group norm ----------------------------------------------------------------------------------------------------

void decompose_native_group_norm(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val(), weight = args[1].val(), bias = args[2].val();
  check_float(op, x);
  int64_t groups = args[3].as_int();
  FJ_USER_CHECK(x->dim() >= 2, ErrorKind::Runtime, "Expected at least 2 dimensions for input tensor but received ",
                x->dim());
  FJ_USER_CHECK(groups > 0, ErrorKind::Runtime, "Expected num groups to be greater than 0, got ", groups);
  FJ_USER_CHECK(x->sizes[1] % groups == 0, ErrorKind::Runtime,
                "Expected number of channels in input to be divisible by num_groups, but got input of shape ", x->sizes,
                " and num_groups=", groups);
  for (auto [v, name] : {std::pair<Val, const char*>{weight, "weight"}, {bias, "bias"}})
    FJ_USER_CHECK(!v || v->sizes == Shape{x->sizes[1]}, ErrorKind::Runtime, "Expected ", name,
                  " to be a vector of size equal to the number of channels in input, but got ", name, " of shape ",
                  v ? v->sizes : Shape(), " and input of shape ", x->sizes);
  Layout l = group_layout(x, groups);
  Normalized n = standardize(b, reshape_to(b, x, l.view), l.dims, args[4]);
  outs.push_back(reshape_to(b, cast_to(b, affine(b, n.out, weight, bias, l.param), x->dtype), x->sizes));
  outs.push_back(reshape_to(b, n.mean, Shape{x->sizes[0], groups}));
  outs.push_back(reshape_to(b, n.rstd, Shape{x->sizes[0], groups}));
}

void vjp_native_group_norm(VjpCtx& c) {
  Val x = c.args[0].val();
  Layout l = group_layout(x, c.args[3].as_int());
  Shape stat = kept(l);
  auto spread = [&](Val v, const Shape& s) { return v ? reshape_to(c.b, v, s) : v; };
  norm_vjp(c, {spread(c.grads[0], l.view), spread(c.grads[1], stat), spread(c.grads[2], stat)},
           reshape_to(c.b, x, l.view), spread(c.outs[1], stat), spread(c.outs[2], stat), l.dims, 1, 2, l.param);
}

void decompose_group_norm(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  outs.push_back(t::native_group_norm(b, args[0], args[2], args[3], args[1], args[4])[0]);
}

// -- rms norm ------------------------------------------------------------------------------------------------------

void decompose__rms_norm(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  check_float(op, x);
  check_normalized(x, args[1].as_ints(), args[2].val(), Val{});
  Layout l = layer_layout(x, args[1].as_ints());
  Val wide = to_compute(b, x), rstd = t::rsqrt(b, t::add(b, mean_over(b, t::mul(b, wide, wide), l.dims), args[3]));
  outs.push_back(cast_to(b, affine(b, t::mul(b, wide, rstd), args[2].val(), Val{}, l.param), x->dtype));
  outs.push_back(rstd);
}

void vjp__rms_norm(VjpCtx& c) {
  Builder& b = c.b;
  Val x = to_compute(b, c.args[0].val()), weight = c.args[2].val(), rstd = c.outs[1], g = to_compute(b, c.grads[0]), gx;
  Layout l = layer_layout(x, c.args[1].as_ints());
  Val xhat = t::mul(b, x, rstd);
  if (c.need(2) && weight && g) c.result[2] = Arg(param_grad(b, t::mul(b, g, xhat), weight, l.param));
  if (!c.need(0)) return;
  if (g) {
    Val gh = weight ? t::mul(b, g, reshape_to(b, to_compute(b, weight), l.param)) : g;
    gx = t::mul(b, t::sub(b, gh, t::mul(b, xhat, mean_over(b, t::mul(b, gh, xhat), l.dims))), rstd);
  }
  if (c.grads[1]) {
    double n = static_cast<double>(product(Shape(c.args[1].as_ints())));
    Val r3 = t::mul(b, rstd, t::mul(b, rstd, rstd));
    gx = add_maybe(b, gx, t::mul(b, x, t::mul(b, t::mul(b, c.grads[1], r3), -1 / n)));
  }
  if (gx) c.result[0] = Arg(cast_to(b, gx, c.args[0].val()->dtype));
}

void decompose_rms_norm(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  // PyTorch's default is the epsilon of the type that it computes in.
  double eps = !args[3].is_none()                     ? args[3].as_double()
               : compute_type(x->dtype) == DType::F64 ? 2.220446049250313e-16
                                                      : 1.1920928955078125e-07;
  if (is_complex(x->dtype)) {  // by squares, which are complex too
    check_normalized(x, args[1].as_ints(), args[2].val(), Val{});
    Layout l = layer_layout(x, args[1].as_ints());
    if (args[3].is_none() && part_of(x->dtype) == DType::F64) eps = 2.220446049250313e-16;
    Val mean = mean_over(b, t::square(b, x), l.dims);
    Val scaled_x = t::mul(b, x, t::rsqrt(b, t::add(b, mean, Arg(eps))));
    return outs.push_back(affine(b, scaled_x, args[2].val(), Val{}, l.param));
  }
  outs.push_back(t::_rms_norm(b, x, args[1], args[2], Arg(eps))[0]);
}

}  // namespace fj
