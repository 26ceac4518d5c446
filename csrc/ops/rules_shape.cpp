// Joining, padding and rearranging: shape rules, decompositions and derivatives.
#include "ops/checks.h"
#include "ops/rules_util.h"

namespace fj {

using Outs = SmallVec<Val, 2>;

void infer_like_input(InferCtx& c) { set_out(c, c.val(0)->sizes, c.val(0)->dtype); }

void infer_zeros(InferCtx& c) {
  auto size = c.args[0].as_ints();
  set_out(c, Shape(size.begin(), size.end()), c.args[1].as_dtype());
}
DType compute_zeros(const OpDef&, Args args) { return args[1].as_dtype(); }

// -- cat, stack ----------------------------------------------------------------------------------------------------

namespace {

bool is_legacy_empty(Val v) { return v->dim() == 1 && v->sizes[0] == 0; }  // PyTorch lets these join anything

}  // namespace

void infer_cat(InferCtx& c) {
  auto vals = c.args[0].as_vals();
  FJ_USER_CHECK(!vals.empty(), ErrorKind::Value, "torch.cat(): expected a non-empty list of Tensors");
  Val first;
  for (Val v : vals)
    if (!is_legacy_empty(v)) {
      first = v;
      break;
    }
  if (!first) first = vals[0];
  for (size_t i = 0; i < vals.size(); ++i)
    FJ_USER_CHECK(vals[i]->dim() > 0, ErrorKind::Runtime, "zero-dimensional tensor (at position ", i,
                  ") cannot be concatenated");
  int64_t d = wrap_dim(c.args[1].as_int(), first->dim());
  Shape sizes = first->sizes;
  sizes[d] = 0;
  for (size_t i = 0; i < vals.size(); ++i) {
    Val v = vals[i];
    if (is_legacy_empty(v)) continue;
    FJ_USER_CHECK(v->dim() == first->dim(), ErrorKind::Runtime, "Tensors must have same number of dimensions: got ",
                  first->dim(), " and ", v->dim());
    for (int64_t k = 0; k < v->dim(); ++k)
      FJ_USER_CHECK(k == d || v->sizes[k] == first->sizes[k], ErrorKind::Runtime,
                    "Sizes of tensors must match except in dimension ", d, ". Expected size ", first->sizes[k],
                    " but got size ", v->sizes[k], " for tensor number ", i, " in the list.");
    sizes[d] += v->sizes[d];
  }
  set_out(c, std::move(sizes), result_type(c.args.first(1)));
}

void vjp_cat(VjpCtx& c) {
  auto vals = c.args[0].as_vals();
  int64_t d = wrap_dim(c.args[1].as_int(), c.grads[0]->dim());
  SmallVec<Val, 8> grads;
  Dim at = 0;
  for (Val v : vals) {
    if (is_legacy_empty(v) && c.grads[0]->dim() != 1) {
      grads.push_back(t::_zeros(c.b, v->sizes, v->dtype));
      continue;
    }
    Val g = t::narrow(c.b, c.grads[0], d, int64_t(at), int64_t(v->sizes[d]));
    grads.push_back(cast_to(c.b, g, v->dtype));
    at += v->sizes[d];
  }
  c.result[0] = Arg::tensors(grads);
}

void decompose_stack(Builder& b, const OpDef&, Args args, Outs& outs) {
  auto vals = args[0].as_vals();
  FJ_USER_CHECK(!vals.empty(), ErrorKind::Runtime, "stack expects a non-empty TensorList");
  int64_t d = wrap_dim(args[1].as_int(), vals[0]->dim() + 1);
  SmallVec<Val, 8> raised;
  for (size_t i = 0; i < vals.size(); ++i) {
    FJ_USER_CHECK(vals[i]->sizes == vals[0]->sizes, ErrorKind::Runtime,
                  "stack expects each tensor to be equal size, but got ", vals[0]->sizes, " at entry 0 and ",
                  vals[i]->sizes, " at entry ", i);
    raised.push_back(t::unsqueeze(b, vals[i], d));
  }
  outs.push_back(t::cat(b, Arg::tensors(raised), d));
}

namespace {

Val at_least(Builder& b, Val v, int64_t ndim) {
  if (v->dim() >= ndim) return v;
  return ndim == 1 ? t::reshape(b, v, Arg::ints({1})) : t::reshape(b, v, Arg::ints({1, int64_t(v->numel())}));
}

}  // namespace

void decompose_hstack(Builder& b, const OpDef&, Args args, Outs& outs) {
  SmallVec<Val, 8> vals;
  for (Val v : args[0].as_vals()) vals.push_back(at_least(b, v, 1));
  FJ_USER_CHECK(!vals.empty(), ErrorKind::Runtime, "hstack expects a non-empty TensorList");
  outs.push_back(t::cat(b, Arg::tensors(vals), vals[0]->dim() == 1 ? 0 : 1));
}
void decompose_vstack(Builder& b, const OpDef&, Args args, Outs& outs) {
  SmallVec<Val, 8> vals;
  for (Val v : args[0].as_vals()) vals.push_back(at_least(b, v, 2));
  FJ_USER_CHECK(!vals.empty(), ErrorKind::Runtime, "vstack expects a non-empty TensorList");
  outs.push_back(t::cat(b, Arg::tensors(vals), 0));
}

// -- padding -------------------------------------------------------------------------------------------------------

void infer_constant_pad(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  auto pad = c.args[1].as_ints();
  FJ_USER_CHECK(pad.size() % 2 == 0, ErrorKind::Runtime, "Length of pad must be even but instead it equals ",
                pad.size());
  int64_t n = static_cast<int64_t>(pad.size() / 2);
  FJ_USER_CHECK(n <= in.dim(), ErrorKind::Runtime,
                "Length of pad should be no more than twice the number of dimensions of the input. Pad length is ",
                pad.size(), "while the input has ", in.dim(), "dimensions.");
  Shape sizes = in.sizes;
  for (int64_t i = 0; i < n; ++i) {
    int64_t d = in.dim() - 1 - i;
    sizes[d] += pad[2 * i] + pad[2 * i + 1];
    FJ_USER_CHECK(sizes[d] >= 0, ErrorKind::Runtime, "The input size ", in.sizes[d], ", plus negative padding ",
                  pad[2 * i], " and ", pad[2 * i + 1],
                  " resulted in a negative output size, which is invalid. Check dimension ", d, " of your input.");
  }
  set_out(c, std::move(sizes), in.dtype);
  if (suggests_channels_last(in)) c.out[0].strides = channels_last_strides(c.out[0].sizes);
}
void vjp_constant_pad(VjpCtx& c) {
  SmallVec<int64_t, 6> back;
  for (int64_t p : c.args[1].as_ints()) back.push_back(-p);
  c.result[0] = Arg(t::constant_pad_nd(c.b, c.grads[0], Arg::ints(back), 0));
}

namespace {

// Pads one dimension at a time by joining pieces of the tensor itself.
template <class Piece>
void pad_by_pieces(Builder& b, Args args, const char* name, bool strict, Piece piece, Outs& outs) {
  Val x = args[0].val();
  auto pad = args[1].as_ints();
  int64_t ndim = x->dim();
  const bool circular = std::string_view(name) == "circular_pad";
  FJ_USER_CHECK(pad.size() % 2 == 0 && static_cast<int64_t>(pad.size() / 2) <= ndim, ErrorKind::Runtime, name,
                ": padding ", pad, " does not fit a ", ndim, "-d input");
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    int64_t d = ndim - 1 - static_cast<int64_t>(i), before = pad[2 * i], after = pad[2 * i + 1];
    Dim n = x->sizes[d];
    if (circular)
      FJ_USER_CHECK(before + after >= -n, ErrorKind::Runtime,
                    "Negative padding value is resulting in an empty dimension");
    if (strict)
      FJ_USER_CHECK(
          before < n && after < n, ErrorKind::Runtime,
          "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding (", before,
          ", ", after, ") at dimension ", d, " of input ", x->sizes);
    const int64_t begin = before >= 0 ? 0 : before <= -n ? n : -before;  // the least integer has no negative
    Val core = before < 0 || after < 0 ? t::slice(b, x, d, begin, int64_t(n) + std::min<int64_t>(after, 0)) : x;
    SmallVec<Val, 3> parts;
    // A signal that is cut and repeated repeats what was left of it.
    Val from = circular ? core : x;
    Dim m = from->sizes[d];
    if (before > 0) parts.push_back(piece(from, d, m, before, true));
    parts.push_back(core);
    if (after > 0) parts.push_back(piece(from, d, m, after, false));
    x = parts.size() == 1 ? parts[0] : t::cat(b, Arg::tensors(parts), d);
  }
  outs.push_back(x == args[0].val() ? t::clone(b, x) : x);
}

}  // namespace

