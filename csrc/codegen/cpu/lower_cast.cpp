// Casts between all element types, in terms of the lane types: what a value is widened from and rounded to.
#include "codegen/cpu/lower.h"

namespace fj::codegen::cpu {
namespace {

MV round_to_bf16(MBuilder& b, MV x) {
  MV odd = b.band(LT::I32, b.shr(LT::I32, x, 16), b.i(1));
  MV up = b.add(LT::I32, b.add(LT::I32, x, b.i(0x7fff)), odd);
  MV cut = b.band(LT::I32, up, b.i(static_cast<int32_t>(0xffff0000u)));
  return b.select(LT::F32, b.is_nan(LT::F32, x), b.i(0x7fc00000), cut);
}

MV round_f32(MBuilder& b, DType to, MV x) {
  if (to == DType::F16) return b.cvt(CvtKind::RoundToF16, LT::F32, x);
  return to == DType::BF16 ? round_to_bf16(b, x) : x;
}

MV to_f32(MBuilder& b, LT from, MV x) {
  switch (from) {
    case LT::F64: return b.cvt(CvtKind::F64ToF32, LT::F32, x);
    case LT::I32: return b.cvt(CvtKind::I32ToF32, LT::F32, x);
    case LT::I64: return b.cvt(CvtKind::I64ToF32, LT::F32, x);
    default: return x;
  }
}
MV to_f64(MBuilder& b, LT from, MV x) {
  switch (from) {
    case LT::F32: return b.cvt(CvtKind::F32ToF64, LT::F64, x);
    case LT::I32: return b.cvt(CvtKind::I32ToF64, LT::F64, x);
    case LT::I64: return b.cvt(CvtKind::I64ToF64, LT::F64, x);
    default: return x;
  }
}
MV to_i32(MBuilder& b, LT from, MV x) {
  switch (from) {
    case LT::F32: return b.cvt(CvtKind::F32ToI32Trunc, LT::I32, x);
    case LT::F64: return b.cvt(CvtKind::F64ToI32Trunc, LT::I32, x);
    case LT::I64: return b.cvt(CvtKind::I64ToI32, LT::I32, x);
    default: return x;
  }
}
MV to_i64(MBuilder& b, LT from, MV x) {
  switch (from) {
    case LT::F32: return b.cvt(CvtKind::F32ToI64Trunc, LT::I64, x);
    case LT::F64: return b.cvt(CvtKind::F64ToI64Trunc, LT::I64, x);
    case LT::I32: return b.cvt(CvtKind::I32ToI64, LT::I64, x);
    default: return x;
  }
}

}  // namespace

MV lower_cast(MBuilder& b, DType from, DType to, MV x) {
  LT lf = lane_type(from), lt = lane_type(to);
  if (lf == LT::Mask) return lt == LT::Mask ? x : b.select(lt, x, b.num(lt, 1), b.num(lt, 0));
  switch (lt) {
    case LT::Mask: return b.cmp(lf, kNe, x, b.num(lf, 0));
    case LT::F32: {
      // Widening among the float types is exact; so is anything to its own type.
      bool exact = from == to || (lf == LT::F32 && to == DType::F32);
      return exact ? x : round_f32(b, to, to_f32(b, lf, x));
    }
    case LT::F64: return to_f64(b, lf, x);
    case LT::I32: return narrow(b, to, to_i32(b, lf, x));
    case LT::I64: return to_i64(b, lf, x);
  }
  return kNoValue;
}

}  // namespace fj::codegen::cpu
