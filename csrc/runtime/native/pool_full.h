// Mean pooling where every window lies inside the plane: no borders, one divisor. Lines are taken whole, with the
// common widths of windows unrolled.
#pragma once
#include <algorithm>
#include <cstdint>

namespace fj::native {

struct FullWindows {
  int64_t in[3], out[3], kernel[3], stride[3];

  // Calls f(input line of a window row, output line) for all rows of all windows.
  template <class F>
  void each_line(F&& f) const {
    for (int64_t z = 0; z < out[0]; ++z)
      for (int64_t y = 0; y < out[1]; ++y)
        for (int64_t kz = 0; kz < kernel[0]; ++kz)
          for (int64_t ky = 0; ky < kernel[1]; ++ky)
            f(((z * stride[0] + kz) * in[1] + y * stride[1] + ky) * in[2], (z * out[1] + y) * out[2]);
  }
};

template <int width, class T>
inline void add_windows(const T* line, T* to, int64_t n, int64_t kernel, int64_t stride) {
  int64_t k = width ? width : kernel, s = width ? width : stride;
  for (int64_t x = 0; x < n; ++x) {
    T sum = 0;
    for (int64_t i = 0; i < k; ++i) sum += line[x * s + i];
    to[x] += sum;
  }
}

template <int width, class T>
inline void spread_line(const T* grad, T scale, T* line, int64_t n, int64_t kernel, int64_t stride) {
  int64_t k = width ? width : kernel, s = width ? width : stride;
  for (int64_t x = 0; x < n; ++x)
    for (int64_t i = 0; i < k; ++i) line[x * s + i] += grad[x] * scale;
}

template <class T>
void mean_plane(const FullWindows& w, const T* in, T* out, T scale) {
  int64_t n = w.out[2], size = w.out[0] * w.out[1] * n, k = w.kernel[2], s = w.stride[2];
  std::fill_n(out, size, T(0));
  w.each_line([&](int64_t from, int64_t to) {
    if (k == 2 && s == 2)
      add_windows<2>(in + from, out + to, n, k, s);
    else if (k == 3 && s == 3)
      add_windows<3>(in + from, out + to, n, k, s);
    else
      add_windows<0>(in + from, out + to, n, k, s);
  });
  for (int64_t i = 0; i < size; ++i) out[i] *= scale;
}

template <class T>
void spread_plane(const FullWindows& w, const T* grad, T* out, T scale) {
  int64_t n = w.out[2], k = w.kernel[2], s = w.stride[2];
  std::fill_n(out, w.in[0] * w.in[1] * w.in[2], T(0));
  w.each_line([&](int64_t to, int64_t from) {
    if (k == 2 && s == 2)
      spread_line<2>(grad + from, scale, out + to, n, k, s);
    else if (k == 3 && s == 3)
      spread_line<3>(grad + from, scale, out + to, n, k, s);
    else
      spread_line<0>(grad + from, scale, out + to, n, k, s);
  });
}

}  // namespace fj::native
