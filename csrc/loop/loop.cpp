// Building kernels, the op table's rows, and the structural key.
#include "loop/loop.h"

#include <bit>

#include "base/error.h"

namespace fj::loop {

const OpInfo kOpInfo[kOpCount] = {
    {"const", 0, TypeRule::None, true},     {"param", 0, TypeRule::None, true},
    {"index", 0, TypeRule::None, true},     {"load", 0, TypeRule::None, true},
    {"load_at", 1, TypeRule::None, true},   {"store", 1, TypeRule::None, false},
    {"store_at", 2, TypeRule::None, false}, {"cast", 1, TypeRule::None, true},
    {"select", 3, TypeRule::None, true},    {"accum", 1, TypeRule::None, false},
    {"result", 0, TypeRule::None, true},    {"result_value", 0, TypeRule::None, true},
    {"check", 1, TypeRule::None, false},    {"philox", 2, TypeRule::None, true},
#define FJ_SCALAR(name, text, arity, rule) {text, arity, TypeRule::rule, true},
#include "loop/scalar_ops.def"
#undef FJ_SCALAR
};

static constexpr const char* kDTypeText[kRealDTypeCount] = {"bool", "u8",  "i8",   "i16", "i32",
                                                            "i64",  "f16", "bf16", "f32", "f64"};

const char* text_of(DType t) { return kDTypeText[static_cast<int>(t)]; }

bool parse_text_dtype(std::string_view text, DType* out) {
  for (int i = 0; i < kRealDTypeCount; ++i) {
    if (text != kDTypeText[i]) continue;
    *out = static_cast<DType>(i);
    return true;
  }
  return false;
}

bool Kernel::has_reduce() const {
  for (AxisKind k : axes)
    if (k == AxisKind::Reduce) return true;
  return false;
}

void Kernel::open(StageKind kind) {
  uint32_t at = static_cast<uint32_t>(insts.size());
  stages.push_back({kind, at, at});
}

Value Kernel::push(const Inst& inst) {
  FJ_CHECK(!stages.empty(), "open a stage before adding instructions");
  insts.push_back(inst);
  stages.back().last = static_cast<uint32_t>(insts.size());
  return static_cast<Value>(insts.size()) - 1;
}

Value Kernel::constant(DType t, double v) {
  if (!is_float(t)) return constant_int(t, static_cast<int64_t>(v));
  Inst inst{Op::Const, t};
  inst.imm.f = v;
  return push(inst);
}

Value Kernel::constant_int(DType t, int64_t v) {
  if (is_float(t)) return constant(t, static_cast<double>(v));
  Inst inst{Op::Const, t};
  inst.imm.i = t == DType::Bool ? v != 0 : v;
  return push(inst);
}

Value Kernel::result(int acc) {
  AccKind kind = accs[acc].kind;
  bool arg = kind == AccKind::ArgMax || kind == AccKind::ArgMin;
  return push({Op::Result, arg ? DType::I64 : accs[acc].dtype, static_cast<int16_t>(acc)});
}

Value Kernel::emit(Op op, Value a, Value b, Value c) {
  FJ_CHECK(is_scalar(op), "emit() is for scalar ops");
  TypeRule rule = info(op).rule;
  bool to_bool = rule == TypeRule::Cmp || rule == TypeRule::Class;
  return push({op, to_bool ? DType::Bool : dtype_of(a), -1, a, b, c});
}

std::string Kernel::key() const {
  std::string out;
  out.reserve(16 + operands.size() * 2 + insts.size() * 8);
  auto byte = [&](int v) { out.push_back(static_cast<char>(v)); };
  // Relative distances keep most arguments in one byte.
  auto arg = [&](size_t at, Value v) {
    uint32_t d = v == kNone ? 0 : static_cast<uint32_t>(at - v);
    while (d >= 128) {
      byte(static_cast<int>(d & 127) | 128);
      d >>= 7;
    }
    byte(static_cast<int>(d));
  };
  byte(rank());
  for (AxisKind k : axes) byte(static_cast<int>(k));
  byte(static_cast<int>(operands.size()));
  for (const Operand& o : operands) {
    byte(static_cast<int>(o.dtype));
    byte(static_cast<int>(o.role) * 4 + static_cast<int>(o.vec));
  }
  byte(static_cast<int>(params.size()));
  for (ParamKind p : params) byte(static_cast<int>(p));
  byte(static_cast<int>(accs.size()));
  for (const Acc& a : accs) {
    byte(static_cast<int>(a.kind));
    byte(static_cast<int>(a.dtype));
  }
  for (const Stage& s : stages) {
    byte(200 + static_cast<int>(s.kind));
    for (uint32_t i = s.first; i < s.last; ++i) {
      const Inst& inst = insts[i];
      byte(static_cast<int>(inst.op));
      byte(static_cast<int>(inst.dtype));
      if (inst.index >= 0) byte(inst.index & 255), byte(inst.index >> 8);
      int n = inst.op == Op::Accum ? 2 : info(inst.op).arity;
      const Value args[3] = {inst.a, inst.b, inst.c};
      for (int k = 0; k < n; ++k) arg(i, args[k]);
      if (inst.op == Op::Const) out.append(reinterpret_cast<const char*>(&inst.imm), 8);
    }
  }
  return out;
}

}  // namespace fj::loop
