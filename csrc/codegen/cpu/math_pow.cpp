// x ** y of floats: e^(y ln |x|) with ln |x| in two floats, to 33 bits of itself, so that results are good to 0.57 ulps
// on AVX-512 and 0.8 on AVX2 (subnormal ones round twice). Constants of polynomials interpolate at Chebyshev points.
#include <cmath>
#include <iterator>
#include <span>

#include "codegen/cpu/math_f64.h"

namespace fj::codegen::cpu {
namespace {

constexpr LT F = LT::F32, Z = LT::I32;
constexpr float kInf = __builtin_inff(), kNan = __builtin_nanf("");

// 1/m, nearly, in 64ths and in 32nds, by the interval of a mantissa m: each r = m inverse - 1 is exact in f32. 1 (and
// 1/2) near 1 (and 2), and small r around, so that logarithms near 0 lose nothing.
constexpr uint8_t kInverse512[] = {64, 61, 59, 58, 56, 55, 53, 52, 51, 49, 48, 47, 46, 45, 44, 43,
                                   42, 41, 41, 40, 39, 38, 38, 37, 36, 36, 35, 34, 34, 33, 33, 32};
constexpr uint8_t kInverse[] = {32, 29, 26, 24, 22, 20, 18, 17};
static_assert(std::size(kInverse512) == 2 * kTableFloats512 && std::size(kInverse) == kTableFloats);

// What is looked up, in two registers on AVX-512, one on AVX2. ln + ln_low = -ln(inverse), ln a multiple of 2^-16. By
// the last bits of n, a multiple of 1/32 (1/8): root + root_low = 2^(n - floor n).
struct Tables {
  static constexpr int kMost = 2 * kTableFloats512;
  float inverse[kMost], ln[kMost], ln_low[kMost], root[kMost], root_low[kMost];
  float ln2, ln2_low;

  Tables(std::span<const uint8_t> inverses, double parts) {
    for (size_t i = 0; i < inverses.size(); ++i) {
      inverse[i] = static_cast<float>(inverses[i] / parts);
      split(-std::log(inverses[i] / parts), 0x1p16, &ln[i], &ln_low[i]);
      split(std::exp2(static_cast<double>(i) / static_cast<double>(inverses.size())), 0x1p23, &root[i], &root_low[i]);
    }
    split(std::log(2), 0x1p16, &ln2, &ln2_low);
  }

