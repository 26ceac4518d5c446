// Reductions inside kernel bodies.
#pragma once
#include "schedule/body.h"
#include "schedule/lower.h"

namespace fj::schedule {

inline bool is_arg_reduction(ReduceOp op) { return op == ReduceOp::ArgMax || op == ReduceOp::ArgMin; }

// Type of the accumulator of a node.
DType accumulator_type(const Node& n);
loop::AccKind accumulator_kind(const Node& n);
// Casts the element and feeds a fresh accumulator; returns its number.
int emit_accumulate(Body& body, const Node& n, loop::Value element, const Axes& axes);
// The node's results, in its outputs' dtypes. With two outputs, the extreme value and its index.
void emit_results(Body& body, const Node& n, int acc, SmallVec<loop::Value, 2>& out);
loop::Value emit_trivial_reduction(Body& body, const Node& n, loop::Value element);

}  // namespace fj::schedule
