// Pooling over one to three spatial dimensions. A plane is the spatial part of the input; planes are independent and
// are what threads share. Missing spatial dimensions have size one.
#include <limits>
#include <memory>

#include "runtime/native/iterate.h"
#include "runtime/native/pool_full.h"

namespace fj::native {
namespace {

struct Planes {
  int64_t count = 1;
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, kernel[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, padding[3] = {},
          dilation[3] = {1, 1, 1};
  int64_t in_size() const { return in[0] * in[1] * in[2]; }
  int64_t out_size() const { return out[0] * out[1] * out[2]; }
};

// `n` spatial dimensions at the end of the sizes.
Planes planes(const Shape& in, const Shape& out, size_t n) {
  Planes p;
  for (size_t i = 0; i + n < in.size(); ++i) p.count *= in[i];
  for (size_t i = 0; i < n; ++i) {
    p.in[3 - n + i] = in[in.size() - n + i];
    p.out[3 - n + i] = out[out.size() - n + i];
  }
  return p;
}

void set_list(int64_t (&to)[3], std::span<const int64_t> from) {
  for (size_t i = 0; i < from.size(); ++i) to[3 - from.size() + i] = from[i];
}

// The inputs of one output coordinate: [begin, end) in steps of `step`, inside the plane.
struct Window {
  int64_t begin, end, step;
};

Window fixed_window(const Planes& p, int d, int64_t o) {
  int64_t begin = o * p.stride[d] - p.padding[d],
          end = std::min(begin + (p.kernel[d] - 1) * p.dilation[d] + 1, p.in[d]);
  if (begin < 0) begin += (-begin + p.dilation[d] - 1) / p.dilation[d] * p.dilation[d];
  return {begin, end, p.dilation[d]};
}

Window adaptive_window(const Planes& p, int d, int64_t o) {
  return {o * p.in[d] / p.out[d], ((o + 1) * p.in[d] + p.out[d] - 1) / p.out[d], 1};
}

using WindowFn = Window (*)(const Planes&, int, int64_t);

// Calls f(output index, windows) for every output of a plane, in order.
template <WindowFn window, class F>
void each_output(const Planes& p, F&& f) {
  int64_t o = 0;
  if (p.out_size() == 0) return;  // however large the other sizes are
  for (int64_t z = 0; z < p.out[0]; ++z) {
    Window wz = window(p, 0, z);
    for (int64_t y = 0; y < p.out[1]; ++y) {
      Window wy = window(p, 1, y);
      for (int64_t x = 0; x < p.out[2]; ++x) f(o++, wz, wy, window(p, 2, x));
    }
  }
}

template <class F>
void each_input(const Planes& p, const Window& wz, const Window& wy, const Window& wx, F&& f) {
  for (int64_t z = wz.begin; z < wz.end; z += wz.step)
    for (int64_t y = wy.begin; y < wy.end; y += wy.step) {
      int64_t row = (z * p.in[1] + y) * p.in[2];
      for (int64_t x = wx.begin; x < wx.end; x += wx.step) f(row + x);
    }
}

// Every window lies inside the plane, whole and without holes.
template <WindowFn window>
bool all_full(const Planes& p) {
  if (window != fixed_window) return false;
  for (int d = 0; d < 3; ++d)
    if (p.padding[d] != 0 || p.dilation[d] != 1 || (p.out[d] - 1) * p.stride[d] + p.kernel[d] > p.in[d]) return false;
  return true;
}

// Calls f(first output of a line, first input of one of the lines under it) for full windows: output x of the line sees
// inputs x * stride to x * stride + kernel - 1 of each.
template <class F>
void each_full_line(const Planes& p, F&& f) {
  for (int64_t z = 0; z < p.out[0]; ++z)
    for (int64_t y = 0; y < p.out[1]; ++y)
      for (int64_t kz = 0; kz < p.kernel[0]; ++kz)
        for (int64_t ky = 0; ky < p.kernel[1]; ++ky)
          f((z * p.out[1] + y) * p.out[2], ((z * p.stride[0] + kz) * p.in[1] + y * p.stride[1] + ky) * p.in[2]);
}

template <class T>
const T* dense(NativeCtx& ctx, const TensorView& v) {
  if (v.is_contiguous()) return v.ptr<T>();
  TensorView to = v;
  to.strides = contiguous_strides(v.sizes);
  to.data = static_cast<std::byte*>(ctx.scratch(static_cast<size_t>(v.numel()) * sizeof(T)));
  copy_view(to, v);
  return to.ptr<T>();
}

template <class T>
T lowest() {
  if constexpr (std::is_integral_v<T>)
    return std::numeric_limits<T>::lowest();
  else
    return static_cast<T>(-std::numeric_limits<float>::infinity());
}

// A NaN wins, as does the first of equals.
template <WindowFn window>
void max_windows(NativeCtx& ctx, const Planes& p) {
  dispatch(ctx.in(0).dtype, [&]<class T>() {
    const T* in = dense<T>(ctx, ctx.in(0));
    T* values = ctx.out(0).ptr<T>();
    int64_t* indices = ctx.out(1).ptr<int64_t>();
    ctx.parallel(p.count, static_cast<double>(p.in_size() + p.out_size() * 4), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* plane = in + i * p.in_size();
        T* v = values + i * p.out_size();
        int64_t* at = indices + i * p.out_size();
        each_output<window>(p, [&](int64_t o, const Window& wz, const Window& wy, const Window& wx) {
          int64_t best = (wz.begin * p.in[1] + wy.begin) * p.in[2] + wx.begin;
          at[o] = best;
          if (wz.begin >= wz.end || wy.begin >= wy.end || wx.begin >= wx.end) {  // dilation steps over the whole plane
            v[o] = lowest<T>();
            return;
          }
          compute_t<T> top = plane[best];
          each_input(p, wz, wy, wx, [&](int64_t k) {
            compute_t<T> x = plane[k];
            if (x > top || (is_nan(x) && !is_nan(top))) top = x, best = k;
          });
          v[o] = plane[best];
          at[o] = best;
        });
      }
    });
  });
}

// What one window's mean is divided by.
struct Divisor {
  bool count_pad = true;
  int64_t fixed = 0;
  int64_t of(const Planes& p, const Window& wz, const Window& wy, const Window& wx, int64_t o) const {
    if (fixed) return fixed;
    if (!count_pad) return (wz.end - wz.begin) * (wy.end - wy.begin) * (wx.end - wx.begin);
    int64_t at[3] = {o / (p.out[1] * p.out[2]), o / p.out[2] % p.out[1], o % p.out[2]}, n = 1;
    for (int d = 0; d < 3; ++d) {
      int64_t begin = at[d] * p.stride[d] - p.padding[d];
      n *= std::min(begin + p.kernel[d], p.in[d] + p.padding[d]) - begin;
    }
    return n;
  }
};

template <WindowFn window>
void mean_windows(NativeCtx& ctx, const Planes& p, Divisor divisor) {
  dispatch(ctx.in(0).dtype, [&]<class T>() {
    using C = compute_t<T>;
    const T* in = dense<T>(ctx, ctx.in(0));
    T* out = ctx.out(0).ptr<T>();
    const C full = static_cast<C>(divisor.fixed ? divisor.fixed : p.kernel[0] * p.kernel[1] * p.kernel[2]);
    ctx.parallel(p.count, static_cast<double>(p.in_size() + p.out_size() * 4), [&](int64_t begin, int64_t end) {
      std::unique_ptr<C[]> sums(new C[static_cast<size_t>(p.out_size())]);
      for (int64_t i = begin; i < end; ++i) {
        const T* plane = in + i * p.in_size();
        if (all_full<window>(p)) {
          std::fill_n(sums.get(), p.out_size(), C(0));
          each_full_line(p, [&](int64_t o, int64_t k) {
            for (int64_t kx = 0; kx < p.kernel[2]; ++kx)
              for (int64_t x = 0; x < p.out[2]; ++x) sums[o + x] += static_cast<C>(plane[k + x * p.stride[2] + kx]);
          });
          for (int64_t o = 0; o < p.out_size(); ++o) out[i * p.out_size() + o] = static_cast<T>(sums[o] / full);
          continue;
        }
        each_output<window>(p, [&](int64_t o, const Window& wz, const Window& wy, const Window& wx) {
          C sum = 0;
          each_input(p, wz, wy, wx, [&](int64_t k) { sum += static_cast<C>(plane[k]); });
          out[i * p.out_size() + o] = static_cast<T>(sum / static_cast<C>(divisor.of(p, wz, wy, wx, o)));
        });
      }
    });
  });
}

// Half precision accumulates in float32 and rounds once a plane.
template <WindowFn window>
void spread_windows(NativeCtx& ctx, const Planes& p, Divisor divisor) {
  dispatch(ctx.in(0).dtype, [&]<class T>() {
    using C = compute_t<T>;
    const T* grad = dense<T>(ctx, ctx.in(0));
    T* out = ctx.out(0).ptr<T>();
    const C full = static_cast<C>(divisor.fixed ? divisor.fixed : p.kernel[0] * p.kernel[1] * p.kernel[2]);
    ctx.parallel(p.count, static_cast<double>(p.in_size() + p.out_size() * 4), [&](int64_t begin, int64_t end) {
      std::unique_ptr<C[]> plane(new C[static_cast<size_t>(p.in_size())]);
      for (int64_t i = begin; i < end; ++i) {
        std::fill_n(plane.get(), p.in_size(), C(0));
        if (all_full<window>(p)) {
          each_full_line(p, [&](int64_t o, int64_t k) {
            const T* g = grad + i * p.out_size() + o;
            for (int64_t kx = 0; kx < p.kernel[2]; ++kx)
              for (int64_t x = 0; x < p.out[2]; ++x) plane[k + x * p.stride[2] + kx] += static_cast<C>(g[x]) / full;
          });
          std::copy_n(plane.get(), p.in_size(), out + i * p.in_size());
          continue;
        }
        each_output<window>(p, [&](int64_t o, const Window& wz, const Window& wy, const Window& wx) {
          C g = static_cast<C>(grad[i * p.out_size() + o]) / static_cast<C>(divisor.of(p, wz, wy, wx, o));
          each_input(p, wz, wy, wx, [&](int64_t k) { plane[k] += g; });
        });
        std::copy_n(plane.get(), p.in_size(), out + i * p.in_size());
      }
    });
  });
}

Planes fixed_planes(const Shape& in, const Shape& out, const Arg& kernel, const Arg& stride, const Arg& padding) {
  Planes p = planes(in, out, kernel.as_ints().size());
  set_list(p.kernel, kernel.as_ints());
  set_list(p.stride, stride.as_ints());
  set_list(p.padding, padding.as_ints());
  return p;
}

Divisor divisor_of(const Arg& count_pad, const Arg& fixed) {
  return {count_pad.as_bool(), fixed.is_none() ? 0 : fixed.as_int()};
}

// Fills `w` and the common divisor's inverse if all windows lie inside the plane.
bool all_full(const Planes& p, Divisor divisor, FullWindows* w, double* scale) {
  double count = 1;
  for (int d = 0; d < 3; ++d) {
    if (p.padding[d] != 0 || p.dilation[d] != 1 || p.out[d] == 0 ||
        (p.out[d] - 1) * p.stride[d] + p.kernel[d] > p.in[d])
      return false;
    w->in[d] = p.in[d];
    w->out[d] = p.out[d];
    w->kernel[d] = p.kernel[d];
    w->stride[d] = p.stride[d];
    count *= static_cast<double>(p.kernel[d]);
  }
  *scale = 1 / (divisor.fixed ? static_cast<double>(divisor.fixed) : count);
  return true;
}

template <bool grad>
bool pool_full(NativeCtx& ctx, const Planes& p, Divisor divisor) {
  FullWindows w;
  double scale;
  if (ctx.in(0).dtype != DType::F32 || !all_full(p, divisor, &w, &scale)) return false;
  const float* in = dense<float>(ctx, ctx.in(0));
  float* out = ctx.out(0).ptr<float>();
  int64_t from = grad ? p.out_size() : p.in_size(), to = grad ? p.in_size() : p.out_size();
  ctx.parallel(p.count, static_cast<double>(p.in_size()), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if constexpr (grad)
        spread_plane(w, in + i * from, out + i * to, static_cast<float>(scale));
      else
        mean_plane(w, in + i * from, out + i * to, static_cast<float>(scale));
    }
  });
  return true;
}

}  // namespace

