// Native routines of special functions: one call per element, any strides and dtypes, split over threads.
#include "runtime/native/special.h"

#include "runtime/native/iterate.h"

namespace fj::native {
namespace {

constexpr double kCostNs = 60;

// f over the elements of one tensor.
template <class F>
void map1(NativeCtx& c, F&& f) {
  TensorView x = c.in(0), y = c.out();
  if (y.numel() == 0) return;
  dispatch(x.dtype, [&]<class X>() {
    dispatch(y.dtype, [&]<class Y>() {
      TensorView from = with_last(x, x.dim() - 1), to = with_last(y, y.dim() - 1);
      int64_t n = to.sizes.back();
      for_each_line<2>({to, from}, [&](const std::array<std::byte*, 2>& p) {
        Line<Y> out{p[0], to.strides.back()};
        Line<X> in{p[1], from.strides.back()};
        c.parallel(n, kCostNs, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i)
            out[i] = static_cast<compute_t<Y>>(f(static_cast<double>(static_cast<compute_t<X>>(in[i]))));
        });
      });
    });
  });
}

TensorView broadcast_to(const TensorView& v, const Shape& sizes) {
  TensorView out = v;
  size_t extra = sizes.size() - v.sizes.size();
  out.sizes = sizes;
  out.strides = Shape(sizes.size(), 0);
  for (size_t d = 0; d < v.sizes.size(); ++d)
    out.strides[d + extra] = v.sizes[d] == 1 && sizes[d + extra] != 1 ? 0 : v.strides[d];
  return out;
}

// One operand of a binary function: a tensor, or a number.
struct Operand {
  TensorView view;
  double number = 0;
  Operand(NativeCtx& c, size_t i, const Shape& sizes) {
    if (c.arg(i).is_tensor()) {
      view = broadcast_to(c.in(i), sizes);
    } else {
      number = c.arg(i).as_double();
      view.data = reinterpret_cast<std::byte*>(&number);
      view.dtype = DType::F64;
      view.sizes = sizes;
      view.strides = Shape(sizes.size(), 0);
    }
  }
};

template <class F>
void map2(NativeCtx& c, F&& f) {
  TensorView y = c.out();
  if (y.numel() == 0) return;
  Operand oa(c, 0, y.sizes), ob(c, 1, y.sizes);
  int64_t last = y.dim() - 1;
  TensorView a = with_last(oa.view, last), b = with_last(ob.view, last), to = with_last(y, last);
  auto read = [](const TensorView& v, std::byte* p, int64_t i) {
    double out = 0;
    dispatch(v.dtype, [&]<class X>() {
      out = static_cast<double>(static_cast<compute_t<X>>(Line<X>{p, v.strides.back()}[i]));
    });
    return out;
  };
  for_each_line<3>({to, a, b}, [&](const std::array<std::byte*, 3>& p) {
    c.parallel(to.sizes.back(), kCostNs, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        double v = f(read(a, p[1], i), read(b, p[2], i));
        dispatch(to.dtype, [&]<class Y>() { Line<Y>{p[0], to.strides.back()}[i] = static_cast<compute_t<Y>>(v); });
      }
    });
  });
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
