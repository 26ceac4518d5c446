// f64 functions as machine-level arithmetic, to one or two ulps. More are in math_f64_more.cpp; what is in neither
// calls the C library lane by lane.
#include "codegen/cpu/math_f64.h"

namespace fj::codegen::cpu {

using loop::Op;

namespace {

constexpr LT F = LT::F64, Z = LT::I64;
constexpr double kInf = __builtin_inf(), kNan = __builtin_nan("");
constexpr double kMagic = kMagic64;

struct Reduced {
  MV m, n, r;  // x = n ln2 + r, n integral; m = n + kMagic
};

Reduced reduce_ln2(MBuilder& b, MV x) {
  MV m = b.fma(F, x, b.d(1.4426950408889634), b.d(kMagic)), n = b.sub(F, m, b.d(kMagic));
  MV r = b.fnma(F, n, b.d(0.693147180369123816490), x);
  return {m, n, b.fnma(F, n, b.d(1.90821492927058770002e-10), r)};
}

// e^r = 1 + r + r^2 p(r) on [-ln2/2, ln2/2]
constexpr double kExp[] = {2.08860621107283687536341e-09,
                           2.51112930892876518610661e-08,
                           2.75573911234900471893338e-07,
                           2.75572362911928827629423e-06,
                           2.4801587159235472998791e-05,
                           0.000198412698960509205564975,
                           0.00138888888889774492207962,
                           0.00833333333331652721664984,
                           0.0416666666666665047591422,
                           0.166666666666666851703837,
                           0.5};
MV expm1_reduced(MBuilder& b, MV r) { return b.fma(F, b.poly(F, r, kExp), b.mul(F, r, r), r); }

MV power_of_two(MBuilder& b, MV m, int64_t shift = 0) { return b.add(Z, b.shl(Z, m, 52), b.l((1023 + shift) << 52)); }

// y 2^(n + shift), rounded once
MV scale(MBuilder& b, MV y, Reduced d, int shift = 0) {
  MV n = shift == 0 ? d.n : b.add(F, d.n, b.d(shift));
  if (b.avx512) return b.scalef(F, y, n);
  MV m_low = b.fma(F, n, b.d(0.5), b.d(kMagic)),
     m_high = b.add(F, b.sub(F, n, b.sub(F, m_low, b.d(kMagic))), b.d(kMagic));
  return b.mul(F, b.mul(F, y, power_of_two(b, m_low)), power_of_two(b, m_high));
}

}  // namespace

MV exp_shifted_f64(MBuilder& b, MV x, int shift) {
  Reduced d = reduce_ln2(b, clamp(b, F, x, -750, 720));
  return scale(b, b.add(F, expm1_reduced(b, d.r), b.d(1)), d, shift);
}

namespace {

MV exp(MBuilder& b, MV x) { return exp_shifted_f64(b, x, 0); }

MV exp2(MBuilder& b, MV x) {
  x = clamp(b, F, x, -1080, 1030);
  MV m = b.add(F, x, b.d(kMagic)), n = b.sub(F, m, b.d(kMagic));
  return scale(b, b.add(F, expm1_reduced(b, b.mul(F, b.sub(F, x, n), b.d(0.6931471805599453))), b.d(1)), {m, n, n});
}

}  // namespace

MV exp2_pair_f64(MBuilder& b, MV x, MV low) {
  x = clamp(b, F, x, -1080, 1030);
  MV m = b.add(F, x, b.d(kMagic)), n = b.sub(F, m, b.d(kMagic));
  MV r = b.mul(F, b.add(F, b.sub(F, x, n), low), b.d(0.6931471805599453));
  return scale(b, b.add(F, expm1_reduced(b, r), b.d(1)), {m, n, n});
}

MV expm1_f64(MBuilder& b, MV x) {
  Reduced d = reduce_ln2(b, clamp(b, F, x, -40, 709.8));
  MV half = power_of_two(b, d.m, -1);
  MV y = b.fma(F, half, expm1_reduced(b, d.r), b.sub(F, half, b.d(0.5)));
  return b.bor(F, b.add(F, y, y), b.sign_bits(F, x));
}

namespace {

MV sign_select(MBuilder& b, MV x, MV negative, MV positive) {
  return b.select(F, b.cmp(Z, kLt, x, b.l(0)), negative, positive);
}

MV sigmoid(MBuilder& b, MV x) {
  MV e = exp_shifted_f64(b, b.bor(F, x, b.l(INT64_MIN)), 0);
  return b.div(F, sign_select(b, x, e, b.d(1)), b.add(F, e, b.d(1)));
}

MV tanh(MBuilder& b, MV x) {
  MV a = b.op(MOp::MinRaw, F, b.d(22), b.abs_bits(F, x));
  Reduced d = reduce_ln2(b, b.mul(F, a, b.d(-2)));
  MV s = power_of_two(b, d.m);
  MV t = b.fma(F, s, expm1_reduced(b, d.r), b.sub(F, s, b.d(1)));
  MV y = b.div(F, t, b.add(F, t, b.d(2)));
  return b.bor(F, b.abs_bits(F, y), b.sign_bits(F, x));
}

MV cosh(MBuilder& b, MV x) {
  MV e = exp_shifted_f64(b, b.abs_bits(F, x), -1);
  return b.add(F, e, b.div(F, b.d(0.25), e));
}

}  // namespace

Split64 split_f64(MBuilder& b, MV x) {
  MV tiny = b.cmp(F, kLt, x, b.d(0x1p-1022));
  MV up = b.select(F, tiny, b.mul(F, x, b.d(0x1p54)), x);
  // Biased by 1024, so that a logical shift does; then or-ed into 2^52's mantissa to become a double.
  MV whole = b.shr(Z, b.sub(Z, up, b.l(0x3fe6a09e667f3bcd - (int64_t{1024} << 52))), 52);
  MV m = b.sub(Z, up, b.shl(Z, b.sub(Z, whole, b.l(1024)), 52));
  MV bias = b.select(F, tiny, b.d(0x1p52 + 1024 + 54), b.d(0x1p52 + 1024));
  return {b.sub(F, b.bor(Z, whole, b.l(0x4330000000000000)), bias), b.sub(F, m, b.d(1))};
}

namespace {

// log(1+f) - f
MV log_tail(MBuilder& b, MV f) {
  static constexpr double kLog[] = {1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01,
                                    2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01,
                                    6.666666666666735130e-01};
  MV s = b.div(F, f, b.add(F, f, b.d(2))), z = b.mul(F, s, s);
  MV half = b.mul(F, b.mul(F, f, f), b.d(0.5));
  MV r = b.fma(F, b.poly(F, z, kLog), z, half);
  return b.fms(F, s, r, half);
}

MV log_edges(MBuilder& b, MV x, MV y) {
  y = b.select(F, b.cmp(F, kLt, x, b.d(kInf)), y, x);
  y = b.select(F, b.cmp(F, kEq, x, b.d(0)), b.d(-kInf), y);
  return b.select(F, b.cmp(F, kLt, x, b.d(0)), b.d(kNan), y);
}

MV log_inner(MBuilder& b, MV x) {
  Split64 s = split_f64(b, x);
  MV y = b.fma(F, s.e, b.d(1.90821492927058770002e-10), log_tail(b, s.f));
  return b.fma(F, s.e, b.d(0.693147180369123816490), b.add(F, y, s.f));
}
MV log(MBuilder& b, MV x) { return log_edges(b, x, log_inner(b, x)); }

MV log2(MBuilder& b, MV x) {
  Split64 s = split_f64(b, x);
  MV t = log_tail(b, s.f);
  MV low = b.fma(F, s.f, b.d(0.4426950408889634), b.mul(F, t, b.d(1.4426950408889634)));
  return log_edges(b, x, b.add(F, b.add(F, low, s.f), s.e));
}

MV log10(MBuilder& b, MV x) {
  Split64 s = split_f64(b, x);
  MV y = b.fma(F, log_tail(b, s.f), b.d(0.4342944819032518), b.mul(F, s.f, b.d(1.098319650216765e-17)));
  y = b.fma(F, s.e, b.d(3.69423907715893078616e-13), y);
  y = b.fma(F, s.f, b.d(0.4342944819032518), y);
  return log_edges(b, x, b.fma(F, s.e, b.d(3.01029995663611771306e-01), y));
}

}  // namespace

MV log1p_f64(MBuilder& b, MV x) {
  MV one = b.d(1), u = b.add(F, x, one), v = b.sub(F, u, one);
  MV lost = b.add(F, b.sub(F, one, b.sub(F, u, v)), b.sub(F, x, v));
  MV plain = b.mand(b.cmp(F, kLt, b.d(0), u), b.cmp(F, kLt, u, b.d(kInf)));
  MV y = b.add(F, log_inner(b, u), b.select(F, plain, b.div(F, lost, u), b.d(0)));
  return b.bor(F, log_edges(b, u, y), b.sign_bits(F, x));
}

namespace {

MV sin_or_cos(MBuilder& b, MV x, bool cos) {
  static constexpr double kSin[] = {
      -7.97255955009037868891952e-18, 2.81009972710863200091251e-15,  -7.64712219118158833288484e-13,
      1.60590430605664501629054e-10,  -2.50521083763502045810755e-08, 2.75573192239198747630416e-06,
      -0.000198412698412696162806809, 0.00833333333333332974823815,   -0.166666666666666657414808};
  MV m, n;
  if (cos) {
    m = b.add(F, b.fma(F, x, b.d(0.31830988618379067), b.d(-0.5)), b.d(kMagic));
    n = b.add(F, b.sub(F, m, b.d(kMagic)), b.d(0.5));
  } else {
    m = b.fma(F, x, b.d(0.31830988618379067), b.d(kMagic));
    n = b.sub(F, m, b.d(kMagic));
  }
  // pi in three parts, all positive: then r keeps the sign of a zero.
  MV r = b.fnma(F, n, b.d(3.141592653589793), x);
  r = b.fnma(F, n, b.d(1.224646799147353e-16), r);
  r = b.fnma(F, n, b.d(2.1657133478438278e-32), r);
  MV q = b.mul(F, r, r);
  MV y = odd_sum(b, F, r, b.poly(F, q, kSin), q);
  MV flip = b.shl(Z, cos ? b.sub(Z, m, b.l(1)) : m, 63);
  return b.far(F, b.bxor(F, y, flip), cos ? Op::Cos : Op::Sin, x, 20, x);
}

}  // namespace

MV expand_f64(MBuilder& b, Op op, MV x, MV y) {
  switch (op) {
    case Op::Exp: return exp(b, x);
    case Op::Exp2: return exp2(b, x);
    case Op::Expm1: return expm1_f64(b, x);
    case Op::Sigmoid: return sigmoid(b, x);
    case Op::Tanh: return tanh(b, x);
    case Op::Cosh: return cosh(b, x);
    case Op::Log: return log(b, x);
    case Op::Log2: return log2(b, x);
    case Op::Log10: return log10(b, x);
    case Op::Log1p: return log1p_f64(b, x);
    case Op::Sin: return sin_or_cos(b, x, false);
    case Op::Cos: return sin_or_cos(b, x, true);
    default: return expand_f64_more(b, op, x, y);
  }
}

}  // namespace fj::codegen::cpu
