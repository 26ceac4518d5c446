// Routines whose output size depends on data (masked_select, nonzero, bincount, unique), masked_scatter, searchsorted,
// and _checked, which looks whether its data allow what follows.
#include <numeric>

#include "ops/rules.h"
#include "runtime/native/iterate.h"

namespace fj::native {
namespace {

// A view of `v` broadcast to `sizes`.
TensorView broadcast(const TensorView& v, const Shape& sizes) {
  TensorView out = v;
  out.sizes = sizes;
  out.strides = Shape(sizes.size(), 0);
  for (int64_t d = 0; d < v.dim(); ++d) {
    size_t to = sizes.size() - static_cast<size_t>(v.dim() - d);
    if (v.sizes[d] != 1) out.strides[to] = v.strides[d];
  }
  return out;
}

TensorView lines(const TensorView& v) { return with_last(v, std::max<int64_t>(v.dim() - 1, 0)); }

int64_t count_true(const TensorView& mask) {
  TensorView m = lines(mask);
  int64_t n = 0;
  for_each_line<1>({m}, [&](const std::array<std::byte*, 1>& p) {
    Line<bool> x{p[0], m.strides.back()};
    for (int64_t i = 0; i < m.sizes.back(); ++i) n += x[i];
  });
  return n;
}

template <class T>
bool nonzero_value(T v) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BHalf>)
    return static_cast<float>(v) != 0;
  else
    return v != T(0);
}

}  // namespace

void masked_select(NativeCtx& c) {
  Shape wide = broadcast_shapes(c.in(0).sizes, c.in(1).sizes);
  TensorView x = lines(broadcast(c.in(0), wide)), m = lines(broadcast(c.in(1), wide));
  TensorView& out = c.alloc_out(0, Shape{count_true(m)}, c.in(0).dtype);
  dispatch_bytes(out.dtype, [&]<class T>() {
    T* to = out.ptr<T>();
    for_each_line<2>({m, x}, [&](const std::array<std::byte*, 2>& p) {
      Line<bool> keep{p[0], m.strides.back()};
      Line<T> from{p[1], x.strides.back()};
      for (int64_t i = 0; i < m.sizes.back(); ++i)
        if (keep[i]) *to++ = from[i];
    });
  });
}

void checked(NativeCtx& c) {
  FJ_USER_CHECK(count_true(c.in(1)) == c.in(1).numel(), ErrorKind::Runtime, c.arg(2).as_str());
  copy_view(c.out(), c.in(0));
}

void masked_scatter(NativeCtx& c) {
  const Shape& wide = c.out().sizes;
  copy_view(c.out(), broadcast(c.in(0), wide));
  TensorView m = lines(broadcast(c.in(1), wide)), out = lines(c.out());
  int64_t need = count_true(m), have = c.in(2).numel();
  FJ_USER_CHECK(need <= have, ErrorKind::Runtime,
                "masked_scatter: expected self and source to have same number of elements but got self mask = ", need,
                " and source = ", have);
  TensorView flat = converted(c, c.in(2), c.in(2).dtype);
  dispatch_bytes(out.dtype, [&]<class T>() {
    const T* from = flat.ptr<T>();
    for_each_line<2>({out, m}, [&](const std::array<std::byte*, 2>& p) {
      Line<T> to{p[0], out.strides.back()};
      Line<bool> hit{p[1], m.strides.back()};
      for (int64_t i = 0; i < out.sizes.back(); ++i)
        if (hit[i]) to[i] = *from++;
    });
  });
}

void nonzero(NativeCtx& c) {
  TensorView x = lines(c.in(0));
  int64_t ndim = c.in(0).dim(), n = x.sizes.back();
  std::vector<int64_t> found;  // flat positions
  dispatch(x.dtype, [&]<class T>() {
    int64_t base = 0;
    for_each_line<1>({x}, [&](const std::array<std::byte*, 1>& p) {
      Line<T> v{p[0], x.strides.back()};
      for (int64_t i = 0; i < n; ++i)
        if (nonzero_value(v[i])) found.push_back(base + i);
      base += n;
    });
  });
  TensorView& out = c.alloc_out(0, Shape{static_cast<Dim>(found.size()), ndim}, DType::I64);
  int64_t* to = out.ptr<int64_t>();
  for (size_t i = 0; i < found.size(); ++i) {
    int64_t flat = found[i];
    for (int64_t d = ndim; d-- > 0;) {
      to[static_cast<int64_t>(i) * ndim + d] = flat % c.in(0).sizes[d];
      flat /= c.in(0).sizes[d];
    }
  }
}

