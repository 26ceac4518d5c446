// Scalar ops to machine-level instructions: a table of one small function an op.
#include "codegen/cpu/lower.h"

namespace fj::codegen::cpu {

using loop::Op;

namespace {

struct In {
  MBuilder& b;
  LT lt;
  DType t;
  MV x, y, z;
  Op op;
};
using Fn = MV (*)(const In&);

MV minus_one(const In& in) { return in.b.num(in.lt, -1); }
bool slow64(const In& in) { return in.lt == LT::I64 && !in.b.avx512; }

template <MOp O>
MV arith(const In& in) {
  return narrow(in.b, in.t, in.b.op(O, in.lt, in.x, in.y));
}

// A product with a power of two is exact, so that fusing it into a sum changes nothing.
MV add(const In& in) {
  MV x, power;
  if (is_fp(in.lt) && in.b.is_exact_scaling(in.lt, in.x, &x, &power)) return in.b.fma(in.lt, x, power, in.y);
  if (is_fp(in.lt) && in.b.is_exact_scaling(in.lt, in.y, &x, &power)) return in.b.fma(in.lt, x, power, in.x);
  return arith<MOp::Add>(in);
}
MV sub(const In& in) {
  MV x, power;
  if (is_fp(in.lt) && in.b.is_exact_scaling(in.lt, in.x, &x, &power)) return in.b.fms(in.lt, x, power, in.y);
  if (is_fp(in.lt) && in.b.is_exact_scaling(in.lt, in.y, &x, &power)) return in.b.fnma(in.lt, x, power, in.x);
  return arith<MOp::Sub>(in);
}

MV mul(const In& in) {
  if (!slow64(in)) return narrow(in.b, in.t, in.b.mul(in.lt, in.x, in.y));
  MBuilder& b = in.b;
  MV cross = b.add(LT::I64, b.op(MOp::MulU32, LT::I64, b.shr(LT::I64, in.x, 32), in.y),
                   b.op(MOp::MulU32, LT::I64, in.x, b.shr(LT::I64, in.y, 32)));
  return b.add(LT::I64, b.op(MOp::MulU32, LT::I64, in.x, in.y), b.shl(LT::I64, cross, 32));
}
MV neg(const In& in) { return narrow(in.b, in.t, in.b.neg(in.lt, in.x)); }

template <bool Max>
MV pick_int(const In& in) {
  if (!slow64(in)) return in.b.op(Max ? MOp::MaxRaw : MOp::MinRaw, in.lt, in.x, in.y);
  MV less = in.b.cmp(in.lt, kLt, in.x, in.y);
  return Max ? in.b.select(in.lt, less, in.y, in.x) : in.b.select(in.lt, less, in.x, in.y);
}
template <bool Max>
MV pick(const In& in) {
  return is_fp(in.lt) ? in.b.op(Max ? MOp::MaxNan : MOp::MinNan, in.lt, in.x, in.y) : pick_int<Max>(in);
}
template <bool Max>
MV fpick(const In& in) {
  MV raw = in.b.op(Max ? MOp::MaxRaw : MOp::MinRaw, in.lt, in.x, in.y);  // y if either is NaN
  return in.b.select(in.lt, in.b.is_nan(in.lt, in.y), in.x, raw);
}
MV abs(const In& in) {
  if (is_fp(in.lt)) return in.b.abs_bits(in.lt, in.x);
  if (in.t == DType::U8) return in.x;
  return narrow(in.b, in.t, pick_int<true>({in.b, in.lt, in.t, in.x, in.b.neg(in.lt, in.x), kNoValue, in.op}));
}
MV sign(const In& in) {
  MBuilder& b = in.b;
  MV zero = b.num(in.lt, 0), one = b.num(in.lt, 1);
  if (in.lt == LT::I32) {
    return b.op(MOp::MinRaw, in.lt, b.op(MOp::MaxRaw, in.lt, in.x, minus_one(in)), one);
  }
  MV negative = b.select(in.lt, b.cmp(in.lt, kLt, in.x, zero), minus_one(in), zero);
  return b.select(in.lt, b.cmp(in.lt, kLt, zero, in.x), one, negative);
}
MV divide(const In& in) { return lower_divide(in.b, in.op, in.t, in.x, in.y); }

template <MOp Bits, MOp Mask>
MV bitwise(const In& in) {
  return in.lt == LT::Mask ? in.b.op(Mask, LT::Mask, in.x, in.y) : in.b.op(Bits, in.lt, in.x, in.y);
}
MV bit_not(const In& in) {
  return in.lt == LT::Mask ? in.b.mnot(in.x) : narrow(in.b, in.t, in.b.bxor(in.lt, in.x, minus_one(in)));
}
MV shl(const In& in) { return arith<MOp::ShlV>(in); }
MV shr(const In& in) {
  if (in.t == DType::U8) return in.b.op(MOp::ShrV, in.lt, in.x, in.y);
  return slow64(in) ? kNoValue : in.b.op(MOp::SarV, in.lt, in.x, in.y);
}

// Comparison of two masks as numbers 0 and 1.
MV compare_masks(const In& in) {
  MBuilder& b = in.b;
  switch (in.op) {
    case Op::Eq: return b.mnot(b.mxor(in.x, in.y));
    case Op::Ne: return b.mxor(in.x, in.y);
    case Op::Lt: return b.mand(b.mnot(in.x), in.y);
    case Op::Le: return b.mor(b.mnot(in.x), in.y);
    case Op::Gt: return b.mand(in.x, b.mnot(in.y));
    default: return b.mor(in.x, b.mnot(in.y));
  }
}
template <Pred P, bool Swap>
MV compare(const In& in) {
  if (in.lt == LT::Mask) return compare_masks(in);
  return Swap ? in.b.cmp(in.lt, P, in.y, in.x) : in.b.cmp(in.lt, P, in.x, in.y);
}
MV infinity(const In& in) { return in.b.num(in.lt, __builtin_inf()); }
MV is_nan(const In& in) { return in.b.is_nan(in.lt, in.x); }
MV is_inf(const In& in) { return in.b.cmp(in.lt, kEq, in.b.abs_bits(in.lt, in.x), infinity(in)); }
MV is_finite(const In& in) { return in.b.cmp(in.lt, kLt, in.b.abs_bits(in.lt, in.x), infinity(in)); }
MV sign_bit(const In& in) {
  LT t = int_of(in.lt);
  return in.b.cmp(t, kLt, in.x, in.b.num(t, 0));
}

template <RoundMode M>
MV round(const In& in) {
  return in.b.round(in.lt, in.x, M);
}
MV frac(const In& in) { return in.b.sub(in.lt, in.x, in.b.round(in.lt, in.x, kToZero)); }
MV copysign(const In& in) { return in.b.bor(in.lt, in.b.abs_bits(in.lt, in.x), in.b.sign_bits(in.lt, in.y)); }
// The bits count up from 0 in both directions.
MV nextafter(const In& in) {
  MBuilder& b = in.b;
  LT z = int_of(in.lt);
  MV zero = b.num(in.lt, 0), one = b.num(z, 1);
  MV inwards = b.mxor(b.cmp(in.lt, kLt, in.x, in.y), b.cmp(in.lt, kLt, zero, in.x));
  MV r = b.select(z, inwards, b.sub(z, in.x, one), b.add(z, in.x, one));
  r = b.select(in.lt, b.cmp(in.lt, kEq, in.x, zero), b.bor(z, b.sign_bits(in.lt, in.y), one), r);
  r = b.select(in.lt, b.cmp(in.lt, kEq, in.x, in.y), in.y, r);
  return b.select(in.lt, b.cmp(in.lt, kUnord, in.x, in.y), b.num(in.lt, __builtin_nan("")), r);
}
MV sqrt(const In& in) { return in.b.op(MOp::Sqrt, in.lt, in.x); }
MV rsqrt(const In& in) { return in.b.div(in.lt, in.b.num(in.lt, 1), sqrt(in)); }
MV fma(const In& in) { return in.b.fma(in.lt, in.x, in.y, in.z); }

MV expand(const In& in) {
  if (in.lt == LT::F32) return expand_f32(in.b, in.op, in.x, in.y);
  if (in.lt == LT::F64) return expand_f64(in.b, in.op, in.x, in.y);
  return kNoValue;
}

Fn lowering(Op op) {
  switch (op) {
    case Op::Add: return add;
    case Op::Sub: return sub;
    case Op::Mul: return mul;
    case Op::Div: return arith<MOp::Div>;
    case Op::TruncDiv:
    case Op::FloorDiv:
    case Op::Rem:
    case Op::Fmod: return divide;
    case Op::Min: return pick<false>;
    case Op::Max: return pick<true>;
    case Op::FMin: return fpick<false>;
    case Op::FMax: return fpick<true>;
    case Op::Neg: return neg;
    case Op::Abs: return abs;
    case Op::Sign: return sign;
    case Op::Fma: return fma;
    case Op::And: return bitwise<MOp::And, MOp::MAnd>;
    case Op::Or: return bitwise<MOp::Or, MOp::MOr>;
    case Op::Xor: return bitwise<MOp::Xor, MOp::MXor>;
    case Op::Not: return bit_not;
    case Op::Shl: return shl;
    case Op::Shr: return shr;
    case Op::Eq: return compare<kEq, false>;
    case Op::Ne: return compare<kNe, false>;
    case Op::Lt: return compare<kLt, false>;
    case Op::Le: return compare<kLe, false>;
    case Op::Gt: return compare<kLt, true>;
    case Op::Ge: return compare<kLe, true>;
    case Op::IsNan: return is_nan;
    case Op::IsInf: return is_inf;
    case Op::IsFinite: return is_finite;
    case Op::SignBit: return sign_bit;
    case Op::Floor: return round<kDown>;
    case Op::Ceil: return round<kUp>;
    case Op::Round: return round<kNearest>;
    case Op::Trunc: return round<kToZero>;
    case Op::Frac: return frac;
    case Op::Copysign: return copysign;
    case Op::Nextafter: return nextafter;
    case Op::Sqrt: return sqrt;
    case Op::Rsqrt: return rsqrt;
    default: return expand;
  }
}

}  // namespace

MV narrow(MBuilder& b, DType t, MV v) {
  switch (t) {
    case DType::U8: return b.band(LT::I32, v, b.i(255));
    case DType::I8: return b.sar(LT::I32, b.shl(LT::I32, v, 24), 24);
    case DType::I16: return b.sar(LT::I32, b.shl(LT::I32, v, 16), 16);
    default: return v;
  }
}

MV lower_scalar(MBuilder& b, Op op, DType t, MV x, MV y, MV z) {
  return lowering(op)({b, lane_type(t), t, x, y, z, op});
}

}  // namespace fj::codegen::cpu
