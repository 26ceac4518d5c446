// erf and erfc of doubles, by Cephes' rational approximations; erfc of floats through them.
#include "codegen/cpu/math_f64.h"

namespace fj::codegen::cpu {
namespace {

constexpr LT F = LT::F64;

// erf(x) / x on [-1, 1]
MV erf_near(MBuilder& b, MV x) {
  static constexpr double kT[] = {9.60497373987051638749e0, 9.00260197203842689217e1, 2.23200534594684319226e3,
                                  7.00332514112805075473e3, 5.55923013010394962768e4};
  static constexpr double kU[] = {1.0,
                                  3.35617141647503099647e1,
                                  5.21357949780152679795e2,
                                  4.59432382970980127987e3,
                                  2.26290000613890934246e4,
                                  4.92673942608635921086e4};
  MV q = b.mul(F, x, x);
  return b.div(F, b.poly(F, q, kT), b.poly(F, q, kU));
}

// erfc(a) for a >= 1: e^(-a^2) times a ratio, the square to twice the digits.
MV erfc_far(MBuilder& b, MV a) {
  static constexpr double kP[] = {2.46196981473530512524e-10, 5.64189564831068821977e-1, 7.46321056442269912687e0,
                                  4.86371970985681366614e1,   1.96520832956077098242e2,  5.26445194995477358631e2,
                                  9.34528527171957607540e2,   1.02755188689515710272e3,  5.57535335369399327526e2};
  static constexpr double kQ[] = {1.0,
                                  1.32281951154744992508e1,
                                  8.67072140885989742329e1,
                                  3.54937778887819891062e2,
                                  9.75708501743205489753e2,
                                  1.82390916687909736289e3,
                                  2.24633760818710981792e3,
                                  1.65666309194161350182e3,
                                  5.57535340817727675546e2};
  static constexpr double kR[] = {5.64189583547755073984e-1, 1.27536670759978104416e0, 5.01905042251180477414e0,
                                  6.16021097993053585195e0,  7.40974269950448939160e0, 2.97886665372100240670e0};
  static constexpr double kS[] = {1.0,
                                  2.26052863220117276590e0,
                                  9.39603524938001434673e0,
                                  1.20489539808096656605e1,
                                  1.70814450747565897222e1,
                                  9.60896809063285878198e0,
                                  3.36907645100081516050e0};
  a = b.op(MOp::MinRaw, F, b.d(40), a);  // 0 from here; NaN stays
  MV square = b.mul(F, a, a), low = b.fms(F, a, a, square);
  MV e = exp_shifted_f64(b, b.neg(F, square), 0);
  MV near = b.cmp(F, kLt, a, b.d(8));
  MV ratio = b.div(F, b.select(F, near, b.poly(F, a, kP), b.poly(F, a, kR)),
                   b.select(F, near, b.poly(F, a, kQ), b.poly(F, a, kS)));
  return b.mul(F, b.fnma(F, low, ratio, ratio), e);
}

}  // namespace

MV erf_f64(MBuilder& b, MV x) {
  MV a = b.abs_bits(F, x), small = b.cmp(F, kLt, a, b.d(1));
  MV y = b.select(F, small, b.mul(F, a, erf_near(b, a)), b.sub(F, b.d(1), erfc_far(b, a)));
  return b.bor(F, y, b.sign_bits(F, x));
}

MV erfc_f64(MBuilder& b, MV x) {
  MV a = b.abs_bits(F, x), small = b.cmp(F, kLt, a, b.d(1)), far = erfc_far(b, a);
  MV negative = b.cmp(F, kLt, x, b.d(0));
  return b.select(F, small, b.fnma(F, x, erf_near(b, x), b.d(1)), b.select(F, negative, b.sub(F, b.d(2), far), far));
}

}  // namespace fj::codegen::cpu
