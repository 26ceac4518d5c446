// Machine-level IR: what a stage is lowered to. Values are vectors of L lanes (or masks of L bits); L is the same for
// all values of a kernel, so that each fits one register: 64-bit lanes anywhere halve L. Lane types: bool is a mask;
// u8, i8, i16 and i32 are i32 lanes, always in their type's range; f16, bf16 and f32 are f32 lanes, always exactly
// representable in their type.
//
// Some values have a home in memory and no instruction: constants and tables (the pool after the code) and slots
// (results of point stages, parameters). The allocator loads them when it must and folds them into operands when it
// can.
#pragma once
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "loop/loop.h"

namespace fj::codegen::cpu {

enum class LT : uint8_t { F32, I32, F64, I64, Mask };
constexpr int lane_bytes(LT t) { return t == LT::F64 || t == LT::I64 ? 8 : 4; }
constexpr bool is_fp(LT t) { return t == LT::F32 || t == LT::F64; }
constexpr LT int_of(LT t) { return lane_bytes(t) == 8 ? LT::I64 : LT::I32; }
LT lane_type(DType t);

enum class MOp : uint8_t {
#define FJ_MOP(name, fold, commutes) name,
#include "codegen/cpu/mops.def"
#undef FJ_MOP
};

enum Pred : uint8_t {
  kEq = 0,
  kLt = 1,
  kLe = 2,
  kUnord = 3,
  kNe = 4,
  kNlt = 5,
  kNle = 6,
  kOrd = 7
};                                                                             // x86's numbers; Nlt is >= for ints
enum RoundMode : uint8_t { kNearest = 8, kDown = 9, kUp = 10, kToZero = 11 };  // without inexact

enum class CvtKind : uint8_t {
  F32ToI32,
  F32ToI32Trunc,
  I32ToF32,
  F32ToF64,
  F64ToF32,
  F64ToI32Trunc,
  F64ToI32,
  I32ToF64,
  I32ToI64,
  I64ToI32,
  F64ToI64Trunc,
  I64ToF64,
  I64ToF32,
  F32ToI64Trunc,
  RoundToF16,
};

using MV = uint32_t;
inline constexpr MV kNoValue = 0xffffffffu;

struct MInst {
  MOp op;
  LT lt;                      // of the result; of the arguments for Cmp, stores, Save
  uint8_t n = 0;              // arguments
  DType dt = DType::F32;      // memory type of loads, stores and a Call's result
  DType arg_dt = DType::F32;  // of a Call's arguments
  int16_t index = -1;         // operand, axis, accumulator, slot, check code
  MV a[4] = {kNoValue, kNoValue, kNoValue, kNoValue};
  int64_t imm = 0;
  MV dst = kNoValue;
};

enum class Home : uint8_t { None, Const, Slot, Table };

inline constexpr int kTableFloats512 = 16, kTableFloats = 8;  // a register full, on AVX-512 and AVX2

struct MVal {
  LT lt;
  Home home = Home::None;
  int16_t slot = -1;
  uint64_t bits = 0;  // of a constant; address of a table
  int32_t def = -1;   // the instruction that makes it
};

struct MStage {
  loop::StageKind kind;
  std::vector<MInst> insts;
  std::vector<MVal> vals;
  bool calls = false;
};

// How a value outlives its stage, and where parameters are kept: one slot is a vector for each unrolled copy.
struct MKernel {
  std::vector<MStage> stages;
  std::vector<LT> slots;
  struct ParamSlot {
    int16_t param;
    DType dtype;
    int16_t slot;
  };
  std::vector<ParamSlot> params;
  struct AccHome {
    loop::AccKind kind;
    LT lt;
    int16_t slot, arg_slot;
  };  // slots of the finished results
  std::vector<AccHome> accs;
  bool wide = false;  // has 64-bit lanes
  bool rare = false;  // has out-of-line code
  int insts = 0;
};

// Appends instructions to one stage; expansions of functions are written against it.
class MBuilder {
 public:
  MBuilder(MKernel* kernel, MStage* stage, bool avx512) : avx512(avx512), k_(kernel), s_(stage) {}

  const bool avx512;

  MV bits(LT lt, uint64_t v);  // a constant, once a stage
  MV f(float v) { return bits(LT::F32, std::bit_cast<uint32_t>(v)); }
  MV d(double v) { return bits(LT::F64, std::bit_cast<uint64_t>(v)); }
  MV i(int32_t v) { return bits(LT::I32, static_cast<uint32_t>(v)); }
  MV l(int64_t v) { return bits(LT::I64, static_cast<uint64_t>(v)); }
  // A constant of lane type lt with this value.
  MV num(LT lt, double v);
  MV slot(int16_t slot);
  MV table(const float* entries);  // as many as fill a register

