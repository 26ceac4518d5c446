// Patches of images as columns of a matrix, for convolutions in one to three dimensions.
#pragma once
#include <algorithm>
#include <vector>

#include "ops/native.h"

namespace fj::native {

// One convolution's numbers; missing spatial dimensions (in front) have size and kernel 1.
struct ConvShape {
  int64_t batch, groups;
  int64_t in_channels, out_channels;  // of all groups
  int64_t size[3], out[3], kernel[3], stride[3], padding[3], dilation[3];

  int64_t group_in() const { return in_channels / groups; }
  int64_t group_out() const { return out_channels / groups; }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t rows() const { return group_in() * taps(); }  // of the column matrix
  int64_t pixels() const { return size[0] * size[1] * size[2]; }
  int64_t positions() const { return out[0] * out[1] * out[2]; }
  // The image itself is the column matrix.
  bool is_pointwise() const {
    for (int d = 0; d < 3; ++d)
      if (kernel[d] != 1 || stride[d] != 1 || padding[d] != 0) return false;
    return true;
  }
};

// From the sizes of input, weight and output, and the list arguments at `first` (stride, padding, dilation, groups).
inline ConvShape conv_shape(const NativeCtx& ctx, const Shape& input, const Shape& weight, const Shape& output,
                            size_t first) {
  ConvShape s;
  s.batch = input[0];
  s.in_channels = input[1];
  s.out_channels = output[1];
  s.groups = ctx.arg(first + 3).as_int();
  auto list = [&](size_t i, size_t d) {
    auto v = ctx.arg(first + i).as_ints();
    return v.size() == 1 ? v[0] : v[d];
  };
  size_t spatial = input.size() - 2, lead = 3 - spatial;
  for (size_t d = 0; d < 3; ++d) {
    bool has = d >= lead;
    size_t k = d - lead;
    s.size[d] = has ? input[2 + k] : 1;
    s.out[d] = has ? output[2 + k] : 1;
    s.kernel[d] = has ? weight[2 + k] : 1;
    s.stride[d] = has ? list(0, k) : 1;
    s.padding[d] = has ? list(1, k) : 0;
    s.dilation[d] = has ? list(2, k) : 1;
  }
  return s;
}

inline constexpr int64_t kBlock = 8;  // elements that are moved at once; lines may be overrun by up to kBlock - 1

// Channels are worked on in a copy with zeros around it, so that no tap needs a test for the border.
struct Plane {
  int64_t size[3], inner[3];   // inner: how much of the image lies inside
  std::vector<int64_t> lines;  // where each output line begins, seen by the first tap
  explicit Plane(const ConvShape& s) {
    for (int d = 0; d < 3; ++d) {
      size[d] = std::max<int64_t>((s.out[d] - 1) * s.stride[d] + (s.kernel[d] - 1) * s.dilation[d] + 1, 1);
      inner[d] = std::clamp<int64_t>(size[d] - s.padding[d], 0, s.size[d]);
    }
    for (int64_t d = 0; d < s.out[0]; ++d)
      for (int64_t h = 0; h < s.out[1]; ++h) lines.push_back(at(d * s.stride[0], h * s.stride[1], 0));
  }
  int64_t elements() const { return size[0] * size[1] * size[2] + kBlock; }
  int64_t at(int64_t d, int64_t h, int64_t w) const { return (d * size[1] + h) * size[2] + w; }
};

template <class T>
using Block __attribute__((vector_size(kBlock * sizeof(T)), aligned(sizeof(T)), may_alias)) = T;

template <class T>
inline Block<T>& block_at(T* p) {
  return *reinterpret_cast<Block<T>*>(p);
}
template <class T>
inline const Block<T>& block_at(const T* p) {
  return *reinterpret_cast<const Block<T>*>(p);
}

// All output lines of one tap, from the plane to a row of the column matrix.
template <class T>
void copy_lines(const Plane& p, const T* from, T* to, int64_t n, int64_t step) {
  if (step == 1 && n >= 4 && n <= kBlock) {
    for (int64_t line : p.lines) block_at(to) = block_at(from + line), to += n;
  } else if (step == 1 && n > kBlock) {
    for (int64_t line : p.lines) {
      for (int64_t i = 0; i < n; i += kBlock) block_at(to + i) = block_at(from + line + i);
      to += n;
    }
  } else {
    for (int64_t line : p.lines) {
      for (int64_t i = 0; i < n; ++i) to[i] = from[line + i * step];
      to += n;
    }
  }
}

template <class T>
void add_lines(const Plane& p, const T* from, T* to, int64_t n, int64_t step) {
  for (int64_t line : p.lines) {
    T* t = to + line;
    int64_t i = 0;
    if (step == 1)
      for (; i + kBlock <= n; i += kBlock) block_at(t + i) += block_at(from + i);
    for (; i < n; ++i) t[i * step] += from[i];
    from += n;
  }
}

template <class F>
inline void for_each_tap(const ConvShape& s, F&& f) {
  for (int64_t kd = 0; kd < s.kernel[0]; ++kd)
    for (int64_t kh = 0; kh < s.kernel[1]; ++kh)
      for (int64_t kw = 0; kw < s.kernel[2]; ++kw) f(kd, kh, kw);
}

// Calls f(image offset, plane offset) for every line of the image that lies inside the plane.
template <class F>
inline void for_each_inner(const ConvShape& s, const Plane& p, F&& f) {
  for (int64_t d = 0; d < p.inner[0]; ++d)
    for (int64_t h = 0; h < p.inner[1]; ++h)
      f((d * s.size[1] + h) * s.size[2], p.at(d + s.padding[0], h + s.padding[1], s.padding[2]));
}

// `image`: channels of one group; `col`: rows x ld, the image's positions in columns [0, positions), and up to
// kBlock - 1 columns behind them overrun: images are laid side by side in order, ld has room for the last overrun.
// `plane` has zeros at its border.
template <class T>
void image_to_columns(const ConvShape& s, const Plane& p, const T* image, T* plane, T* col, int64_t ld) {
  for (int64_t c = 0; c < s.group_in(); ++c, image += s.pixels()) {
    for_each_inner(s, p, [&](int64_t from, int64_t to) { std::copy_n(image + from, p.inner[2], plane + to); });
    for_each_tap(s, [&](int64_t kd, int64_t kh, int64_t kw) {
      copy_lines(p, plane + p.at(kd * s.dilation[0], kh * s.dilation[1], kw * s.dilation[2]), col, s.out[2],
                 s.stride[2]);
      col += ld;
    });
  }
}

// The opposite: every pixel becomes the sum of the column entries that were taken from it.
template <class T>
void columns_to_image(const ConvShape& s, const Plane& p, const T* col, int64_t ld, T* plane, T* image) {
  for (int64_t c = 0; c < s.group_in(); ++c, image += s.pixels()) {
    std::fill_n(plane, p.elements(), T(0));
    for_each_tap(s, [&](int64_t kd, int64_t kh, int64_t kw) {
      add_lines(p, col, plane + p.at(kd * s.dilation[0], kh * s.dilation[1], kw * s.dilation[2]), s.out[2],
                s.stride[2]);
      col += ld;
    });
    for_each_inner(s, p, [&](int64_t to, int64_t from) { std::copy_n(plane + from, p.inner[2], image + to); });
  }
}

}  // namespace fj::native
