// Complex tensors from nothing: constants, lines and random numbers (see complex.h).
#include <cmath>

#include "ops/complex.h"
#include "ops/complex_parts.h"
#include "ops/rules_util.h"

namespace fj {

// zeros, ones, full, their _like forms, fill and zero: the row's own rule says sizes and dtype.
void complex_factory(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  InferCtx c{op, args};
  op.infer(c);
  const TensorMeta& want = c.out[0];
  std::string_view name = op.name;
  Parts value{Arg(name.starts_with("ones") ? 1.0 : 0.0), Arg(0.0)};
  DType type = part_of(want.dtype);
  for (size_t i = 0; i < args.size(); ++i)
    if (args[i].is_number() || args[i].is_complex() || (name == "fill" && i == 1))
      if (op.args[i].type == ArgType::Scalar || op.args[i].type == ArgType::Operand) value = parts_of(b, args[i], type);
  if (!is_complex(want.dtype) && name.ends_with("_like") && value.im.as_double() == 0) {  // real numbers, like complex
    ArgVec own(args.begin(), args.end());
    own[0] = Arg(t::_part(b, args[0], 0));
    return b.emit(op, own, outs);
  }
  FJ_USER_CHECK(is_complex(want.dtype), ErrorKind::Runtime, "value cannot be converted to type ",
                cpp_type_name(want.dtype), " without overflow");
  if (name == "zero" || name == "fill") {  // of the parts, so that self gets its gradient of zeros
    auto of = [&](int i, const Arg& v) {
      Val p = t::_part(b, args[0], i);
      return name == "zero" ? t::zero(b, p) : t::fill(b, p, v);
    };
    outs.push_back(join_parts(b, of(0, value.re), of(1, value.im)));
    return;
  }
  auto part = [&](const Arg& v) {
    if (v.is_tensor()) return expand_to(b, v.val(), want.sizes);
    return t::full(b, want.sizes, v, type);
  };
  outs.push_back(join_parts(b, part(value.re), part(value.im)));
}

void complex_eye(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  ArgVec own(args.begin(), args.end());
  DType type = DType::C64;
  for (Arg& a : own)
    if (a.tag() == ArgTag::DType) type = a.as_dtype(), a = Arg(part_of(type));
  outs.push_back(cast_to(b, b.emit1(op.id, own), type));
}

// (start, end, steps, …, dtype): real and imaginary parts go their own ways.
void complex_linspace(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  ArgVec own(args.begin(), args.end());
  size_t at = static_cast<size_t>(op.arg_index("dtype"));
  DType type = args[at].is_none() ? complex_of(default_dtype()) : args[at].as_dtype();
  FJ_USER_CHECK(is_complex(type), ErrorKind::Runtime, op.name,
                "(): inferred dtype ComplexFloat can't be safely cast to ", "passed dtype ", scalar_type_name(type));
  bool powers = std::string_view(op.name) == "logspace";
  own[at] = Arg(part_of(type));
  auto line = [&](double start, double end) {
    return t::linspace(b, Arg(start), Arg(end), args[2], Arg(part_of(type)));
  };
  Val z = join_parts(b, line(args[0].real(), args[1].real()), line(args[0].imag(), args[1].imag()));
  outs.push_back(powers ? t::exp(b, t::mul(b, z, Arg(std::log(args[3].as_double())))) : z);
}

// Parts of their own; of normal numbers each has half of the variance.
void complex_random(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  ArgVec own(args.begin(), args.end());
  own[0] = Arg(t::view_as_real(b, args[0]));
  int std = op.arg_index("std");
  if (std >= 0) own[static_cast<size_t>(std)] = Arg(args[static_cast<size_t>(std)].as_double() * M_SQRT1_2);
  outs.push_back(
      t::view_as_complex(b, t::clone(b, b.emit1(op.id, Args(own.data(), own.size())), Arg(MemoryFormat::Contiguous))));
}

// rand and randn: of (size …, dtype …).
static Val new_random(Builder& b, OpId id, Shape sizes, const Arg& generator, DType type) {
  sizes.push_back(2);
  Val parts = b.emit1(id, {Arg(sizes), generator, Arg(part_of(type)), Arg(), Arg(), Arg()});
  if (id == OpId::randn) parts = t::mul(b, parts, Arg(M_SQRT1_2));
  return t::view_as_complex(b, parts);
}
void complex_random_new(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  outs.push_back(new_random(b, op.id, Shape(args[0].as_ints()), args[1], args[2].as_dtype()));
}
void complex_random_like(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  DType type = args[1].is_none() ? x->dtype : args[1].as_dtype();
  OpId id = op.id == OpId::randn_like ? OpId::randn : OpId::rand;
  outs.push_back(is_complex(type) ? new_random(b, id, x->sizes, Arg(), type)
                                  : b.emit1(id, {Arg(x->sizes), Arg(), Arg(type), Arg(), Arg(), Arg()}));
}

}  // namespace fj
