// Shape rules, decompositions, derivatives and batching of pooling.
#include "ops/batch_util.h"
#include "ops/checks.h"

namespace fj {
namespace {

size_t spatial_dims(const OpDef& op) {  // the digit in "max_pool2d_with_indices"
  for (std::string_view rest = op.name; !rest.empty(); rest.remove_prefix(1))
    if (rest[0] >= '1' && rest[0] <= '3') return static_cast<size_t>(rest[0] - '0');
  raise(ErrorKind::Internal, op.name, " does not say its dimensions");
}

Shape spatial_list(const OpDef& op, const Arg& a, size_t n, const char* name) {
  auto v = a.as_ints();
  FJ_USER_CHECK(v.size() == 1 || v.size() == n, ErrorKind::Runtime, op.name, ": ", name,
                " must either be a single int, or a tuple of ", n, " ints");
  return v.size() == n ? Shape(v) : Shape(n, v[0]);
}

void check_input(const OpDef& op, Val in, size_t n) {
  int64_t rank = static_cast<int64_t>(n);
  bool fine = in->dim() == rank + 1 || in->dim() == rank + 2;
  bool planes = std::string_view(op.name).starts_with("avg_pool");  // which need channels, too
  for (int64_t d = planes ? in->dim() - rank - 1 : in->dim() - rank; fine && d < in->dim(); ++d)
    fine = in->sizes[d] > 0;
  if (std::string_view(op.name).starts_with("adaptive"))
    FJ_USER_CHECK(fine, ErrorKind::Runtime, op.name, "(): Expected ", rank + 1, "D or ", rank + 2, "D tensor, but got ",
                  in->sizes);
  const bool channels = std::string_view(op.name) == "avg_pool2d";  // PyTorch asks for them first
  FJ_USER_CHECK(fine || !channels || in->dim() > rank, ErrorKind::Index,
                "Dimension out of range: avg_pool2d needs channels, but got an input of size ", in->sizes);
  FJ_USER_CHECK(fine, ErrorKind::Runtime, "non-empty ", rank + 1, "D or ", rank + 2,
                "D (batch mode) tensor expected for input");
}

// PyTorch's rule: in ceil mode the last window must begin inside the input or its left padding.
Dim pooled_size(Dim in, Dim kernel, Dim stride, Dim padding, Dim dilation, bool ceil_mode) {
  Dim span = in + 2 * padding - dilation * (kernel - 1) - 1 + (ceil_mode ? stride - 1 : 0);
  Dim out = (span >= 0 ? span / stride : -((-span + stride - 1) / stride)) + 1;
  if (ceil_mode && (out - 1) * stride >= in + padding) --out;
  return out;
}

struct Windows {
  Shape kernel, stride, padding, dilation;
};

void check_windows(const Windows& w) {
  for (const Shape* list : {&w.kernel, &w.stride, &w.padding, &w.dilation}) check_int32(*list);
  for (size_t i = 0; i < w.kernel.size(); ++i) {
    FJ_USER_CHECK(w.kernel[i] > 0, ErrorKind::Runtime, "kernel size should be greater than zero, but got ",
                  w.kernel[i]);
    FJ_USER_CHECK(w.stride[i] > 0, ErrorKind::Runtime, "stride should not be zero");
    FJ_USER_CHECK(w.padding[i] >= 0, ErrorKind::Runtime, "pad must be non-negative, but got pad: ", w.padding[i]);
    FJ_USER_CHECK(w.dilation[i] > 0, ErrorKind::Runtime,
                  "dilation should be greater than zero, but got dilation: ", w.dilation[i]);
    FJ_USER_CHECK(w.padding[i] <= (w.dilation[i] * (w.kernel[i] - 1) + 1) / 2, ErrorKind::Runtime,
                  "pad should be at most half of effective kernel size, but got pad=", w.padding[i],
                  ", kernel_size=", w.kernel[i], " and dilation=", w.dilation[i]);
  }
}

// Checks and completes (self, kernel_size, stride, padding[, dilation]).
Windows windows(const OpDef& op, Args args, size_t n, bool dilated) {
  Windows w;
  w.kernel = spatial_list(op, args[1], n, "kernel_size");
  w.stride = args[2].as_ints().empty() ? w.kernel : spatial_list(op, args[2], n, "stride");
  w.padding = spatial_list(op, args[3], n, "padding");
  w.dilation = dilated ? spatial_list(op, args[4], n, "dilation") : Shape(n, 1);
  check_windows(w);
  return w;
}

Shape pooled_sizes(const Shape& in, const Windows& w, bool ceil_mode) {
  Shape sizes = in;
  size_t n = w.kernel.size(), lead = sizes.size() - n;
  bool empty = false;
  for (size_t i = 0; i < n; ++i) {
    sizes[lead + i] = pooled_size(in[lead + i], w.kernel[i], w.stride[i], w.padding[i], w.dilation[i], ceil_mode);
    empty = empty || sizes[lead + i] < 1;
  }
  auto shape_text = [&](const Shape& s) {
    std::string out;
    for (size_t i = lead - 1; i < s.size(); ++i)
      out += (out.empty() ? "" : "x") + std::to_string(i >= lead && s[i] < 0 ? 0 : s[i]);
    return out;
  };
  FJ_USER_CHECK(!empty, ErrorKind::Runtime, "Given input size: (", shape_text(in), "). Calculated output size: (",
                shape_text(sizes), "). Output size is too small");
  return sizes;
}

// One to three of `sizes` are spatial, and at least one is not.
void check_planes(const InferCtx& c, const Shape& sizes, int64_t n) {
  FJ_USER_CHECK(n >= 1 && n <= 3 && sizes.size() > static_cast<size_t>(n), ErrorKind::Runtime, c.op.name,
                "(): expected one to three spatial dimensions and one before them, but got ", n, " of size ", sizes);
}

// As check_planes; no spatial size is zero.
void check_filled_planes(const InferCtx& c, const Shape& sizes, size_t n) {
  check_planes(c, sizes, static_cast<int64_t>(n));
  for (size_t i = sizes.size() - n; i < sizes.size(); ++i)
    FJ_USER_CHECK(sizes[i] > 0, ErrorKind::Runtime, c.op.name, "(): expected a non-empty input, but got size ", sizes);
}

// The complete windows of a private op, whose lists begin at argument `first`, over planes of these sizes.
Windows given_windows(const InferCtx& c, const Shape& sizes, size_t first, bool dilated) {
  size_t n = c.args[first].as_ints().size();
  check_filled_planes(c, sizes, n);
  for (size_t i = first + 1; i < first + (dilated ? 4 : 3); ++i) check_length(c, i, n);
  auto list = [&](size_t i) { return Shape(c.args[first + i].as_ints()); };
  Windows w{list(0), list(1), list(2), dilated ? list(3) : Shape(n, 1)};
  check_windows(w);
  return w;
}

void set_value_and_index(InferCtx& c, const Shape& sizes) {
  set_out(c, sizes, c.val(0)->dtype);
  set_out(c, sizes, DType::I64);
}

void check_mean_dtype(const InferCtx& c, const char* name) {
  FJ_USER_CHECK(is_float(c.val(0)->dtype), ErrorKind::NotImplemented, "\"", name, "\" not implemented for '",
                scalar_type_name(c.val(0)->dtype), "'");
}

Shape adaptive_sizes(const InferCtx& c) {
  Shape sizes = c.val(0)->sizes;
  auto wanted = c.args[1].as_ints();
  check_filled_planes(c, sizes, wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    FJ_USER_CHECK(wanted[i] >= 0, ErrorKind::Runtime, c.op.name,
                  ": elements of output_size must be greater than or equal to 0 but received ", wanted);
    sizes[sizes.size() - wanted.size() + i] = wanted[i];
  }
  return sizes;
}

Val run_max_pool(Builder& b, const OpDef& op, Args args, Val* indices) {
  size_t n = spatial_dims(op);
  const Val x = args[0].val();
  check_input(op, x, n);
  FJ_USER_CHECK(x->dim() != static_cast<int64_t>(n) + 1 || x->sizes[0] != 0, ErrorKind::Runtime, op.name,
                ": expected a tensor whose dimensions but for the batch are not empty, but got ", x->sizes);
  Windows w = windows(op, args, n, true);
  auto outs = t::_max_pool(b, args[0], w.kernel, w.stride, w.padding, w.dilation, args[5]);
  *indices = outs[1];
  return outs[0];
}

// Folds the batch into the first dimension of every tensor argument: planes are independent.
void fold_planes(BatchCtx& c, std::initializer_list<size_t> which) {
  for (size_t i : which)
    c.args[i] = Arg(fold_batch(c.b, batch_expanded(c.b, c.args[i].val(), c.bdims[i], c.batch_size), 0, 0));
}

void fold_size(BatchCtx& c, size_t i) {
  Shape s(c.args[i].as_ints());
  s[0] *= c.batch_size;
  c.args[i] = Arg(s);
}

void unfold_planes(BatchCtx& c) {
  finish(c);
  for (Val& v : c.outs) v = unfold_batch(c.b, v, 0, c.batch_size);
}

}  // namespace

void infer_max_pool(InferCtx& c) {
  const Shape& in = c.val(0)->sizes;
  set_value_and_index(c, pooled_sizes(in, given_windows(c, in, 1, true), c.args[5].as_bool()));
}

// (grad, indices, input_size, spatial)
void infer_max_pool_grad(InferCtx& c) {
  Shape sizes(c.args[2].as_ints());
  int64_t n = c.args[3].as_int();
  check_planes(c, sizes, n);
  check_lead(c, c.val(0)->sizes, sizes, sizes.size() - static_cast<size_t>(n));
  check_shape(c, 1, c.val(0)->sizes);
  check_dtype(c, 1, DType::I64);
  set_out(c, sizes, c.val(0)->dtype);
}

// (self, indices, spatial)
void infer_max_pool_pick(InferCtx& c) {
  const Shape &in = c.val(0)->sizes, &sizes = c.val(1)->sizes;
  int64_t n = c.args[2].as_int();
  check_planes(c, in, n);
  check_lead(c, in, sizes, in.size() - static_cast<size_t>(n));
  check_dtype(c, 1, DType::I64);
  set_out(c, sizes, c.val(0)->dtype);
}

void infer_avg_pool(InferCtx& c) {
  const Shape& in = c.val(0)->sizes;
  check_mean_dtype(c, "avg_pool2d");
  FJ_USER_CHECK(c.args[6].is_none() || c.args[6].as_int() != 0, ErrorKind::Runtime, "divisor must be not zero");
  set_out(c, pooled_sizes(in, given_windows(c, in, 1, false), c.args[4].as_bool()), c.val(0)->dtype);
}

// (grad, input_size, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
void infer_avg_pool_grad(InferCtx& c) {
  Shape sizes(c.args[1].as_ints());
  check_mean_dtype(c, "avg_pool2d");
  FJ_USER_CHECK(c.args[7].is_none() || c.args[7].as_int() != 0, ErrorKind::Runtime, "divisor must be not zero");
  check_shape(c, 0, pooled_sizes(sizes, given_windows(c, sizes, 2, false), c.args[5].as_bool()));
  set_out(c, sizes, c.val(0)->dtype);
}

void infer_adaptive_avg_pool(InferCtx& c) {
  check_mean_dtype(c, "adaptive_avg_pool2d");
  set_out(c, adaptive_sizes(c), c.val(0)->dtype);
}

// (grad, input_size); see the routine: up to three dimensions after the first count as spatial.
void infer_adaptive_avg_pool_grad(InferCtx& c) {
  Shape sizes(c.args[1].as_ints());
  check_mean_dtype(c, "adaptive_avg_pool2d");
  check_planes(c, sizes, 1);
  size_t n = std::min<size_t>(sizes.size() - 1, 3);
  const Shape& grad = c.val(0)->sizes;
  check_lead(c, grad, sizes, sizes.size() - n);
  for (size_t i = sizes.size() - n; i < sizes.size(); ++i)
    FJ_USER_CHECK(sizes[i] > 0 || grad[i] == 0, ErrorKind::Runtime, c.op.name,
                  "(): expected a non-empty input, but got size ", sizes);
  set_out(c, sizes, c.val(0)->dtype);
}

void infer_adaptive_max_pool(InferCtx& c) { set_value_and_index(c, adaptive_sizes(c)); }

void decompose_max_pool(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val indices;
  outs.push_back(run_max_pool(b, op, args, &indices));
}

void decompose_max_pool_with_indices(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val indices, out = run_max_pool(b, op, args, &indices);
  outs.push_back(out);
  outs.push_back(indices);
}

void decompose_avg_pool(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  size_t n = spatial_dims(op);
  check_input(op, args[0].val(), n);
  Windows w = windows(op, args, n, false);
  Arg divisor = args.size() > 6 ? args[6] : Arg();
  FJ_USER_CHECK(divisor.is_none() || divisor.as_int() != 0, ErrorKind::Runtime, "divisor must be not zero");
  Val in = args[0].val();
  bool whole = in->dtype == DType::I64;  // the mean is cut to a whole number
  Val x = whole ? cast_to(b, in, DType::F64) : in;
  Val out = t::_avg_pool(b, x, w.kernel, w.stride, w.padding, args[4], args[5], divisor);
  outs.push_back(cast_to(b, out, in->dtype));
}

// Pooling to a single element is a mean, which fuses with its neighbours.
void decompose_adaptive_avg_pool(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  size_t n = spatial_dims(op);
  Val in = args[0].val();
  check_input(op, in, n);
  Shape sizes = spatial_list(op, args[1], n, "output_size");
  if (product(sizes) != 1 || !is_float(in->dtype)) {
    outs.push_back(t::_adaptive_avg_pool(b, in, sizes));
    return;
  }
  SmallVec<int64_t, 6> dims;
  for (size_t i = 0; i < n; ++i) dims.push_back(in->dim() - static_cast<int64_t>(n - i));
  outs.push_back(t::mean(b, in, Arg::ints(dims), Arg(true)));
}

void decompose_adaptive_max_pool(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  size_t n = spatial_dims(op);
  check_input(op, args[0].val(), n);
  for (Val v : t::_adaptive_max_pool(b, args[0], spatial_list(op, args[1], n, "output_size"))) outs.push_back(v);
}

// -- derivatives ---------------------------------------------------------------------------------------------------

// _max_pool and _adaptive_max_pool: the list in argument 1 is as long as there are spatial dimensions.
void vjp_max_pool(VjpCtx& c) {
  int64_t n = static_cast<int64_t>(c.args[1].as_ints().size());
  if (c.grads[0]) c.result[0] = Arg(t::_max_pool_grad(c.b, c.grads[0], c.outs[1], c.args[0].val()->sizes, n));
}
void vjp_max_pool_grad(VjpCtx& c) { c.result[0] = Arg(t::_max_pool_pick(c.b, c.grads[0], c.args[1], c.args[3])); }
void vjp_max_pool_pick(VjpCtx& c) {
  c.result[0] = Arg(t::_max_pool_grad(c.b, c.grads[0], c.args[1], c.args[0].val()->sizes, c.args[2]));
}
void vjp_avg_pool(VjpCtx& c) {
  c.result[0] = Arg(t::_avg_pool_grad(c.b, c.grads[0], c.args[0].val()->sizes, c.args[1], c.args[2], c.args[3],
                                      c.args[4], c.args[5], c.args[6]));
}
void vjp_avg_pool_grad(VjpCtx& c) {
  c.result[0] = Arg(t::_avg_pool(c.b, c.grads[0], c.args[2], c.args[3], c.args[4], c.args[5], c.args[6], c.args[7]));
}
void vjp_adaptive_avg_pool(VjpCtx& c) {
  c.result[0] = Arg(t::_adaptive_avg_pool_grad(c.b, c.grads[0], c.args[0].val()->sizes));
}
void vjp_adaptive_avg_pool_grad(VjpCtx& c) {
  // Every dimension but the first counts as spatial: one that keeps its size pools to itself.
  Shape sizes(c.args[0].val()->sizes);
  size_t n = std::min<size_t>(sizes.size() - 1, 3);
  c.result[0] = Arg(t::_adaptive_avg_pool(c.b, c.grads[0], Shape(sizes.end() - n, sizes.end())));
}

// -- batching ------------------------------------------------------------------------------------------------------

void batch_pool(BatchCtx& c) {
  fold_planes(c, {0});
  unfold_planes(c);
}
void batch_max_pool_grad(BatchCtx& c) {
  fold_planes(c, {0, 1});
  fold_size(c, 2);
  unfold_planes(c);
}
void batch_max_pool_pick(BatchCtx& c) {
  fold_planes(c, {0, 1});
  unfold_planes(c);
}
void batch_pool_grad(BatchCtx& c) {
  fold_planes(c, {0});
  fold_size(c, 1);
  unfold_planes(c);
}
void batch_adaptive_pool_grad(BatchCtx& c) { batch_pool_grad(c); }

}  // namespace fj
