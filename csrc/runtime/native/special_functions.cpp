// Bessel functions come from the C++ library's mathematical special functions, with the reflections and limits that it
// lacks; the others from the formulas named at each.
#include <cmath>
#include <limits>

#include "runtime/native/special.h"

namespace fj::special {
namespace {

constexpr double kPi = 3.14159265358979323846, kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Past this point the library's series are slow or refuse; the asymptotic forms are exact to double precision there.
constexpr double kLarge = 30;

// sqrt(2 pi x) e^-x I_nu(x) for large x (Abramowitz and Stegun 9.7.1); alternating for K (9.7.2).
double asymptotic(double nu, double x, double sign) {
  double term = 1, sum = 1, mu = 4 * nu * nu;
  for (int k = 1; k < 60; ++k) {
    double next = term * sign * (mu - (2 * k - 1) * (2 * k - 1)) / (k * 8 * x);
    if (std::abs(next) >= std::abs(term) || std::abs(next) < 1e-18 * std::abs(sum)) break;
    term = next;
    sum += term;
  }
  return sum;
}

double scaled_i(double nu, double x) {
  double a = std::abs(x);
  if (std::isinf(a)) return 0;
  double v = a > kLarge ? asymptotic(nu, a, -1) / std::sqrt(2 * kPi * a) : std::cyl_bessel_i(nu, a) * std::exp(-a);
  return nu == 1 && x < 0 ? -v : v;
}

double scaled_k(double nu, double x) {
  if (std::isnan(x) || x < 0) return kNaN;
  if (x == 0) return kInf;
  if (std::isinf(x)) return 0;
  return x > kLarge ? asymptotic(nu, x, 1) * std::sqrt(kPi / (2 * x)) : std::cyl_bessel_k(nu, x) * std::exp(x);
}

}  // namespace

double bessel_j0(double x) { return std::isinf(x) ? 0 : ::j0(x); }
double bessel_j1(double x) { return std::isinf(x) ? 0 : ::j1(x); }
double bessel_y0(double x) { return x < 0 ? kNaN : ::y0(x); }
double bessel_y1(double x) { return x < 0 ? kNaN : ::y1(x); }
double bessel_i0e(double x) { return std::isnan(x) ? x : scaled_i(0, x); }
double bessel_i1e(double x) { return std::isnan(x) ? x : scaled_i(1, x); }
double bessel_i0(double x) {
  if (std::isnan(x)) return x;
  return std::abs(x) > kLarge ? scaled_i(0, x) * std::exp(std::abs(x)) : std::cyl_bessel_i(0.0, std::abs(x));
}
double bessel_i1(double x) {
  if (std::isnan(x)) return x;
  if (std::abs(x) > kLarge) return scaled_i(1, x) * std::exp(std::abs(x));
  return std::copysign(std::cyl_bessel_i(1.0, std::abs(x)), x);
}
double bessel_k0e(double x) { return scaled_k(0, x); }
double bessel_k1e(double x) { return scaled_k(1, x); }
double bessel_k0(double x) {
  return x > kLarge || !(x > 0) ? scaled_k(0, x) * std::exp(-x) : std::cyl_bessel_k(0.0, x);
}
double bessel_k1(double x) {
  return x > kLarge || !(x > 0) ? scaled_k(1, x) * std::exp(-x) : std::cyl_bessel_k(1.0, x);
}
double spherical_j0(double x) {
  if (std::isinf(x)) return 0;
  return std::abs(x) < 0.5 ? 1 - x * x / 6 * (1 - x * x / 20 * (1 - x * x / 42 * (1 - x * x / 72 * (1 - x * x / 110))))
                           : std::sin(x) / x;
}

// Airy's function by Bessel functions of order 1/3 (Abramowitz and Stegun 10.4.14 and 10.4.15).
double airy_ai(double x) {
  if (std::isnan(x)) return x;
  if (std::isinf(x)) return 0;
  if (x == 0) return 0.355028053887817239260;
  double a = std::abs(x), z = 2 * a * std::sqrt(a) / 3;
  if (x > 0) {
    if (z > 700) return 0;
    double k = z > kLarge ? asymptotic(1.0 / 3, z, 1) * std::sqrt(kPi / (2 * z)) * std::exp(-z)
                          : std::cyl_bessel_k(1.0 / 3, z);
    return std::sqrt(a / 3) / kPi * k;
  }
  // J_{1/3} + J_{-1/3} = J - Y parts: J_{-v} = cos(v pi) J_v - sin(v pi) Y_v
  double j = std::cyl_bessel_j(1.0 / 3, z), y = std::cyl_neumann(1.0 / 3, z);
  return std::sqrt(a) / 3 * (1.5 * j - std::sqrt(3.0) / 2 * y);
}

// exp(x²) erfc(x): by definition where that is exact, by the continued fraction of erfc for large x.
double erfcx(double x) {
  if (std::isnan(x)) return x;
  if (x < 5) {
    if (x < -26.7) return kInf;
    // exp(x*x) loses digits in x*x: its rounding error is put back.
    double square = x * x, error = std::fma(x, x, -square);
    return std::exp(square) * (1 + error) * std::erfc(x);
  }
  if (x > 5e7) return 1 / (x * std::sqrt(kPi));
  double f = 0;
  for (int k = 60; k >= 1; --k) f = k / 2.0 / (x + f);
  return 1 / (std::sqrt(kPi) * (x + f));
}

double log_ndtr(double x) {
  double t = x / std::sqrt(2.0);
  return x < -1 ? std::log(erfcx(-t) / 2) - t * t : std::log1p(-std::erfc(t) / 2);
}

// Acklam's rational approximation, refined by two Newton steps on erfc.
double ndtri(double p) {
  if (!(p >= 0 && p <= 1)) return kNaN;
  if (p == 0) return -kInf;
  if (p == 1) return kInf;
  bool upper = p > 0.5;
  double q = upper ? 1 - p : p, x;
  if (q < 0.02425) {
    double r = std::sqrt(-2 * std::log(q));
    x = (((((-7.784894002430293e-03 * r - 3.223964580411365e-01) * r - 2.400758277161838) * r - 2.549732539343734) * r +
          4.374664141464968) *
             r +
         2.938163982698783) /
        ((((7.784695709041462e-03 * r + 3.224671290700398e-01) * r + 2.445134137142996) * r + 3.754408661907416) * r +
         1);
  } else {
    double r = q - 0.5, s = r * r;
    x = (((((-3.969683028665376e+01 * s + 2.209460984245205e+02) * s - 2.759285104469687e+02) * s +
           1.383577518672690e+02) *
              s -
          3.066479806614716e+01) *
             s +
         2.506628277459239) *
        r /
        (((((-5.447609879822406e+01 * s + 1.615858368580409e+02) * s - 1.556989798598866e+02) * s +
           6.680131188771972e+01) *
              s -
          1.328068155288572e+01) *
             s +
         1);
  }
  for (int i = 0; i < 2; ++i) {
    double e = 0.5 * std::erfc(-x / std::sqrt(2.0)) - q, u = e * std::sqrt(2 * kPi) * std::exp(x * x / 2);
    x -= u / (1 + x * u / 2);  // Halley
  }
  return upper ? -x : x;
}

// Hurwitz' zeta by Euler-Maclaurin summation.
double zeta(double s, double q) {
  if (std::isnan(s) || std::isnan(q)) return kNaN;
  if (s == 1) return kInf;
  if (s < 1) return kNaN;
  if (q <= 0) {
    if (q == std::floor(q)) return kInf;
    if (s != std::floor(s)) return kNaN;
    if (q < -16) {  // terms below zero are those above it, with a sign, in the other order
      double n = std::floor(-q), r = -(q + n), sign = std::fmod(s, 2) == 0 ? 1 : -1;
      return sign * (zeta(s, r) - zeta(s, r + n + 1)) + zeta(s, q + n + 1);
    }
  }
  double sum = 0, at = q;
  for (int k = 0; k < 12 || at < 10; ++k, at += 1) {
    double term = std::pow(at, -s);
    sum += term;
    if (std::abs(term) < 1e-17 * std::abs(sum) && at > 9) return sum;
  }
  sum += std::pow(at, 1 - s) / (s - 1) + 0.5 * std::pow(at, -s);
  constexpr double kB[] = {1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510};
  double rising = s, power = std::pow(at, -s - 1), factorial = 2;
  for (int k = 0; k < 8; ++k) {
    sum += kB[k] / factorial * rising * power;
    rising *= (s + 2 * k + 1) * (s + 2 * k + 2);
    power /= at * at;
    factorial *= (2 * k + 3) * (2 * k + 4);
  }
  return sum;
}

namespace {

// Recurrence up to 10, then the asymptotic series (Abramowitz and Stegun 6.3.18); reflection for negative x.
double digamma(double x) {
  if (x == 0) return std::copysign(kInf, -x);
  if (x < 0) {
    if (x == std::floor(x)) return kNaN;
    return digamma(1 - x) - kPi / std::tan(kPi * std::fmod(x, 1.0));
  }
  double shift = 0;
  for (; x < 10; x += 1) shift -= 1 / x;
  double y = 1 / (x * x);
  double series =
      y *
      (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y * (1.0 / 132 - y * (691.0 / 32760 - y / 12))))));
  return shift + std::log(x) - 0.5 / x - series;
}

