#include "schedule/cost.h"

#include "schedule/body.h"

namespace fj::schedule {
namespace {

int cost_of(loop::Op op) {
  switch (op) {
    case loop::Op::Const:
    case loop::Op::Param:
    case loop::Op::Load: return 0;
    case loop::Op::Div:
    case loop::Op::Sqrt:
    case loop::Op::Rsqrt: return 3;
    case loop::Op::FloorDiv:
    case loop::Op::TruncDiv:
    case loop::Op::Rem: return 6;
    default:
      return op >= loop::Op::Exp || op == loop::Op::Pow || op == loop::Op::Fmod || op == loop::Op::Hypot ? 10 : 1;
  }
}

}  // namespace

int pointwise_cost(const OpDef& op, Args args, DType out) {
  loop::Kernel k;
  k.add_axis(loop::AxisKind::Parallel);
  Body body(k);
  body.open(loop::StageKind::Sweep);
  PointwiseArgs in;
  for (const Arg& a : args) {
    in.in.push_back(a.is_tensor() ? body.load(k.add_operand(a.val()->dtype, loop::Role::In, loop::VecClass::Contig))
                                  : loop::kNone);
    in.param.push_back(-1);
  }
  emit_pointwise(body, op, args, in, out);
  int cost = 0;
  for (const loop::Inst& i : k.insts) cost += cost_of(i.op);
  return cost;
}

}  // namespace fj::schedule
