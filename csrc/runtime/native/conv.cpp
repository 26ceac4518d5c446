// Convolutions as matrix products over columns of patches. Several small images share one product.
#include "runtime/blas.h"
#include "runtime/native/dense.h"
#include "runtime/native/im2col.h"

namespace fj::native {
namespace {

constexpr int64_t kColumns = 512;  // of one product
constexpr double kFlopsPerNs = 40;

int64_t images_at_once(const ConvShape& s) {
  return std::clamp<int64_t>(kColumns / std::max<int64_t>(s.positions(), 1), 1, std::max<int64_t>(s.batch, 1));
}

double image_ns(const ConvShape& s) {
  return 2.0 * static_cast<double>(s.out_channels) * static_cast<double>(s.rows()) *
             static_cast<double>(s.positions()) / kFlopsPerNs +
         200;
}

// [channels][image][position] <-> [image][channels of all][position]
template <class T>
void spread(const T* from, T* to, const ConvShape& s, int64_t images, int64_t channels, int64_t all) {
  int64_t p = s.positions();
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = 0; i < images; ++i) std::copy_n(from + (c * images + i) * p, p, to + (i * all + c) * p);
}
template <class T>
void gather(const T* from, T* to, const ConvShape& s, int64_t images, int64_t channels, int64_t all) {
  int64_t p = s.positions();
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = 0; i < images; ++i) std::copy_n(from + (i * all + c) * p, p, to + (c * images + i) * p);
}

// The column matrix of a few images, one thread's own.
template <class T>
struct Columns {
  const ConvShape& s;
  Plane plane;
  Buffer<T> border, data;
  int64_t ld;

  Columns(const ConvShape& shape, int64_t images)
      : s(shape),
        plane(shape),
        border(plane.elements()),
        data(shape.rows() * (images * shape.positions() + kBlock)),
        ld(images * shape.positions() + kBlock) {
    std::fill_n(border.get(), plane.elements(), T(0));
  }
  T* get() { return data.get(); }
  void fill(const T* input, int64_t first, int64_t images, int64_t g) {
    for (int64_t i = 0; i < images; ++i)
      image_to_columns(s, plane, input + ((first + i) * s.in_channels + g * s.group_in()) * s.pixels(), border.get(),
                       get() + i * s.positions(), ld);
  }
  void add_to(T* out, int64_t first, int64_t images, int64_t g) {
    for (int64_t i = 0; i < images; ++i)
      columns_to_image(s, plane, get() + i * s.positions(), ld, border.get(),
                       out + ((first + i) * s.in_channels + g * s.group_in()) * s.pixels());
  }
};

template <class T>
void add_bias(T* out, const T* bias, int64_t channels, int64_t n) {
  for (int64_t c = 0; c < channels; ++c) std::fill_n(out + c * n, n, bias ? bias[c] : T(0));
}

template <class T>
void forward(NativeCtx& ctx) {
  ConvShape s = conv_shape(ctx, ctx.in(0).sizes, ctx.in(1).sizes, ctx.out().sizes, 3);
  if (ctx.out().numel() == 0) return;
  const T* input = packed<T>(ctx, ctx.in(0));
  const T* weight = packed<T>(ctx, ctx.in(1));
  const T* bias = ctx.in(2).data ? packed<T>(ctx, ctx.in(2)) : nullptr;
  DenseResult<T> out(ctx, ctx.out());
  int64_t p = s.positions(), go = s.group_out(), k = s.rows(), together = images_at_once(s);
  int64_t parts = (s.batch + together - 1) / together;
  ctx.parallel(parts, image_ns(s) * static_cast<double>(together), [&](int64_t begin, int64_t end) {
    bool direct = s.is_pointwise() && together == 1;
    Columns<T> col(s, together);
    Buffer<T> sums(together > 1 ? go * p * together : 1);
    for (int64_t part = begin; part < end; ++part) {
      int64_t first = part * together, images = std::min(together, s.batch - first), n = images * p;
      for (int64_t g = 0; g < s.groups; ++g) {
        const T* cols = direct ? input + (first * s.in_channels + g * s.group_in()) * p : col.get();
        if (!direct) col.fill(input, first, images, g);
        T* to = out.data + (first * s.out_channels + g * go) * p;
        T* c = images > 1 ? sums.get() : to;
        add_bias(c, bias ? bias + g * go : nullptr, go, n);
        blas::gemm(false, false, go, n, k, T(1), weight + g * go * k, k, cols, direct ? n : col.ld, T(1), c, n);
        if (images > 1) spread(c, to, s, images, go, s.out_channels);
      }
    }
  });
  out.finish();
}