void max_pool(NativeCtx& ctx) {
  Planes p = fixed_planes(ctx.in(0).sizes, ctx.out(0).sizes, ctx.arg(1), ctx.arg(2), ctx.arg(3));
  set_list(p.dilation, ctx.arg(4).as_ints());
  max_windows<fixed_window>(ctx, p);
}

void adaptive_max_pool(NativeCtx& ctx) {
  max_windows<adaptive_window>(ctx, planes(ctx.in(0).sizes, ctx.out(0).sizes, ctx.arg(1).as_ints().size()));
}

void avg_pool(NativeCtx& ctx) {
  Planes p = fixed_planes(ctx.in(0).sizes, ctx.out(0).sizes, ctx.arg(1), ctx.arg(2), ctx.arg(3));
  Divisor divisor = divisor_of(ctx.arg(5), ctx.arg(6));
  if (!pool_full<false>(ctx, p, divisor)) mean_windows<fixed_window>(ctx, p, divisor);
}

void avg_pool_grad(NativeCtx& ctx) {
  Planes p = fixed_planes(ctx.out(0).sizes, ctx.in(0).sizes, ctx.arg(2), ctx.arg(3), ctx.arg(4));
  Divisor divisor = divisor_of(ctx.arg(6), ctx.arg(7));
  if (!pool_full<true>(ctx, p, divisor)) spread_windows<fixed_window>(ctx, p, divisor);
}

