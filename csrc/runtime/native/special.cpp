// Native routines of special functions: operands are cast to doubles once, one loop calls the function, split over
// threads, and the results are cast back.
#include "runtime/native/special.h"

#include "runtime/native/iterate.h"

namespace fj::native {
namespace {

constexpr double kCostNs = 60;

TensorView broadcast_to(const TensorView& v, const Shape& sizes) {
  TensorView out = v;
  size_t extra = sizes.size() - v.sizes.size();
  out.sizes = sizes;
  out.strides = Shape(sizes.size(), 0);
  for (size_t d = 0; d < v.sizes.size(); ++d)
    out.strides[d + extra] = v.sizes[d] == 1 && sizes[d + extra] != 1 ? 0 : v.strides[d];
  return out;
}

// One operand as doubles over the output's elements: a tensor's, or a number.
struct Operand {
  const double* data;
  int64_t step = 1;
  double number = 0;
  Operand(NativeCtx& c, size_t i) {
    if (!c.arg(i).is_tensor()) {
      number = c.arg(i).as_double();
      data = &number;
      step = 0;
      return;
    }
    TensorView v = broadcast_to(c.in(i), c.out().sizes);
    bool ready = v.dtype == DType::F64 && v.is_contiguous();
    data = (ready ? v : converted(c, v, DType::F64)).ptr<double>();
  }
  double operator[](int64_t i) const { return data[i * step]; }
};

// out[i] = f(i) over the elements of the output.
template <class F>
void fill(NativeCtx& c, F&& f) {
  TensorView y = c.out(), to = y;
  bool direct = y.dtype == DType::F64 && y.is_contiguous();
  if (!direct) {
    to.dtype = DType::F64;
    to.strides = contiguous_strides(y.sizes);
    to.data = static_cast<std::byte*>(c.scratch(static_cast<size_t>(y.numel()) * sizeof(double)));
  }
  double* out = to.ptr<double>();
  c.parallel(y.numel(), kCostNs, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = f(i);
  });
  if (!direct) convert_view(y, to);
}

template <class F>
void map1(NativeCtx& c, F&& f) {
  if (c.out().numel() == 0) return;
  Operand x(c, 0);
  fill(c, [&](int64_t i) { return f(x[i]); });
}

template <class F>
void map2(NativeCtx& c, F&& f) {
  if (c.out().numel() == 0) return;
  Operand a(c, 0), b(c, 1);
  fill(c, [&](int64_t i) { return f(a[i], b[i]); });
}

}  // namespace

#define FJ_MAP1(name, fn)                             \
  void name(NativeCtx& c) {                           \
    map1(c, [](double x) { return special::fn(x); }); \
  }
FJ_MAP1(bessel_j0, bessel_j0)
FJ_MAP1(bessel_j1, bessel_j1)
FJ_MAP1(bessel_y0, bessel_y0)
FJ_MAP1(bessel_y1, bessel_y1)
FJ_MAP1(bessel_i0, bessel_i0)
FJ_MAP1(bessel_i0e, bessel_i0e)
FJ_MAP1(bessel_i1, bessel_i1)
FJ_MAP1(bessel_i1e, bessel_i1e)
FJ_MAP1(bessel_k0, bessel_k0)
FJ_MAP1(bessel_k1, bessel_k1)
FJ_MAP1(bessel_k0e, bessel_k0e)
FJ_MAP1(bessel_k1e, bessel_k1e)
FJ_MAP1(spherical_j0, spherical_j0)
FJ_MAP1(airy_ai, airy_ai)
FJ_MAP1(erfcx, erfcx)
FJ_MAP1(log_ndtr, log_ndtr)
FJ_MAP1(ndtri, ndtri)

// (self, n): the order is a number.
void polygamma(NativeCtx& c) {
  int n = static_cast<int>(c.arg(1).as_int());
  map1(c, [n](double x) { return special::polygamma(n, x); });
}

#define FJ_MAP2(name, call)                                    \
  void name(NativeCtx& c) {                                    \
    map2(c, [](double a, double b) { return special::call; }); \
  }
FJ_MAP2(zeta, zeta(a, b))
FJ_MAP2(igamma, igamma(a, b))
FJ_MAP2(igammac, igammac(a, b))

#define FJ_POLY(name, kind, scale)                                                                  \
  void name(NativeCtx& c) {                                                                         \
    map2(c, [](double x, double n) { return special::polynomial(special::Poly::kind, scale, n); }); \
  }
FJ_POLY(chebyshev_t, ChebyshevT, x)
FJ_POLY(chebyshev_u, ChebyshevU, x)
FJ_POLY(chebyshev_v, ChebyshevV, x)
FJ_POLY(chebyshev_w, ChebyshevW, x)
FJ_POLY(shifted_chebyshev_t, ChebyshevT, 2 * x - 1)
FJ_POLY(shifted_chebyshev_u, ChebyshevU, 2 * x - 1)
FJ_POLY(shifted_chebyshev_v, ChebyshevV, 2 * x - 1)
FJ_POLY(shifted_chebyshev_w, ChebyshevW, 2 * x - 1)
FJ_POLY(hermite_h, HermiteH, x)
FJ_POLY(hermite_he, HermiteHe, x)
FJ_POLY(laguerre_l, LaguerreL, x)
FJ_POLY(legendre_p, LegendreP, x)

}  // namespace fj::native
