// Division with a whole quotient and its remainder: integers through floating point, exactly; floats by a fused product
// where the quotient has few enough digits.
#include "codegen/cpu/lower.h"

namespace fj::codegen::cpu {

using loop::Op;

namespace {

struct Divided {
  MV q, r;  // truncated; both 0 where the divisor is
};

MV differ_in_sign(MBuilder& b, LT t, MV x, MV y) {
  LT z = int_of(t);
  return b.cmp(z, kLt, b.bxor(z, x, y), b.num(z, 0));
}

// 64 bits do not fit a double: a first quotient, then what it missed to the nearest, which leaves at most one too many.
Divided divide_i64(MBuilder& b, MV x, MV y) {
  constexpr LT Z = LT::I64, F = LT::F64;
  MV d = b.cvt(CvtKind::I64ToF64, F, y);
  MV q = b.cvt(CvtKind::F64ToI64Trunc, Z, b.div(F, b.cvt(CvtKind::I64ToF64, F, x), d));
  MV r = b.sub(Z, x, b.mul(Z, q, y));
  MV more = b.round(F, b.div(F, b.cvt(CvtKind::I64ToF64, F, r), d), kNearest);
  MV q2 = b.cvt(CvtKind::F64ToI64Trunc, Z, more);
  q = b.add(Z, q, q2);
  r = b.sub(Z, r, b.mul(Z, q2, y));
  MV beyond = b.mand(b.cmp(Z, kNe, r, b.l(0)), differ_in_sign(b, Z, r, x));
  MV opposite = differ_in_sign(b, Z, r, y);
  MV q3 = b.select(Z, opposite, b.sub(Z, q, b.l(1)), b.add(Z, q, b.l(1)));
  MV r3 = b.select(Z, opposite, b.add(Z, r, y), b.sub(Z, r, y));
  return {b.select(Z, beyond, q3, q), b.select(Z, beyond, r3, r)};
}

// A quotient of 32-bit integers rounds to the right side of a whole number in a double, of 16-bit ones in a float.
Divided divide_int(MBuilder& b, DType t, MV x, MV y) {
  LT z = lane_type(t);
  Divided d;
  if (z == LT::I64) {
    d = divide_i64(b, x, y);
  } else if (t == DType::I32) {
    MV q = b.div(LT::F64, b.cvt(CvtKind::I32ToF64, LT::F64, x), b.cvt(CvtKind::I32ToF64, LT::F64, y));
    d.q = b.cvt(CvtKind::F64ToI32Trunc, z, q);
  } else {
    MV q = b.div(LT::F32, b.cvt(CvtKind::I32ToF32, LT::F32, x), b.cvt(CvtKind::I32ToF32, LT::F32, y));
    d.q = b.cvt(CvtKind::F32ToI32Trunc, z, q);
  }
  if (z != LT::I64) d.r = b.sub(z, x, b.mul(z, d.q, y));
  MV zero = b.num(z, 0), none = b.cmp(z, kEq, y, zero);
  return {b.select(z, none, zero, d.q), b.select(z, none, zero, d.r)};
}

// Where rounding down differs from rounding to zero.
MV below(MBuilder& b, LT t, MV r, MV y) { return b.mand(b.cmp(t, kNe, r, b.num(t, 0)), differ_in_sign(b, t, r, y)); }

MV divide_ints(MBuilder& b, Op op, DType t, MV x, MV y) {
  LT z = lane_type(t);
  if (z == LT::I64 && !b.avx512) return kNoValue;
  Divided d = divide_int(b, t, x, y);
  MV down = below(b, z, d.r, y);
  switch (op) {
    case Op::TruncDiv: return narrow(b, t, d.q);
    case Op::FloorDiv: return narrow(b, t, b.select(z, down, b.sub(z, d.q, b.num(z, 1)), d.q));
    case Op::Fmod: return d.r;
    default: return b.select(z, down, b.add(z, d.r, y), d.r);
  }
}

// The remainder x - q y is exact for the whole q below 2^22 (2^51), and off by one y at most where the quotient was
// rounded up to q; it has the sign of x, zeros too.
MV fmod(MBuilder& b, LT t, MV x, MV y) {
  MV quotient = b.div(t, x, y), q = b.round(t, quotient, kToZero), r = b.fnma(t, q, y, x);
  MV over = b.mand(b.cmp(t, kNe, r, b.num(t, 0)), differ_in_sign(b, t, r, x));
  r = b.select(t, over, b.add(t, r, b.bor(t, b.abs_bits(t, y), b.sign_bits(t, x))), r);
  MV endless = b.cmp(t, kEq, b.abs_bits(t, y), b.num(t, __builtin_inf()));
  r = b.select(t, endless, b.add(t, x, b.sub(t, x, x)), r);
  r = b.bor(t, r, b.sign_bits(t, x));
  return b.far(t, r, Op::Fmod, quotient, t == LT::F32 ? 22 : 51, x, y);
}

MV floor_div(MBuilder& b, LT t, MV x, MV y) {
  MV r = fmod(b, t, x, y), down = below(b, t, r, y), quotient = b.div(t, x, y);
  MV q = b.div(t, b.sub(t, x, r), y);
  q = b.select(t, down, b.sub(t, q, b.num(t, 1)), q);
  MV whole = b.round(t, q, kDown);
  MV up = b.cmp(t, kLt, b.num(t, 0.5), b.sub(t, q, whole));
  MV result = b.select(t, up, b.add(t, whole, b.num(t, 1)), whole);
  result = b.select(t, b.cmp(t, kEq, q, b.num(t, 0)), b.sign_bits(t, quotient), result);
  return b.select(t, b.cmp(t, kEq, y, b.num(t, 0)), quotient, result);
}

}  // namespace

MV lower_divide(MBuilder& b, Op op, DType dt, MV x, MV y) {
  LT t = lane_type(dt);
  if (!is_fp(t)) return divide_ints(b, op, dt, x, y);
  if (op == Op::Fmod) return fmod(b, t, x, y);
  if (op == Op::FloorDiv) return floor_div(b, t, x, y);
  if (op == Op::TruncDiv) return b.round(t, b.div(t, x, y), kToZero);
  MV r = fmod(b, t, x, y);
  return b.select(t, below(b, t, r, y), b.add(t, r, y), r);
}

}  // namespace fj::codegen::cpu
