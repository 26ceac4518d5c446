// What every scalar op means: fn_<Name>, one for each row of loop/scalar_ops.def. f32 functions without an exact IEEE
// definition are computed in double and rounded, so that they are good to half an ulp.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "codegen/ref/special_fn.h"

namespace fj::codegen::scalar {

template <class T>
concept Fp = std::is_floating_point_v<T>;
template <class T>
using Wide = std::conditional_t<Fp<T>, T, uint64_t>;  // integers wrap around in 64 bits
template <class T>
constexpr T wrap(Wide<T> v) {
  return static_cast<T>(v);
}

template <class T>
T fn_Add(T a, T b) {
  return wrap<T>(Wide<T>(a) + Wide<T>(b));
}
template <class T>
T fn_Sub(T a, T b) {
  return wrap<T>(Wide<T>(a) - Wide<T>(b));
}
template <class T>
T fn_Mul(T a, T b) {
  return wrap<T>(Wide<T>(a) * Wide<T>(b));
}
template <class T>
T fn_Neg(T a) {
  if constexpr (Fp<T>)
    return -a;
  else
    return wrap<T>(0 - Wide<T>(a));
}
template <Fp T>
T fn_Div(T a, T b) {
  return a / b;
}
template <Fp T>
T fn_Fma(T a, T b, T c) {
  return std::fma(a, b, c);
}

template <class T>
T fn_TruncDiv(T a, T b) {
  if constexpr (Fp<T>)
    return std::trunc(a / b);
  else if (b == 0)
    return 0;
  else if (std::is_signed_v<T> && b == T(-1))
    return fn_Neg(a);
  else
    return static_cast<T>(a / b);
}
template <class T>
T fn_Fmod(T a, T b) {
  if constexpr (Fp<T>)
    return std::fmod(a, b);
  else if (b == 0 || (std::is_signed_v<T> && b == T(-1)))
    return 0;
  else
    return static_cast<T>(a % b);
}
template <class T>
T fn_Rem(T a, T b) {
  T m = fn_Fmod(a, b);
  return m != 0 && ((b < 0) != (m < 0)) ? static_cast<T>(m + b) : m;
}
template <class T>
T fn_FloorDiv(T a, T b) {
  if constexpr (Fp<T>) {
    if (b == 0) return a / b;
    T mod = std::fmod(a, b), div = (a - mod) / b;
    if (mod != 0 && ((b < 0) != (mod < 0))) div -= 1;
    if (div == 0) return std::copysign(T(0), a / b);
    T down = std::floor(div);
    return div - down > T(0.5) ? down + 1 : down;
  } else {
    T q = fn_TruncDiv(a, b);
    bool exact = fn_Mul(q, b) == a;
    return b != 0 && !exact && ((a < 0) != (b < 0)) ? static_cast<T>(q - 1) : q;
  }
}
template <class T>
T fn_Pow(T a, T b) {
  if constexpr (Fp<T>) return static_cast<T>(std::pow(static_cast<double>(a), static_cast<double>(b)));
  if (std::is_signed_v<T> && b < 0)
    return a == 1 ? T(1) : a == T(-1) ? (static_cast<int64_t>(b) & 1 ? T(-1) : T(1)) : T(0);
  uint64_t r = 1, base = static_cast<uint64_t>(a);
  for (uint64_t e = static_cast<uint64_t>(b); e; e >>= 1, base *= base)
    if (e & 1) r *= base;
  return static_cast<T>(r);
}
template <class T>
T fn_Min(T a, T b) {
  return a != a ? a : b != b ? b : b < a ? b : a;
}
template <class T>
T fn_Max(T a, T b) {
  return a != a ? a : b != b ? b : a < b ? b : a;
}
template <Fp T>
T fn_FMin(T a, T b) {
  return a != a ? b : b != b ? a : b < a ? b : a;
}
template <Fp T>
T fn_FMax(T a, T b) {
  return a != a ? b : b != b ? a : a < b ? b : a;
}
template <class T>
T fn_Abs(T a) {
  if constexpr (Fp<T>)
    return std::fabs(a);
  else
    return std::is_signed_v<T> && a < 0 ? fn_Neg(a) : a;
}
template <class T>
T fn_Sign(T a) {
  return static_cast<T>((a > 0) - (a < 0));
}

// In the instruction's type bool is uint8_t 0 or 1; the table gives bool its own Not.
template <class T>
T fn_And(T a, T b) {
  return static_cast<T>(a & b);
}
template <class T>
T fn_Or(T a, T b) {
  return static_cast<T>(a | b);
}
template <class T>
T fn_Xor(T a, T b) {
  return static_cast<T>(a ^ b);
}
template <class T>
T fn_Not(T a) {
  if constexpr (std::is_same_v<T, bool>)
    return !a;
  else
    return static_cast<T>(~a);
}
template <class T>
bool count_outside(T n) {
  return n < 0 || static_cast<uint64_t>(n) >= sizeof(T) * 8;
}
template <class T>
T fn_Shl(T a, T n) {
  return count_outside(n) ? T(0) : wrap<T>(static_cast<uint64_t>(a) << n);
}
template <class T>
T fn_Shr(T a, T n) {
  return count_outside(n) ? T(std::is_signed_v<T> && a < 0 ? -1 : 0) : static_cast<T>(a >> n);
}
template <class T>
T fn_Gcd(T a, T b) {
  using U = std::make_unsigned_t<T>;
  U x = static_cast<U>(fn_Abs(a)), y = static_cast<U>(fn_Abs(b));
  while (y) {
    U t = static_cast<U>(x % y);
    x = y;
    y = t;
  }
  return static_cast<T>(x);
}

template <class T>
bool fn_Eq(T a, T b) {
  return a == b;
}
template <class T>
bool fn_Ne(T a, T b) {
  return a != b;
}
template <class T>
bool fn_Lt(T a, T b) {
  return a < b;
}
template <class T>
bool fn_Le(T a, T b) {
  return a <= b;
}
template <class T>
bool fn_Gt(T a, T b) {
  return a > b;
}
template <class T>
bool fn_Ge(T a, T b) {
  return a >= b;
}
template <Fp T>
bool fn_IsNan(T a) {
  return a != a;
}
template <Fp T>
bool fn_IsInf(T a) {
  return std::fabs(a) == std::numeric_limits<T>::infinity();
}
template <Fp T>
bool fn_IsFinite(T a) {
  return std::fabs(a) < std::numeric_limits<T>::infinity();
}
template <Fp T>
bool fn_SignBit(T a) {
  return std::signbit(a);
}

template <Fp T>
T fn_Floor(T a) {
  return std::floor(a);
}
template <Fp T>
T fn_Ceil(T a) {
  return std::ceil(a);
}
template <Fp T>
T fn_Round(T a) {
  return std::nearbyint(a);
}
template <Fp T>
T fn_Trunc(T a) {
  return std::trunc(a);
}
template <Fp T>
T fn_Frac(T a) {
  return a - std::trunc(a);
}
template <Fp T>
T fn_Copysign(T a, T b) {
  return std::copysign(a, b);
}
template <Fp T>
T fn_Nextafter(T a, T b) {
  return std::nextafter(a, b);
}
template <Fp T>
T fn_Sqrt(T a) {
  return std::sqrt(a);
}
template <Fp T>
T fn_Rsqrt(T a) {
  return T(1) / std::sqrt(a);
}

// f(double) rounded to T.
#define FJ_VIA_DOUBLE(Name, expr)      \
  template <Fp T>                      \
  T fn_##Name(T a) {                   \
    double x = static_cast<double>(a); \
    return static_cast<T>(expr);       \
  }