void bincount(NativeCtx& c) {
  const TensorView& x = c.in(0);
  int64_t n = x.numel(), top = c.arg(2).as_int() - 1;
  TensorView dense = converted(c, x, DType::I64);
  std::span<const int64_t> values(dense.ptr<int64_t>(), static_cast<size_t>(n));
  for (int64_t v : values) {
    FJ_USER_CHECK(v >= 0, ErrorKind::Runtime, "bincount only supports 1-d non-negative integral inputs.");
    top = std::max(top, v);
  }
  bool weighted = c.arg(1).is_tensor();
  if (weighted)
    FJ_USER_CHECK(c.in(1).dim() == 1 && c.in(1).numel() == n, ErrorKind::Runtime,
                  "weights should be 1-d and have the same length as input");
  DType type = !weighted ? DType::I64 : c.in(1).dtype == DType::F32 ? DType::F32 : DType::F64;
  TensorView& out = c.alloc_out(0, Shape{top + 1}, type);
  zero_view(out);
  if (!weighted) {
    for (int64_t v : values) ++out.ptr<int64_t>()[v];
    return;
  }
  const double* w = converted(c, c.in(1), DType::F64).ptr<double>();
  for (int64_t i = 0; i < n; ++i)
    if (type == DType::F32)
      out.ptr<float>()[values[i]] += static_cast<float>(w[i]);
    else
      out.ptr<double>()[values[i]] += w[i];
}

// Sorted distinct values of the flattened input. NaNs are distinct from each other, as in PyTorch.
void _unique(NativeCtx& c) {
  const TensorView& x = c.in(0);
  int64_t n = x.numel();
  bool inverse = c.arg(2).as_bool(), counts = c.arg(3).as_bool();
  TensorView flat = converted(c, x, x.dtype);
  std::vector<int64_t> order(static_cast<size_t>(n)), start;
  std::iota(order.begin(), order.end(), 0);
  dispatch(x.dtype, [&]<class T>() {
    using C = compute_t<T>;
    const T* v = flat.ptr<T>();
    auto less = [&](int64_t a, int64_t b) {
      C p = static_cast<C>(v[a]), q = static_cast<C>(v[b]);
      return is_nan(p) ? false : is_nan(q) || p < q;
    };
    std::stable_sort(order.begin(), order.end(), less);
    for (int64_t i = 0; i < n; ++i)
      if (i == 0 || static_cast<C>(v[order[i]]) != static_cast<C>(v[order[i - 1]])) start.push_back(i);
    TensorView& out = c.alloc_out(0, Shape{static_cast<Dim>(start.size())}, x.dtype);
    for (size_t k = 0; k < start.size(); ++k) out.ptr<T>()[k] = v[order[start[k]]];
  });
  TensorView& inv = c.alloc_out(1, inverse ? x.sizes : Shape{0}, DType::I64);
  TensorView& cnt = c.alloc_out(2, Shape{counts ? static_cast<Dim>(start.size()) : 0}, DType::I64);
  start.push_back(n);
  for (size_t k = 0; k + 1 < start.size(); ++k) {
    if (counts) cnt.ptr<int64_t>()[k] = start[k + 1] - start[k];
    for (int64_t i = start[k]; inverse && i < start[k + 1]; ++i) inv.ptr<int64_t>()[order[i]] = static_cast<int64_t>(k);
  }
}

void searchsorted(NativeCtx& c) {
  bool right = c.arg(2).as_bool();
  const TensorView& seq = c.in(0);
  int64_t n = seq.sizes.back();
  dispatch(seq.dtype, [&]<class S>() {
    auto find = [&](std::byte* line, double v) {
      Line<S> s{line, seq.strides.back()};
      int64_t lo = 0, hi = n;
      while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        double at = static_cast<double>(s[mid]);
        bool before = right ? !(v < at) : at < v || v != v;
        if (before)
          lo = mid + 1;
        else
          hi = mid;
      }
      return lo;
    };
    if (!c.arg(1).is_tensor()) {
      *c.out().ptr<int64_t>() = find(seq.data, c.arg(1).as_double());
      return;
    }
    TensorView values = lines(converted(c, c.in(1), DType::F64)), out = lines(c.out());
    TensorView shared = seq;  // a 1-d sequence serves every line
    if (seq.dim() != values.dim()) {
      shared.sizes = values.sizes;
      shared.strides = Shape(values.sizes.size(), 0);
    }
    for_each_line<3>({out, values, shared}, [&](const std::array<std::byte*, 3>& p) {
      Line<int64_t> to{p[0], out.strides.back()};
      Line<double> v{p[1], values.strides.back()};
      for (int64_t i = 0; i < out.sizes.back(); ++i) to[i] = find(p[2], v[i]);
    });
  });
}

}  // namespace fj::native
