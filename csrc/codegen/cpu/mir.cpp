// The builder's own operations.
#include "codegen/cpu/mir.h"

#include "codegen/ref/scalar_table.h"

namespace fj::codegen::cpu {

LT lane_type(DType t) {
  switch (t) {
    case DType::Bool: return LT::Mask;
    case DType::I64: return LT::I64;
    case DType::F64: return LT::F64;
    case DType::F16:
    case DType::BF16:
    case DType::F32: return LT::F32;
    default: return LT::I32;
  }
}

MV MBuilder::value(LT lt) {
  if (lt != LT::Mask && lane_bytes(lt) == 8) k_->wide = true;
  s_->vals.push_back({lt});
  return static_cast<MV>(s_->vals.size()) - 1;
}

MV MBuilder::bits(LT lt, uint64_t v) {
  for (size_t i = 0; i < s_->vals.size(); ++i) {
    const MVal& known = s_->vals[i];
    if (known.home == Home::Const && known.bits == v && lane_bytes(known.lt) == lane_bytes(lt))
      return static_cast<MV>(i);
  }
  MV out = value(lt);
  s_->vals[out].home = Home::Const;
  s_->vals[out].bits = v;
  return out;
}

MV MBuilder::num(LT lt, double v) {
  switch (lt) {
    case LT::F32: return f(static_cast<float>(v));
    case LT::F64: return d(v);
    case LT::I32: return i(static_cast<int32_t>(v));
    default: return l(static_cast<int64_t>(v));
  }
}

MV MBuilder::slot(int16_t slot) {
  for (size_t i = 0; i < s_->vals.size(); ++i)
    if (s_->vals[i].home == Home::Slot && s_->vals[i].slot == slot) return static_cast<MV>(i);
  MV out = value(k_->slots[slot]);
  s_->vals[out].home = Home::Slot;
  s_->vals[out].slot = slot;
  return out;
}

MV MBuilder::table(const float* entries) {
  uint64_t address = reinterpret_cast<uintptr_t>(entries);
  for (size_t i = 0; i < s_->vals.size(); ++i)
    if (s_->vals[i].home == Home::Table && s_->vals[i].bits == address) return static_cast<MV>(i);
  MV out = value(LT::F32);
  s_->vals[out].home = Home::Table;
  s_->vals[out].bits = address;
  return out;
}

MV MBuilder::push(MInst inst, bool has_value) {
  if (has_value) {
    bool mask = inst.op == MOp::Cmp || inst.op == MOp::BitsMask;
    inst.dst = value(mask ? LT::Mask : inst.lt);
    s_->vals[inst.dst].def = static_cast<int32_t>(s_->insts.size());
  }
  ++k_->insts;
  s_->insts.push_back(inst);
  return inst.dst;
}

MV MBuilder::op(MOp o, LT lt, MV a, MV b, MV c, int64_t imm) {
  MInst inst{o, lt};
  for (MV v : {a, b, c})
    if (v != kNoValue) inst.a[inst.n++] = v;
  inst.imm = imm;
  return push(inst, true);
}

bool MBuilder::is_exact_scaling(LT t, MV v, MV* x, MV* power) const {
  int32_t def = s_->vals[v].def;
  if (def < 0 || s_->insts[static_cast<size_t>(def)].op != MOp::Mul || s_->insts[static_cast<size_t>(def)].lt != t)
    return false;
  const MInst& mul = s_->insts[static_cast<size_t>(def)];
  for (int k : {0, 1}) {
    const MVal& c = s_->vals[mul.a[k]];
    int mantissa = t == LT::F32 ? 23 : 52;
    uint64_t exponent = c.bits >> mantissa & (t == LT::F32 ? 0xff : 0x7ff);
    bool normal = exponent != 0 && exponent != (t == LT::F32 ? 0xff : 0x7ff);
    if (c.home != Home::Const || c.bits & ((uint64_t{1} << mantissa) - 1) || !normal) continue;
    *x = mul.a[1 - k];
    *power = mul.a[k];
    return true;
  }
  return false;
}

MV MBuilder::cmp(LT t, Pred p, MV a, MV b) {
  MInst inst{MOp::Cmp, t, 2};
  inst.a[0] = a;
  inst.a[1] = b;
  inst.imm = p;
  return push(inst, true);
}

MV MBuilder::far(LT t, MV y, loop::Op op, MV test, int exponent, MV x, MV x2) {
  MInst inst{MOp::Far, t};
  inst.dt = t == LT::F64 ? DType::F64 : DType::F32;
  inst.index = static_cast<int16_t>(exponent);
  inst.imm = static_cast<int64_t>(reinterpret_cast<intptr_t>(scalar_fn(op, inst.dt)));
  for (MV v : {y, test, x, x2})
    if (v != kNoValue) inst.a[inst.n++] = v;
  k_->rare = true;
  return push(inst, true);
}

MV MBuilder::sign_mask(MV v) {
  MInst inst{MOp::BitsMask, LT::I32, 1};
  inst.a[0] = v;
  return push(inst, true);
}

// AVX2 has no 64-bit arithmetic shift: shift logically, then put the sign's copies in.
MV MBuilder::sar(LT t, MV a, int n) {
  if (t == LT::I32 || avx512) return op(MOp::SarI, t, a, kNoValue, kNoValue, n);
  MV sign = bits(t, uint64_t{1} << (63 - n));
  return sub(t, bxor(t, shr(t, a, n), sign), sign);
}

MV MBuilder::abs_bits(LT t, MV a) {
  return band(t, a, lane_bytes(t) == 8 ? bits(LT::I64, 0x7fffffffffffffffull) : bits(LT::I32, 0x7fffffffu));
}
MV MBuilder::sign_bits(LT t, MV a) { return band(t, a, sign_of(t)); }

MV MBuilder::neg(LT t, MV a) { return is_fp(t) ? bxor(t, a, sign_of(t)) : sub(t, num(t, 0), a); }

MV MBuilder::without_sign(MV v, bool* negated) {
  int32_t def = s_->vals[v].def;
  if (def < 0) return v;
  const MInst& in = s_->insts[static_cast<size_t>(def)];
  if (in.op != MOp::Xor || !is_fp(in.lt) || in.a[1] != sign_of(in.lt)) return v;
  *negated = !*negated;
  return in.a[0];
}

MV MBuilder::mul(LT t, MV a, MV b) {
  bool negated = false;
  if (is_fp(t)) {
    a = without_sign(a, &negated);
    b = without_sign(b, &negated);
  }
  MV product = op(MOp::Mul, t, a, b);
  return negated ? neg(t, product) : product;
}

// Signs of the arguments go into the choice among the four fused operations.
MV MBuilder::fused(LT t, bool minus_product, MV a, MV b, bool minus_c, MV c) {
  a = without_sign(a, &minus_product);
  b = without_sign(b, &minus_product);
  c = without_sign(c, &minus_c);
  MOp o = minus_product ? (minus_c ? MOp::Fnms : MOp::Fnma) : (minus_c ? MOp::Fms : MOp::Fma);
  return op(o, t, a, b, c);
}

}  // namespace fj::codegen::cpu
