// Shape rules of views, and what else concerns sizes alone.
#include "ops/calls.h"
#include "ops/rules.h"

namespace fj {
namespace {

// Sizes with one -1 replaced so that the element count is `numel`.
Shape resolve_sizes(std::span<const int64_t> wanted, Dim numel) {
  Shape out(wanted.begin(), wanted.end());
  int64_t known = 1, free_at = -1;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == -1) {
      FJ_USER_CHECK(free_at < 0, ErrorKind::Runtime, "only one dimension can be inferred");
      free_at = static_cast<int64_t>(i);
      continue;
    }
    FJ_USER_CHECK(wanted[i] >= 0, ErrorKind::Runtime, "invalid shape dimension ", wanted[i]);
    known *= wanted[i];
  }
  if (free_at >= 0) {
    FJ_USER_CHECK(known != 0 || numel != 0, ErrorKind::Runtime, "cannot reshape tensor of 0 elements into shape ",
                  wanted, " because the unspecified dimension size -1 can be any value and is ambiguous");
    FJ_USER_CHECK(known != 0 && numel % known == 0, ErrorKind::Runtime, "shape '", wanted,
                  "' is invalid for input of size ", numel);
    out[static_cast<size_t>(free_at)] = numel / known;
  } else {
    FJ_USER_CHECK(known == numel, ErrorKind::Runtime, "shape '", wanted, "' is invalid for input of size ", numel);
  }
  return out;
}

// Strides for `sizes` over the same elements, or false where a copy is needed. Walks chunks of dimensions that are
// contiguous among themselves, from the innermost outwards.
bool view_strides(const TensorMeta& in, const Shape& sizes, Shape* strides) {
  strides->resize(sizes.size());
  if (in.numel() == 0) {
    *strides = sizes == in.sizes ? in.strides : contiguous_strides(sizes);
    return true;
  }
  int64_t at = static_cast<int64_t>(sizes.size()) - 1;
  Dim chunk_stride = in.dim() ? in.strides.back() : 1, chunk = 1, covered = 1;
  for (int64_t d = in.dim() - 1; d >= 0; --d) {
    chunk *= in.sizes[d];
    bool last = d == 0 || (in.sizes[d - 1] != 1 && in.strides[d - 1] != chunk * chunk_stride);
    if (!last) continue;
    while (at >= 0 && (covered < chunk || sizes[at] == 1)) {
      (*strides)[at] = covered * chunk_stride;
      covered *= sizes[at--];
    }
    if (covered != chunk) return false;
    if (d > 0) {
      chunk_stride = in.strides[d - 1];
      chunk = covered = 1;
    }
  }
  for (; at >= 0; --at) (*strides)[at] = chunk_stride;  // leading ones of a 0-d or fully consumed tensor
  return true;
}

}  // namespace

void infer_view(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  Shape sizes = resolve_sizes(c.args[1].as_ints(), in.numel()), strides;
  FJ_USER_CHECK(
      view_strides(in, sizes, &strides), ErrorKind::Runtime,
      "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
      "contiguous subspaces). Use .reshape(...) instead.");
  set_view(c, std::move(sizes), std::move(strides), in.offset);
}

void infer_expand(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  auto wanted = c.args[1].as_ints();
  FJ_USER_CHECK(static_cast<int64_t>(wanted.size()) >= in.dim(), ErrorKind::Runtime, "expand(", c.op.name, "{",
                in.sizes, "}, size=", wanted, "): the number of sizes provided (", wanted.size(),
                ") must be greater or equal to the number of dimensions in the tensor (", in.dim(), ")");
  Shape sizes(wanted.size()), strides(wanted.size());
  int64_t lead = static_cast<int64_t>(wanted.size()) - in.dim();
  for (int64_t d = 0; d < static_cast<int64_t>(wanted.size()); ++d) {
    Dim size = wanted[d];
    if (d < lead) {
      FJ_USER_CHECK(size >= 0, ErrorKind::Runtime, "The expanded size of the tensor (", size,
                    ") isn't allowed in a leading, non-existing dimension ", d);
      sizes[d] = size;
      strides[d] = 0;
      continue;
    }
    Dim have = in.sizes[d - lead];
    if (size == -1) size = have;
    FJ_USER_CHECK(size == have || have == 1, ErrorKind::Runtime, "The expanded size of the tensor (", size,
                  ") must match the existing size (", have, ") at non-singleton dimension ", d,
                  ".  Target sizes: ", wanted, ".  Tensor sizes: ", in.sizes);
    FJ_USER_CHECK(size >= 0, ErrorKind::Runtime, "expand: invalid size ", size);
    sizes[d] = size;
    strides[d] = size == have ? in.strides[d - lead] : 0;
  }
  set_view(c, std::move(sizes), std::move(strides), in.offset);
}

void infer_permute(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  auto dims = c.args[1].as_ints();
  FJ_USER_CHECK(static_cast<int64_t>(dims.size()) == in.dim(), ErrorKind::Runtime,
                "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
                "desired ordering of dimensions i.e. input.dim() = ",
                in.dim(), " is not equal to len(dims) = ", dims.size());
  Shape sizes, strides;
  SmallVec<int64_t, 6> seen;
  for (int64_t d : dims) {
    int64_t w = wrap_dim(d, in.dim());
    FJ_USER_CHECK(!is_dim_in(seen, w), ErrorKind::Runtime, "permute(): duplicate dims are not allowed.");
    seen.push_back(w);
    sizes.push_back(in.sizes[w]);
    strides.push_back(in.strides[w]);
  }
  set_view(c, std::move(sizes), std::move(strides), in.offset);
}

void decompose_reshape(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val self = args[0].val();
  Shape sizes = resolve_sizes(args[1].as_ints(), self->numel()), strides;
  if (view_strides(*self, sizes, &strides))
    outs.push_back(t::view(b, self, sizes));
  else
    outs.push_back(t::view(b, t::clone(b, self, MemoryFormat::Contiguous), sizes));
}

void infer_to_dtype(InferCtx& c) {
  set_out(c, c.val(0)->sizes, c.args[1].as_dtype());
  c.out[0].strides = pointwise_strides(c.args.first(1), c.out[0].sizes);
}
DType compute_to_dtype(const OpDef&, Args args) { return args[1].as_dtype(); }

void infer_clone(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  set_out(c, in.sizes, in.dtype);
  MemoryFormat f = c.args[1].is_none() ? MemoryFormat::Preserve : c.args[1].as_memory_format();
  if (is_channels_last(f))
    c.out[0].strides = channels_last_strides(in.sizes, f);
  else if (f == MemoryFormat::Preserve)
    c.out[0].strides = in.is_dense() ? in.strides : pointwise_strides(c.args.first(1), in.sizes);
}

}  // namespace fj