  MV op(MOp o, LT lt, MV a, MV b = kNoValue, MV c = kNoValue, int64_t imm = 0);
  MV add(LT t, MV a, MV b) { return op(MOp::Add, t, a, b); }
  MV sub(LT t, MV a, MV b) { return op(MOp::Sub, t, a, b); }
  MV mul(LT t, MV a, MV b);
  MV div(LT t, MV a, MV b) { return op(MOp::Div, t, a, b); }
  MV fma(LT t, MV a, MV b, MV c) { return fused(t, false, a, b, false, c); }
  MV fnma(LT t, MV a, MV b, MV c) { return fused(t, true, a, b, false, c); }
  MV fms(LT t, MV a, MV b, MV c) { return fused(t, false, a, b, true, c); }
  MV band(LT t, MV a, MV b) { return op(MOp::And, t, a, b); }
  MV bor(LT t, MV a, MV b) { return op(MOp::Or, t, a, b); }
  MV bxor(LT t, MV a, MV b) { return op(MOp::Xor, t, a, b); }
  MV andn(LT t, MV a, MV b) { return op(MOp::AndN, t, a, b); }
  MV shl(LT t, MV a, int n) { return op(MOp::ShlI, t, a, kNoValue, kNoValue, n); }
  MV shr(LT t, MV a, int n) { return op(MOp::ShrI, t, a, kNoValue, kNoValue, n); }
  MV sar(LT t, MV a, int n);
  MV round(LT t, MV a, RoundMode m) { return op(MOp::Round, t, a, kNoValue, kNoValue, m); }
  MV cmp(LT t, Pred p, MV a, MV b);  // of t lanes
  MV select(LT t, MV m, MV yes, MV no) { return op(MOp::Select, t, m, yes, no); }
  MV mand(MV a, MV b) { return op(MOp::MAnd, LT::Mask, a, b); }
  MV mor(MV a, MV b) { return op(MOp::MOr, LT::Mask, a, b); }
  MV mxor(MV a, MV b) { return op(MOp::MXor, LT::Mask, a, b); }
  // y, but in lanes where |test| >= 2^exponent op(x, x2) by the reference meaning, computed out of line.
  MV far(LT t, MV y, loop::Op op, MV test, int exponent, MV x, MV x2 = kNoValue);
  MV lookup(MV index, MV table, MV more = kNoValue) { return op(MOp::Lookup, LT::F32, index, table, more); }
  MV scalef(LT t, MV a, MV n) { return op(MOp::Scalef, t, a, n); }
  MV sign_mask(MV v);  // the lanes (32 bits) whose top bit is set
  MV mnot(MV a) { return op(MOp::MNot, LT::Mask, a); }
  MV mconst(bool v) { return op(MOp::MConst, LT::Mask, kNoValue, kNoValue, kNoValue, v); }
  MV cvt(CvtKind kind, LT to, MV a) { return op(MOp::Cvt, to, a, kNoValue, kNoValue, static_cast<int64_t>(kind)); }
  // The same bits seen as other lanes of the same width: the value itself.
  MV cast_bits(MV a) { return a; }
  MV abs_bits(LT t, MV a);
  MV neg(LT t, MV a);
  MV sign_bits(LT t, MV a);
  MV is_nan(LT t, MV a) { return cmp(t, kUnord, a, a); }
  // Horner: c[0] x^(n-1) + ... + c[n-1].
  template <size_t N>
  MV poly(LT t, MV x, const double (&c)[N]) {
    MV p = num(t, c[0]);
    for (size_t k = 1; k < N; ++k) p = fma(t, p, x, num(t, c[k]));
    return p;
  }
  MV push(MInst inst, bool has_value);

  std::optional<float> known(MV v) const {  // the value of an f32 constant
    if (s_->vals[v].home != Home::Const) return {};
    return std::bit_cast<float>(static_cast<uint32_t>(s_->vals[v].bits));
  }
  LT type(MV v) const { return s_->vals[v].lt; }
  // If v = x * 2^k of float lanes t: x and the constant.
  bool is_exact_scaling(LT t, MV v, MV* x, MV* power) const;
  MKernel* kernel() { return k_; }
  MStage* stage() { return s_; }

 private:
  MV value(LT lt);
  MV sign_of(LT t) { return lane_bytes(t) == 8 ? bits(LT::I64, 0x8000000000000000ull) : bits(LT::I32, 0x80000000u); }
  // If v is the negative of some x (floats): x, else v; flips `negated` if so.
  MV without_sign(MV v, bool* negated);
  MV fused(LT t, bool minus_product, MV a, MV b, bool minus_c, MV c);
  MKernel* k_;
  MStage* s_;
};

// Lowers a kernel; choices depend on the instruction set only through avx512.
MKernel lower(const loop::Kernel& kernel, bool avx512);

}  // namespace fj::codegen::cpu
