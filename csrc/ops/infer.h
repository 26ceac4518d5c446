// Result metas of any op call: the row's own rule, or the metas that its decomposition gives.
#pragma once
#include "ops/builder.h"

namespace fj {

void infer_op(const OpDef& op, Args args, SmallVec<TensorMeta, 2>& outs);

// True for a composite that is always taken apart where it is called: it has no derivative rule of its own, so
// autograd sees the ops that it is made of. Other composites stay whole until the compiler decomposes them.
inline bool is_transparent(const OpDef& op) { return op.kind == OpKind::Composite && !op.vjp; }

}  // namespace fj
