// Shape rules, decompositions and derivatives of convolutions.
#include "ops/checks.h"
#include "ops/rules_util.h"

namespace fj {
namespace {

// One number stands for as many as there are spatial dimensions.
Shape spatial_list(const Arg& a, size_t n, const char* name) {
  auto v = a.as_ints();
  FJ_USER_CHECK(v.size() == 1 || v.size() == n, ErrorKind::Runtime, "expected ", name,
                " to be a single integer value or a list of ", n,
                " values to match the convolution dimensions, but got ", name, "=", v);
  return v.size() == n ? Shape(v) : Shape(n, v[0]);
}

size_t spatial_dims(const OpDef& op) {  // "conv2d", "conv_transpose1d"
  std::string_view name = op.name;
  return static_cast<size_t>(name[name.size() - 2] - '0');
}

Dim out_size(Dim in, Dim kernel, Dim stride, Dim padding, Dim dilation) {
  return (in + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
}

void check_hyper(const Shape& stride, const Shape& padding, const Shape& dilation, int64_t groups) {
  for (Dim s : stride) FJ_USER_CHECK(s > 0, ErrorKind::Runtime, "non-positive stride is not supported");
  for (Dim p : padding) FJ_USER_CHECK(p >= 0, ErrorKind::Runtime, "negative padding is not supported");
  for (Dim d : dilation) FJ_USER_CHECK(d > 0, ErrorKind::Runtime, "dilation should be greater than zero");
  FJ_USER_CHECK(groups > 0, ErrorKind::Runtime, "non-positive groups is not supported");
  for (const Shape* list : {&stride, &padding, &dilation}) check_int32(*list);
}

std::string joined(std::span<const Dim> s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) out += (i ? " x " : "") + std::to_string(s[i]);
  return out;
}

void check_channels(const TensorMeta& in, const TensorMeta& w, Val bias, int64_t groups) {
  FJ_USER_CHECK(w.sizes[0] % groups == 0 && w.sizes[0] >= groups, ErrorKind::Runtime, "Given groups=", groups,
                ", expected weight to be at least ", groups, " at dimension 0, but got weight of size ", w.sizes,
                " instead");
  FJ_USER_CHECK(in.sizes[1] == w.sizes[1] * groups, ErrorKind::Runtime, "Given groups=", groups, ", weight of size ",
                w.sizes, ", expected input", in.sizes, " to have ", w.sizes[1] * groups, " channels, but got ",
                in.sizes[1], " channels instead");
  FJ_USER_CHECK(!bias || bias->sizes == Shape{w.sizes[0]}, ErrorKind::Runtime, "Given weight of size ", w.sizes,
                ", expected bias to be 1-dimensional with ", w.sizes[0], " elements, but got bias of size ",
                bias ? bias->sizes : Shape(), " instead");
  for (const TensorMeta* m : {&w, bias.m})
    FJ_USER_CHECK(!m || m->dtype == in.dtype, ErrorKind::Runtime, "expected scalar type ", scalar_type_name(in.dtype),
                  " but found ", scalar_type_name(m->dtype));
}

// An unbatched input gets a batch of one; `*unbatched` says so.
Val with_batch(Builder& b, const OpDef& op, Val in, size_t n, bool* unbatched) {
  int64_t rank = static_cast<int64_t>(n);
  FJ_USER_CHECK(in->dim() == rank + 1 || in->dim() == rank + 2, ErrorKind::Runtime, "Expected ", rank + 1,
                "D (unbatched) or ", rank + 2, "D (batched) input to ", op.name,
                ", but got input of size: ", in->sizes);
  *unbatched = in->dim() == rank + 1;
  return *unbatched ? insert_dim(b, in, 0) : in;
}

void check_weight_rank(const OpDef& op, Val weight, size_t n) {
  FJ_USER_CHECK(weight->sizes.size() == n + 2, ErrorKind::Runtime, op.name, "(): expected a weight of ", n + 2,
                " dimensions, but got weight of size ", weight->sizes);
}

Val run_conv(Builder& b, const OpDef& op, Args args, const Shape& padding, Val in, bool unbatched) {
  size_t n = spatial_dims(op);
  bool whole = is_integral(in->dtype);  // sums of products stay exact in doubles
  Val weight = args[1].val(), bias = args[2].val();
  FJ_USER_CHECK(!whole || (weight->dtype == in->dtype && (!bias || bias->dtype == in->dtype)), ErrorKind::Runtime,
                "Input type (", cpp_type_name(in->dtype), ") and weight type (", cpp_type_name(weight->dtype),
                ") should be the same");
  auto wide = [&](Val v) { return whole && v ? cast_to(b, v, DType::F64) : v; };
  Val out = t::convolution(b, wide(in), wide(weight), Arg(wide(bias)), spatial_list(args[3], n, "stride"), padding,
                           spatial_list(args[5], n, "dilation"), args[6]);
  out = cast_to(b, out, in->dtype);
  return unbatched ? drop_dim(b, out, 0) : out;
}

// The sizes of the result; stride, padding, dilation and groups are the arguments from the fourth on.
Shape conv_sizes(const InferCtx& c, const TensorMeta& in, const TensorMeta& w, Val bias) {
  size_t n = in.sizes.size() - 2;
  FJ_USER_CHECK(in.dim() >= 3 && in.dim() <= 5 && in.dim() == w.dim(), ErrorKind::Runtime,
                "expected input and weight of the same rank, 3 to 5, but got input of size ", in.sizes,
                " and weight of size ", w.sizes);
  Shape stride = spatial_list(c.args[3], n, "stride"), padding = spatial_list(c.args[4], n, "padding"),
        dilation = spatial_list(c.args[5], n, "dilation");
  check_hyper(stride, padding, dilation, c.args[6].as_int());
  check_channels(in, w, bias, c.args[6].as_int());
  Shape padded, kernel, sizes{in.sizes[0], w.sizes[0]};
  bool fits = true;
  for (size_t i = 0; i < n; ++i) {
    padded.push_back(in.sizes[i + 2] + 2 * padding[i]);
    kernel.push_back(dilation[i] * (w.sizes[i + 2] - 1) + 1);
    fits = fits && padded[i] >= kernel[i];
    sizes.push_back(out_size(in.sizes[i + 2], w.sizes[i + 2], stride[i], padding[i], dilation[i]));
  }
  FJ_USER_CHECK(fits, ErrorKind::Runtime, "Calculated padded input size per channel: (", joined(padded),
                "). Kernel size: (", joined(kernel), "). Kernel size can't be greater than actual input size");
  return sizes;
}

// A transposed convolution may leave out the last positions: its result is as large as its output padding says.
void check_grad(const InferCtx& c, const Shape& expected) {
  const Shape& grad = c.val(0)->sizes;
  check_lead(c, grad, expected, 2);
  for (size_t i = 2; i < grad.size(); ++i)
    FJ_USER_CHECK(grad[i] <= expected[i], ErrorKind::Runtime, c.op.name, "(): expected grad of size ", expected,
                  ", but got size ", grad);
}

// The tensor that argument 2 gives the sizes of.
TensorMeta asked_for(const InferCtx& c) {
  Shape sizes(c.args[2].as_ints());
  check_sizes(sizes, c.val(0)->dtype);
  return make_meta(std::move(sizes), c.val(0)->dtype);
}

// The convolution of `in`, of which `grad` may lack the last positions: `output_padding` adds some that hold nothing
// else where it is not smaller than the stride (`check_grad`).
Val convolved_like(VjpCtx& c, Val in, Val weight, Val grad) {
  Val out = t::convolution(c.b, in, weight, Arg(), c.args[3], c.args[4], c.args[5], c.args[6]);
  for (int64_t d = 2; d < out->dim(); ++d)
    if (out->sizes[d] != grad->sizes[d]) out = t::narrow(c.b, out, d, 0, grad->sizes[d]);
  return out;
}

}  // namespace

void infer_convolution(InferCtx& c) { set_out(c, conv_sizes(c, *c.val(0), *c.val(1), c.val(2)), c.val(0)->dtype); }

void infer_convolution_input_grad(InferCtx& c) {
  TensorMeta in = asked_for(c);
  check_grad(c, conv_sizes(c, in, *c.val(1), {}));
  set_out(c, in.sizes, in.dtype);
}

void infer_convolution_weight_grad(InferCtx& c) {
  TensorMeta weight = asked_for(c);
  check_grad(c, conv_sizes(c, *c.val(1), weight, {}));
  set_out(c, weight.sizes, weight.dtype);
}

void decompose_conv(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  size_t n = spatial_dims(op);
  check_weight_rank(op, args[1].val(), n);
  bool unbatched;
  Val in = with_batch(b, op, args[0].val(), n, &unbatched);
  outs.push_back(run_conv(b, op, args, spatial_list(args[4], n, "padding"), in, unbatched));
}

// 'same' keeps the spatial sizes; where the padding is odd, the extra element goes behind.
void decompose_conv_padding(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  const std::string& mode = args[4].as_str();
  size_t n = spatial_dims(op);
  FJ_USER_CHECK(mode == "same" || mode == "valid", ErrorKind::Runtime, "Invalid padding string: '", mode, "'");
  check_weight_rank(op, args[1].val(), n);
  bool unbatched, odd = false;
  Val in = with_batch(b, op, args[0].val(), n, &unbatched);
  Shape padding(n, 0), dilation = spatial_list(args[5], n, "dilation");
  SmallVec<int64_t, 6> extra(2 * n, 0);  // last dimension first, before and behind
  if (mode == "same") {
    for (Dim s : args[3].as_ints())
      FJ_USER_CHECK(s == 1, ErrorKind::Runtime, "padding='same' is not supported for strided convolutions");
    for (size_t i = 0; i < n; ++i) {
      Dim total = dilation[i] * (args[1].val()->sizes[i + 2] - 1);
      padding[i] = total / 2;
      extra[2 * (n - 1 - i) + 1] = total % 2;
      odd = odd || total % 2;
    }
  }
  if (odd) in = t::constant_pad_nd(b, in, Arg::ints(extra));
  outs.push_back(run_conv(b, op, args, padding, in, unbatched));
}

// (input, weight, bias, stride, padding, output_padding, groups, dilation)
void decompose_conv_transpose(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  size_t n = spatial_dims(op);
  Val w = args[1].val(), bias = args[2].val();
  check_weight_rank(op, w, n);
  bool unbatched;
  Val in = with_batch(b, op, args[0].val(), n, &unbatched);
  Shape stride = spatial_list(args[3], n, "stride"), padding = spatial_list(args[4], n, "padding"),
        extra = spatial_list(args[5], n, "output_padding"), dilation = spatial_list(args[7], n, "dilation");
  int64_t groups = args[6].as_int();
  check_hyper(stride, padding, dilation, groups);
  FJ_USER_CHECK(in->sizes[1] == w->sizes[0], ErrorKind::Runtime, "Given transposed=1, weight of size ", w->sizes,
                ", expected input", in->sizes, " to have ", w->sizes[0], " channels, but got ", in->sizes[1],
                " channels instead");
  Dim channels = w->sizes[1] * groups;
  FJ_USER_CHECK(!bias || bias->sizes == Shape{channels}, ErrorKind::Runtime, "Given transposed=1, weight of size ",
                w->sizes, ", expected bias to be 1-dimensional with ", channels, " elements, but got bias of size ",
                bias ? bias->sizes : Shape(), " instead");
  Shape sizes{in->sizes[0], channels};
  for (size_t i = 0; i < n; ++i) {
    FJ_USER_CHECK(extra[i] < std::max(stride[i], dilation[i]), ErrorKind::Runtime,
                  "output padding must be smaller than either stride or dilation");
    sizes.push_back((in->sizes[i + 2] - 1) * stride[i] - 2 * padding[i] + dilation[i] * (w->sizes[i + 2] - 1) +
                    extra[i] + 1);
  }
  bool whole = is_integral(in->dtype) && w->dtype == in->dtype;  // sums of products stay exact in doubles
  auto wide = [&](Val v) { return whole ? cast_to(b, v, DType::F64) : v; };
  Val out = t::_convolution_input_grad(b, wide(in), wide(w), sizes, stride, padding, dilation, Arg(groups));
  out = cast_to(b, out, in->dtype);
  if (bias) {
    Shape spread(n + 2, 1);
    spread[1] = channels;
    out = t::add(b, out, reshape_to(b, bias, spread));
  }
  outs.push_back(unbatched ? drop_dim(b, out, 0) : out);
}

// -- derivatives ---------------------------------------------------------------------------------------------------

void vjp_convolution(VjpCtx& c) {
  Val g = c.grads[0], in = c.args[0].val(), w = c.args[1].val();
  const ArgVec a(c.args.begin(), c.args.end());
  if (c.need(0)) c.result[0] = Arg(t::_convolution_input_grad(c.b, g, w, in->sizes, a[3], a[4], a[5], a[6]));
  if (c.need(1)) c.result[1] = Arg(t::_convolution_weight_grad(c.b, g, in, w->sizes, a[3], a[4], a[5], a[6]));
  if (!c.need(2) || !c.args[2].is_tensor()) return;
  SmallVec<int64_t, 6> dims{0};
  for (int64_t d = 2; d < g->dim(); ++d) dims.push_back(d);
  c.result[2] = Arg(t::sum(c.b, g, Arg::ints(dims)));
}

// `gg`: the gradient of the input's gradient, shaped like the input.
void vjp_convolution_input_grad(VjpCtx& c) {
  Val gg = c.grads[0], g = c.args[0].val(), w = c.args[1].val();
  if (c.need(0)) c.result[0] = Arg(convolved_like(c, gg, w, g));
  if (c.need(1))
    c.result[1] = Arg(t::_convolution_weight_grad(c.b, g, gg, w->sizes, c.args[3], c.args[4], c.args[5], c.args[6]));
}

void vjp_convolution_weight_grad(VjpCtx& c) {
  Val gw = c.grads[0], g = c.args[0].val(), in = c.args[1].val();
  if (c.need(0)) c.result[0] = Arg(convolved_like(c, in, gw, g));
  if (c.need(1))
    c.result[1] = Arg(t::_convolution_input_grad(c.b, g, gw, in->sizes, c.args[3], c.args[4], c.args[5], c.args[6]));
}

}  // namespace fj
