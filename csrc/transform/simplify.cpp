#include "transform/simplify.h"

#include <cmath>

#include "ops/calls.h"

namespace fj::transform {
namespace {

// A rule looks at a node whose arguments are already those of the new graph; it gives the value that stands for the
// result, or null.
using Rule = Value* (*)(const Node& n, Args args, Graph& to);

bool same_meta(const TensorMeta& a, const TensorMeta& b) {
  return a.dtype == b.dtype && a.sizes == b.sizes && a.strides == b.strides && a.offset == b.offset &&
         a.device == b.device;  // views of the result have offsets of their own, computed from it
}

bool is_number(const Arg& a, double v) {
  return a.is_number() && a.as_double() == v && !(v == 0 && std::signbit(a.as_double()));
}

// The tensor argument itself, if it is just what the node gives.
Value* if_same(const Node& n, const Arg& a) {
  if (!a.is_tensor() || !same_meta(*a.val(), *n.outs[0])) return nullptr;
  return value_of(a.val());
}

// x * 1, 1 * x
Value* multiply(const Node& n, Args args, Graph&) {
  if (is_number(args[1], 1)) return if_same(n, args[0]);
  if (is_number(args[0], 1)) return if_same(n, args[1]);
  return nullptr;
}
// x / 1
Value* divide(const Node& n, Args args, Graph&) { return is_number(args[1], 1) ? if_same(n, args[0]) : nullptr; }
// x - 0 (x + 0 turns -0 into 0, so it stays)
Value* subtract(const Node& n, Args args, Graph&) { return is_number(args[1], 0) ? if_same(n, args[0]) : nullptr; }

// -(-x)
Value* negate(const Node& n, Args args, Graph&) {
  const Value* v = value_of(args[0].val());
  return v->def && v->def->op->id == OpId::neg ? if_same(n, v->def->args[0]) : nullptr;
}

// A clone in a functional graph is the value itself, where the layout is the same. A cast to its own dtype too.
Value* copy_of_same(const Node& n, Args args, Graph&) { return if_same(n, args[0]); }

// Widening and narrowing back: exact.
Value* cast_back(const Node& n, Args args, Graph&) {
  if (Value* v = if_same(n, args[0])) return v;
  const Value* v = value_of(args[0].val());
  if (!v->def || v->def->op->id != OpId::_to_dtype) return nullptr;
  DType first = v->def->args[0].val()->dtype, middle = v->dtype, last = n.outs[0]->dtype;
  bool widens = (first == DType::F16 || first == DType::BF16) ? middle == DType::F32 || middle == DType::F64
                                                              : first == DType::F32 && middle == DType::F64;
  return widens && first == last ? if_same(n, v->def->args[0]) : nullptr;
}

// A view that changes nothing.
Value* same_view(const Node& n, Args args, Graph&) {
  if (!args[0].is_tensor() || !same_meta(*args[0].val(), *n.outs[0]) || args[0].val()->offset != n.outs[0]->offset)
    return nullptr;
  return value_of(args[0].val());
}

Rule rule_of(const Node& n) {
  if (n.outs.size() != 1) return nullptr;
  if (n.op->is_view()) return same_view;
  switch (n.op->id) {
    case OpId::mul: return multiply;
    case OpId::div: return divide;
    case OpId::sub: return subtract;
    case OpId::neg: return negate;
    case OpId::clone: return copy_of_same;
    case OpId::_to_dtype: return cast_back;
    default: return nullptr;
  }
}

bool is_output(const Graph& g, const Value* v) {
  for (const Value* o : g.outputs)
    if (o == v) return true;
  return false;
}

}  // namespace

std::unique_ptr<Graph> simplify(const Graph& g) {
  auto to = std::make_unique<Graph>();
  ValueMap map;
  copy_inputs(g, *to, map);
  for (const Node* n : g.nodes) {
    // Outputs stay results of their own: the program needs one buffer for each.
    if (Rule rule = rule_of(*n); rule && !is_output(g, n->outs[0])) {
      ArgVec args = map.args(*n);
      if (Value* v = rule(*n, args, *to)) {
        map.set(n->outs[0], v);
        continue;
      }
    }
    copy_node(*n, *to, map);
  }
  copy_ends(g, *to, map);
  to->remove_dead_nodes();
  return to;
}

}  // namespace fj::transform
