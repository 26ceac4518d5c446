// Fourier transforms, by pocketfft (THIRD_PARTY/pocketfft): complex to complex, real to half a spectrum and back. The
// last of the dimensions is the one that is halved; others are complex.
#define POCKETFFT_NO_MULTITHREADING
#define POCKETFFT_CACHE_SIZE 16
#include <pocketfft_hdronly.h>

#include "runtime/native/iterate.h"

namespace fj::native {
namespace {

pocketfft::shape_t sizes_of(const TensorView& v) { return pocketfft::shape_t(v.sizes.begin(), v.sizes.end()); }

pocketfft::stride_t strides_of(const TensorView& v) {
  pocketfft::stride_t out;
  for (Dim s : v.strides) out.push_back(s * size_of(v.dtype));
  return out;
}

pocketfft::shape_t axes_of(const TensorView& v, const Arg& dims) {
  pocketfft::shape_t out;
  for (int64_t d : dims.as_ints()) out.push_back(static_cast<size_t>(d < 0 ? d + v.dim() : d));
  return out;
}

template <class F>
void by_part(DType t, F&& f) {
  if (part_of(t) == DType::F32)
    f.template operator()<float>();
  else
    f.template operator()<double>();
}

}  // namespace

// (self, dim, scale, forward)
void fft_c2c(NativeCtx& c) {
  const TensorView &in = c.in(0), &out = c.out();
  if (out.numel() == 0) return;
  by_part(in.dtype, [&]<class T>() {
    pocketfft::c2c(sizes_of(in), strides_of(in), strides_of(out), axes_of(in, c.arg(1)), c.arg(3).as_bool(),
                   in.ptr<std::complex<T>>(), out.ptr<std::complex<T>>(), static_cast<T>(c.arg(2).as_double()));
  });
}

// (self, dim, scale)
void fft_r2c(NativeCtx& c) {
  const TensorView &in = c.in(0), &out = c.out();
  if (out.numel() == 0) return;
  by_part(in.dtype, [&]<class T>() {
    pocketfft::r2c(sizes_of(in), strides_of(in), strides_of(out), axes_of(in, c.arg(1)), true, in.ptr<T>(),
                   out.ptr<std::complex<T>>(), static_cast<T>(c.arg(2).as_double()));
  });
}

// (self, dim, last_dim_size, scale)
void fft_c2r(NativeCtx& c) {
  const TensorView &in = c.in(0), &out = c.out();
  if (out.numel() == 0) return;
  by_part(out.dtype, [&]<class T>() {
    pocketfft::c2r(sizes_of(out), strides_of(in), strides_of(out), axes_of(in, c.arg(1)), false,
                   in.ptr<std::complex<T>>(), out.ptr<T>(), static_cast<T>(c.arg(3).as_double()));
  });
}

}  // namespace fj::native
