#include "schedule/pointwise.h"

#include "schedule/body.h"
#include "schedule/prune.h"

namespace fj::schedule {

loop::Kernel lower_single_pointwise(const OpDef& op, Args args, DType out, int rank,
                                    std::span<const loop::VecClass> classes) {
  loop::Kernel k;
  for (int i = 0; i < rank; ++i) k.add_axis(loop::AxisKind::Parallel);
  k.add_operand(out, loop::Role::Out, classes[0]);
  Body body(k);
  PointwiseArgs in;
  body.open(loop::StageKind::Sweep);
  size_t operand = 1;
  for (size_t i = 0; i < args.size(); ++i) {
    const Arg& a = args[i];
    in.in.push_back(loop::kNone);
    in.param.push_back(-1);
    if (a.is_tensor()) {
      k.add_operand(a.val()->dtype, loop::Role::In, classes[operand]);
      in.in[i] = body.load(static_cast<int>(operand++));
    } else if (a.is_number() && !is_baked(op, i, a)) {
      in.param[i] = k.add_param(a.tag() == ArgTag::Float ? loop::ParamKind::Float : loop::ParamKind::Int);
    }
  }
  k.store(0, emit_pointwise(body, op, args, in, out));
  prune(k);
  return k;
}

}  // namespace fj::schedule