template <class T>
void input_grad(NativeCtx& ctx) {
  ConvShape s = conv_shape(ctx, ctx.out().sizes, ctx.in(1).sizes, ctx.in(0).sizes, 3);
  if (ctx.out().numel() == 0) return;
  const T* grad = packed<T>(ctx, ctx.in(0));
  const T* weight = packed<T>(ctx, ctx.in(1));
  DenseResult<T> out(ctx, ctx.out());
  std::fill_n(out.data, ctx.out().numel(), T(0));
  int64_t p = s.positions(), go = s.group_out(), k = s.rows(), together = images_at_once(s);
  int64_t parts = p == 0 ? 0 : (s.batch + together - 1) / together;
  ctx.parallel(parts, image_ns(s) * static_cast<double>(together), [&](int64_t begin, int64_t end) {
    Columns<T> col(s, together);
    Buffer<T> grads(together > 1 ? go * p * together : 1);
    for (int64_t part = begin; part < end; ++part) {
      int64_t first = part * together, images = std::min(together, s.batch - first), n = images * p;
      for (int64_t g = 0; g < s.groups; ++g) {
        const T* from = grad + (first * s.out_channels + g * go) * p;
        if (images > 1) gather(from, grads.get(), s, images, go, s.out_channels);
        blas::gemm(true, false, k, n, go, T(1), weight + g * go * k, k, images > 1 ? grads.get() : from, n, T(0),
                   col.get(), col.ld);
        col.add_to(out.data, first, images, g);
      }
    }
  });
  out.finish();
}

// Each slice of the batch sums into its own copy; copies are added in order, so that the result does not depend on
// the number of threads.
template <class T>
void weight_grad(NativeCtx& ctx) {
  ConvShape s = conv_shape(ctx, ctx.in(1).sizes, ctx.out().sizes, ctx.in(0).sizes, 3);
  const T* grad = packed<T>(ctx, ctx.in(0));
  const T* input = packed<T>(ctx, ctx.in(1));
  DenseResult<T> out(ctx, ctx.out());
  int64_t p = s.positions(), go = s.group_out(), k = s.rows(), together = images_at_once(s), total = s.out_channels * k;
  int64_t parts = p == 0 ? 0 : (s.batch + together - 1) / together;
  int64_t slices = std::clamp<int64_t>(parts, 1, total > (1 << 20) ? 2 : 8);
  T* sums = slices == 1 ? out.data : static_cast<T*>(ctx.scratch(static_cast<size_t>(slices * total) * sizeof(T)));
  std::fill_n(sums, slices * total, T(0));
  auto slice = [&](int64_t i) {
    Columns<T> col(s, together);
    Buffer<T> grads(together > 1 ? go * p * together : 1);
    for (int64_t part = i * parts / slices; part < (i + 1) * parts / slices; ++part) {
      int64_t first = part * together, images = std::min(together, s.batch - first), n = images * p;
      for (int64_t g = 0; g < s.groups; ++g) {
        const T* from = grad + (first * s.out_channels + g * go) * p;
        if (images > 1) gather(from, grads.get(), s, images, go, s.out_channels);
        col.fill(input, first, images, g);
        blas::gemm(false, true, go, k, n, T(1), images > 1 ? grads.get() : from, n, col.get(), col.ld, T(1),
                   sums + i * total + g * go * k, k);
      }
    }
  };
  ctx.parallel(slices, image_ns(s) * static_cast<double>(s.batch) / static_cast<double>(slices),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) slice(i);
               });
  if (slices > 1) {
    std::copy_n(sums, total, out.data);
    for (int64_t i = 1; i < slices; ++i)
      for (int64_t j = 0; j < total; ++j) out.data[j] += sums[i * total + j];
  }
  out.finish();
}

template <class F32, class F64>
void by_dtype(NativeCtx& ctx, F32 f32, F64 f64) {
  DType t = ctx.in(0).dtype;
  if (t == DType::F64) return f64(ctx);
  FJ_USER_CHECK(is_float(t), ErrorKind::Runtime, "\"convolution\" not implemented for '", scalar_type_name(t), "'");
  f32(ctx);
}

}  // namespace

void convolution(NativeCtx& ctx) { by_dtype(ctx, forward<float>, forward<double>); }
void convolution_input_grad(NativeCtx& ctx) { by_dtype(ctx, input_grad<float>, input_grad<double>); }
void convolution_weight_grad(NativeCtx& ctx) { by_dtype(ctx, weight_grad<float>, weight_grad<double>); }

}  // namespace fj::native
