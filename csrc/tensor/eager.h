// The upward interface of eager execution: who computes an op. Implemented and registered by driver.
#pragma once
#include <span>

#include "ops/opdef.h"
#include "tensor/tensor.h"

namespace fj {

class EagerExecutor {
 public:
  virtual ~EagerExecutor() = default;
  // Computes a pointwise op, a reduction or a composite that is not transparent. `outs` have memory: as infer_op says,
  // or the user's. Their sizes are the inferred ones; strides are any, and the dtype may differ from the inferred one
  // (cast on store). An output may be an argument, with the same geometry; no other overlap. Nothing needs checking.
  // Arguments' Vals are TensorObjs: tensor_of(val), data_of(tensor).
  virtual void run(const OpDef& op, Args args, std::span<TensorObj* const> outs) = 0;
};

void set_eager_executor(EagerExecutor* executor);  // lives for ever
EagerExecutor& eager_executor();

}  // namespace fj