// The n-th derivative of cot at pi x over pi^(n+1) is what reflection needs; only n = 1 occurs often, others recur.
double trigamma_reflected(double x) {
  double s = std::sin(kPi * x);
  return -zeta(2, 1 - x) + kPi * kPi / (s * s);
}

}  // namespace

double polygamma(int n, double x) {
  if (n == 0) return digamma(x);
  if (n == 1 && x < 0.5) return x == std::floor(x) ? kInf : trigamma_reflected(x);
  double z = zeta(n + 1, x);
  return (n % 2 ? 1 : -1) * std::tgamma(n + 1.0) * z;
}

namespace {

// Without the C library's global sign, which other threads write too.
double log_gamma(double x) {
#if defined(__linux__)
  int sign;
  return ::lgamma_r(x, &sign);
#else
  return std::lgamma(x);
#endif
}

// The regularised incomplete gamma function P(a, x): its series below a + 1, the continued fraction of Q above
// (Abramowitz and Stegun 6.5.29 and 6.5.31).
double gamma_p_series(double a, double x) {
  double term = 1 / a, sum = term;
  for (double k = a + 1; std::abs(term) > 1e-17 * std::abs(sum) && k < a + 5000; k += 1) sum += term *= x / k;
  return sum * std::exp(a * std::log(x) - x - log_gamma(a));
}

double gamma_q_fraction(double a, double x) {
  double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
  for (int i = 1; i < 5000; ++i) {
    double an = -i * (i - a);
    b += 2;
    d = an * d + b;
    d = 1 / (std::abs(d) < 1e-300 ? 1e-300 : d);
    c = b + an / c;
    c = std::abs(c) < 1e-300 ? 1e-300 : c;
    double step = d * c;
    h *= step;
    if (std::abs(step - 1) < 1e-16) break;
  }
  return h * std::exp(a * std::log(x) - x - log_gamma(a));
}

// Where both series are trivial: the answer of P(a, x), or NaN where work is needed.
bool gamma_edge(double a, double x, double& p) {
  if (std::isnan(a) || std::isnan(x) || a < 0 || x < 0 || (a == 0 && x == 0) || (std::isinf(a) && std::isinf(x)))
    p = kNaN;
  else if (a == 0 || std::isinf(x))
    p = 1;
  else if (x == 0 || std::isinf(a))
    p = 0;
  else
    return false;
  return true;
}

}  // namespace