void decompose_reflection_pad(Builder& b, const OpDef&, Args args, Outs& outs) {
  pad_by_pieces(
      b, args, "reflection_pad", true,
      [&](Val x, int64_t d, Dim n, int64_t k, bool front) {
        Val edge = front ? t::narrow(b, x, d, 1, k) : t::narrow(b, x, d, int64_t(n) - 1 - k, k);
        return t::flip(b, edge, Arg::ints({d}));
      },
      outs);
}
void decompose_replication_pad(Builder& b, const OpDef&, Args args, Outs& outs) {
  pad_by_pieces(
      b, args, "replication_pad", false,
      [&](Val x, int64_t d, Dim n, int64_t k, bool front) {
        Shape sizes = x->sizes;
        sizes[d] = k;
        return t::expand(b, t::narrow(b, x, d, front ? 0 : int64_t(n) - 1, 1), sizes);
      },
      outs);
}
void decompose_circular_pad(Builder& b, const OpDef&, Args args, Outs& outs) {
  pad_by_pieces(
      b, args, "circular_pad", false,
      [&](Val v, int64_t d, Dim n, int64_t k, bool front) {
        FJ_USER_CHECK(k <= n, ErrorKind::Runtime, "Padding value causes wrapping around more than once.");
        return front ? t::narrow(b, v, d, int64_t(n) - k, k) : t::narrow(b, v, d, 0, k);
      },
      outs);
}

