// What calls on uint16, uint32 and uint64 tensors become (see foreign.h): calls on signed integers, wide enough for the
// values of uint16 and uint32, of the same bits for uint64. The row's own shape rule says the dtypes of the results.
// A new op needs nothing here unless it orders or divides (kOrdered, kNotModular) or only moves elements (kMoves).
#include <algorithm>
#include <cmath>
#include <string_view>

#include "ops/foreign.h"
#include "ops/rules_util.h"

namespace fj {
namespace {

// For what calls on wide tensors give: each element is as wide as its own, so that no conversion is needed.
constexpr std::string_view kMoves[] = {
    "cat",        "clone",     "copy",         "diag_embed",    "embedding",         "flip", "gather",  "index",
    "index_copy", "index_put", "index_select", "masked_select", "repeat_interleave", "roll", "scatter", "stack",
    "take",       "where",
};
// What compares: uint64's elements do so in signed arithmetic once the highest bit is turned over.
constexpr std::string_view kOrdered[] = {
    "amax",       "amin",         "aminmax",  "argmax",  "argmin",  "argsort",
    "bucketize",  "clamp",        "cummax",   "cummin",  "fmax",    "fmin",
    "ge",         "gt",           "kthvalue", "le",      "lt",      "max",
    "maximum",    "median",       "min",      "minimum", "mode",    "msort",
    "nanmedian",  "searchsorted", "sort",     "topk",    "_unique", "unique_consecutive",
    "unique_dim",
};
// What is no arithmetic modulo 2^64.
constexpr std::string_view kNotModular[] = {
    "abs", "bincount", "bitwise_right_shift", "div", "floor_divide", "fmod",    "gcd",           "heaviside", "histc",
    "lcm", "pow",      "remainder",           "sgn", "sign",         "signbit", "_trunc_divide",
};

bool holds(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

DType signed_of(DType t) { return t == DType::U16 ? DType::I16 : t == DType::U32 ? DType::I32 : DType::I64; }
DType wide_of(DType t) { return t == DType::U16 ? DType::I32 : DType::I64; }

// The values of uint16 and uint32, the bits of uint64.
Val widened(Builder& b, Val v) {
  Val bits = signed_view(b, v);
  if (v->dtype == DType::U64) return bits;
  int64_t mask = v->dtype == DType::U16 ? 0xFFFF : 0xFFFFFFFF;
  return t::bitwise_and(b, t::_to_dtype(b, bits, wide_of(v->dtype)), Arg(mask));
}

// The lowest bits of integers that nobody else has.
Val narrowed(Builder& b, Val v, DType to) { return t::view_dtype(b, cast_to(b, v, signed_of(to)), to); }

Val top_bit_turned(Builder& b, Val bits) { return t::bitwise_xor(b, bits, Arg(INT64_MIN)); }

// uint64 as numbers of a floating type: those over 2^63 by their half, whose lowest bit keeps what is shifted out.
Val as_floats(Builder& b, Val v, DType type) {
  if (v->dtype != DType::U64) return t::_to_dtype(b, widened(b, v), type);
  Val bits = signed_view(b, v);
  Val shifted = t::bitwise_and(b, t::bitwise_right_shift(b, bits, Arg(1)), Arg(INT64_MAX));
  Val half = t::bitwise_or(b, shifted, t::bitwise_and(b, bits, Arg(1)));
  Val large = t::mul(b, t::_to_dtype(b, half, type), Arg(2.0));
  return t::where(b, t::lt(b, bits, Arg(0)), large, t::_to_dtype(b, bits, type));
}

Val from_floats(Builder& b, Val x, DType to) {
  if (to != DType::U64) return narrowed(b, t::_to_dtype(b, x, DType::I64), to);
  constexpr double kHalf = 0x1p63;
  Val over = t::_to_dtype(b, t::sub(b, x, Arg(kHalf)), DType::I64);
  Val bits = t::where(b, t::ge(b, x, Arg(kHalf)), top_bit_turned(b, over), t::_to_dtype(b, x, DType::I64));
  return narrowed(b, bits, to);
}

Val convert(Builder& b, Val x, DType to) {
  DType from = x->dtype;
  if (from == to) return t::clone(b, x);
  if (is_complex(from)) return convert(b, t::_part(b, x, Arg(0)), to);
  if (is_wide_unsigned(to)) {
    if (is_float(from)) return from_floats(b, x, to);
    Val wide = is_wide_unsigned(from) ? widened(b, x) : x;
    return t::view_dtype(b, t::_to_dtype(b, wide, signed_of(to)), to);
  }
  if (is_complex(to)) return t::_to_dtype(b, as_floats(b, x, part_of(to)), to);
  if (is_float(to)) return as_floats(b, x, to);
  return t::_to_dtype(b, widened(b, x), to);
}

// How the arguments of a call are seen.
enum class As { Bits, Wide, Turned, Floats };

struct Seen {
  Builder& b;
  As as;
  const OpDef& op;

  Val tensor(Val v) const {
    if (!v || !is_wide_unsigned(v->dtype)) return v;
    switch (as) {
      case As::Bits: return signed_view(b, v);
      case As::Wide: return widened(b, v);
      case As::Turned: return top_bit_turned(b, signed_view(b, v));
      case As::Floats: return as_floats(b, v, DType::F64);
    }
    return v;
  }
  Arg dtype(DType t) const {
    if (!is_wide_unsigned(t)) return Arg(t);
    return Arg(as == As::Bits ? signed_of(t) : wide_of(t));
  }
  Arg operator()(const Arg& a, const ArgDef& def) const {
    if (a.tag() == ArgTag::DType) return dtype(a.as_dtype());
    if (as == As::Turned && a.tag() == ArgTag::Int && (def.type == ArgType::Operand || def.type == ArgType::Scalar)) {
      FJ_USER_CHECK(a.as_int() >= 0, ErrorKind::NotImplemented, "\"", op.name,
                    "_cpu\" not implemented for 'UInt64' and a negative number");
      return Arg(a.as_int() ^ INT64_MIN);
    }
    if (a.tag() == ArgTag::Tensor || a.tag() == ArgTag::TensorList)
      return map_vals(a, [&](Val v) { return tensor(v); });
    return a;
  }
};

bool any_float(Args args) {
  bool found = false;
  for (const Arg& a : args) found |= a.tag() == ArgTag::Float;
  for_each_val(args, [&](Val v) { found |= is_float(v->dtype); });
  return found;
}

As how(const OpDef& op, Args args, const InferCtx& wants) {
  bool long_ones = false, others = false;
  for_each_val(args, [&](Val v) {
    long_ones |= v->dtype == DType::U64;
    others |= is_float(v->dtype);
  });
  bool same = !wants.out.empty() && is_wide_unsigned(wants.out[0].dtype);
  if (holds(kMoves, op.name) && same && !others) return As::Bits;
  if (!long_ones) return As::Wide;
  bool floats = !wants.out.empty() && is_float(wants.out[0].dtype);
  if (floats || (!same && any_float(args))) return As::Floats;
  if (holds(kOrdered, op.name)) return As::Turned;
  FJ_USER_CHECK(!holds(kNotModular, op.name), ErrorKind::NotImplemented, "\"", op.name,
                "_cpu\" not implemented for 'UInt64'");
  return As::Wide;
}

}  // namespace

Val signed_view(Builder& b, Val v) { return t::view_dtype(b, v, signed_of(v->dtype)); }

void emit_unsigned(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  if (op.id == OpId::_to_dtype) return outs.push_back(convert(b, args[0].val(), args[1].as_dtype()));
  if (op.decompose) return op.decompose(b, op, args, outs);
  InferCtx wants{op, args};
  op.infer(wants);
  if (op.kind == OpKind::Pointwise && wants.out[0].dtype == DType::Bool)
    result_type(op, args);  // raises for comparisons of what has no common type
  ArgVec own(args.begin(), args.end());
  if (op.id == OpId::copy) own[1] = Arg(convert(b, args[1].val(), wants.out[0].dtype));
  Seen seen{b, how(op, args, wants), op};
  for (size_t i = 0; i < own.size(); ++i) own[i] = seen(own[i], op.args[i]);
  SmallVec<Val, 2> made;
  b.emit(op, Args(own.data(), own.size()), made);
  for (size_t i = 0; i < made.size(); ++i) {
    DType want = i < wants.out.size() ? wants.out[i].dtype : made[i]->dtype;
    if (!is_wide_unsigned(want))
      outs.push_back(cast_to(b, made[i], want));
    else
      outs.push_back(narrowed(b, seen.as == As::Turned ? top_bit_turned(b, made[i]) : made[i], want));
  }
}

}  // namespace fj
