// Shape rules and decompositions of linear algebra. Routines take stacks of matrices [*, m, n]; the public rows arrange
// vectors, broadcasting and checks around them.
#include "ops/rules_util.h"

namespace fj {
namespace {

Dim rows(Val v) { return v->sizes[v->dim() - 2]; }
Dim cols(Val v) { return v->sizes.back(); }

void check_matrix(const char* op, const char* what, Val v) {
  FJ_USER_CHECK(v->dim() >= 2, ErrorKind::Runtime, op, ": The input tensor ", what,
                " must have at least 2 dimensions.");
}

void check_square(const char* op, Val a) {
  check_matrix(op, "A", a);
  FJ_USER_CHECK(rows(a) == cols(a), ErrorKind::Runtime, op, ": A must be batches of square matrices, but they are ",
                rows(a), " by ", cols(a), " matrices");
}

bool has_lapack(DType t) { return t == DType::F32 || t == DType::F64 || is_complex(t); }

void check_float(const InferCtx& c, Val v) {
  FJ_USER_CHECK(has_lapack(v->dtype), ErrorKind::Runtime, c.op.name,
                ": Expected a floating point or complex tensor as input. Got ", scalar_type_name(v->dtype));
  check_matrix(c.op.name, "A", v);
}

void check_float_square(const InferCtx& c, Val v) {
  check_float(c, v);
  check_square(c.op.name, v);
}

Shape lead(Val v, size_t inner = 2) { return Shape(v->sizes.begin(), v->sizes.end() - inner); }

Shape with(Shape s, std::initializer_list<Dim> more) {
  for (Dim d : more) s.push_back(d);
  return s;
}

// The routines read both operands by the first one's type and leading sizes.
void check_stack(const InferCtx& c, Val a, Val b) {
  check_matrix(c.op.name, "B", b);
  FJ_USER_CHECK(a->dtype == b->dtype && lead(a) == lead(b) && rows(a) == rows(b), ErrorKind::Runtime, c.op.name,
                ": A and B must agree in dtype, leading sizes and rows, but they are ", a->sizes, " and ", b->sizes);
}

// A X = B, or X A = B: A is square already.
void check_equation(const char* op, Val a, Val b, bool left) {
  FJ_USER_CHECK(a->dtype == b->dtype, ErrorKind::Runtime, op,
                ": Expected A and B to have the same dtype, but found A of type ", scalar_type_name(a->dtype),
                " and B of type ", scalar_type_name(b->dtype), " instead");
  check_matrix(op, "B", b);
  FJ_USER_CHECK((left ? rows(b) : cols(b)) == rows(a), ErrorKind::Runtime, op,
                ": Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", " (", rows(a), "x",
                cols(a), " and ", rows(b), "x", cols(b), ")");
}

// The type of singular values, norms and the like.
DType real_type(Val v) { return is_complex(v->dtype) ? part_of(v->dtype) : v->dtype; }

Val adjoint(Builder& b, Val v) {
  v = transpose_last(b, v);
  return is_complex(v->dtype) ? t::conj(b, v) : v;
}

// Both stacks expanded to common leading sizes.
std::pair<Val, Val> matched(Builder& b, Val x, Val y) {
  Shape l = broadcast_shapes(lead(x), lead(y));
  return {expand_to(b, x, with(l, {rows(x), cols(x)})), expand_to(b, y, with(l, {rows(y), cols(y)}))};
}

}  // namespace

void infer_linalg_cholesky_ex(InferCtx& c) {
  check_float_square(c, c.val(0));
  set_out(c, c.val(0)->sizes, c.val(0)->dtype);
  set_out(c, lead(c.val(0)), DType::I32);
}

void infer_linalg_lu_factor_ex(InferCtx& c) {
  Val a = c.val(0);
  check_float(c, a);
  FJ_USER_CHECK(c.args[1].as_bool(), ErrorKind::Runtime,
                "linalg.lu_factor: LU without pivoting is not implemented on the CPU");
  set_out(c, a->sizes, a->dtype);
  set_out(c, with(lead(a), {std::min(rows(a), cols(a))}), DType::I32);
  set_out(c, lead(a), DType::I32);
}

// (pivots, m, dtype)
void infer_lu_permutation(InferCtx& c) {
  FJ_USER_CHECK(c.val(0)->dtype == DType::I32, ErrorKind::Runtime,
                "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.");
  Dim m = c.args[1].as_int();
  FJ_USER_CHECK(c.val(0)->dim() >= 1 && m >= c.val(0)->sizes.back(), ErrorKind::Runtime, c.op.name,
                ": pivots must have at least 1 dimension and no more entries than rows");
  FJ_USER_CHECK(has_lapack(c.args[2].as_dtype()), ErrorKind::Runtime, c.op.name, ": Expected a floating point type");
  set_out(c, with(lead(c.val(0), 1), {m, m}), c.args[2].as_dtype());
}

void infer_linalg_qr(InferCtx& c) {
  Val a = c.val(0);
  check_float(c, a);
  const std::string& mode = c.args[1].as_str();
  FJ_USER_CHECK(mode == "reduced" || mode == "complete" || mode == "r", ErrorKind::Runtime,
                "qr received unrecognized mode '", mode,
                "' but expected one of 'reduced' (default), 'r', or 'complete'");
  Dim m = rows(a), n = cols(a), k = mode == "complete" ? m : std::min(m, n);
  set_out(c, mode == "r" ? Shape{0} : with(lead(a), {m, k}), a->dtype);
  set_out(c, with(lead(a), {k, n}), a->dtype);
}

void infer_linalg_eigh_stack(InferCtx& c) {
  Val a = c.val(0);
  check_float_square(c, a);
  const std::string& uplo = c.args[1].as_str();
  FJ_USER_CHECK(uplo == "L" || uplo == "U" || uplo == "l" || uplo == "u", ErrorKind::Runtime,
                "Expected UPLO argument to be 'L' or 'U', but got ", uplo);
  set_out(c, with(lead(a), {rows(a)}), real_type(a));
  set_out(c, c.args[2].as_bool() ? a->sizes : Shape{0}, a->dtype);
}

void infer_linalg_svd_stack(InferCtx& c) {
  Val a = c.val(0);
  check_float(c, a);
  Dim m = rows(a), n = cols(a), k = std::min(m, n);
  bool full = c.args[1].as_bool(), uv = c.args[2].as_bool();
  set_out(c, uv ? with(lead(a), {m, full ? m : k}) : Shape{0}, a->dtype);
  set_out(c, with(lead(a), {k}), real_type(a));
  set_out(c, uv ? with(lead(a), {full ? n : k, n}) : Shape{0}, a->dtype);
}

void infer_linalg_solve_stack(InferCtx& c) {
  Val a = c.val(0), b = c.val(1);
  check_float_square(c, a);
  check_stack(c, a, b);
  set_out(c, b->sizes, b->dtype);
  set_out(c, lead(a), DType::I32);
}

void infer_linalg_solve_triangular_stack(InferCtx& c) {
  check_float_square(c, c.val(0));
  check_stack(c, c.val(0), c.val(1));
  set_out(c, c.val(1)->sizes, c.val(1)->dtype);
}

void infer_linalg_slogdet(InferCtx& c) {
  check_float_square(c, c.val(0));
  set_out(c, lead(c.val(0)), c.val(0)->dtype);
  set_out(c, lead(c.val(0)), real_type(c.val(0)));
}

void infer_linalg_det(InferCtx& c) {
  check_float_square(c, c.val(0));
  set_out(c, lead(c.val(0)), c.val(0)->dtype);
}

void infer_linalg_lstsq_stack(InferCtx& c) {
  Val a = c.val(0), b = c.val(1);
  check_float(c, a);
  check_stack(c, a, b);
  set_out(c, with(lead(a), {cols(a), cols(b)}), a->dtype);
  set_out(c, lead(a), DType::I64);
  set_out(c, with(lead(a), {std::min(rows(a), cols(a))}), real_type(a));
}

void infer_linalg_eig_stack(InferCtx& c) {
  Val a = c.val(0);
  check_float_square(c, a);
  set_out(c, with(lead(a), {rows(a)}), complex_of(a->dtype));
  set_out(c, c.args[1].as_bool() ? a->sizes : Shape{0}, complex_of(a->dtype));
}

void infer_geqrf(InferCtx& c) {
  Val a = c.val(0);
  check_float(c, a);
  set_out(c, a->sizes, a->dtype);
  set_out(c, with(lead(a), {std::min(rows(a), cols(a))}), a->dtype);
}

void infer_linalg_ldl_factor_ex(InferCtx& c) {
  Val a = c.val(0);
  check_float_square(c, a);
  set_out(c, a->sizes, a->dtype);
  set_out(c, lead(a, 1), DType::I32);
  set_out(c, lead(a), DType::I32);
}

// (LD, pivots, B, hermitian)
void infer_linalg_ldl_solve_stack(InferCtx& c) {
  Val a = c.val(0), p = c.val(1), b = c.val(2);
  check_float_square(c, a);
  check_stack(c, a, b);
  FJ_USER_CHECK(p->dtype == DType::I32 && p->sizes == lead(a, 1), ErrorKind::Runtime,
                "linalg.ldl_solve: pivots must be of int32 and of the sizes of LD without the last, but they are ",
                p->sizes);
  set_out(c, b->sizes, b->dtype);
}

void infer_linalg_same_square(InferCtx& c) {
  check_float_square(c, c.val(0));
  set_out(c, c.val(0)->sizes, c.val(0)->dtype);
}

// (A, B, left, check_errors) -> (X, info). B may be a stack of vectors, which PyTorch tells by its sizes.
void decompose_linalg_solve_ex(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val a = args[0].val(), rhs = args[1].val();
  bool left = args[2].as_bool();
  check_square(op.name, a);
  bool vector = rhs->dim() == 1 || (a->dim() - 1 == rhs->dim() && rhs->sizes == lead(a, 1));
  FJ_USER_CHECK(left || !vector, ErrorKind::Runtime, op.name,
                ": Vector broadcasting of the left hand side is not supported for left=False.");
  Val y = vector ? insert_dim(b, rhs, rhs->dim()) : rhs;
  check_equation(op.name, a, y, left);
  if (!left) a = transpose_last(b, a), y = transpose_last(b, y);
  auto [x, z] = matched(b, a, y);
  auto both = t::_linalg_solve_stack(b, x, z, args[3]);
  Val out = left ? both[0] : transpose_last(b, both[0]);
  outs.push_back(vector ? drop_dim(b, out, out->dim() - 1) : out);
  outs.push_back(both[1]);
}

void decompose_linalg_solve(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  outs.push_back(t::linalg_solve_ex(b, args[0], args[1], args[2], Arg(true))[0]);
}

// (A, B, upper, left, unitriangular)
void decompose_linalg_solve_triangular(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val a = args[0].val(), y = args[1].val();
  bool upper = args[2].as_bool(), left = args[3].as_bool();
  check_square(op.name, a);
  check_equation(op.name, a, y, left);
  if (!left) a = transpose_last(b, a), y = transpose_last(b, y), upper = !upper;
  auto [x, z] = matched(b, a, y);
  Val out = t::_linalg_solve_triangular_stack(b, x, z, Arg(upper), args[4]);
  outs.push_back(left ? out : transpose_last(b, out));
}

// The factor alone, with errors raised.
void decompose_linalg_cholesky(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  if (op.id == OpId::cholesky && args[0].val()->numel() == 0)  // the old name takes nothing of any sizes
    return outs.push_back(t::clone(b, args[0], MemoryFormat::Contiguous));
  outs.push_back(t::linalg_cholesky_ex(b, args[0], args[1], Arg(true))[0]);
}

void decompose_linalg_inv(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  outs.push_back(t::linalg_inv_ex(b, args[0], Arg(true))[0]);
}

void decompose_slogdet(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  outs = t::linalg_slogdet(b, args[0]);
}

void decompose_logdet(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  auto both = t::linalg_slogdet(b, args[0]);
  outs.push_back(t::add(b, both[1], t::log(b, both[0])));
}

// (B, L, upper): solves A x = B from A's Cholesky factor.
void decompose_cholesky_solve(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val y = args[0].val(), l = args[1].val();
  FJ_USER_CHECK(y->dim() >= 2, ErrorKind::Runtime, "b should have at least 2 dimensions, but has ", y->dim(),
                " dimensions instead");
  FJ_USER_CHECK(l->dim() >= 2, ErrorKind::Runtime, "u should have at least 2 dimensions, but has ", l->dim(),
                " dimensions instead");
  bool upper = args[2].as_bool();
  Val lt = adjoint(b, l);
  Val first = t::linalg_solve_triangular(b, upper ? lt : l, y, Arg(false));
  outs.push_back(t::linalg_solve_triangular(b, upper ? l : lt, first, Arg(true)));
}

void decompose_cholesky_inverse(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val l = args[0].val();
  FJ_USER_CHECK(l->dim() >= 2 && rows(l) == cols(l), ErrorKind::Runtime,
                "cholesky_inverse: A must be batches of square matrices");
  Val eye = t::eye_m(b, Arg(rows(l)), Arg(rows(l)), Arg(l->dtype));
  outs.push_back(t::cholesky_solve(b, eye, l, args[1]));
}

// (LU, pivots, B, left, adjoint)
void decompose_linalg_lu_solve(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  check_matrix(op.name, "LU", args[0].val());
  check_matrix(op.name, "B", args[2].val());
  Val lu = args[0].val(), y = args[2].val();
  bool left = args[3].as_bool(), adjoint = args[4].as_bool();
  Val p = t::_lu_permutation(b, args[1], Arg(rows(lu)), Arg(lu->dtype));
  // X A = B is A^T X^T = B^T, and X A^H = B is conj(A) X^T = B^T.
  if (!left) {
    y = transpose_last(b, y);
    if (adjoint && is_complex(lu->dtype)) lu = t::conj(b, lu);
    adjoint = !adjoint;
  }
  Val out;
  auto tri = [&](Val m, Val rhs, bool upper, bool unit) {
    return t::linalg_solve_triangular(b, m, rhs, Arg(upper), Arg(true), Arg(unit));
  };
  if (!adjoint) {
    out = tri(lu, tri(lu, t::matmul(b, transpose_last(b, p), y), false, true), true, false);
  } else {
    Val t = left ? fj::adjoint(b, lu) : transpose_last(b, lu);
    out = t::matmul(b, p, tri(t, tri(t, y, false, false), true, true));
  }
  outs.push_back(left ? out : transpose_last(b, out));
}

// (LU, pivots, unpack_data, unpack_pivots) -> (P, L, U)
void decompose_lu_unpack(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  check_matrix(op.name, "LU_data", args[0].val());
  Val lu = args[0].val();
  Dim m = rows(lu), n = cols(lu), k = std::min(m, n);
  auto none = [&] {
    return t::narrow(b, reshape_to(b, lu, Shape{lu->numel()}), Arg(int64_t{0}), Arg(int64_t{0}), Arg(int64_t{0}));
  };
  outs.push_back(args[3].as_bool() ? t::_lu_permutation(b, args[1], Arg(m), Arg(lu->dtype)) : none());
  if (!args[2].as_bool()) {
    outs.push_back(none());
    outs.push_back(none());
    return;
  }
  int64_t last = lu->dim() - 1;
  Val left = t::tril(b, t::narrow(b, lu, Arg(last), Arg(int64_t{0}), Arg(k)), Arg(int64_t{-1}));
  Val eye = t::eye_m(b, Arg(m), Arg(k), Arg(lu->dtype));
  outs.push_back(t::add(b, left, eye));
  outs.push_back(t::triu(b, t::narrow(b, lu, Arg(last - 1), Arg(int64_t{0}), Arg(k))));
}

void decompose_matrix_exp(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  outs.push_back(cast_to(b, t::linalg_matrix_exp(b, to_compute(b, x)), x->dtype));
}

// Repeated squaring; negative powers are those of the inverse.
void decompose_linalg_matrix_power(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val a = args[0].val();
  uint64_t n = static_cast<uint64_t>(args[1].as_int());
  check_square(op.name, a);
  if (args[1].as_int() < 0) a = t::linalg_inv_ex(b, a, Arg(true))[0], n = -n;
  if (n == 0) {
    Val eye = t::eye_m(b, Arg(rows(a)), Arg(rows(a)), Arg(a->dtype));
    Val all = t::full(b, a->sizes, Arg(true), DType::Bool);  // so that a has a gradient, which is zero
    outs.push_back(t::where(b, all, expand_to(b, eye, a->sizes), a));
    return;
  }
  Val result{}, power = a;
  for (; n; n >>= 1) {
    if (n & 1) result = result ? t::matmul(b, result, power) : power;
    if (n > 1) power = t::matmul(b, power, power);
  }
  outs.push_back(result == args[0].val() ? t::clone(b, result) : result);
}

}  // namespace fj