#define FJ_VIA_DOUBLE2(Name, f)                                               \
  template <Fp T>                                                             \
  T fn_##Name(T a, T b) {                                                     \
    return static_cast<T>(f(static_cast<double>(a), static_cast<double>(b))); \
  }
FJ_VIA_DOUBLE2(Hypot, std::hypot)
FJ_VIA_DOUBLE2(Atan2, std::atan2)
FJ_VIA_DOUBLE(Exp, std::exp(x))
FJ_VIA_DOUBLE(Exp2, std::exp2(x))
FJ_VIA_DOUBLE(Expm1, std::expm1(x))
FJ_VIA_DOUBLE(Log, std::log(x))
FJ_VIA_DOUBLE(Log2, std::log2(x))
FJ_VIA_DOUBLE(Log10, std::log10(x))
FJ_VIA_DOUBLE(Log1p, std::log1p(x))
FJ_VIA_DOUBLE(Sigmoid, x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)))
FJ_VIA_DOUBLE(Sin, std::sin(x))
FJ_VIA_DOUBLE(Cos, std::cos(x))
FJ_VIA_DOUBLE(Tan, std::tan(x))
FJ_VIA_DOUBLE(Asin, std::asin(x))
FJ_VIA_DOUBLE(Acos, std::acos(x))
FJ_VIA_DOUBLE(Atan, std::atan(x))
FJ_VIA_DOUBLE(Sinh, std::sinh(x))
FJ_VIA_DOUBLE(Cosh, std::cosh(x))
FJ_VIA_DOUBLE(Tanh, std::tanh(x))
FJ_VIA_DOUBLE(Asinh, std::asinh(x))
FJ_VIA_DOUBLE(Acosh, std::acosh(x))
FJ_VIA_DOUBLE(Atanh, std::atanh(x))
FJ_VIA_DOUBLE(Erf, std::erf(x))
FJ_VIA_DOUBLE(Erfc, std::erfc(x))
FJ_VIA_DOUBLE(Erfinv, special::erfinv(x))
FJ_VIA_DOUBLE(Lgamma, special::lgamma(x))
FJ_VIA_DOUBLE(Digamma, special::digamma(x))
#undef FJ_VIA_DOUBLE
#undef FJ_VIA_DOUBLE2

}  // namespace fj::codegen::scalar
