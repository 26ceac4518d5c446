// What the functions share among their files.
#pragma once
#include "codegen/cpu/lower.h"

namespace fj::codegen::cpu {

// Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits.
inline constexpr double kMagic64 = 6755399441055744.0;

struct Split64 {
  MV e, f;  // x = 2^e (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1]
};
Split64 split_f64(MBuilder& b, MV x);

MV exp_shifted_f64(MBuilder& b, MV x, int shift);  // e^x 2^shift
MV exp2_pair_f64(MBuilder& b, MV x, MV low);       // 2^(x + low), low small
MV expm1_f64(MBuilder& b, MV x);
MV log1p_f64(MBuilder& b, MV x);
MV erf_f64(MBuilder& b, MV x);
MV erfc_f64(MBuilder& b, MV x);
MV pow_f64(MBuilder& b, MV x, MV y);
MV pow_f32(MBuilder& b, MV x, MV y);
// Where x is NaN, x.
inline MV clamp(MBuilder& b, LT t, MV x, double low, double high) {
  return b.op(MOp::MaxRaw, t, b.num(t, low), b.op(MOp::MinRaw, t, b.num(t, high), x));
}
// The functions of math_f64_more.cpp, kNoValue for others.
MV expand_f64_more(MBuilder& b, loop::Op op, MV x, MV y);

}  // namespace fj::codegen::cpu
