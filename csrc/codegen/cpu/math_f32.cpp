#include "codegen/cpu/lower.h"
namespace fj::codegen::cpu {
MV expand_f32(MBuilder&, loop::Op, MV, MV) { return kNoValue; }
MV expand_f64(MBuilder&, loop::Op, MV, MV) { return kNoValue; }
}  // namespace fj::codegen::cpu
