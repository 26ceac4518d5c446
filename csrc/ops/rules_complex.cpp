// What calls on complex tensors become (see complex.h): general rules and the structural ops. Functions of one complex
// number are in rules_complex_math.cpp.
#include <cmath>

#include "ops/complex.h"
#include "ops/complex_parts.h"
#include "ops/rules_util.h"

namespace fj {

// -- the way in ------------------------------------------------------------------------------------------------------

// Rules look at the arguments that they know to be values: a complex mask or index would come back for ever.
struct Nesting {
  static constexpr int kMost = 64;
  explicit Nesting(const OpDef& op) {
    FJ_USER_CHECK(depth < kMost, ErrorKind::NotImplemented, "\"", op.name, "_cpu\" not implemented for these dtypes");
    ++depth;
  }
  ~Nesting() { --depth; }
  static thread_local int depth;
};
thread_local int Nesting::depth = 0;

void emit_foreign(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  const Nesting nesting(op);
  if (foreign_facts(args).wide_unsigned) return emit_unsigned(b, op, args, outs);
  emit_complex(b, op, args, outs);
}

void emit_complex(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  if (op.complex) return op.complex(b, op, args, outs);
  if (op.decompose) return op.decompose(b, op, args, outs);
  DType t = DType::C64;
  for_each_val(args, [&](Val v) {
    if (is_complex(v->dtype)) t = v->dtype;
  });
  raise(ErrorKind::NotImplemented, "\"", op.name, "_cpu\" not implemented for '", scalar_type_name(t), "'");
}

Val join_parts(Builder& b, Val re, Val im) { return t::_complex(b, re, im); }

// -- parts -----------------------------------------------------------------------------------------------------------

Parts parts_of(Builder& b, const Arg& a, DType type) {
  if (a.is_complex()) return {Arg(a.real()), Arg(a.imag())};
  if (!a.is_tensor()) return {Arg(a.as_double()), Arg(0.0)};
  if (!is_complex(a.val()->dtype)) return {Arg(cast_to(b, a.val(), type)), Arg(0.0)};
  auto part = [&](int i) { return Arg(cast_to(b, t::_part(b, a, i), type)); };
  return {part(0), part(1)};
}

Val as_part(Builder& b, const Arg& a, DType type, Val like) {
  if (a.is_tensor()) return cast_to(b, a.val(), type);
  return t::full(b, like ? Arg(like->sizes) : Arg(Shape()), Arg(a.as_double()), type);
}

Val join(Builder& b, const Parts& p, DType type) {
  Val re = p.re.val(), im = p.im.val();
  return join_parts(b, as_part(b, p.re, type, im), as_part(b, p.im, type, re));
}

// -- infer rules of the rows in complex.toml -------------------------------------------------------------------------

namespace {

// A view of the first argument with other strides and offset, in elements of `dtype`.
void set_retyped(InferCtx& c, Shape sizes, Shape strides, Dim offset, DType dtype) {
  set_view(c, std::move(sizes), std::move(strides), offset);
  c.out[0].dtype = dtype;
}

Shape doubled(const Shape& strides) {
  Shape out = strides;
  for (Dim& s : out) s *= 2;
  return out;
}

const TensorMeta& need_complex(const InferCtx& c) {
  FJ_USER_CHECK(is_complex(c.val(0)->dtype), ErrorKind::Runtime, c.op.name, " is only supported for complex tensors");
  return *c.val(0);
}

}  // namespace

void infer_view_as_real(InferCtx& c) {
  const TensorMeta& in = need_complex(c);
  Shape sizes = in.sizes, strides = doubled(in.strides);
  sizes.push_back(2);
  strides.push_back(1);
  set_retyped(c, std::move(sizes), std::move(strides), in.offset * 2, part_of(in.dtype));
}

void infer_view_as_complex(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  FJ_USER_CHECK(in.dtype == DType::F32 || in.dtype == DType::F64, ErrorKind::Runtime,
                "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar "
                "type: ",
                scalar_type_name(in.dtype));
  FJ_USER_CHECK(in.dim() > 0, ErrorKind::Runtime, "Input tensor must have one or more dimensions");
  FJ_USER_CHECK(in.sizes.back() == 2, ErrorKind::Runtime, "Tensor must have a last dimension of size 2");
  FJ_USER_CHECK(in.strides.back() == 1, ErrorKind::Runtime, "Tensor must have a last dimension with stride 1");
  FJ_USER_CHECK(in.offset % 2 == 0, ErrorKind::Runtime, "Tensor must have a storage_offset divisible by 2");
  Shape sizes = in.sizes, strides = in.strides;
  sizes.pop_back();
  strides.pop_back();
  for (Dim& s : strides) {
    FJ_USER_CHECK(s % 2 == 0, ErrorKind::Runtime,
                  "Tensor must have a stride divisible by 2 for all but last dimension");
    s /= 2;
  }
  set_retyped(c, std::move(sizes), std::move(strides), in.offset / 2, complex_of(in.dtype));
}

void infer__part(InferCtx& c) {
  const TensorMeta& in = need_complex(c);
  set_retyped(c, in.sizes, doubled(in.strides), in.offset * 2 + c.args[1].as_int(), part_of(in.dtype));
}

void infer__complex(InferCtx& c) {
  DType re = c.val(0)->dtype, im = c.val(1)->dtype;
  FJ_USER_CHECK(re == DType::F32 || re == DType::F64, ErrorKind::Runtime,
                "Expected both inputs to be Half, Float or Double tensors but got ", scalar_type_name(re), " and ",
                scalar_type_name(im));
  FJ_USER_CHECK(re == im, ErrorKind::Runtime, "Expected object of scalar type ", scalar_type_name(re),
                " but got scalar type ", scalar_type_name(im), " for second argument");
  set_out(c, broadcast_shapes(c.val(0)->sizes, c.val(1)->sizes), complex_of(re));
  c.out[0].strides = pointwise_strides(c.args, c.out[0].sizes);
}

// -- their derivatives and decompositions ----------------------------------------------------------------------------

void vjp__part(VjpCtx& c) {
  Val zeros = t::zeros_like(c.b, c.grads[0]);
  bool first = c.args[1].as_int() == 0;
  c.result[0] = Arg(join_parts(c.b, first ? c.grads[0] : zeros, first ? zeros : c.grads[0]));
}

void vjp__complex(VjpCtx& c) {
  for (int i = 0; i < 2; ++i)
    if (c.need(i)) c.result[i] = Arg(reduce_to(c.b, t::_part(c.b, c.grads[0], i), c.args[i].val()));
}

void vjp_view_as_complex(VjpCtx& c) { c.result[0] = Arg(t::view_as_real(c.b, c.grads[0])); }
void vjp_view_as_real(VjpCtx& c) {
  c.result[0] = Arg(t::view_as_complex(c.b, t::clone(c.b, c.grads[0], MemoryFormat::Contiguous)));
}

void decompose_real(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  outs.push_back(is_complex(args[0].val()->dtype) ? t::_part(b, args[0], 0) : args[0].val());
}
void decompose_imag(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  FJ_USER_CHECK(is_complex(args[0].val()->dtype), ErrorKind::Runtime,
                "imag is not implemented for tensors with non-complex dtypes.");
  outs.push_back(t::_part(b, args[0], 1));
}
void decompose_conj(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  if (!is_complex(args[0].val()->dtype)) return outs.push_back(args[0].val());
  outs.push_back(join_parts(b, t::_part(b, args[0], 0), t::neg(b, t::_part(b, args[0], 1))));
}
// Of a real number: pi where it is negative (NaN stays NaN).
void decompose_angle(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  if (is_complex(x->dtype)) return outs.push_back(t::atan2(b, t::_part(b, x, 1), t::_part(b, x, 0)));
  x = cast_to(b, x, float_or_default(x->dtype));
  Val half_turn = t::mul(b, t::_to_dtype(b, t::lt(b, x, 0), x->dtype), M_PI);
  outs.push_back(t::where(b, t::isnan(b, x), x, half_turn));
}
void decompose_isreal(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  outs.push_back(is_complex(x->dtype) ? t::eq(b, t::_part(b, x, 1), 0) : t::ones_like(b, x, DType::Bool));
}
void decompose_adjoint(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  FJ_USER_CHECK(x->dim() != 1, ErrorKind::Runtime,
                "tensor.adjoint() is only supported on matrices or batches of "
                "matrices. Got ",
                x->dim(), "-D tensor.");
  Val turned = x->dim() ? t::transpose(b, x, -2, -1) : t::view(b, x, x->sizes);
  outs.push_back(is_complex(x->dtype) ? t::conj(b, turned) : turned);
}

// -- general rules ---------------------------------------------------------------------------------------------------

// Ops that treat both parts alike, apart from each other: those arguments that have a derivative are taken apart.
void complex_each(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  DType type = part_of(result_type(op, args));
  for (const Arg& a : args)
    if (a.tag() == ArgTag::DType) type = part_of(a.as_dtype());
  ArgVec own[2];
  SmallVec<Val, 2> made[2];
  for (int i = 0; i < 2; ++i) {
    own[i].assign(args.begin(), args.end());
    for (size_t k = 0; k < args.size(); ++k) {
      auto one = [&](const Arg& a) {
        Parts p = parts_of(b, a, type);
        return i == 0 ? p.re : p.im;
      };
      bool value =
          op.vjp_args >> k & 1 || op.args[k].type == ArgType::Operand || std::string_view(op.args[k].name) == "value";
      if (args[k].tag() == ArgTag::DType) {
        own[i][k] = Arg(type);
      } else if (args[k].is_complex() || (value && (args[k].is_number() || args[k].is_tensor()))) {
        own[i][k] = one(args[k]);
        if (op.args[k].type == ArgType::Tensor && !own[i][k].is_tensor())  // the absent part of a real tensor
          own[i][k] = Arg(t::zeros_like(b, args[k], type));
      } else if (value && args[k].tag() == ArgTag::TensorList) {
        SmallVec<Val, 8> list;
        for (Val v : args[k].as_vals())
          list.push_back(is_complex(v->dtype) || i == 0 ? one(Arg(v)).val() : t::zeros_like(b, v, type));
        own[i][k] = Arg::tensors(list);
      }
    }
    b.emit(op, own[i], made[i]);
  }
  for (size_t k = 0; k < made[0].size(); ++k) outs.push_back(join_parts(b, made[0][k], made[1][k]));
}

// alpha may be complex too.
static void add_scaled(Builder& b, const OpDef& op, const Arg& x, const Arg& y, const Arg& alpha, bool subtract,
                       SmallVec<Val, 2>& outs) {
  DType type = part_of(result_type(op, ArgVec{x, y, Arg()}));
  Expr e{b};
  Parts p = parts_of(b, x, type), q = parts_of(b, y, type);
  if (!number_is(alpha, 1)) q = e.mul(q, parts_of(b, alpha, type));
  outs.push_back(join(b, subtract ? e.sub(p, q) : e.add(p, q), type));
}
void complex_add(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  add_scaled(b, op, args[0], args[1], args[2], false, outs);
}
void complex_sub(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  add_scaled(b, op, args[0], args[1], args[2], true, outs);
}
void complex_rsub(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  add_scaled(b, op, args[1], args[0], args[2], true, outs);
}

// Products: bilinear in the first two arguments; a third tensor (the bias of a convolution) is added.
void complex_bilinear(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val(), y = args[1].val();
  FJ_USER_CHECK(x->dtype == y->dtype, ErrorKind::Runtime,
                "expected m1 and m2 to have the same dtype, but got: ", cpp_type_name(x->dtype),
                " != ", cpp_type_name(y->dtype));
  if (args.size() > 2 && args[2].is_tensor())
    FJ_USER_CHECK(args[2].val()->dtype == x->dtype, ErrorKind::Runtime, "Input type (", cpp_type_name(x->dtype),
                  ") and bias type (", cpp_type_name(args[2].val()->dtype), ") should be the same");
  DType type = part_of(x->dtype);
  Parts p = parts_of(b, args[0], type), q = parts_of(b, args[1], type);
  ArgVec own(args.begin(), args.end());
  Parts bias;
  if (args.size() > 2 && args[2].is_tensor()) bias = parts_of(b, args[2], type);
  auto product = [&](const Arg& u, const Arg& v, const Arg& plus) {
    own[0] = u, own[1] = v;
    if (own.size() > 2 && args[2].is_tensor()) own[2] = plus.is_tensor() ? plus : Arg();
    return b.emit1(op.id, Args(own.data(), own.size()));
  };
  Val re = t::sub(b, product(p.re, q.re, bias.re), product(p.im, q.im, Arg()));
  Val im = t::add(b, product(p.re, q.im, bias.im), product(p.im, q.re, Arg()));
  outs.push_back(join_parts(b, re, im));
}

// -- conversions and factories ---------------------------------------------------------------------------------------

// To a complex type: of both parts. To a real one: of the real part; to bool: is either part not zero.
static Val convert(Builder& b, Val x, DType to) {
  if (is_complex(to)) return join(b, parts_of(b, Arg(x), part_of(to)), part_of(to));
  Val re = t::_part(b, x, 0);
  if (to == DType::Bool) return t::logical_or(b, re, t::_part(b, x, 1));
  return t::_to_dtype(b, re, to);
}

void complex__to_dtype(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  DType to = args[1].as_dtype();
  outs.push_back(args[0].val()->dtype == to ? t::clone(b, args[0]) : convert(b, args[0].val(), to));
}

void complex_copy(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  InferCtx c{op, args};
  op.infer(c);
  Val src = args[1].val();
  Val cast = src->dtype == c.out[0].dtype ? src : convert(b, src, c.out[0].dtype);
  while (cast->dim() > c.val(0)->dim()) cast = t::select(b, cast, Arg(0), Arg(0));  // a one in front
  outs.push_back(t::clone(b, expand_to(b, cast, c.out[0].sizes)));
}

void complex_silu(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  outs.push_back(t::mul(b, args[0], t::sigmoid(b, args[0])));
}

// log(e^x + e^y), the larger real part taken out.
void complex_logaddexp(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  DType type = result_type(op, args);
  Val x = cast_to(b, args[0].val(), type), y = cast_to(b, args[1].val(), type);
  Val first = t::ge(b, t::_part(b, x, 0), t::_part(b, y, 0));
  Val big = t::where(b, first, x, y), small = t::where(b, first, y, x);
  Val sum = t::add(b, big, t::log1p(b, t::exp(b, t::sub(b, small, big))));
  outs.push_back(t::where(b, t::eq(b, x, y), t::add(b, x, Arg(M_LN2)), sum));
}

void complex_masked_fill(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val self = args[0].val();
  FJ_USER_CHECK(is_complex(self->dtype), ErrorKind::Runtime, "value cannot be converted to type ",
                cpp_type_name(self->dtype), " without overflow");
  DType type = part_of(self->dtype);
  Parts p = parts_of(b, args[0], type), v = parts_of(b, args[2], type);
  outs.push_back(join_parts(b, t::masked_fill(b, p.re, args[1], v.re), t::masked_fill(b, p.im, args[1], v.im)));
}

// -- reductions ------------------------------------------------------------------------------------------------------

void complex_var(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val sum;
  for (int i = 0; i < 2; ++i) {
    ArgVec own(args.begin(), args.end());
    own[0] = Arg(t::_part(b, args[0], i));
    sum = add_maybe(b, sum, b.emit1(OpId::var, own));
  }
  outs.push_back(std::string_view(op.name) == "std" ? t::sqrt(b, sum) : sum);
}

// The product over a dimension by halves: log2(n) products of tensors.
void complex_prod(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  const Arg& to = args[static_cast<size_t>(op.arg_index("dtype"))];
  if (!to.is_none() && to.as_dtype() != x->dtype) x = t::_to_dtype(b, x, to);
  int64_t dim = 0;
  if (args[1].is_none() || x->dim() == 0)
    x = t::reshape(b, x, Arg::ints({-1}));
  else
    dim = wrap_dim(args[1].as_int(), x->dim());
  Dim n = x->sizes[static_cast<size_t>(dim)];
  if (n == 0) {
    Shape sizes = x->sizes;
    sizes[static_cast<size_t>(dim)] = 1;
    Val one = t::ones(b, sizes, x->dtype), both[] = {x, one};
    x = t::narrow(b, t::cat(b, Arg::tensors(both), dim), dim, 0, 1);  // whose gradient is one of x
    n = 1;
  }
  for (; n > 1; n = n / 2 + n % 2) {
    Dim half = n / 2;
    Val product = t::mul(b, t::narrow(b, x, dim, 0, half), t::narrow(b, x, dim, half, half));
    if (n % 2) {
      Val both[] = {product, t::narrow(b, x, dim, n - 1, 1)};
      product = t::cat(b, Arg::tensors(both), dim);
    }
    x = product;
  }
  bool keep = args[2].as_bool() && !args[1].is_none() && args[0].val()->dim() > 0;
  outs.push_back(keep ? x : t::select(b, x, dim, 0));
}

// Prefix products by doubling the distance.
void complex_cumprod(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  if (!args[2].is_none() && args[2].as_dtype() != x->dtype) x = t::_to_dtype(b, x, args[2]);
  int64_t dim = wrap_dim(args[1].as_int(), x->dim());
  Dim n = x->dim() == 0 ? 1 : x->sizes[static_cast<size_t>(dim)];
  for (Dim d = 1; d < n; d *= 2) {
    Val both[] = {t::narrow(b, x, dim, 0, d),
                  t::mul(b, t::narrow(b, x, dim, d, n - d), t::narrow(b, x, dim, 0, n - d))};
    x = t::cat(b, Arg::tensors(both), dim);
  }
  outs.push_back(x.m == args[0].val().m ? t::clone(b, x) : x);
}

// Ops that only ask whether a number is zero.
void complex_truth(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  ArgVec own(args.begin(), args.end());
  for (size_t i = 0; i < own.size(); ++i) {
    if (own[i].is_tensor() && is_complex(own[i].val()->dtype)) own[i] = Arg(t::ne(b, own[i], 0));
    if (own[i].is_complex()) own[i] = Arg(own[i].real() != 0 || own[i].imag() != 0);
  }
  b.emit(op, own, outs);
}

namespace {

// The largest real part over `dim`, where it is finite.
Val largest(Builder& b, Val x, const Arg& dims) {
  Val m = t::detach(b, t::amax(b, t::_part(b, x, 0), dims, Arg(true)));
  return t::where(b, t::isfinite(b, m), m, Arg(0.0));
}

}  // namespace

void complex_logsumexp(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  if (x->numel() == 0) return outs.push_back(t::log(b, t::sum(b, x, args[1], args[2])));
  Val m = largest(b, x, args[1]);
  Val sums = t::log(b, t::sum(b, t::exp(b, t::sub(b, x, m)), args[1], Arg(true)));
  Val result = t::add(b, sums, m);
  if (!args[2].as_bool()) {
    auto dims = wrap_dims(args[1], x->dim());
    for (int64_t d = x->dim() - 1; d >= 0; --d)
      if (is_dim_in(dims, d)) result = drop_dim(b, result, d);
  }
  outs.push_back(result);
}
void complex_logcumsumexp(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  if (x->numel() == 0) return outs.push_back(t::clone(b, x));
  Val m = largest(b, x, Arg::ints({args[1].as_int()}));
  outs.push_back(t::add(b, t::log(b, t::cumsum(b, t::exp(b, t::sub(b, x, m)), args[1])), m));
}

// a + bi is the matrix [[a, -b], [b, a]], also of matrices a and b.
void complex_linalg_matrix_exp(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  FJ_USER_CHECK(x->dim() >= 2, ErrorKind::Runtime, op.name, ": The input tensor A must have at least 2 dimensions.");
  Val re = t::_part(b, x, 0), im = t::_part(b, x, 1);
  Val top[] = {re, t::neg(b, im)}, bottom[] = {im, re};
  Val halves[] = {t::cat(b, Arg::tensors(top), Arg(-1)), t::cat(b, Arg::tensors(bottom), Arg(-1))};
  Val whole = b.emit1(op.id, {Arg(t::cat(b, Arg::tensors(halves), Arg(-2)))});
  Dim n = x->sizes.back();
  Val left = t::narrow(b, whole, Arg(-1), Arg(0), Arg(n));
  outs.push_back(
      join_parts(b, t::narrow(b, left, Arg(-2), Arg(0), Arg(n)), t::narrow(b, left, Arg(-2), Arg(n), Arg(n))));
}

// Norms: of the absolute values.
void complex_of_abs(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  ArgVec own(args.begin(), args.end());
  own[0] = Arg(t::abs(b, args[0]));
  for (Arg& a : own)
    if (a.tag() == ArgTag::DType) a = Arg(part_of(a.as_dtype()));
  b.emit(op, own, outs);
}

}  // namespace fj
