// Loop IR as text; parse.cpp reads the same. One declaration or instruction a line:
//   kernel axes=pr
//   operand 0 f32 in contig
//   param 0 float
//   acc 0 sum f32
//   sweep
//     %0 = load.f32 0
//     %1 = exp.f32 %0
//     accum 0 %1
//   point
//     %3 = result.f32 0
//     store 1 %3
//   end
// Numbers of values are instruction indices, so stores and accums use one up too. Constants print exactly: integers in
// decimal, floats as hexadecimal floats, or nan, inf, -inf.
#include <cmath>
#include <cstdio>

#include "base/str.h"
#include "loop/loop.h"
#include "loop/text_internal.h"

namespace fj::loop {
namespace {

void print_const(std::string& out, const Inst& inst) {
  if (!is_float(inst.dtype)) return append(out, inst.imm.i);
  double v = inst.imm.f;
  if (std::isnan(v)) return append(out, "nan");
  char text[48];
  std::snprintf(text, sizeof text,
                std::isinf(v)                                                              ? "%f"
                : v == std::floor(v) && std::fabs(v) < 1e9 && !(v == 0 && std::signbit(v)) ? "%.1f"
                                                                                           : "%a",
                v);
  append(out, text);
}

void print_inst(std::string& out, const Inst& inst, size_t at) {
  const OpInfo& op = info(inst.op);
  append(out, "  ");
  if (op.has_value) {
    append(out, cat("%", at, " = ", op.text, ".", text_of(inst.dtype)));
  } else {
    append(out, op.text);
  }
  if (inst.op == Op::Const) {
    out.push_back(' ');
    print_const(out, inst);
  }
  if (inst.index >= 0) append(out, cat(" ", inst.index));
  for (Value v : {inst.a, inst.b, inst.c})
    if (v != kNone) append(out, cat(" %", v));
  out.push_back('\n');
}

}  // namespace

std::string print(const Kernel& k) {
  std::string out = "kernel axes=";
  for (AxisKind a : k.axes) out.push_back(a == AxisKind::Parallel ? 'p' : 'r');
  out.push_back('\n');
  for (size_t i = 0; i < k.operands.size(); ++i) {
    const Operand& o = k.operands[i];
    append(out, cat("operand ", i, " ", text_of(o.dtype), " ", kRoleText[static_cast<int>(o.role)], " ",
                    kVecText[static_cast<int>(o.vec)], "\n"));
  }
  for (size_t i = 0; i < k.params.size(); ++i)
    append(out, cat("param ", i, " ", kParamText[static_cast<int>(k.params[i])], "\n"));
  for (size_t i = 0; i < k.accs.size(); ++i)
    append(out, cat("acc ", i, " ", kAccText[static_cast<int>(k.accs[i].kind)], " ", text_of(k.accs[i].dtype), "\n"));
  for (const Stage& s : k.stages) {
    append(out, cat(kStageText[static_cast<int>(s.kind)], "\n"));
    for (uint32_t i = s.first; i < s.last; ++i) print_inst(out, k.insts[i], i);
  }
  append(out, "end\n");
  return out;
}

}  // namespace fj::loop
