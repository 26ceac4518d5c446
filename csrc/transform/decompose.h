// Takes every composite apart, down to pointwise, view, reduction and native nodes.
#pragma once
#include "transform/rewrite.h"

namespace fj::transform {

std::unique_ptr<Graph> decompose(const Graph& g);

// Appends nodes to a graph; composites are taken apart at once.
class PrimitiveBuilder final : public Builder {
 public:
  explicit PrimitiveBuilder(Graph& g) : graph_(g) {}
  void emit(const OpDef& op, Args args, SmallVec<Val, 2>& outs) override;
  std::shared_ptr<const graph::Location> location;

 private:
  Graph& graph_;
};

}  // namespace fj::transform
