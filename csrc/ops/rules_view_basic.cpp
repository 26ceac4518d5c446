// Shape rules of views that pick, drop, add or reorder dimensions.
#include "ops/checks.h"
#include "ops/rules.h"

namespace fj {
namespace {

Shape without(const Shape& s, int64_t d) {
  Shape out = s;
  out.erase(out.begin() + d);
  return out;
}

}  // namespace

void infer_alias(InferCtx& c) { set_view(c, c.val(0)->sizes, c.val(0)->strides, c.val(0)->offset); }

void infer_transpose(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  int64_t a = wrap_dim(c.args[1].as_int(), in.dim()), b = wrap_dim(c.args[2].as_int(), in.dim());
  Shape sizes = in.sizes, strides = in.strides;
  if (in.dim() > 0) {
    std::swap(sizes[a], sizes[b]);
    std::swap(strides[a], strides[b]);
  }
  set_view(c, std::move(sizes), std::move(strides), in.offset);
}

void infer_t(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  FJ_USER_CHECK(in.dim() <= 2, ErrorKind::Runtime, "t() expects a tensor with <= 2 dimensions, but self is ", in.dim(),
                "D");
  Shape sizes = in.sizes, strides = in.strides;
  std::reverse(sizes.begin(), sizes.end());
  std::reverse(strides.begin(), strides.end());
  set_view(c, std::move(sizes), std::move(strides), in.offset);
}

void infer_select(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  FJ_USER_CHECK(in.dim() > 0, ErrorKind::Index, "select() cannot be applied to a 0-dim tensor.");
  int64_t d = wrap_dim(c.args[1].as_int(), in.dim()), i = c.args[2].as_int();
  FJ_USER_CHECK(i >= -in.sizes[d] && i < in.sizes[d], ErrorKind::Index, "select(): index ", i,
                " out of range for tensor of size ", in.sizes, " at dimension ", d);
  if (i < 0) i += in.sizes[d];
  set_view(c, without(in.sizes, d), without(in.strides, d), in.offset + i * in.strides[d]);
}

void infer_slice(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  FJ_USER_CHECK(in.dim() > 0, ErrorKind::Index, "slice() cannot be applied to a 0-dim tensor.");
  int64_t d = wrap_dim(c.args[1].as_int(), in.dim()), step = c.args[4].as_int();
  FJ_USER_CHECK(step > 0, ErrorKind::Runtime, "slice step must be positive");
  Dim n = in.sizes[d];
  auto limit = [&](const Arg& a, Dim def) {
    if (a.is_none()) return def;
    Dim v = a.as_int() < 0 ? a.as_int() + n : a.as_int();
    return v < 0 ? Dim{0} : v > n ? n : v;
  };
  Dim start = limit(c.args[2], 0), end = limit(c.args[3], n);
  if (end < start) end = start;
  Shape sizes = in.sizes, strides = in.strides;
  sizes[d] = end > start ? (end - start - 1) / step + 1 : 0;
  if (__builtin_mul_overflow(strides[d], step, &strides[d])) strides[d] = in.strides[d];  // of one element at most
  set_view(c, std::move(sizes), std::move(strides), in.offset + start * in.strides[d]);
}

void infer_narrow(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  FJ_USER_CHECK(in.dim() > 0, ErrorKind::Runtime, "narrow() cannot be applied to a 0-dim tensor.");
  int64_t d = wrap_dim(c.args[1].as_int(), in.dim()), start = c.args[2].as_int(), length = c.args[3].as_int();
  Dim n = in.sizes[d];
  FJ_USER_CHECK(length >= 0, ErrorKind::Runtime, "narrow(): length must be non-negative.");
  FJ_USER_CHECK(start >= -n && start <= n, ErrorKind::Index, "start out of range (expected to be in range of [", -n,
                ", ", n, "], but got ", start, ")");
  if (start < 0) start += n;
  FJ_USER_CHECK(start + length <= n, ErrorKind::Runtime, "start (", start, ") + length (", length,
                ") exceeds dimension size (", n, ").");
  Shape sizes = in.sizes;
  sizes[d] = length;
  set_view(c, std::move(sizes), in.strides, in.offset + start * in.strides[d]);
}

void infer_squeeze(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  Shape sizes, strides;
  for (int64_t d = 0; d < in.dim(); ++d)
    if (in.sizes[d] != 1) {
      sizes.push_back(in.sizes[d]);
      strides.push_back(in.strides[d]);
    }
  set_view(c, std::move(sizes), std::move(strides), in.offset);
}

void infer_squeeze_dim(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  SmallVec<int64_t, 6> dims;
  for (int64_t d : c.args[1].as_ints()) dims.push_back(wrap_dim(d, in.dim()));
  Shape sizes, strides;
  for (int64_t d = 0; d < in.dim(); ++d)
    if (in.sizes[d] != 1 || !is_dim_in(dims, d)) {
      sizes.push_back(in.sizes[d]);
      strides.push_back(in.strides[d]);
    }
  set_view(c, std::move(sizes), std::move(strides), in.offset);
}

void infer_unsqueeze(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  int64_t d = wrap_dim(c.args[1].as_int(), in.dim() + 1);
  Shape sizes = in.sizes, strides = in.strides;
  Dim stride = d < in.dim() ? in.sizes[d] * in.strides[d] : 1;
  sizes.insert(sizes.begin() + d, 1);
  strides.insert(strides.begin() + d, stride);
  set_view(c, std::move(sizes), std::move(strides), in.offset);
}

void infer_diagonal(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  int64_t k = c.args[1].as_int(), a = wrap_dim(c.args[2].as_int(), in.dim()),
          b = wrap_dim(c.args[3].as_int(), in.dim());
  FJ_USER_CHECK(a != b, ErrorKind::Runtime, "diagonal dimensions cannot be identical ", c.args[2].as_int(), ", ",
                c.args[3].as_int());
  Dim rows = in.sizes[a], cols = in.sizes[b];
  Dim n = k >= 0 ? std::min(rows, cols - k) : std::min(rows + k, cols);
  if (n < 0) n = 0;
  Dim offset = in.offset;
  if (n > 0) offset += k >= 0 ? k * in.strides[b] : -k * in.strides[a];
  Shape sizes, strides;
  for (int64_t d = 0; d < in.dim(); ++d)
    if (d != a && d != b) {
      sizes.push_back(in.sizes[d]);
      strides.push_back(in.strides[d]);
    }
  sizes.push_back(n);
  strides.push_back(in.strides[a] + in.strides[b]);
  set_view(c, std::move(sizes), std::move(strides), offset);
}

void infer_as_strided(InferCtx& c) {
  auto size = c.args[1].as_ints(), stride = c.args[2].as_ints();
  Dim offset = c.args[3].is_none() ? c.val(0)->offset : c.args[3].as_int();
  check_strided(size, stride, offset, INT64_MAX);  // who makes the tensor knows the storage's size
  set_view(c, Shape(size.begin(), size.end()), Shape(stride.begin(), stride.end()), offset);
}

void infer_unfold(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  int64_t d = wrap_dim(c.args[1].as_int(), in.dim()), size = c.args[2].as_int(), step = c.args[3].as_int();
  Shape sizes = unfolded_sizes(in.sizes, d, size, step), strides = in.strides;
  Dim stride = in.dim() ? in.strides[d] : 1;
  // A step past the end makes one window: its stride is not used.
  if (in.dim()) strides[d] = sizes[d] > 1 ? stride * step : stride;
  strides.push_back(stride);
  set_view(c, std::move(sizes), std::move(strides), in.offset);
}

void infer_view_dtype(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  DType to = c.args[1].as_dtype();
  int64_t from_size = size_of(in.dtype), to_size = size_of(to);
  Shape sizes = in.sizes, strides = in.strides;
  Dim offset = in.offset;
  if (from_size != to_size) {
    FJ_USER_CHECK(in.dim() > 0, ErrorKind::Runtime, "self.dim() cannot be 0 to view ", scalar_type_name(in.dtype),
                  " as ", scalar_type_name(to), " (different element sizes)");
    FJ_USER_CHECK(in.strides.back() == 1, ErrorKind::Runtime, "self.stride(-1) must be 1 to view ",
                  scalar_type_name(in.dtype), " as ", scalar_type_name(to), " (different element sizes), but got ",
                  in.strides.back());
    auto rescale = [&](Dim v, const char* what) {
      FJ_USER_CHECK(v * from_size % to_size == 0, ErrorKind::Runtime, what, " must be divisible by ",
                    to_size / from_size, " to view ", scalar_type_name(in.dtype), " as ", scalar_type_name(to),
                    " (different element sizes), but got ", v);
      return v * from_size / to_size;
    };
    sizes.back() = rescale(sizes.back(), "self.size(-1)");
    for (int64_t d = 0; d + 1 < in.dim(); ++d) strides[d] = rescale(strides[d], "self.stride()");
    offset = rescale(offset, "self.storage_offset()");
  }
  set_view(c, std::move(sizes), std::move(strides), offset);
  c.out[0].dtype = to;
}

}  // namespace fj
