// The parts of lowering: scalar ops to machine-level instructions. Functions return kNoValue for what they do not
// expand: then the reference meaning is called lane by lane.
#pragma once
#include "codegen/cpu/mir.h"

namespace fj::codegen::cpu {

// Wraps the i32 lanes of a narrow integer type back into its range.
MV narrow(MBuilder& b, DType t, MV v);
MV lower_scalar(MBuilder& b, loop::Op op, DType t, MV x, MV y, MV z);
// Division to whole numbers: FloorDiv, TruncDiv, Rem, Fmod.
MV lower_divide(MBuilder& b, loop::Op op, DType t, MV x, MV y);
MV lower_cast(MBuilder& b, DType from, DType to, MV x);
// Puts a stage's instructions in an order that hides latency.
void order(MStage* s, bool avx512);
// r + p q r for p < 0, q = r^2. The sum with 0 makes the product of p and a zero q positive, so that r = -0 gives -0.
inline MV odd_sum(MBuilder& b, LT t, MV r, MV p, MV q) { return b.fma(t, b.fma(t, p, q, b.num(t, 0)), r, r); }
// Transcendental functions of one float type.
MV expand_f32(MBuilder& b, loop::Op op, MV x, MV y);
MV expand_f64(MBuilder& b, loop::Op op, MV x, MV y);

}  // namespace fj::codegen::cpu
