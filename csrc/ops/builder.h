// The one way to apply an op. Derivative, batching and decomposition rules are written against it; the eager builder
// executes (and tapes), the graph builder records, and layers wrap either.
#pragma once
#include "ops/opdef.h"

namespace fj {

class Builder {
 public:
  virtual ~Builder() = default;
  // Applies `op`; the results are owned by the builder and live as long as it does.
  virtual void emit(const OpDef& op, Args args, SmallVec<Val, 2>& outs) = 0;

  Val emit1(OpId id, Args args);
  SmallVec<Val, 2> emit_n(OpId id, Args args);
  Val emit1(OpId id, std::initializer_list<Arg> args) { return emit1(id, Args(args.begin(), args.size())); }
};

// Sums `grad` over the dimensions that broadcasting added, so that it has the sizes of `like`, and casts it to
// `like`'s dtype: what the gradient of a broadcast operand needs. Null stays null.
Val reduce_to(Builder& b, Val grad, Val like);

// A scalar value inside a pointwise body: a handle that the scalar builder understands.
struct Scl {
  int32_t id = -1;
};

// Receives the scalar expression of a pointwise op. Names are those of loop/scalar_ops.def.
class ScalarBuilder {
 public:
  virtual ~ScalarBuilder() = default;
  virtual Scl op(std::string_view name, std::initializer_list<Scl> in) = 0;
  virtual Scl constant(double v) = 0;  // in the compute type
  virtual Scl constant_int(int64_t v) = 0;
  virtual Scl cast(Scl v, DType to) = 0;
  virtual DType compute_type() const = 0;
};

}  // namespace fj
