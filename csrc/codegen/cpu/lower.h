// The parts of lowering: scalar ops to machine-level instructions. Functions return kNoValue for what they do not
// expand: then the reference meaning is called lane by lane.
#pragma once
#include "codegen/cpu/mir.h"

namespace fj::codegen::cpu {

// Wraps the i32 lanes of a narrow integer type back into its range.
MV narrow(MBuilder& b, DType t, MV v);
MV lower_scalar(MBuilder& b, loop::Op op, DType t, MV x, MV y, MV z);
MV lower_cast(MBuilder& b, DType from, DType to, MV x);
// Transcendental functions of one float type.
MV expand_f32(MBuilder& b, loop::Op op, MV x, MV y);
MV expand_f64(MBuilder& b, loop::Op op, MV x, MV y);

}  // namespace fj::codegen::cpu