 private:
  static void split(double value, double unit, float* high, float* low) {
    *high = static_cast<float>(std::round(value * unit) / unit);
    *low = static_cast<float>(value - *high);
  }
};

const Tables& tables(const MBuilder& b) {
  static const Tables wide(kInverse512, 64), narrow(kInverse, 32);
  return b.avx512 ? wide : narrow;
}

MV look(MBuilder& b, MV index, const float* entries) {
  return b.lookup(index, b.table(entries), b.avx512 ? b.table(entries + kTableFloats512) : kNoValue);
}

struct Pair {
  MV high, low;  // a value in two floats
};

struct Split {
  MV e, m, index;  // 2^e m
};

// 0 < a < inf. On AVX2 subnormal numbers are scaled first, and what is up to kShift below 2 is halved.
Split split(MBuilder& b, MV a) {
  if (b.avx512) {
    MV m = b.op(MOp::GetMant, F, a);
    return {b.op(MOp::GetExp, F, a), m, b.shr(Z, m, 18)};
  }
  constexpr int32_t kOne = 0x3f800000, kShift = 81 << 13;  // 0.0791: where the largest errors are alike
  MV tiny = b.cmp(F, kLt, a, b.f(0x1p-126f));
  MV up = b.select(F, tiny, b.mul(F, a, b.f(0x1p24f)), a), bias = b.select(F, tiny, b.f(-24), b.f(0));
  MV t = b.sub(Z, up, b.i(kOne - kShift));
  MV m = b.sub(Z, up, b.band(Z, t, b.i(static_cast<int32_t>(0xff800000))));
  return {b.add(F, b.cvt(CvtKind::I32ToF32, F, b.sar(Z, t, 23)), bias), m, b.shr(Z, t, 20)};
}

// ln a, 0 < a < inf: with r = m inverse - 1, e ln2 + ln + (r - r^2/2 + r^3 q(r)). Every sum keeps what it rounds off.
Pair log_pair(MBuilder& b, MV a) {
  static constexpr double kTail512[] = {-0.16678882048391866, 0.20013960171045186, -0.249999985087189,
                                        0.33333331629049073};  // |r| <= 1/32
  static constexpr double kTail[] = {0.1434680051681902, -0.16735383188716146, 0.19999933013257656,
                                     -0.24999924647433575, 0.3333333333333333};  // <= 0.066
  const Tables& of = tables(b);
  Split s = split(b, a);
  MV r = b.fms(F, s.m, look(b, s.index, of.inverse), b.f(1)), half = b.mul(F, r, b.f(0.5f));
  MV p = b.fnma(F, half, r, r), lost = b.fnma(F, half, r, b.sub(F, r, p));
  MV q = b.avx512 ? b.poly(F, r, kTail512) : b.poly(F, r, kTail);
  MV low = b.fma(F, b.mul(F, b.mul(F, r, r), r), q, lost);
  MV base = b.fma(F, s.e, b.f(of.ln2), look(b, s.index, of.ln));  // exact; 0 or of a larger magnitude than p
  MV sum = b.add(F, base, p);
  low = b.add(F, low, b.sub(F, p, b.sub(F, sum, base)));
  return {sum, b.add(F, low, b.fma(F, s.e, b.f(of.ln2_low), look(b, s.index, of.ln_low)))};
}

// y log2(e)
Pair binary(MBuilder& b, MV y) {
  constexpr double kLog2e = 1.4426950408889634;
  constexpr float kHigh = static_cast<float>(kLog2e), kLow = static_cast<float>(kLog2e - kHigh);
  if (std::optional<float> known = b.known(y)) {
    double whole = *known * kLog2e;
    float high = static_cast<float>(whole);
    return {b.f(high), b.f(static_cast<float>(whole - high))};
  }
  MV high = b.mul(F, y, b.f(kHigh));
  return {high, b.fma(F, y, b.f(kLow), b.fms(F, y, b.f(kHigh), high))};
}

// y 2^floor(n) for y in [1, 2.1) and n in [-160, 160], m = n + 1.5 2^20
MV scale_avx2(MBuilder& b, MV y, MV m) {
  MV e = b.sar(Z, m, 3), half = b.sar(Z, e, 1);  // the shifts by 23 drop what the sum put above n
  MV power = b.add(Z, b.shl(Z, b.sub(Z, e, half), 23), b.i(127 << 23));
  return b.mul(F, b.add(Z, y, b.shl(Z, half, 23)), power);
}

// 2^(t.high + t.low). Where that is so far from 1 that f is arbitrary, n alone decides.
MV exp2_pair(MBuilder& b, Pair t) {
  static constexpr double kExp512[] = {0.05550435771740449, 0.24022830349526758, 0.6931471805599453};  // |f| <= 1/64
  static constexpr double kExp[] = {0.009618742920573983, 0.055509421987157304, 0.24022650665336182,
                                    0.6931471779133872};  // |f| <= 1/16
  MV magic = b.f(b.avx512 ? 0x1.8p18f : 0x1.8p20f);       // adding it leaves a multiple of 1/32 (1/8) in the low bits
  MV whole = b.add(F, t.high, t.low);
  MV m = b.add(F, b.avx512 ? whole : clamp(b, F, whole, -160, 160), magic), n = b.sub(F, m, magic);
  MV f = b.add(F, b.sub(F, t.high, n), t.low);
  if (!b.avx512) f = clamp(b, F, f, -0.125f, 0.125f);
  MV u = b.mul(F, f, b.avx512 ? b.poly(F, f, kExp512) : b.poly(F, f, kExp));
  MV root = look(b, m, tables(b).root);
  MV y = b.add(F, root, b.fma(F, root, u, look(b, m, tables(b).root_low)));
  return b.avx512 ? b.scalef(F, b.op(MOp::MinAbs, F, y, b.f(2.1f)), n) : scale_avx2(b, y, m);
}

// |x| ** y for 0 < |x| < inf; NaN where y is.
MV power(MBuilder& b, MV a, MV y) {
  Pair ln = log_pair(b, a), factor = binary(b, y);
  MV t = b.mul(F, ln.high, factor.high);
  MV low = b.fma(F, ln.low, factor.high, b.fms(F, ln.high, factor.high, t));
  return exp2_pair(b, {t, b.fma(F, ln.high, factor.low, low)});
}

MV signed_like(MBuilder& b, MV x, MV y) { return b.bxor(F, y, b.sign_bits(F, x)); }

// `result`, but `edge` (which is NaN where a is) where a is 0, inf or NaN
MV with_edge(MBuilder& b, MV a, MV result, MV edge) {
  return b.select(F, b.mand(b.cmp(F, kLt, b.f(0), a), b.cmp(F, kLt, a, b.f(kInf))), result, edge);
}

MV with_known(MBuilder& b, MV x, float y) {
  bool whole = y == std::trunc(y), odd = whole && std::fmod(y, 2) != 0;
  MV a = b.abs_bits(F, x), result = power(b, a, b.f(y));
  if (!whole) result = b.select(F, b.sign_mask(x), b.f(kNan), result);
  result = with_edge(b, a, result, y > 0 ? a : b.div(F, b.f(1), a));
  return odd ? signed_like(b, x, result) : result;
}

MV with_any(MBuilder& b, MV x, MV y) {
  MV a = b.abs_bits(F, x), zero = b.f(0), one = b.f(1);
  // Beyond 2^32 y is as good as infinite, and even: |ln a| >= 2^-24 where it is not 0.
  MV exponent = clamp(b, F, y, -0x1p32f, 0x1p32f), halves = b.round(F, b.mul(F, exponent, b.f(0.5f)), kToZero);
  MV rest = b.abs_bits(F, b.fnma(F, halves, b.f(2), exponent));  // 0 if y is even, 1 if odd
  MV odd = b.cmp(F, kEq, rest, one), whole = b.mor(odd, b.cmp(F, kEq, rest, zero));
  MV result = b.select(F, b.mand(b.sign_mask(x), b.mnot(whole)), b.f(kNan), power(b, a, exponent));
  result = with_edge(b, a, result, b.select(F, b.sign_mask(y), b.div(F, one, a), a));
  result = b.select(F, odd, signed_like(b, x, result), result);
  result = b.select(F, b.is_nan(F, y), y, result);
  return b.select(F, b.mor(b.cmp(F, kEq, y, zero), b.cmp(F, kEq, x, one)), one, result);
}

}  // namespace

MV pow_f32(MBuilder& b, MV x, MV y) {
  std::optional<float> known = b.known(y);
  bool plain = known && std::abs(*known) <= 0x1p32f && *known != 0;
  return plain ? with_known(b, x, *known) : with_any(b, x, y);
}

}  // namespace fj::codegen::cpu