void adaptive_avg_pool(NativeCtx& ctx) {
  mean_windows<adaptive_window>(ctx, planes(ctx.in(0).sizes, ctx.out(0).sizes, ctx.arg(1).as_ints().size()),
                                {false, 0});
}

// How many dimensions were spatial no longer shows: one that kept its size pools to itself.
void adaptive_avg_pool_grad(NativeCtx& ctx) {
  spread_windows<adaptive_window>(
      ctx, planes(ctx.out(0).sizes, ctx.in(0).sizes, std::min<size_t>(ctx.in(0).sizes.size() - 1, 3)), {false, 0});
}

// The index of a window outside the plane names no element.
static bool in_plane(const Planes& p, int64_t index) { return index >= 0 && index < p.in_size(); }

void max_pool_grad(NativeCtx& ctx) {
  Planes p = planes(ctx.out(0).sizes, ctx.in(0).sizes, static_cast<size_t>(ctx.arg(3).as_int()));
  const int64_t* indices = dense<int64_t>(ctx, ctx.in(1));
  dispatch(ctx.in(0).dtype, [&]<class T>() {
    using C = compute_t<T>;
    const T* grad = dense<T>(ctx, ctx.in(0));
    T* out = ctx.out(0).ptr<T>();
    ctx.parallel(p.count, static_cast<double>(p.in_size() + p.out_size()), [&](int64_t begin, int64_t end) {
      std::unique_ptr<C[]> plane(new C[static_cast<size_t>(p.in_size())]);
      for (int64_t i = begin; i < end; ++i) {
        std::fill_n(plane.get(), p.in_size(), C(0));
        for (int64_t o = i * p.out_size(); o < (i + 1) * p.out_size(); ++o)
          if (in_plane(p, indices[o])) plane[indices[o]] += static_cast<C>(grad[o]);
        std::copy_n(plane.get(), p.in_size(), out + i * p.in_size());
      }
    });
  });
}

void max_pool_pick(NativeCtx& ctx) {
  Planes p = planes(ctx.in(0).sizes, ctx.in(1).sizes, static_cast<size_t>(ctx.arg(2).as_int()));
  const int64_t* indices = dense<int64_t>(ctx, ctx.in(1));
  dispatch(ctx.in(0).dtype, [&]<class T>() {
    const T* in = dense<T>(ctx, ctx.in(0));
    T* out = ctx.out(0).ptr<T>();
    ctx.parallel(p.count, static_cast<double>(p.out_size()), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        for (int64_t o = i * p.out_size(); o < (i + 1) * p.out_size(); ++o)
          out[o] = in_plane(p, indices[o]) ? in[i * p.in_size() + indices[o]] : T(0);
    });
  });
}

}  // namespace fj::native
