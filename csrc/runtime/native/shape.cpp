// Routines that move elements: joining, padding, reversing, triangles, writing through views.
#include "ops/rules.h"
#include "runtime/native/iterate.h"

namespace fj::native {
namespace {

// The part of `v` from `start`, `length` long, along `d`.
TensorView part(const TensorView& v, int64_t d, int64_t start, int64_t length) {
  TensorView out = v;
  out.data += start * v.strides[d] * size_of(v.dtype);
  out.sizes[d] = length;
  return out;
}

template <class F>
void triangle(NativeCtx& c, F&& keep) {
  FJ_USER_CHECK(c.in(0).dim() >= 2, ErrorKind::Runtime, c.op->name, ": input tensor must have at least 2 dimensions");
  TensorView x = c.in(0), y = c.out();
  int64_t k = c.arg(1).as_int(), rows = y.sizes[y.dim() - 2], cols = y.sizes.back();
  if (y.numel() == 0) return;
  dispatch_bytes(y.dtype, [&]<class T>() {
    int64_t r = 0;
    for_each_line<2>({y, x}, [&](const std::array<std::byte*, 2>& p) {
      Line<T> to{p[0], y.strides.back()}, from{p[1], x.strides.back()};
      for (int64_t j = 0; j < cols; ++j) to[j] = keep(j - r, k) ? from[j] : T(0);
      r = r + 1 == rows ? 0 : r + 1;
    });
  });
}

}  // namespace

void cat(NativeCtx& c) {
  TensorView& out = c.out();
  int64_t d = wrap_dim(c.arg(1).as_int(), out.dim()), at = 0;
  for (const TensorView& v : c.list(0)) {
    if (v.dim() != out.dim()) continue;  // the legacy empty tensor
    convert_view(part(out, d, at, v.sizes[d]), v);
    at += v.sizes[d];
  }
}

void constant_pad_nd(NativeCtx& c) {
  TensorView out = c.out(), in = c.in(0);
  auto pad = c.arg(1).as_ints();
  const Arg& value = c.arg(2);
  dispatch(out.dtype, [&]<class T>() {
    T fill = value.tag() == ArgTag::Float ? static_cast<T>(value.as_double()) : static_cast<T>(value.as_int());
    std::fill_n(out.ptr<T>(), out.numel(), fill);
  });
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    int64_t d = in.dim() - 1 - static_cast<int64_t>(i), before = pad[2 * i], after = pad[2 * i + 1];
    int64_t skip = std::max<int64_t>(-before, 0), length = in.sizes[d] - skip - std::max<int64_t>(-after, 0);
    if (length <= 0) return;
    in = part(in, d, skip, length);
    out = part(out, d, std::max<int64_t>(before, 0), length);
  }
  copy_view(out, in);
}

void flip(NativeCtx& c) {
  TensorView in = c.in(0);
  for (int64_t d : c.arg(1).as_ints()) {
    if (in.dim() == 0) break;
    int64_t w = wrap_dim(d, in.dim());
    in.data += (in.sizes[w] - 1) * in.strides[w] * size_of(in.dtype);
    in.strides[w] = -in.strides[w];
  }
  copy_view(c.out(), in);
}

void tril(NativeCtx& c) {
  triangle(c, [](int64_t offset, int64_t k) { return offset <= k; });
}
void triu(NativeCtx& c) {
  triangle(c, [](int64_t offset, int64_t k) { return offset >= k; });
}

void diag_embed(NativeCtx& c) {
  zero_view(c.out());
  TensorView out = c.out();
  int64_t k = c.arg(1).as_int(), a = wrap_dim(c.arg(2).as_int(), out.dim()), b = wrap_dim(c.arg(3).as_int(), out.dim());
  TensorView diag = out;
  diag.sizes.clear();
  diag.strides.clear();
  for (int64_t d = 0; d < out.dim(); ++d)
    if (d != a && d != b) {
      diag.sizes.push_back(out.sizes[d]);
      diag.strides.push_back(out.strides[d]);
    }
  diag.sizes.push_back(c.in(0).sizes.back());
  diag.strides.push_back(out.strides[a] + out.strides[b]);
  diag.data += (k >= 0 ? k * out.strides[b] : -k * out.strides[a]) * size_of(out.dtype);
  copy_view(diag, c.in(0));
}

void repeat_interleave(NativeCtx& c) {
  TensorView in = c.in(0), out = c.out();
  if (out.numel() == 0) return;  // the input's other sizes times the repeats may be no number
  int64_t times = c.arg(1).as_int();
  // The output as [.., n, times, ..] over its own memory; the input repeats along the new dimension by stride 0.
  bool flat = c.arg(2).is_none();
  int64_t d = flat ? in.dim() - 1 : wrap_dim(c.arg(2).as_int(), in.dim());
  if (in.dim() == 0) d = -1;
  TensorView spread = in;
  spread.sizes.insert(spread.sizes.begin() + d + 1, times);
  spread.strides.insert(spread.strides.begin() + d + 1, 0);
  out.sizes = spread.sizes;
  out.strides = contiguous_strides(spread.sizes);
  copy_view(out, spread);
}

void as_strided_scatter(NativeCtx& c) {
  copy_view(c.out(), c.in(0));
  TensorView view = c.out();
  auto size = c.arg(2).as_ints(), stride = c.arg(3).as_ints();
  int64_t offset = c.arg(4).is_none() ? 0 : c.arg(4).as_int();
  view.sizes = Shape(size.begin(), size.end());
  view.strides = Shape(stride.begin(), stride.end());
  if (view.numel() == 0) return;
  view.data += offset * size_of(view.dtype);
  copy_view(view, c.in(1));
}

namespace {

void add_through(const TensorView& view, const TensorView& grad) {
  if (grad.numel() == 0) return;
  int64_t last = std::max<int64_t>(grad.dim() - 1, 0);
  TensorView a = with_last(view, last), b = with_last(grad, last);
  dispatch(a.dtype, [&]<class T>() {
    for_each_line<2>({a, b}, [&](const std::array<std::byte*, 2>& p) {
      Line<T> x{p[0], a.strides.back()}, y{p[1], b.strides.back()};
      for (int64_t i = 0; i < a.sizes.back(); ++i)
        x[i] = static_cast<T>(static_cast<compute_t<T>>(x[i]) + static_cast<compute_t<T>>(y[i]));
    });
  });
}

}  // namespace

void as_strided_add(NativeCtx& c) {
  zero_view(c.out());
  TensorView view = c.out();
  auto size = c.arg(2).as_ints(), stride = c.arg(3).as_ints();
  view.sizes = Shape(size.begin(), size.end());
  view.strides = Shape(stride.begin(), stride.end());
  view.data += c.arg(4).as_int() * size_of(view.dtype);
  add_through(view, c.in(0));
}

void unfold_backward(NativeCtx& c) {
  zero_view(c.out());
  TensorView view = c.out();
  int64_t d = wrap_dim(c.arg(2).as_int(), view.dim()), size = c.arg(3).as_int(), step = c.arg(4).as_int();
  int64_t stride = view.dim() ? view.strides[d] : 1;
  if (view.dim()) {
    view.sizes[d] = (view.sizes[d] - size) / step + 1;
    if (view.sizes[d] > 1) view.strides[d] = stride * step;
  }
  view.sizes.push_back(size);
  view.strides.push_back(stride);
  add_through(view, c.in(0));
}

}  // namespace fj::native
