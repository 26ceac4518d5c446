// Running sums, products, extremes and log-sum-exps along one dimension.
#include "ops/rules.h"
#include "runtime/native/iterate.h"

namespace fj::native {
namespace {

int64_t dim_of(NativeCtx& c) { return wrap_dim(c.arg(1).as_int(), c.in(0).dim()); }

// Scans every line: `step(state, value)` returns the new state, which is also the output.
template <class F>
void scan(NativeCtx& c, F&& step) {
  if (c.out().numel() == 0) return;
  int64_t d = dim_of(c);
  bool same = c.in(0).dtype == c.out().dtype;
  TensorView x = with_last(same ? c.in(0) : converted(c, c.in(0), c.out().dtype), d), y = with_last(c.out(), d);
  int64_t n = x.sizes.back();
  dispatch(y.dtype, [&]<class T>() {
    using C = compute_t<T>;
    for_each_line<2>({x, y}, [&](const std::array<std::byte*, 2>& p) {
      Line<T> from{p[0], x.strides.back()}, to{p[1], y.strides.back()};
      C state{};
      for (int64_t i = 0; i < n; ++i) {
        C v = static_cast<C>(from[i]);
        state = i == 0 ? v : step(state, v);
        to[i] = static_cast<T>(state);
      }
    });
  });
}

template <class F>
void scan_extreme(NativeCtx& c, F&& better) {
  if (c.out().numel() == 0) return;
  int64_t d = dim_of(c);
  TensorView x = with_last(c.in(0), d), v = with_last(c.out(0), d), idx = with_last(c.out(1), d);
  int64_t n = x.sizes.back();
  dispatch(x.dtype, [&]<class T>() {
    using C = compute_t<T>;
    for_each_line<3>({x, v, idx}, [&](const std::array<std::byte*, 3>& p) {
      Line<T> from{p[0], x.strides.back()}, to{p[1], v.strides.back()};
      Line<int64_t> at{p[2], idx.strides.back()};
      int64_t best = 0;
      for (int64_t i = 0; i < n; ++i) {
        C now = static_cast<C>(from[i]), held = static_cast<C>(from[best]);
        if (is_nan(now) || (!is_nan(held) && better(now, held))) best = i;
        to[i] = from[best];
        at[i] = best;
      }
    });
  });
}

}  // namespace

void cumsum(NativeCtx& c) {
  scan(c, []<class C>(C a, C b) { return static_cast<C>(a + b); });
}
void cumprod(NativeCtx& c) {
  scan(c, []<class C>(C a, C b) { return static_cast<C>(a * b); });
}
void cummax(NativeCtx& c) {
  scan_extreme(c, [](auto now, auto held) { return now >= held; });
}
void cummin(NativeCtx& c) {
  scan_extreme(c, [](auto now, auto held) { return now <= held; });
}

void logcumsumexp(NativeCtx& c) {
  scan(c, []<class C>(C a, C b) {
    double x = static_cast<double>(a), y = static_cast<double>(b), hi = std::max(x, y), lo = std::min(x, y);
    if (x != x || y != y) return static_cast<C>(x + y);
    return static_cast<C>(std::isinf(hi) ? hi : hi + std::log1p(std::exp(lo - hi)));
  });
}

// out[k] = sum over i >= k of grad[i] * prod of self[j], j <= i, j != k: by its definition, so zeros are no special
// case.
void cumprod_backward(NativeCtx& c) {
  if (c.out().numel() == 0) return;
  int64_t d = wrap_dim(c.arg(2).as_int(), c.in(1).dim());
  TensorView g = with_last(converted(c, c.in(0), DType::F64), d), x = with_last(converted(c, c.in(1), DType::F64), d);
  TensorView y = with_last(c.out(), d);
  int64_t n = x.sizes.back();
  dispatch(y.dtype, [&]<class T>() {
    for_each_line<3>({x, g, y}, [&](const std::array<std::byte*, 3>& p) {
      Line<double> from{p[0], x.strides.back()}, grad{p[1], g.strides.back()};
      Line<T> to{p[2], y.strides.back()};
      double before = 1;
      for (int64_t k = 0; k < n; ++k) {
        double product = before, total = 0;
        for (int64_t i = k; i < n; ++i) {
          if (i > k) product *= from[i];
          total += grad[i] * product;
        }
        to[k] = static_cast<T>(total);
        before *= from[k];
      }
    });
  });
}

}  // namespace fj::native
