// How an op call becomes work: layers, then transparent composites, then the tape, then execution (execute.cpp).
#pragma once
#include <vector>

#include "ops/builder.h"
#include "tensor/layer.h"

namespace fj {

// Applies an op, with everything that is switched on. Results are new references; an in-place op gives `self` again. A
// list result (rets[0] a TensorList) comes flattened.
void call_op(const OpDef& op, Args args, Outs& outs);
// The same below layers and tape.
void execute_op(const OpDef& op, Args args, Outs& outs);
// The out= form: results are written to the given tensors, resized where needed. `outs` holds the same tensors again.
void call_op_out(const OpDef& op, Args args, std::span<TensorObj* const> out, Outs& outs);

inline TensorRef call1(const OpDef& op, std::initializer_list<Arg> args) {
  Outs outs;
  call_op(op, Args(args.begin(), args.size()), outs);
  return std::move(outs[0]);
}
inline TensorRef call1(OpId id, std::initializer_list<Arg> args) { return call1(op_def(id), args); }

// Executes (and tapes). Results live as long as the builder.
class EagerBuilder final : public Builder {
 public:
  void emit(const OpDef& op, Args args, SmallVec<Val, 2>& outs) override;
  // An owned reference to a value that this builder made, or that it was given.
  TensorRef take(Val v) { return TensorRef::borrow(tensor_of(v)); }

 private:
  std::vector<TensorRef> owned_;
};

}  // namespace fj
