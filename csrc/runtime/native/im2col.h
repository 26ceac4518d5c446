// Patches of images as columns of a matrix, for convolutions in one to three dimensions.
#pragma once
#include <algorithm>
#include <cstring>

#include "ops/native.h"

namespace fj::native {

// One convolution's numbers; missing spatial dimensions (in front) have size and kernel 1.
struct ConvShape {
  int64_t batch, groups;
  int64_t in_channels, out_channels;       // of all groups
  int64_t size[3], out[3], kernel[3], stride[3], padding[3], dilation[3];

  int64_t group_in() const { return in_channels / groups; }
  int64_t group_out() const { return out_channels / groups; }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t rows() const { return group_in() * taps(); }  // of the column matrix
  int64_t pixels() const { return size[0] * size[1] * size[2]; }
  int64_t positions() const { return out[0] * out[1] * out[2]; }
  // The image itself is the column matrix.
  bool is_pointwise() const {
    for (int d = 0; d < 3; ++d) if (kernel[d] != 1 || stride[d] != 1 || padding[d] != 0) return false;
    return true;
  }
};

// From the sizes of input, weight and output, and the list arguments at `first` (stride, padding, dilation, groups).
inline ConvShape conv_shape(const NativeCtx& ctx, const Shape& input, const Shape& weight, const Shape& output, size_t first) {
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

// Output positions [first, last) along dimension d that tap `k` finds inside the image.
inline void inside(const ConvShape& s, int d, int64_t k, int64_t* first, int64_t* last) {
  int64_t shift = k * s.dilation[d] - s.padding[d];  // image coordinate = o * stride + shift
  *first = std::min(s.out[d], shift >= 0 ? 0 : (-shift + s.stride[d] - 1) / s.stride[d]);
  int64_t room = s.size[d] - 1 - shift;
  *last = std::max(*first, room < 0 ? *first : std::min(s.out[d], room / s.stride[d] + 1));
}

// Calls f(row of the column matrix, image line, output line start, first, last) for every line of every tap; `line` is
// null where the tap is outside the image. The element of column ow is line[ow * stride - shift...]: see the users.
template <class F>
void for_each_line(const ConvShape& s, F&& f) {
  int64_t row = 0;
  for (int64_t c = 0; c < s.group_in(); ++c)
    for (int64_t kd = 0; kd < s.kernel[0]; ++kd)
      for (int64_t kh = 0; kh < s.kernel[1]; ++kh)
        for (int64_t kw = 0; kw < s.kernel[2]; ++kw, ++row) {
          int64_t first, last;
          inside(s, 2, kw, &first, &last);
          int64_t shift = kw * s.dilation[2] - s.padding[2];
          for (int64_t od = 0; od < s.out[0]; ++od)
            for (int64_t oh = 0; oh < s.out[1]; ++oh) {
              int64_t id = od * s.stride[0] + kd * s.dilation[0] - s.padding[0];
              int64_t ih = oh * s.stride[1] + kh * s.dilation[1] - s.padding[1];
              bool out = id < 0 || id >= s.size[0] || ih < 0 || ih >= s.size[1];
              int64_t line = out ? -1 : ((c * s.size[0] + id) * s.size[1] + ih) * s.size[2];
              f(row, line, shift, (od * s.out[1] + oh) * s.out[2], first, last);
            }
        }
}

// `image`: channels of one group; `col`: rows x ld, the image's positions in columns [0, positions).
template <class T>
void image_to_columns(const ConvShape& s, const T* image, T* col, int64_t ld) {
  for_each_line(s, [&](int64_t row, int64_t line, int64_t shift, int64_t at, int64_t first, int64_t last) {
    T* to = col + row * ld + at;
    if (line < 0 || first >= last) {
      std::fill_n(to, s.out[2], T(0));
      return;
    }
    std::fill_n(to, first, T(0));
    const T* from = image + line + shift;
    if (s.stride[2] == 1) std::copy(from + first, from + last, to + first);
    else for (int64_t o = first; o < last; ++o) to[o] = from[o * s.stride[2]];
    std::fill_n(to + last, s.out[2] - last, T(0));
  });
}

// The opposite: adds every column entry to the pixel that it was taken from.
template <class T>
void columns_to_image(const ConvShape& s, const T* col, int64_t ld, T* image) {
  for_each_line(s, [&](int64_t row, int64_t line, int64_t shift, int64_t at, int64_t first, int64_t last) {
    if (line < 0) return;
    const T* from = col + row * ld + at;
    T* to = image + line + shift;
    if (s.stride[2] == 1) for (int64_t o = first; o < last; ++o) to[o] += from[o];
    else for (int64_t o = first; o < last; ++o) to[o * s.stride[2]] += from[o];
  });
}

}  // namespace fj::native