// -- moving elements -----------------------------------------------------------------------------------------------

void infer_flip(InferCtx& c) {
  wrap_dims(c.args[1], c.val(0)->dim());
  infer_like_input(c);
}

void decompose_trace(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val x = args[0].val();
  FJ_USER_CHECK(x->dim() == 2, ErrorKind::Runtime, "trace: expected a matrix, but got tensor with dim ", x->dim());
  outs.push_back(t::sum(b, t::diagonal(b, x)));
}
void decompose_flipud(Builder& b, const OpDef&, Args args, Outs& outs) {
  FJ_USER_CHECK(args[0].val()->dim() >= 1, ErrorKind::Runtime, "Input must be >= 1-d.");
  outs.push_back(t::flip(b, args[0], Arg::ints({0})));
}
void decompose_fliplr(Builder& b, const OpDef&, Args args, Outs& outs) {
  FJ_USER_CHECK(args[0].val()->dim() >= 2, ErrorKind::Runtime, "Input must be >= 2-d.");
  outs.push_back(t::flip(b, args[0], Arg::ints({1})));
}

void decompose_roll(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val x = args[0].val();
  auto shifts = args[1].as_ints(), dims = args[2].as_ints();
  FJ_USER_CHECK(!shifts.empty(), ErrorKind::Runtime, "`shifts` required");
  if (dims.empty()) {
    FJ_USER_CHECK(shifts.size() == 1, ErrorKind::Runtime, "shifts and dimensions must align. shifts: ", shifts.size(),
                  ", dims:0");
    Val flat = t::reshape(b, x, Arg::ints({-1}));
    outs.push_back(t::reshape(b, t::roll(b, flat, args[1], Arg::ints({0})), x->sizes));
    return;
  }
  FJ_USER_CHECK(shifts.size() == dims.size(), ErrorKind::Runtime,
                "shifts and dimensions must align. shifts: ", shifts.size(), ", dims:", dims.size());
  Val out = x;
  FJ_USER_CHECK(x->dim() > 0, ErrorKind::Index, "Dimension specified as ", dims[0], " but tensor has no dimensions");
  for (size_t i = 0; i < dims.size(); ++i) {
    int64_t d = wrap_dim(dims[i], x->dim());
    Dim n = x->sizes[d];
    if (n == 0) continue;
    int64_t k = ((shifts[i] % n) + n) % n;
    if (k == 0) continue;
    Val parts[2] = {t::narrow(b, out, d, int64_t(n) - k, k), t::narrow(b, out, d, 0, int64_t(n) - k)};
    out = t::cat(b, Arg::tensors(parts), d);
  }
  outs.push_back(out == x ? t::clone(b, x) : out);
}

