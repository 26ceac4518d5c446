#include "schedule/reduction.h"

namespace fj::schedule {

using loop::Value;

namespace {

DType compute_dtype(const Node& n) {
  DType t = n.op->compute ? n.op->compute(*n.op, n.args) : n.args[0].val()->dtype;
  return t;
}

bool is_logic(ReduceOp op) { return op == ReduceOp::Any || op == ReduceOp::All; }

// Max and Min of bools are Any and All.
ReduceOp effective(const Node& n) {
  ReduceOp op = n.op->reduce;
  if (compute_dtype(n) != DType::Bool) return op;
  if (op == ReduceOp::Max) return n.outs.size() == 1 ? ReduceOp::Any : op;
  if (op == ReduceOp::Min) return n.outs.size() == 1 ? ReduceOp::All : op;
  return op;
}

Value as_input(Body& body, const Node& n, Value element) {
  DType compute = compute_dtype(n);
  if (is_float(compute) && body.kernel().dtype_of(element) != compute) element = body.cast(element, compute);
  if (compute == DType::Bool && body.kernel().dtype_of(element) != DType::Bool)
    element = body.cast(element, DType::Bool);
  return body.cast(element, accumulator_type(n));
}

}  // namespace

DType accumulator_type(const Node& n) {
  if (is_logic(effective(n))) return DType::Bool;
  DType t = compute_type(compute_dtype(n));
  if (is_float(t) || t == DType::I64 || t == DType::I32) return t;
  bool sum = n.op->reduce == ReduceOp::Sum || n.op->reduce == ReduceOp::Prod;
  return sum ? DType::I64 : DType::I32;
}

loop::AccKind accumulator_kind(const Node& n) {
  bool both = n.outs.size() == 2;
  switch (effective(n)) {
    case ReduceOp::Sum: return loop::AccKind::Sum;
    case ReduceOp::Prod: return loop::AccKind::Prod;
    case ReduceOp::Max: return both ? loop::AccKind::ArgMax : loop::AccKind::Max;
    case ReduceOp::Min: return both ? loop::AccKind::ArgMin : loop::AccKind::Min;
    case ReduceOp::ArgMax: return loop::AccKind::ArgMax;
    case ReduceOp::ArgMin: return loop::AccKind::ArgMin;
    case ReduceOp::Any: return loop::AccKind::Any;
    case ReduceOp::All: return loop::AccKind::All;
    case ReduceOp::None: break;
  }
  raise(ErrorKind::Internal, n.op->full_name, " is no reduction");
}

int emit_accumulate(Body& body, const Node& n, Value element, const Axes& axes) {
  loop::Kernel& k = body.kernel();
  loop::AccKind kind = accumulator_kind(n);
  int acc = k.add_acc(kind, accumulator_type(n));
  Value v = as_input(body, n, element);
  if (kind != loop::AccKind::ArgMax && kind != loop::AccKind::ArgMin) {
    k.accum(acc, v);
    return acc;
  }
  Value index = loop::kNone;
  for (size_t a = 0; a < axes.sizes.size(); ++a) {
    if (!axes.reduced[a]) continue;
    Value at = k.index(static_cast<int>(a));
    if (axes.index_steps[a] != 1) at = body.emit(loop::Op::Mul, at, body.const_int(DType::I64, axes.index_steps[a]));
    index = index == loop::kNone ? at : body.emit(loop::Op::Add, index, at);
  }
  k.accum(acc, v, index);
  return acc;
}

void emit_results(Body& body, const Node& n, int acc, SmallVec<Value, 2>& out) {
  loop::Kernel& k = body.kernel();
  if (n.outs.size() == 2) {
    out.push_back(body.cast(k.result_value(acc), n.outs[0]->dtype));
    out.push_back(body.cast(k.result(acc), n.outs[1]->dtype));
    return;
  }
  Value v = k.result(acc);
  DType compute = compute_dtype(n);
  // A half-precision result is rounded from f32 once; small integers wrap.
  if (!is_arg_reduction(n.op->reduce) && is_float(compute) && compute != k.dtype_of(v)) v = body.cast(v, compute);
  out.push_back(body.cast(v, n.outs[0]->dtype));
}

Value emit_trivial_reduction(Body& body, const Node& n, Value element) {
  if (is_arg_reduction(n.op->reduce)) return body.const_int(n.outs[0]->dtype, 0);
  return body.cast(as_input(body, n, element), n.outs[0]->dtype);
}

}  // namespace fj::schedule
