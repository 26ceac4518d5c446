// The bodies of an operator that takes functions, as graphs that its routine runs: `_cond` has two. They live as long
// as the process, like the code that they were traced from: ops refer to them by address. Equal ones are the same.
#pragma once
#include <algorithm>
#include <span>

#include "ops/native.h"

namespace fj {

class Bodies {
 public:
  virtual ~Bodies() = default;
  // What a body gives for operands of the sizes and dtypes that it was traced with.
  virtual std::span<const TensorMeta> results(size_t body) const = 0;
  // Do they draw random numbers?
  virtual bool draws() const = 0;
  // Compiles them, under the interpreter's lock. Programs do so before they run without it.
  virtual void prepare() = 0;
  virtual void run(size_t body, std::span<const TensorView> operands, std::span<const TensorView> results) = 0;
  // From the operands and the gradients of those results that can have one (is_differentiable), in their order, to the
  // gradients of those operands that can. Raises what has no derivative.
  virtual Bodies& gradient() = 0;
  // For a scan that carries the first `carried` operands: the same body, which gives those operands as well.
  virtual Bodies& saving(size_t carried) = 0;
  // The derivative of a scan's or a loop's body as one of the way back, from the gradients of what is carried on, sums
  // of those of the operands that are no slices, `slices` slices, what was carried, gradients of the other results, and
  // those operands.
  virtual Bodies& backward(size_t carried, size_t slices) = 0;
  // Of the way back through a loop: that loop's bodies, which run once more before it. Others have none.
  virtual Bodies* forward() const = 0;
};

// The ops that have one among their arguments.
inline bool has_bodies(OpId op) { return op == OpId::_cond || op == OpId::_while_loop || op == OpId::_scan; }
inline Bodies& bodies_of(const Arg& a) { return *static_cast<Bodies*>(a.as_object()); }
inline Bodies& bodies_of(Args args) {
  return bodies_of(*std::find_if(args.begin(), args.end(), [](const Arg& a) { return a.tag() == ArgTag::Object; }));
}
// Does a call draw from a generator, by itself or in bodies?
inline bool draws(const OpDef& op, Args args) {
  return op.has(kRandom) || (has_bodies(op.id) && bodies_of(args).draws());
}

}  // namespace fj