void decompose_rot90(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val x = args[0].val();
  auto dims = args[2].as_ints();
  FJ_USER_CHECK(dims.size() == 2, ErrorKind::Runtime,
                "expected total rotation dims == 2, but got dims = ", dims.size());
  FJ_USER_CHECK(x->dim() >= 2, ErrorKind::Runtime, "expected total dims >= 2, but got total dims = ", x->dim());
  int64_t a = wrap_dim(dims[0], x->dim()), d = wrap_dim(dims[1], x->dim());
  FJ_USER_CHECK(a != d, ErrorKind::Runtime, "expected rotation dims to be different, but got dim0 = ", dims[0],
                " and dim1 = ", dims[1]);
  int64_t k = ((args[1].as_int() % 4) + 4) % 4;
  if (k == 0)
    outs.push_back(t::clone(b, x, MemoryFormat::Contiguous));
  else if (k == 2)
    outs.push_back(t::flip(b, x, Arg::ints({a, d})));
  else if (k == 1)
    outs.push_back(t::flip(b, t::transpose(b, x, a, d), Arg::ints({a})));
  else
    outs.push_back(t::flip(b, t::transpose(b, x, a, d), Arg::ints({d})));
}

void decompose_repeat(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val x = args[0].val();
  auto times = args[1].as_ints();
  int64_t n = static_cast<int64_t>(times.size()), lead = n - x->dim();
  FJ_USER_CHECK(lead >= 0, ErrorKind::Runtime,
                "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
  Shape ones, wide, final;
  for (int64_t d = 0; d < n; ++d) {
    FJ_USER_CHECK(times[d] >= 0, ErrorKind::Runtime, "Trying to create tensor with negative dimension ", times[d], ": ",
                  times);
    Dim size = d < lead ? 1 : x->sizes[d - lead];
    ones.push_back(1);
    ones.push_back(size);
    wide.push_back(times[d]);
    wide.push_back(size);
    FJ_USER_CHECK(!__builtin_mul_overflow(times[d], size, &final.emplace_back()), ErrorKind::Runtime,
                  "Storage size calculation overflowed with repeats=", times, " of a tensor of sizes ", x->sizes);
  }
  Val spread = t::expand(b, t::reshape(b, x, ones), wide);
  outs.push_back(t::reshape(b, t::clone(b, spread, MemoryFormat::Contiguous), final));
}
void decompose_tile(Builder& b, const OpDef&, Args args, Outs& outs) {
  auto times = args[1].as_ints();
  SmallVec<int64_t, 6> full;
  for (int64_t i = static_cast<int64_t>(times.size()); i < args[0].val()->dim(); ++i) full.push_back(1);
  for (int64_t v : times) full.push_back(v);
  outs.push_back(t::repeat(b, args[0], Arg::ints(full)));
}

void decompose_diag(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val x = args[0].val();
  FJ_USER_CHECK(x->dim() == 1 || x->dim() == 2, ErrorKind::Runtime, "diag(): Supports 1D or 2D tensors. Got ", x->dim(),
                "D");
  outs.push_back(x->dim() == 1 ? t::diag_embed(b, x, args[1]) : t::clone(b, t::diagonal(b, x, args[1])));
}

void infer_diag_embed(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  FJ_USER_CHECK(in.dim() > 0, ErrorKind::Index, "diag_embed needs at least one dimension");
  int64_t k = c.args[1].as_int(), n = in.dim() + 1;
  int64_t a = wrap_dim(c.args[2].as_int(), n), b = wrap_dim(c.args[3].as_int(), n);
  FJ_USER_CHECK(a != b, ErrorKind::Runtime, "diagonal dimensions cannot be identical ", c.args[2].as_int(), ", ",
                c.args[3].as_int());
  Dim size = in.sizes.back() + (k < 0 ? -k : k);
  Shape sizes;
  for (int64_t d = 0, from = 0; d < n; ++d) sizes.push_back(d == a || d == b ? size : in.sizes[from++]);
  set_out(c, std::move(sizes), in.dtype);
}

void infer_repeat_interleave(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  FJ_USER_CHECK(c.args[1].as_int() >= 0, ErrorKind::Runtime, "Repeats must be non-negative");
  Shape sizes = in.sizes;
  if (c.args[2].is_none() || sizes.empty()) sizes = Shape{in.numel()};
  int64_t d = c.args[2].is_none() ? 0 : wrap_dim(c.args[2].as_int(), in.dim());
  FJ_USER_CHECK(!__builtin_mul_overflow(sizes[d], c.args[1].as_int(), &sizes[d]), ErrorKind::Runtime,
                "repeat_interleave(): the result of ", c.args[1].as_int(), " repeats is too large");
  set_out(c, std::move(sizes), in.dtype);
}
void vjp_repeat_interleave(VjpCtx& c) {
  Val self = c.args[0].val();
  int64_t times = c.args[1].as_int(),
          d = c.args[2].is_none() ? self->dim() : wrap_dim(c.args[2].as_int(), self->dim()) + 1;
  Shape sizes = self->sizes;
  sizes.insert(sizes.begin() + d, times);
  c.result[0] = Arg(t::sum(c.b, t::reshape(c.b, c.grads[0], sizes), Arg::ints({d})));
}

// (grad, sizes, dim, size, step)
void infer_unfold_backward(InferCtx& c) {
  Shape sizes(c.args[1].as_ints());
  set_out(c, sizes, c.val(0)->dtype);
  check_shape(c, 0, unfolded_sizes(sizes, c.args[2].as_int(), c.args[3].as_int(), c.args[4].as_int()));
}

// (grad, sizes, size, stride, offset)
void infer_as_strided_add(InferCtx& c) {
  Shape sizes(c.args[1].as_ints());
  set_out(c, sizes, c.val(0)->dtype);
  check_shape(c, 0, Shape(c.args[2].as_ints()));
  check_strided(c.args[2].as_ints(), c.args[3].as_ints(), c.args[4].as_int(), product(sizes));
}

// (self, src, size, stride, storage_offset)
void infer_as_strided_scatter(InferCtx& c) {
  Val self = c.val(0), src = c.val(1);
  Shape size(c.args[2].as_ints());
  check_strided(size, c.args[3].as_ints(), c.args[4].is_none() ? 0 : c.args[4].as_int(), self->numel());
  FJ_USER_CHECK(src->sizes == size, ErrorKind::Runtime,
                "expected src to have a size equal to the slice of self. src size = ", src->sizes,
                ", slice size = ", size);
  set_out(c, self->sizes, self->dtype);
}

}  // namespace fj