double igamma(double a, double x) {
  double p;
  if (gamma_edge(a, x, p)) return p;
  return x < a + 1 ? gamma_p_series(a, x) : 1 - gamma_q_fraction(a, x);
}

double igammac(double a, double x) {
  double p;
  if (gamma_edge(a, x, p)) return 1 - p;
  return x < a + 1 ? 1 - gamma_p_series(a, x) : gamma_q_fraction(a, x);
}

double polynomial(Poly kind, double x, double degree) {
  if (std::isnan(degree)) return kNaN;
  if (degree <= -1) return 0;
  if (degree < 1) return 1;       // a fraction of a degree is cut off
  if (degree > 1e6) return kNaN;  // millions of steps of a recurrence that has lost every digit
  auto n = static_cast<long>(degree);
  double before = 1, now = x;
  switch (kind) {
    case Poly::ChebyshevT:
    case Poly::LegendreP:
    case Poly::HermiteHe: now = x; break;
    case Poly::ChebyshevU:
    case Poly::HermiteH: now = 2 * x; break;
    case Poly::ChebyshevV: now = 2 * x - 1; break;
    case Poly::ChebyshevW: now = 2 * x + 1; break;
    case Poly::LaguerreL: now = 1 - x; break;
  }
  for (long k = 1; k < n; ++k) {
    double next;
    auto d = static_cast<double>(k);
    switch (kind) {
      case Poly::HermiteH: next = 2 * x * now - 2 * d * before; break;
      case Poly::HermiteHe: next = x * now - d * before; break;
      case Poly::LaguerreL: next = ((2 * d + 1 - x) * now - d * before) / (d + 1); break;
      case Poly::LegendreP: next = ((2 * d + 1) * x * now - d * before) / (d + 1); break;
      default: next = 2 * x * now - before; break;
    }
    before = now;
    now = next;
  }
  return now;
}

}  // namespace fj::special
