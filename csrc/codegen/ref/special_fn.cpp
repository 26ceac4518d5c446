// erfinv: Giles' single-precision approximation, then Newton steps. digamma: recurrence to x >= 10, then the asymptotic
// series; reflection for negative arguments. philox: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3".
#include "codegen/ref/special_fn.h"

#include <cmath>
#include <limits>

namespace fj::codegen::special {
namespace {

constexpr double kPi = 3.14159265358979323846;

double erfinv_start(double x) {
  double w = -std::log((1 - x) * (1 + x));
  static constexpr double kNear[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                                     -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
  static constexpr double kFar[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                                    -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
  const double* c = w < 5 ? kNear : kFar;
  w = w < 5 ? w - 2.5 : std::sqrt(w) - 3;
  double p = c[0];
  for (int i = 1; i < 9; ++i) p = p * w + c[i];
  return p * x;
}

}  // namespace

double erfinv(double x) {
  if (!(std::fabs(x) < 1)) {
    double inf = std::numeric_limits<double>::infinity();
    return std::fabs(x) == 1 ? std::copysign(inf, x) : std::numeric_limits<double>::quiet_NaN();
  }
  if (x == 0) return x;
  double a = std::fabs(x), y = erfinv_start(a);
  for (int i = 0; i < 3; ++i) {
    double miss = a > 0.5 ? (1 - a) - std::erfc(y) : std::erf(y) - a;
    double step = miss * std::sqrt(kPi) / 2 * std::exp(y * y);
    y -= step / (1 + y * step);
  }
  return std::copysign(y, x);
}

double lgamma(double x) {
#if defined(__GLIBC__) || defined(__linux__)
  int sign;
  return ::lgamma_r(x, &sign);
#else
  return std::lgamma(x);
#endif
}

double digamma(double x) {
  if (x == 0) return std::copysign(std::numeric_limits<double>::infinity(), -x);
  double shift = 0;
  if (x < 0) {
    if (x == std::trunc(x)) return std::numeric_limits<double>::quiet_NaN();
    double whole;
    shift = -kPi / std::tan(kPi * std::modf(x, &whole));
    x = 1 - x;
  }
  for (; x < 10; x += 1) shift -= 1 / x;
  if (x == 10) return shift + 2.25175258906672110764;
  static constexpr double kSeries[] = {
      8.33333333333333333333e-2, -2.10927960927960927961e-2, 7.57575757575757575758e-3, -4.16666666666666666667e-3,
      3.96825396825396825397e-3, -8.33333333333333333333e-3, 8.33333333333333333333e-2};
  double y = 0;
  if (x < 1e17) {
    double z = 1 / (x * x), p = kSeries[0];
    for (int i = 1; i < 7; ++i) p = p * z + kSeries[i];
    y = z * p;
  }
  return std::log(x) - 0.5 / x - y + shift;
}

uint32_t philox(uint64_t key, uint64_t counter) {
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  uint32_t c0 = static_cast<uint32_t>(counter), c1 = static_cast<uint32_t>(counter >> 32), c2 = 0, c3 = 0;
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
    uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0, n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c0;
}

}  // namespace fj::codegen::special
