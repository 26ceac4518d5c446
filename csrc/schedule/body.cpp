#include "schedule/body.h"

#include <cmath>

#include "base/hash.h"
#include "ops/opdef.h"

namespace fj::schedule {

using loop::kNone;
using loop::Op;
using loop::Value;

const char* const kCheckMessages[] = {"ZeroDivisionError"};

namespace {

// Names that rows use besides the loop IR's own.
struct Alias {
  const char* name;
  Op op;
  bool logical;  // arguments become bool first
};
constexpr Alias kAliases[] = {
    {"floor_div", Op::FloorDiv, false}, {"remainder", Op::Rem, false},   {"bitwise_and", Op::And, false},
    {"bitwise_or", Op::Or, false},      {"bitwise_xor", Op::Xor, false}, {"bitwise_not", Op::Not, false},
    {"logical_and", Op::And, true},     {"logical_or", Op::Or, true},    {"logical_xor", Op::Xor, true},
    {"logical_not", Op::Not, true},     {"maximum", Op::Max, false},     {"minimum", Op::Min, false},
    {"trunc_div", Op::TruncDiv, false}, {"true_div", Op::Div, false},
};

struct Named {
  Op op;
  bool logical;
};

const std::unordered_map<std::string_view, Named>& names() {
  static const auto* table = [] {
    auto* t = new std::unordered_map<std::string_view, Named>();
    for (int i = loop::kFirstScalarOp; i < loop::kOpCount; ++i)
      (*t)[loop::kOpInfo[i].text] = {static_cast<Op>(i), false};
    for (const Alias& a : kAliases) (*t)[a.name] = {a.op, a.logical};
    return t;
  }();
  return *table;
}

bool divides(Op op) { return op == Op::FloorDiv || op == Op::TruncDiv || op == Op::Rem || op == Op::Fmod; }

}  // namespace

void Body::open(loop::StageKind kind) {
  k_.open(kind);
  seen_.clear();
  loads_.clear();
}

Value Body::numbered(const loop::Inst& key, Value (*make)(Body&, const loop::Inst&)) {
  Hasher h;
  h.add(static_cast<uint64_t>(key.op) << 8 | static_cast<uint64_t>(key.dtype)).add(static_cast<uint64_t>(key.index));
  h.add(static_cast<uint64_t>(key.a) << 32 | key.b)
      .add(static_cast<uint64_t>(key.c))
      .add(static_cast<uint64_t>(key.imm.i));
  auto& bucket = seen_[h.value()];
  for (Value v : bucket) {
    const loop::Inst& i = k_.insts[v];
    if (i.op == key.op && i.dtype == key.dtype && i.index == key.index && i.a == key.a && i.b == key.b &&
        i.c == key.c && i.imm.i == key.imm.i)
      return v;
  }
  Value v = make(*this, key);
  bucket.push_back(v);
  return v;
}

Value Body::const_of(DType t, double v) {
  if (!is_float(t)) return const_int(t, t == DType::Bool ? v != 0 : static_cast<int64_t>(v));
  if (t == DType::F16 || t == DType::BF16) return cast(const_of(DType::F32, v), t);
  loop::Inst key{Op::Const, t};
  key.imm.f = v;
  return numbered(key, [](Body& b, const loop::Inst& i) { return b.k_.constant(i.dtype, i.imm.f); });
}

Value Body::const_int(DType t, int64_t v) {
  if (is_float(t)) return const_of(t, static_cast<double>(v));
  loop::Inst key{Op::Const, t};
  key.imm.i = t == DType::Bool ? v != 0 : v;
  return numbered(key, [](Body& b, const loop::Inst& i) { return b.k_.constant_int(i.dtype, i.imm.i); });
}

Value Body::param(int index, DType t) {
  return numbered({Op::Param, t, static_cast<int16_t>(index)},
                  [](Body& b, const loop::Inst& i) { return b.k_.param(i.index, i.dtype); });
}

Value Body::load(int operand) {
  auto it = loads_.find(operand);
  if (it != loads_.end()) return it->second;
  return loads_[operand] = k_.load(operand);
}

Value Body::cast(Value v, DType to) {
  if (k_.dtype_of(v) == to) return v;
  const loop::Inst& from = k_.insts[v];
  // A bool widened and narrowed again is the bool.
  if (to == DType::Bool && from.op == Op::Cast && k_.dtype_of(from.a) == DType::Bool) return from.a;
  return numbered({Op::Cast, to, -1, v}, [](Body& b, const loop::Inst& i) { return b.k_.cast(i.a, i.dtype); });
}

Value Body::as_bool(Value v) { return cast(v, DType::Bool); }

Value Body::emit(Op op, Value a, Value b, Value c) {
  loop::TypeRule rule = loop::info(op).rule;
  bool to_bool = rule == loop::TypeRule::Cmp || rule == loop::TypeRule::Class;
  return numbered({op, to_bool ? DType::Bool : k_.dtype_of(a), -1, a, b, c},
                  [](Body& body, const loop::Inst& i) { return body.k_.emit(i.op, i.a, i.b, i.c); });
}

Value Body::select(Value cond, Value yes, Value no) {
  if (k_.dtype_of(yes) != k_.dtype_of(no)) {
    if (k_.dtype_of(yes) == DType::Bool)
      yes = cast(yes, k_.dtype_of(no));
    else
      no = cast(no, k_.dtype_of(yes));
  }
  return numbered({Op::Select, k_.dtype_of(yes), -1, as_bool(cond), yes, no},
                  [](Body& b, const loop::Inst& i) { return b.k_.select(i.a, i.b, i.c); });
}

bool Body::is_const(Value v, double c) const {
  const loop::Inst& i = k_.insts[v];
  if (i.op != Op::Const) return false;
  return is_float(i.dtype) ? i.imm.f == c : static_cast<double>(i.imm.i) == c;
}

// Arithmetic between bools is logic.
Value Body::on_bools(Op op, Value a, Value b, bool* done) {
  *done = true;
  switch (op) {
    case Op::Add:
    case Op::Max: return emit(Op::Or, a, b);
    case Op::Mul:
    case Op::Min: return emit(Op::And, a, b);
    case Op::Sub: return emit(Op::Xor, a, b);
    default: *done = false; return kNone;
  }
}

Value Body::binary(Op op, Value a, Value b) {
  DType ta = k_.dtype_of(a), tb = k_.dtype_of(b);
  if (ta != tb) {
    if (ta == DType::Bool)
      a = cast(a, tb);
    else
      b = cast(b, ta);
  }
  DType t = k_.dtype_of(a);
  if (t == DType::Bool) {
    bool done;
    Value v = on_bools(op, a, b, &done);
    if (done) return v;
  }
  if (op == Op::Mul && is_const(b, 1)) return a;
  if (op == Op::Mul && is_const(a, 1)) return b;
  if (op == Op::Div && is_const(b, 1)) return a;
  if (op == Op::Sub && is_const(b, 0) && !std::signbit(is_float(t) ? k_.insts[b].imm.f : 0.0)) return a;
  if (divides(op) && !is_float(t) && (k_.insts[b].op != Op::Const || is_const(b, 0)))
    k_.check(emit(Op::Ne, b, const_int(t, 0)), kZeroDivision);
  return emit(op, a, b);
}

Scl Body::op(std::string_view name, std::initializer_list<Scl> in) {
  const Scl* p = in.begin();
  if (name == "select" || name == "where") {
    FJ_CHECK(in.size() == 3);
    return wrap(select(value(p[0]), value(p[1]), value(p[2])));
  }
  auto it = names().find(name);
  FJ_CHECK(it != names().end(), "no scalar op ", name);
  auto [op, logical] = it->second;
  size_t arity = loop::info(op).arity;
  FJ_CHECK(in.size() == arity, name, " takes ", arity, " arguments");
  Value a = value(p[0]);
  if (arity == 1) return wrap(emit(op, logical ? as_bool(a) : a));
  Value b = value(p[1]);
  if (arity == 2) return wrap(logical ? emit(op, as_bool(a), as_bool(b)) : binary(op, a, b));
  Value c = value(p[2]);
  return wrap(emit(op, a, cast(b, k_.dtype_of(a)), cast(c, k_.dtype_of(a))));
}

int baked_code(const Arg& a) {
  if (!a.is_number()) return -1;
  double v = a.as_double();
  if (v == 0 && std::signbit(v)) return -1;
  if (v == 0.5 || v == -0.5) return v > 0 ? 10 : 11;
  if (v < -4 || v > 4 || v != static_cast<double>(static_cast<int64_t>(v))) return -1;
  return static_cast<int>(v) + 4;
}

bool is_baked(const OpDef& op, size_t i, const Arg& a) {
  if (baked_code(a) >= 0) return true;
  return i < op.args.size() && op.args[i].has_default && a == op.args[i].def;
}

bool is_known_better(const OpDef& op, size_t i) { return op.id == OpId::pow && i == 1; }

Value emit_pointwise(Body& body, const OpDef& op, Args args, const PointwiseArgs& in, DType out) {
  DType compute = op.compute ? op.compute(op, args) : out;
  body.set_compute(compute);
  DType t = body.compute_type();
  SmallVec<Scl, 6> scalars;
  for (size_t i = 0; i < args.size(); ++i) {
    const Arg& a = args[i];
    if (in.in[i] != kNone) {
      // An f16 computation on other floats rounds its inputs to f16 first.
      Value v = in.in[i];
      if (compute != t && is_float(body.kernel().dtype_of(v)) && body.kernel().dtype_of(v) != compute)
        v = body.cast(v, compute);
      scalars.push_back(Body::wrap(body.cast(v, t)));
    } else if (in.param[i] >= 0) {
      scalars.push_back(Body::wrap(body.param(in.param[i], t)));
    } else if (a.tag() == ArgTag::Float) {
      scalars.push_back(body.constant(a.as_double()));
    } else if (a.is_number()) {
      scalars.push_back(body.constant_int(a.as_int()));
    } else {
      scalars.push_back(Scl{});
    }
  }
  Value v = Body::value(op.scalar(body, scalars, args));
  return body.cast(v, out);
}

}  // namespace fj::schedule
