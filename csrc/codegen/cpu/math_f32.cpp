// f32 functions as machine-level arithmetic, good over the whole range: about one ulp, NaN and infinities as IEEE has
// them, and subnormal results where they exist. Arguments that the short reduction of sin and cos cannot take go out of
// line. Where x86 min and max return their second operand on NaN, constants stand first.
#include "codegen/cpu/math_f64.h"

namespace fj::codegen::cpu {

using loop::Op;

namespace {

constexpr LT F = LT::F32, Z = LT::I32;
constexpr float kInf = __builtin_inff(), kNan = __builtin_nanf("");

// Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
constexpr float kMagic = 12582912.0f;
constexpr int32_t kMagicBits = 0x4b400000;

struct Reduced {
  MV m, n, r;  // x = n ln2 + r, n integral; m = n + kMagic
};

Reduced reduce_ln2(MBuilder& b, MV x) {
  MV m = b.fma(F, x, b.f(1.44269504f), b.f(kMagic)), n = b.sub(F, m, b.f(kMagic));
  MV r = b.fnma(F, n, b.f(0.693359375f), x);
  return {m, n, b.fnma(F, n, b.f(-2.12194440e-4f), r)};
}

// e^r = 1 + r + r^2 p(r) on [-ln2/2, ln2/2]
constexpr double kExp[] = {0.001381453825160861, 0.00836874544620514, 0.04166838899254799, 0.1666652113199234,
                           0.4999999403953552};
MV expm1_reduced(MBuilder& b, MV r) { return b.fma(F, b.poly(F, r, kExp), b.mul(F, r, r), r); }
MV exp_reduced(MBuilder& b, MV r) {
  MV p = b.fma(F, b.poly(F, r, kExp), r, b.f(1));
  return b.fma(F, p, r, b.f(1));
}

// 2^(n + shift) from n + kMagic, in the normal range
MV power_of_two(MBuilder& b, MV m, int shift = 0) { return b.add(Z, b.shl(Z, m, 23), b.i((127 + shift) << 23)); }

// y 2^n for n in [-160, 160], rounded once
MV scale(MBuilder& b, MV y, Reduced d, int shift = 0) {
  if (b.avx512) return b.scalef(F, y, shift == 0 ? d.n : b.add(F, d.n, b.f(static_cast<float>(shift))));
  // 2^n in two factors. The magic bits above n are multiples of 2^10 in both halves: the shift by 23 drops them.
  MV half = b.sar(Z, d.m, 1), rest = b.sub(Z, d.m, half);
  static_assert((kMagicBits >> 1) % 512 == 0 && (kMagicBits - (kMagicBits >> 1)) % 512 == 0);
  return b.mul(F, b.mul(F, y, power_of_two(b, half)), power_of_two(b, rest, shift));
}

// 2^(k/32); the eight of AVX2 are every fourth.
constexpr float kRoots[32] = {1.0f,        1.0218972f,  1.04427373f, 1.06714046f, 1.09050775f, 1.1143868f,  1.13878858f,
                              1.1637249f,  1.18920708f, 1.21524739f, 1.24185777f, 1.26905096f, 1.29683959f, 1.32523668f,
                              1.35425556f, 1.38390994f, 1.41421354f, 1.44518077f, 1.47682619f, 1.50916445f, 1.54221082f,
                              1.5759809f,  1.61049032f, 1.64575553f, 1.68179286f, 1.71861935f, 1.75625217f, 1.79470909f,
                              1.8340081f,  1.87416768f, 1.91520655f, 1.95714414f};
constexpr float kRoots8[8] = {1.0f,        1.09050775f, 1.18920708f, 1.29683959f,
                              1.41421354f, 1.54221082f, 1.68179286f, 1.8340081f};

struct Looked {
  MV m, n, r, low;  // x = n ln2 + r + low; m = n + magic, n a multiple of 1/32 (1/8)
};

// The f32 nearest to ln2 is too large by 1.023 * 2^-29: n ln2 is one product, then r is exact, and the low part comes
// out of the bits of m by subtracting 29 from the exponent: what multiplies is scarcer than what adds.
Looked reduce_looked(MBuilder& b, MV x, float magic) {
  MV m = b.fma(F, x, b.f(1.44269504f), b.f(magic)), n = b.sub(F, m, b.f(magic));
  MV low = b.avx512 ? b.scalef(F, n, b.f(-29)) : b.sub(F, b.sub(Z, m, b.i(29 << 23)), b.f(magic * 0x1p-29f));
  return {m, n, b.fnma(F, n, b.f(0.693147182f), x), low};
}

// e^x 2^shift. Where |x| is so large that r is arbitrary, y stays in [0, 2.1] and n alone decides. `fine`: 1.3 ulp,
// else 1.8.
MV exp_512(MBuilder& b, MV x, int shift, bool fine) {
  Looked d = reduce_looked(b, x, 0x1.8p18f);
  MV root = b.lookup(d.m, b.table(kRoots), b.table(kRoots + kTableFloats512));
  MV p = fine ? b.fma(F, b.fma(F, d.r, b.f(0.166666672f), b.f(0.5f)), d.r, b.f(1))
              : b.fma(F, d.r, b.f(0.49999997f), b.f(1.00001466f));
  MV t = b.fma(F, d.r, p, d.low);
  MV y = b.op(MOp::MinAbs, F, b.fma(F, root, t, root), b.f(2.1f));
  return b.scalef(F, y, shift == 0 ? d.n : b.add(F, d.n, b.f(static_cast<float>(shift))));
}

// Likewise; half of n goes into the root's exponent, the rest is a factor, so that subnormal results round once.
MV exp_avx2(MBuilder& b, MV x, int shift) {
  constexpr int32_t kBits = 0x49c00000;  // of the magic number
  static_assert((kBits >> 3) % 1024 == 0, "the shifts by 23 must drop it");
  Looked d = reduce_looked(b, clamp(b, F, x, -105, 90), 0x1.8p20f);
  MV e = b.sar(Z, d.m, 3), half = b.sar(Z, e, 1);
  MV root = b.add(Z, b.lookup(d.m, b.table(kRoots8)), b.shl(Z, half, 23));
  MV p = b.fma(F, b.fma(F, d.r, b.f(0.166642889f), b.f(0.500065029f)), d.r, b.f(1));
  MV y = b.fma(F, root, b.fma(F, d.r, p, d.low), root);
  return b.mul(F, y, power_of_two(b, b.sub(Z, e, half), shift));
}

// For functions that add errors of their own.
MV exp_shifted(MBuilder& b, MV x, int shift) { return b.avx512 ? exp_512(b, x, shift, true) : exp_avx2(b, x, shift); }

MV exp(MBuilder& b, MV x, MV) { return b.avx512 ? exp_512(b, x, 0, false) : exp_avx2(b, x, 0); }

MV exp2(MBuilder& b, MV x, MV) {
  x = clamp(b, F, x, -151, 129);
  MV m = b.add(F, x, b.f(kMagic)), n = b.sub(F, m, b.f(kMagic));
  return scale(b, exp_reduced(b, b.mul(F, b.sub(F, x, n), b.f(0.693147181f))), {m, n, n});
}

MV expm1(MBuilder& b, MV x, MV) {
  // Half of 2^n, so that n = 128 stays finite until the last step.
  Reduced d = reduce_ln2(b, clamp(b, F, x, -18, 88.8f));
  MV half = power_of_two(b, d.m, -1);
  MV y = b.fma(F, half, expm1_reduced(b, d.r), b.sub(F, half, b.f(0.5f)));
  return b.bor(F, b.add(F, y, y), b.sign_bits(F, x));
}

MV sigmoid(MBuilder& b, MV x, MV) {
  MV e = exp_shifted(b, b.bor(F, x, b.i(static_cast<int32_t>(0x80000000u))), 0);
  MV negative = b.sign_mask(x);
  return b.div(F, b.select(F, negative, e, b.f(1)), b.add(F, e, b.f(1)));
}

MV tanh(MBuilder& b, MV x, MV) {
  MV a = b.op(MOp::MinRaw, F, b.f(10), b.abs_bits(F, x));
  Reduced d = reduce_ln2(b, b.mul(F, a, b.f(-2)));
  MV s = power_of_two(b, d.m);
  MV t = b.fma(F, s, expm1_reduced(b, d.r), b.sub(F, s, b.f(1)));  // expm1(-2a)
  MV y = b.div(F, t, b.add(F, t, b.f(2)));
  return b.bor(F, b.abs_bits(F, y), b.sign_bits(F, x));
}

MV cosh(MBuilder& b, MV x, MV) {
  MV e = exp_shifted(b, b.abs_bits(F, x), -1);
  return b.add(F, e, b.div(F, b.f(0.25f), e));
}

MV sinh(MBuilder& b, MV x, MV) {
  static constexpr double kOdd[] = {2.75573192e-6, 1.98412698e-4, 8.33333333e-3, 1.66666667e-1};
  MV a = b.abs_bits(F, x), e = exp_shifted(b, a, -1);
  MV far = b.sub(F, e, b.div(F, b.f(0.25f), e));
  MV q = b.mul(F, a, a), near = b.fma(F, b.mul(F, b.poly(F, q, kOdd), q), a, a);
  MV y = b.select(F, b.cmp(F, kLt, a, b.f(1)), near, far);
  return b.bor(F, y, b.sign_bits(F, x));
}

struct Split {
  MV e, f;  // x = 2^e (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1]
};

Split split(MBuilder& b, MV x) {
  MV tiny = b.cmp(F, kLt, x, b.f(1.17549435e-38f));
  MV up = b.select(F, tiny, b.mul(F, x, b.f(8388608.0f)), x);
  MV bias = b.select(F, tiny, b.f(-23), b.f(0));
  MV whole = b.sar(Z, b.sub(Z, up, b.i(0x3f3504f3)), 23);
  MV m = b.sub(Z, up, b.shl(Z, whole, 23));
  return {b.add(F, b.cvt(CvtKind::I32ToF32, F, whole), bias), b.sub(F, m, b.f(1))};
}

// log(1+f) - f, with the leading -f^2/2 kept apart for its rounding
MV log_tail(MBuilder& b, MV f) {
  static constexpr double kLog[] = {7.0376836292e-2,  -1.1514610310e-1, 1.1676998740e-1,
                                    -1.2420140846e-1, 1.4249322787e-1,  -1.6668057665e-1,
                                    2.0000714765e-1,  -2.4999993993e-1, 3.3333331174e-1};
  MV q = b.mul(F, f, f);
  return b.fma(F, b.mul(F, b.poly(F, f, kLog), f), q, b.mul(F, q, b.f(-0.5f)));
}

// What a logarithm gives outside (0, inf).
MV log_edges(MBuilder& b, MV x, MV y) {
  y = b.select(F, b.cmp(F, kLt, x, b.f(kInf)), y, x);  // inf and NaN give themselves
  y = b.select(F, b.cmp(F, kEq, x, b.f(0)), b.f(-kInf), y);
  return b.select(F, b.cmp(F, kLt, x, b.f(0)), b.f(kNan), y);
}

MV log_inner(MBuilder& b, MV x) {
  Split s = split(b, x);
  MV y = b.fma(F, s.e, b.f(-2.12194440e-4f), log_tail(b, s.f));
  return b.fma(F, s.e, b.f(0.693359375f), b.add(F, y, s.f));
}

MV log(MBuilder& b, MV x, MV) { return log_edges(b, x, log_inner(b, x)); }

MV log2(MBuilder& b, MV x, MV) {
  Split s = split(b, x);
  // log2(e) = 1 + 0.4427: (f + t) log2(e) = f + (f 0.4427 + t log2(e))
  MV t = log_tail(b, s.f);
  MV low = b.fma(F, s.f, b.f(0.44269504f), b.mul(F, t, b.f(1.44269504f)));
  return log_edges(b, x, b.add(F, b.add(F, low, s.f), s.e));
}

MV log10(MBuilder& b, MV x, MV) {
  Split s = split(b, x);
  MV t = log_tail(b, s.f);
  MV y = b.fma(F, t, b.f(0.434294482f), b.mul(F, s.f, b.f(1.00891485e-8f)));
  y = b.fma(F, s.e, b.f(7.90341836e-7f), y);
  y = b.fma(F, s.f, b.f(0.43429447f), y);
  return log_edges(b, x, b.fma(F, s.e, b.f(0.301029205f), y));
}

MV log1p_inner(MBuilder& b, MV x) {
  MV one = b.f(1), u = b.add(F, x, one), v = b.sub(F, u, one);
  MV lost = b.add(F, b.sub(F, one, b.sub(F, u, v)), b.sub(F, x, v));
  MV q = b.div(F, lost, u);
  MV plain = b.mand(b.cmp(F, kLt, b.f(0), u), b.cmp(F, kLt, u, b.f(kInf)));
  MV y = b.add(F, log_inner(b, u), b.select(F, plain, q, b.f(0)));
  return log_edges(b, u, y);
}
MV log1p(MBuilder& b, MV x, MV) { return b.bor(F, log1p_inner(b, x), b.sign_bits(F, x)); }

struct Quadrant {
  MV q, sin, cos;
};

Quadrant reduce_pi(MBuilder& b, MV x) {
  static constexpr double kSin[] = {-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1};
  static constexpr double kCos[] = {2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2};
  MV m = b.fma(F, x, b.f(0.636619772f), b.f(kMagic)), n = b.sub(F, m, b.f(kMagic));
  MV r = b.fnma(F, n, b.f(1.57079625f), x);  // parts as in sin_or_cos
  r = b.fnma(F, n, b.f(7.54978942e-8f), r);
  r = b.fnma(F, n, b.f(5.39030253e-15f), r);
  MV s = b.mul(F, r, r);
  MV sin = odd_sum(b, F, r, b.poly(F, s, kSin), s);
  MV cos = b.fma(F, b.mul(F, b.poly(F, s, kCos), s), s, b.fma(F, s, b.f(-0.5f), b.f(1)));
  return {m, sin, cos};
}

// Up to here three parts of pi give sin, cos and tan their precision.
constexpr int kFarExponent = 16;

// x = n pi + r for sin; x = (n + 1/2) pi + r for cos, which is then -sin(r) (-1)^n.
MV sin_or_cos(MBuilder& b, MV x, bool cos) {
  static constexpr double kSin[] = {2.605765303087537e-06, -0.0001980959641514346, 0.00833306647837162,
                                    -0.16666659712791443};
  MV m, n;
  if (cos) {
    m = b.add(F, b.fma(F, x, b.f(0.318309886f), b.f(-0.5f)), b.f(kMagic));
    n = b.add(F, b.sub(F, m, b.f(kMagic)), b.f(0.5f));
  } else {
    m = b.fma(F, x, b.f(0.318309886f), b.f(kMagic));
    n = b.sub(F, m, b.f(kMagic));
  }
  // pi in three parts, all positive: then r keeps the sign of a zero.
  MV r = b.fnma(F, n, b.f(3.1415925f), x);
  r = b.fnma(F, n, b.f(1.50995788e-7f), r);
  r = b.fnma(F, n, b.f(1.0780605e-14f), r);
  MV q = b.mul(F, r, r);
  MV flip = b.shl(Z, cos ? b.sub(Z, m, b.i(1)) : m, 31);
  MV y = b.bxor(F, odd_sum(b, F, r, b.poly(F, q, kSin), q), flip);
  return b.far(F, y, cos ? Op::Cos : Op::Sin, x, kFarExponent, x);
}
MV sin(MBuilder& b, MV x, MV) { return sin_or_cos(b, x, false); }
MV cos(MBuilder& b, MV x, MV) { return sin_or_cos(b, x, true); }

MV tan(MBuilder& b, MV x, MV) {
  Quadrant d = reduce_pi(b, x);
  MV odd = b.shl(Z, d.q, 31), swap = b.sign_mask(odd);
  MV y = b.div(F, b.select(F, swap, d.cos, d.sin), b.select(F, swap, d.sin, d.cos));
  return b.far(F, b.bxor(F, y, odd), Op::Tan, x, kFarExponent, x);
}

constexpr double kAsin[] = {4.2163199048e-2, 2.4181311049e-2, 4.5470025998e-2, 7.4953002686e-2, 1.6666752422e-1};
MV asin_core(MBuilder& b, MV z, MV q) { return b.fma(F, b.mul(F, b.poly(F, q, kAsin), q), z, z); }

struct Halved {
  MV a, far, core;  // |x|; |x| > 1/2; asin of |x| or of sqrt((1-|x|)/2)
};
Halved halve(MBuilder& b, MV x) {
  MV a = b.abs_bits(F, x), far = b.cmp(F, kLt, b.f(0.5f), a);
  MV half = b.fnma(F, a, b.f(0.5f), b.f(0.5f));
  MV q = b.select(F, far, half, b.mul(F, a, a));
  return {a, far, asin_core(b, b.select(F, far, b.op(MOp::Sqrt, F, half), a), q)};
}

MV asin(MBuilder& b, MV x, MV) {
  Halved h = halve(b, x);
  MV away = b.add(F, b.fma(F, h.core, b.f(-2), b.f(-4.37113883e-8f)), b.f(1.57079637f));
  return b.bor(F, b.select(F, h.far, away, h.core), b.sign_bits(F, x));
}

MV acos(MBuilder& b, MV x, MV) {
  Halved h = halve(b, x);
  MV negative = b.sign_mask(x), twice = b.add(F, h.core, h.core);
  MV far = b.select(F, negative, b.add(F, b.sub(F, b.f(-8.74227766e-8f), twice), b.f(3.14159274f)), twice);
  MV signed_core = b.bxor(F, h.core, b.sign_bits(F, x));
  MV near = b.add(F, b.sub(F, b.f(-4.37113883e-8f), signed_core), b.f(1.57079637f));
  return b.select(F, h.far, far, near);
}

// atan on [0, 1]
constexpr double kAtan[] = {0.00282363896258175373077393, -0.0159569028764963150024414, 0.0425049886107444763183594,
                            -0.0748900920152664184570312, 0.106347933411598205566406,   -0.142027363181114196777344,
                            0.199926957488059997558594,   -0.333331018686294555664062};
MV atan_core(MBuilder& b, MV t) {
  MV q = b.mul(F, t, t);
  return b.fma(F, b.mul(F, b.poly(F, q, kAtan), q), t, t);
}

MV atan(MBuilder& b, MV x, MV) {
  MV a = b.abs_bits(F, x), far = b.cmp(F, kLt, b.f(1), a);
  MV y = atan_core(b, b.select(F, far, b.div(F, b.f(1), a), a));
  y = b.select(F, far, b.add(F, b.sub(F, b.f(-4.37113883e-8f), y), b.f(1.57079637f)), y);
  return b.bor(F, y, b.sign_bits(F, x));
}

MV atan2(MBuilder& b, MV y, MV x) {
  MV a = b.abs_bits(F, y), c = b.abs_bits(F, x), steep = b.cmp(F, kLt, c, a);
  MV t = b.div(F, b.op(MOp::MinRaw, F, a, c), b.op(MOp::MaxRaw, F, a, c));
  t = b.select(F, b.cmp(F, kEq, a, c), b.select(F, b.cmp(F, kEq, a, b.f(0)), b.f(0), b.f(1)), t);
  MV r = atan_core(b, t);
  r = b.select(F, steep, b.add(F, b.sub(F, b.f(-4.37113883e-8f), r), b.f(1.57079637f)), r);
  r = b.select(F, b.sign_mask(x), b.add(F, b.sub(F, b.f(-8.74227766e-8f), r), b.f(3.14159274f)), r);
  r = b.bor(F, b.abs_bits(F, r), b.sign_bits(F, y));
  return b.select(F, b.cmp(F, kUnord, x, y), b.f(kNan), r);
}

MV asinh(MBuilder& b, MV x, MV) {
  MV a = b.abs_bits(F, x), one = b.f(1);
  MV root = b.op(MOp::Sqrt, F, b.fma(F, a, a, one));
  MV small = b.add(F, a, b.div(F, b.mul(F, a, a), b.add(F, root, one)));
  MV huge = b.cmp(F, kLt, b.f(1e9f), a);
  MV y = log1p_inner(b, b.select(F, huge, a, small));
  y = b.add(F, y, b.select(F, huge, b.f(0.693147181f), b.f(0)));
  return b.bor(F, y, b.sign_bits(F, x));
}

MV acosh(MBuilder& b, MV x, MV) {
  MV t = b.sub(F, x, b.f(1)), huge = b.cmp(F, kLt, b.f(1e9f), x);
  MV small = b.add(F, t, b.op(MOp::Sqrt, F, b.fma(F, t, t, b.add(F, t, t))));
  MV y = log1p_inner(b, b.select(F, huge, t, small));
  y = b.add(F, y, b.select(F, huge, b.f(0.693147181f), b.f(0)));
  return b.select(F, b.cmp(F, kLt, x, b.f(1)), b.f(kNan), y);
}

MV atanh(MBuilder& b, MV x, MV) {
  MV a = b.abs_bits(F, x);
  MV y = log1p_inner(b, b.div(F, b.add(F, a, a), b.sub(F, b.f(1), a)));
  y = b.mul(F, b.select(F, b.cmp(F, kLt, b.f(1), a), b.f(kNan), y), b.f(0.5f));
  return b.bor(F, y, b.sign_bits(F, x));
}

MV erf(MBuilder& b, MV x, MV) {
  static constexpr double kNear[] = {-5.96761703e-4, 4.99119423e-3,  -2.67681349e-2,
                                     1.12819925e-1,  -3.76125336e-1, 1.28379166e-1};
  static constexpr double kFar[] = {-1.72853470e-5, 3.83197126e-4,  -3.88396438e-3, 2.42546219e-2,
                                    -1.06777877e-1, -6.34846687e-1, -1.28717512e-1};
  MV a = b.abs_bits(F, x), q = b.mul(F, x, x);
  MV near = b.fma(F, b.poly(F, q, kNear), x, x);
  MV t = b.op(MOp::MinRaw, F, b.f(4), a);
  MV r = b.poly(F, t, kFar);
  r = b.fma(F, r, t, b.neg(F, t));
  MV far = b.bor(F, b.sub(F, b.f(1), exp_shifted(b, r, 0)), b.sign_bits(F, x));
  return b.select(F, b.cmp(F, kLt, b.f(0.927734375f), a), far, near);
}

MV hypot(MBuilder& b, MV x, MV y) {
  MV a = b.abs_bits(F, x), c = b.abs_bits(F, y);
  MV big = b.op(MOp::MaxRaw, F, a, c), small = b.op(MOp::MinRaw, F, a, c);
  MV t = b.div(F, small, b.select(F, b.cmp(F, kEq, big, b.f(0)), b.f(1), big));
  MV r = b.mul(F, big, b.op(MOp::Sqrt, F, b.fma(F, t, t, b.f(1))));
  r = b.select(F, b.cmp(F, kUnord, x, y), b.f(kNan), r);
  MV inf = b.f(kInf);
  return b.select(F, b.mor(b.cmp(F, kEq, a, inf), b.cmp(F, kEq, c, inf)), inf, r);
}

MV erfc(MBuilder& b, MV x, MV) {
  return b.cvt(CvtKind::F64ToF32, F, erfc_f64(b, b.cvt(CvtKind::F32ToF64, LT::F64, x)));
}

}  // namespace

MV expand_f32(MBuilder& b, Op op, MV x, MV y) {
  switch (op) {
    case Op::Exp: return exp(b, x, y);
    case Op::Exp2: return exp2(b, x, y);
    case Op::Expm1: return expm1(b, x, y);
    case Op::Sigmoid: return sigmoid(b, x, y);
    case Op::Tanh: return tanh(b, x, y);
    case Op::Sinh: return sinh(b, x, y);
    case Op::Cosh: return cosh(b, x, y);
    case Op::Log: return log(b, x, y);
    case Op::Log2: return log2(b, x, y);
    case Op::Log10: return log10(b, x, y);
    case Op::Log1p: return log1p(b, x, y);
    case Op::Sin: return sin(b, x, y);
    case Op::Cos: return cos(b, x, y);
    case Op::Tan: return tan(b, x, y);
    case Op::Asin: return asin(b, x, y);
    case Op::Acos: return acos(b, x, y);
    case Op::Atan: return atan(b, x, y);
    case Op::Atan2: return atan2(b, x, y);
    case Op::Asinh: return asinh(b, x, y);
    case Op::Acosh: return acosh(b, x, y);
    case Op::Atanh: return atanh(b, x, y);
    case Op::Erf: return erf(b, x, y);
    case Op::Hypot: return hypot(b, x, y);
    case Op::Erfc: return erfc(b, x, y);
    case Op::Pow: return pow_f32(b, x, y);
    default: return kNoValue;
  }
}

}  // namespace fj::codegen::cpu
