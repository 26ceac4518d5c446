// Special functions of one and two numbers, in double precision: the natives of special.cpp call them per element.
#pragma once

namespace fj::special {

double bessel_j0(double x);
double bessel_j1(double x);
double bessel_y0(double x);
double bessel_y1(double x);
double bessel_i0(double x);
double bessel_i0e(double x);
double bessel_i1(double x);
double bessel_i1e(double x);
double bessel_k0(double x);
double bessel_k1(double x);
double bessel_k0e(double x);
double bessel_k1e(double x);
double spherical_j0(double x);
double airy_ai(double x);
double erfcx(double x);
double log_ndtr(double x);
double ndtri(double p);
double zeta(double s, double q);
double polygamma(int n, double x);
double igamma(double a, double x);
double igammac(double a, double x);

// Orthogonal polynomials of degree n at x by their three-term recurrences. A fraction of n is cut off; 0 for
// negative n, NaN past a million.
enum class Poly { ChebyshevT, ChebyshevU, ChebyshevV, ChebyshevW, HermiteH, HermiteHe, LaguerreL, LegendreP };
double polynomial(Poly kind, double x, double n);

}  // namespace fj::special
