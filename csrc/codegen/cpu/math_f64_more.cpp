// f64 functions beyond exponentials, logarithms, sine and cosine: to two or three ulps. The rational approximations of
// asin and atan are fdlibm's and Cephes'.
#include "codegen/cpu/math_f64.h"

namespace fj::codegen::cpu {

using loop::Op;

namespace {

constexpr LT F = LT::F64, Z = LT::I64;
constexpr double kInf = __builtin_inf(), kNan = __builtin_nan("");
constexpr double kHalfPi = 1.5707963267948966, kHalfPiLow = 6.123233995736766e-17;
constexpr double kPi = 3.141592653589793, kPiLow = 1.2246467991473532e-16;

MV with_sign_of(MBuilder& b, MV y, MV x) { return b.bor(F, y, b.sign_bits(F, x)); }

MV tan(MBuilder& b, MV x, MV) {
  static constexpr double kSin[] = {1.58969099521155010221e-10, -2.50507602534068634195e-08,
                                    2.75573137070700676789e-06, -1.98412698298579493134e-04,
                                    8.33333333332248946124e-03, -1.66666666666666324348e-01};
  static constexpr double kCos[] = {-1.13596475577881948265e-11, 2.08757232129817482790e-09,
                                    -2.75573143513906633035e-07, 2.48015872894767294178e-05,
                                    -1.38888888888741095749e-03, 4.16666666666666019037e-02};
  MV m = b.fma(F, x, b.d(0.6366197723675814), b.d(kMagic64)), n = b.sub(F, m, b.d(kMagic64));
  MV r = b.fnma(F, n, b.d(1.5707963267948966), x);  // parts of pi / 2 as in sine
  r = b.fnma(F, n, b.d(6.123233995736765e-17), r);
  r = b.fnma(F, n, b.d(1.0828566739219139e-32), r);
  MV q = b.mul(F, r, r);
  MV sin = odd_sum(b, F, r, b.poly(F, q, kSin), q);
  MV cos = b.fma(F, b.mul(F, b.poly(F, q, kCos), q), q, b.fma(F, q, b.d(-0.5), b.d(1)));
  MV odd = b.shl(Z, m, 63), swap = b.cmp(Z, kLt, odd, b.l(0));
  MV y = b.div(F, b.select(F, swap, cos, sin), b.select(F, swap, sin, cos));
  return b.far(F, b.bxor(F, y, odd), Op::Tan, x, 20, x);
}

MV asin_core(MBuilder& b, MV z, MV q) {
  static constexpr double kP[] = {3.47933107596021167570e-05, 7.91534994289814532176e-04,  -4.00555345006794114027e-02,
                                  2.01212532134862925881e-01, -3.25565818622400915405e-01, 1.66666666666666657415e-01};
  static constexpr double kQ[] = {7.70381505559019352791e-02, -6.88283971605453293030e-01, 2.02094576023350569471e+00,
                                  -2.40339491173441421878e+00, 1.0};
  MV ratio = b.div(F, b.mul(F, b.poly(F, q, kP), q), b.poly(F, q, kQ));
  return b.fma(F, z, ratio, z);
}

struct Halved {
  MV a, far, core;  // |x|; |x| > 1/2; asin of |x| or of sqrt((1-|x|)/2)
};
Halved halve(MBuilder& b, MV x) {
  MV a = b.abs_bits(F, x), far = b.cmp(F, kLt, b.d(0.5), a);
  MV half = b.fnma(F, a, b.d(0.5), b.d(0.5));
  MV q = b.select(F, far, half, b.mul(F, a, a));
  return {a, far, asin_core(b, b.select(F, far, b.op(MOp::Sqrt, F, half), a), q)};
}

MV asin(MBuilder& b, MV x, MV) {
  Halved h = halve(b, x);
  MV away = b.add(F, b.fma(F, h.core, b.d(-2), b.d(kHalfPiLow)), b.d(kHalfPi));
  return with_sign_of(b, b.select(F, h.far, away, h.core), x);
}

MV acos(MBuilder& b, MV x, MV) {
  Halved h = halve(b, x);
  MV negative = b.cmp(Z, kLt, x, b.l(0)), twice = b.add(F, h.core, h.core);
  MV far = b.select(F, negative, b.add(F, b.sub(F, b.d(kPiLow), twice), b.d(kPi)), twice);
  MV signed_core = b.bxor(F, h.core, b.sign_bits(F, x));
  return b.select(F, h.far, far, b.add(F, b.sub(F, b.d(kHalfPiLow), signed_core), b.d(kHalfPi)));
}

// atan on [0, 1]: above 0.66 as pi/4 and the rest.
MV atan_core(MBuilder& b, MV t) {
  static constexpr double kP[] = {-8.750608600031904122785e-1, -1.615753718733365076637e1, -7.500855792314704667340e1,
                                  -1.228866684490136173410e2, -6.485021904942025371773e1};
  static constexpr double kQ[] = {1.0,
                                  2.485846490142306297962e1,
                                  1.650270098316988542046e2,
                                  4.328810604912902668951e2,
                                  4.853903996359136964868e2,
                                  1.945506571482613964425e2};
  MV upper = b.cmp(F, kLt, b.d(0.66), t), zero = b.d(0);
  MV u = b.select(F, upper, b.div(F, b.sub(F, t, b.d(1)), b.add(F, t, b.d(1))), t);
  MV q = b.mul(F, u, u);
  MV ratio = b.div(F, b.mul(F, b.poly(F, q, kP), q), b.poly(F, q, kQ));
  MV y = b.fma(F, u, ratio, u);
  y = b.add(F, y, b.select(F, upper, b.d(kHalfPiLow / 2), zero));
  return b.add(F, y, b.select(F, upper, b.d(kHalfPi / 2), zero));
}

MV atan(MBuilder& b, MV x, MV) {
  MV a = b.abs_bits(F, x), far = b.cmp(F, kLt, b.d(1), a);
  MV y = atan_core(b, b.select(F, far, b.div(F, b.d(1), a), a));
  y = b.select(F, far, b.add(F, b.sub(F, b.d(kHalfPiLow), y), b.d(kHalfPi)), y);
  return with_sign_of(b, y, x);
}

MV atan2(MBuilder& b, MV y, MV x) {
  MV a = b.abs_bits(F, y), c = b.abs_bits(F, x), steep = b.cmp(F, kLt, c, a);
  MV t = b.div(F, b.op(MOp::MinRaw, F, a, c), b.op(MOp::MaxRaw, F, a, c));
  t = b.select(F, b.cmp(F, kEq, a, c), b.select(F, b.cmp(F, kEq, a, b.d(0)), b.d(0), b.d(1)), t);
  MV r = atan_core(b, t);
  r = b.select(F, steep, b.add(F, b.sub(F, b.d(kHalfPiLow), r), b.d(kHalfPi)), r);
  r = b.select(F, b.cmp(Z, kLt, x, b.l(0)), b.add(F, b.sub(F, b.d(kPiLow), r), b.d(kPi)), r);
  r = with_sign_of(b, b.abs_bits(F, r), y);
  return b.select(F, b.cmp(F, kUnord, x, y), b.d(kNan), r);
}

// With E = e^|x| - 1: (E + E / (E + 1)) / 2; far out e^|x| / 2, which overflows later.
MV sinh(MBuilder& b, MV x, MV) {
  MV a = b.abs_bits(F, x), e = expm1_f64(b, a);
  MV near = b.mul(F, b.add(F, e, b.div(F, e, b.add(F, e, b.d(1)))), b.d(0.5));
  MV far = exp_shifted_f64(b, a, -1);
  return with_sign_of(b, b.select(F, b.cmp(F, kLt, b.d(40), a), far, near), x);
}

constexpr double kHuge = 1e150, kLn2 = 0.6931471805599453;

MV asinh(MBuilder& b, MV x, MV) {
  MV a = b.abs_bits(F, x), one = b.d(1), huge = b.cmp(F, kLt, b.d(kHuge), a);
  MV root = b.op(MOp::Sqrt, F, b.fma(F, a, a, one));
  MV small = b.add(F, a, b.div(F, b.mul(F, a, a), b.add(F, root, one)));
  MV y = log1p_f64(b, b.select(F, huge, a, small));
  return with_sign_of(b, b.add(F, y, b.select(F, huge, b.d(kLn2), b.d(0))), x);
}

MV acosh(MBuilder& b, MV x, MV) {
  MV t = b.sub(F, x, b.d(1)), huge = b.cmp(F, kLt, b.d(kHuge), x);
  MV small = b.add(F, t, b.op(MOp::Sqrt, F, b.fma(F, t, t, b.add(F, t, t))));
  MV y = log1p_f64(b, b.select(F, huge, t, small));
  y = b.add(F, y, b.select(F, huge, b.d(kLn2), b.d(0)));
  return b.select(F, b.cmp(F, kLt, x, b.d(1)), b.d(kNan), y);
}

MV atanh(MBuilder& b, MV x, MV) {
  MV a = b.abs_bits(F, x);
  MV y = log1p_f64(b, b.div(F, b.add(F, a, a), b.sub(F, b.d(1), a)));
  y = b.mul(F, b.select(F, b.cmp(F, kLt, b.d(1), a), b.d(kNan), y), b.d(0.5));
  return with_sign_of(b, y, x);
}

MV hypot(MBuilder& b, MV x, MV y) {
  MV a = b.abs_bits(F, x), c = b.abs_bits(F, y), inf = b.d(kInf);
  MV big = b.op(MOp::MaxRaw, F, a, c), small = b.op(MOp::MinRaw, F, a, c);
  MV t = b.div(F, small, b.select(F, b.cmp(F, kEq, big, b.d(0)), b.d(1), big));
  MV r = b.mul(F, big, b.op(MOp::Sqrt, F, b.fma(F, t, t, b.d(1))));
  r = b.select(F, b.cmp(F, kUnord, x, y), b.d(kNan), r);
  return b.select(F, b.mor(b.cmp(F, kEq, a, inf), b.cmp(F, kEq, c, inf)), inf, r);
}

// log2(a) as the sum of two doubles, for 0 < a < inf.
struct Pair {
  MV high, low;
};
Pair log2_pair(MBuilder& b, MV a) {
  static constexpr double kRest[] = {1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01,
                                     2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01};
  Split64 x = split_f64(b, a);
  // s = f / (2 + f), exact to twice the digits; log(1 + f) = s (2 + first z + rest z^2), z = s^2.
  MV two = b.d(2), d = b.add(F, x.f, two), lost = b.sub(F, x.f, b.sub(F, d, two));
  MV s = b.div(F, x.f, d), s_low = b.div(F, b.fnma(F, s, lost, b.fnma(F, s, d, x.f)), d);
  MV z = b.mul(F, s, s), z_low = b.fma(F, b.add(F, s, s), s_low, b.fms(F, s, s, z));
  MV first = b.d(6.666666666666735130e-01), p = b.mul(F, first, z);
  MV p_low = b.add(F, b.fms(F, first, z, p), b.mul(F, first, z_low));
  p_low = b.fma(F, b.mul(F, z, z), b.poly(F, z, kRest), p_low);
  MV sum = b.add(F, two, p), sum_low = b.add(F, b.sub(F, p, b.sub(F, sum, two)), p_low);
  MV l = b.mul(F, s, sum);
  MV l_low = b.add(F, b.fms(F, s, sum, l), b.fma(F, s, sum_low, b.mul(F, s_low, sum)));
  MV scale = b.d(1.4426950408889634), g = b.mul(F, l, scale);
  MV g_low = b.add(F, b.fms(F, l, scale, g), b.fma(F, l, b.d(2.0355273740931033e-17), b.mul(F, l_low, scale)));
  MV high = b.add(F, x.e, g);
  return {high, b.add(F, b.sub(F, g, b.sub(F, high, x.e)), g_low)};
}

}  // namespace

MV pow_f64(MBuilder& b, MV x, MV y) {
  MV a = b.abs_bits(F, x), zero = b.d(0), one = b.d(1), inf = b.d(kInf);
  Pair l = log2_pair(b, a);
  MV t = b.mul(F, y, l.high), t_low = b.fma(F, y, l.low, b.fms(F, y, l.high, t));
  MV small = b.cmp(F, kLt, b.abs_bits(F, t), b.d(2000));
  MV result = exp2_pair_f64(b, t, b.select(F, small, t_low, zero));
  // The edges, in the order in which later ones override.
  MV a_zero = b.cmp(F, kEq, a, zero), a_inf = b.cmp(F, kEq, a, inf), y_negative = b.cmp(F, kLt, y, zero);
  MV grows = b.mor(b.mand(a_inf, b.mnot(y_negative)), b.mand(a_zero, y_negative));
  MV extreme = b.mor(a_zero, a_inf);
  result = b.select(F, b.cmp(F, kEq, a, one), one, result);
  result = b.select(F, extreme, b.select(F, grows, inf, zero), result);
  MV half = b.mul(F, y, b.d(0.5));
  MV whole = b.cmp(F, kEq, y, b.round(F, y, kToZero)), even = b.cmp(F, kEq, half, b.round(F, half, kToZero));
  MV flip = b.select(F, b.mand(whole, b.mnot(even)), b.sign_bits(F, x), zero);
  result = b.bxor(F, result, flip);
  MV below = b.mand(b.cmp(F, kLt, x, zero), b.mnot(a_inf));
  MV undefined = b.mor(b.mand(below, b.mnot(whole)), b.cmp(F, kUnord, x, y));
  result = b.select(F, undefined, b.d(kNan), result);
  return b.select(F, b.mor(b.cmp(F, kEq, y, zero), b.cmp(F, kEq, x, one)), one, result);
}

MV expand_f64_more(MBuilder& b, Op op, MV x, MV y) {
  switch (op) {
    case Op::Tan: return tan(b, x, y);
    case Op::Asin: return asin(b, x, y);
    case Op::Acos: return acos(b, x, y);
    case Op::Atan: return atan(b, x, y);
    case Op::Atan2: return atan2(b, x, y);
    case Op::Sinh: return sinh(b, x, y);
    case Op::Asinh: return asinh(b, x, y);
    case Op::Acosh: return acosh(b, x, y);
    case Op::Atanh: return atanh(b, x, y);
    case Op::Hypot: return hypot(b, x, y);
    case Op::Erf: return erf_f64(b, x);
    case Op::Erfc: return erfc_f64(b, x);
    case Op::Pow: return pow_f64(b, x, y);
    default: return kNoValue;
  }
}

}  // namespace fj::codegen::cpu
