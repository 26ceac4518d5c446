#include "ops/builder.h"

namespace fj {

Val Builder::emit1(OpId id, Args args) {
  SmallVec<Val, 2> outs;
  emit(op_def(id), args, outs);
  return outs[0];
}

SmallVec<Val, 2> Builder::emit_n(OpId id, Args args) {
  SmallVec<Val, 2> outs;
  emit(op_def(id), args, outs);
  return outs;
}

}  // namespace fj
