// Shape rules and decompositions of matrix products.
#include "ops/rules_util.h"

namespace fj {
namespace {

void check_matrices(const TensorMeta& a, const TensorMeta& b) {
  FJ_USER_CHECK(a.sizes[1] == b.sizes[0], ErrorKind::Runtime, "mat1 and mat2 shapes cannot be multiplied (", a.sizes[0],
                "x", a.sizes[1], " and ", b.sizes[0], "x", b.sizes[1], ")");
}

void refuse_bool(const InferCtx& c, const char* routine) {
  FJ_USER_CHECK(c.val(0)->dtype != DType::Bool, ErrorKind::NotImplemented, "\"", routine,
                "\" not implemented for 'Bool'");
}

// [..., n] as a matrix [product, n].
Val as_matrix(Builder& b, Val v) {
  return reshape_to(b, v, Shape{product({v->sizes.data(), v->sizes.size() - 1}), v->sizes.back()});
}

void check_same_dtype(Val a, Val b) {
  FJ_USER_CHECK(a->dtype == b->dtype, ErrorKind::Runtime, "self and mat2 must have the same dtype, but got ",
                scalar_type_name(a->dtype), " and ", scalar_type_name(b->dtype));
}

// Both sides are at least matrices and one has more dimensions: broadcast the leading ones, fold them, multiply stacks.
Val matmul_stacks(Builder& b, Val x, Val y) {
  size_t nx = x->sizes.size() - 2, ny = y->sizes.size() - 2;
  Shape lead =
      broadcast_shapes(Shape(x->sizes.begin(), x->sizes.begin() + nx), Shape(y->sizes.begin(), y->sizes.begin() + ny));
  auto fold = [&](Val v) {
    Dim rows = v->sizes[v->sizes.size() - 2], cols = v->sizes.back();
    Shape full = lead;
    full.push_back(rows);
    full.push_back(cols);
    return reshape_to(b, expand_to(b, v, full), Shape{product(lead), rows, cols});
  };
  Val out = t::bmm(b, fold(x), fold(y));
  Shape sizes = lead;
  sizes.push_back(out->sizes[1]);
  sizes.push_back(out->sizes[2]);
  return reshape_to(b, out, sizes);
}

// Replaces the last dimension of `like` by `n`.
Shape with_last(Val like, Dim n) {
  Shape s = like->sizes;
  s.back() = n;
  return s;
}

}  // namespace

void infer_mm(InferCtx& c) {
  const TensorMeta &a = *c.val(0), &b = *c.val(1);
  FJ_USER_CHECK(a.dim() == 2, ErrorKind::Runtime, "self must be a matrix");
  FJ_USER_CHECK(b.dim() == 2, ErrorKind::Runtime, "mat2 must be a matrix");
  check_matrices(a, b);
  FJ_USER_CHECK(a.dtype == b.dtype, ErrorKind::Runtime,
                "expected m1 and m2 to have the same dtype, but got: ", cpp_type_name(a.dtype),
                " != ", cpp_type_name(b.dtype));
  refuse_bool(c, "addmm_impl_cpu_");
  set_out(c, Shape{a.sizes[0], b.sizes[1]}, a.dtype);
}

void infer_bmm(InferCtx& c) {
  const TensorMeta &a = *c.val(0), &b = *c.val(1);
  FJ_USER_CHECK(a.dim() == 3, ErrorKind::Runtime, "batch1 must be a 3D tensor");
  FJ_USER_CHECK(b.dim() == 3, ErrorKind::Runtime, "batch2 must be a 3D tensor");
  FJ_USER_CHECK(b.sizes[0] == a.sizes[0] && b.sizes[1] == a.sizes[2], ErrorKind::Runtime,
                "Expected size for first two dimensions of batch2 tensor to be: [", a.sizes[0], ", ", a.sizes[2],
                "] but got: [", b.sizes[0], ", ", b.sizes[1], "].");
  FJ_USER_CHECK(a.dtype == b.dtype, ErrorKind::Runtime, "expected scalar type ", scalar_type_name(a.dtype),
                " but found ", scalar_type_name(b.dtype));
  refuse_bool(c, "baddbmm");
  set_out(c, Shape{a.sizes[0], a.sizes[1], b.sizes[2]}, a.dtype);
}

// Of a dimension that the tensor need not have.
static Dim size_at(Val v, int64_t d) {
  FJ_USER_CHECK(v->dim() > 0, ErrorKind::Index, "Dimension specified as ", d, " but tensor has no dimensions");
  return v->sizes[wrap_dim(d, v->dim())];
}

void decompose_mv(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val self = args[0].val(), vec = args[1].val();
  size_at(self, 0);
  FJ_USER_CHECK(self->dim() == 2 && vec->dim() == 1, ErrorKind::Runtime, "vector + matrix @ vector expected, got ",
                vec->dim(), ", ", self->dim(), ", ", vec->dim());
  FJ_USER_CHECK(self->sizes[1] == vec->sizes[0], ErrorKind::Runtime, "size mismatch, got input (", self->sizes[0],
                "), mat (", self->sizes[0], "x", self->sizes[1], "), vec (", vec->sizes[0], ")");
  outs.push_back(drop_dim(b, t::mm(b, self, insert_dim(b, vec, 1)), 1));
}

void decompose_dot(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val(), y = args[1].val();
  FJ_USER_CHECK(x->dim() == 1 && y->dim() == 1, ErrorKind::Runtime, "1D tensors expected, but got ", x->dim(), "D and ",
                y->dim(), "D tensors");
  FJ_USER_CHECK(x->dtype == y->dtype, ErrorKind::Runtime, "dot : expected both vectors to have same dtype, but found ",
                scalar_type_name(x->dtype), " and ", scalar_type_name(y->dtype));
  FJ_USER_CHECK(x->sizes == y->sizes, ErrorKind::Runtime, "inconsistent tensor size, expected tensor ", x->sizes,
                " and src ", y->sizes, " to have the same number of elements, but got ", x->numel(), " and ",
                y->numel(), " elements respectively");
  outs.push_back(t::sum(b, t::mul(b, x, y), Arg(), Arg(false), Arg(x->dtype)));
}

// addmm and baddbmm.
// alpha or beta: beside integers it is cut to an integer.
static Arg factor_for(Val v, const Arg& a) {
  return is_integral(v->dtype, true) && a.is_number() ? Arg(static_cast<int64_t>(a.as_double())) : a;
}

void decompose_addmm(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val self = args[0].val();
  bool stacked = op.args[1].name[0] == 'b';
  if (stacked)
    size_at(args[1].val(), 1), size_at(args[2].val(), 2);
  else
    check_same_dtype(args[1].val(), args[2].val());
  check_same_dtype(self, args[2].val());
  Val prod = stacked ? t::bmm(b, args[1], args[2]) : t::mm(b, args[1], args[2]);
  prod = scaled(b, prod, factor_for(prod, args[4]));
  FJ_USER_CHECK(broadcast_shapes(self->sizes, prod->sizes) == prod->sizes, ErrorKind::Runtime,
                "The expanded size of the tensor (", prod->sizes[0], ") must match the existing size (", self->sizes[0],
                ") at non-singleton dimension 0.  Target sizes: ", prod->sizes, ".  Tensor sizes: ", self->sizes);
  // beta == 0 drops self altogether, NaNs included.
  outs.push_back(number_is(args[3], 0) ? prod : t::add(b, prod, scaled(b, self, factor_for(self, args[3]))));
}

// addmv, addbmm, addr: beta self + alpha product.
void decompose_add_product(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  std::string_view name = op.name;
  Val self = args[0].val();
  if (name == "addbmm") size_at(args[1].val(), 1), size_at(args[2].val(), 2);
  if (name == "addmv")
    FJ_USER_CHECK(self->dim() <= 1 && args[1].val()->dim() == 2 && args[2].val()->dim() == 1, ErrorKind::Runtime,
                  "vector + matrix @ vector expected, got ", self->dim(), ", ", args[1].val()->dim(), ", ",
                  args[2].val()->dim());
  Val product = name == "addmv" ? t::mv(b, args[1], args[2])
                : name == "addbmm"
                    ? t::sum(b, t::bmm(b, args[1], args[2]), Arg::ints({0}), Arg(false), Arg(self->dtype))
                    : t::outer(b, args[1], args[2]);
  DType type = promote(self->dtype, product->dtype);
  Val result = scaled(b, product, factor_for(product, args[4]));
  if (!number_is(args[3], 0)) result = t::add(b, scaled(b, self, factor_for(self, args[3])), result);
  outs.push_back(cast_to(b, result, type));
}

void decompose_outer(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val(), y = args[1].val();
  FJ_USER_CHECK(x->dim() == 1, ErrorKind::Runtime, "outer: Expected 1-D argument self, but got ", x->dim(), "-D");
  FJ_USER_CHECK(y->dim() == 1, ErrorKind::Runtime, "outer: Expected 1-D argument vec2, but got ", y->dim(), "-D");
  outs.push_back(t::mul(b, insert_dim(b, x, 1), y));
}

void decompose_matmul(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val(), y = args[1].val();
  int64_t nx = x->dim(), ny = y->dim();
  FJ_USER_CHECK(nx > 0 && ny > 0, ErrorKind::Runtime, "both arguments to matmul need to be at least 1D, but they are ",
                nx, "D and ", ny, "D");
  if (nx == 1 && ny == 1) {
    outs.push_back(t::dot(b, x, y));
    return;
  }
  if (nx == 2 && ny == 1) {
    outs.push_back(t::mv(b, x, y));
    return;
  }
  if (nx == 2 && ny == 2) {
    outs.push_back(t::mm(b, x, y));
    return;
  }
  if (nx == 1) x = insert_dim(b, x, 0);
  if (ny == 1) y = insert_dim(b, y, 1);
  Val out;
  if (y->dim() == 2) {
    out = t::mm(b, as_matrix(b, x), y);
    out = reshape_to(b, out, with_last(x, out->sizes[1]));
  } else {
    out = matmul_stacks(b, x, y);
  }
  if (nx == 1) out = drop_dim(b, out, out->dim() - 2);
  if (ny == 1) out = drop_dim(b, out, out->dim() - 1);
  outs.push_back(out);
}

// A vector as weight is a matrix of one row whose output dimension is dropped.
void decompose_linear(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val(), w = args[1].val(), bias = args[2].val();
  bool vector = w->dim() == 1;
  if (vector) w = insert_dim(b, w, 0);
  FJ_USER_CHECK(w->dim() == 2 && x->dim() > 0, ErrorKind::Runtime,
                "both arguments to linear need to be at least 1D, but they are ", x->dim(), "D and ",
                args[1].val()->dim(), "D");
  Val out = t::mm(b, as_matrix(b, x), transpose_last(b, w));
  if (bias) {
    check_same_dtype(bias, x);
    FJ_USER_CHECK(bias->sizes == Shape{out->sizes[1]} || bias->numel() == 1, ErrorKind::Runtime,
                  "The expanded size of the tensor (", out->sizes[1], ") must match the existing size (", bias->numel(),
                  ") at non-singleton dimension 1.  Target sizes: ", out->sizes, ".  Tensor sizes: ", bias->sizes);
    out = t::add(b, out, bias);
  }
  Shape sizes = with_last(x, out->sizes[1]);
  if (vector) sizes.pop_back();
  outs.push_back(reshape_to(b, out, sizes));
}

void decompose_inner(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val(), y = args[1].val();
  if (x->dim() == 0 || y->dim() == 0) {
    outs.push_back(t::mul(b, x, y));
    return;
  }
  FJ_USER_CHECK(x->sizes.back() == y->sizes.back(), ErrorKind::Runtime,
                "inner() the last dimension must match on both input tensors but got shapes ", x->sizes, " and ",
                y->sizes);
  Val out = t::mm(b, as_matrix(b, x), transpose_last(b, as_matrix(b, y)));
  Shape sizes(x->sizes.begin(), x->sizes.end() - 1);
  for (size_t i = 0; i + 1 < y->sizes.size(); ++i) sizes.push_back(y->sizes[i]);
  outs.push_back(reshape_to(b, out, sizes));
}

void decompose_tensordot(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  FJ_USER_CHECK(args[2].as_ints().size() == args[3].as_ints().size(), ErrorKind::Runtime,
                "both dimension lists should have same length");
  SmallVec<int64_t, 6> dims[2], order[2];
  Shape kept;
  Dim contracted = 1;
  for (int side = 0; side < 2; ++side) {
    Val v = args[side].val();
    for (int64_t d : args[2 + side].as_ints()) dims[side].push_back(wrap_dim(d, v->dim()));
    for (int64_t d = 0; d < v->dim(); ++d)
      if (!is_dim_in(dims[side], d)) order[side].push_back(d), kept.push_back(v->sizes[d]);
    order[side].insert(side == 0 ? order[side].end() : order[side].begin(), -1);  // where the contracted dims go
  }
  for (size_t i = 0; i < dims[0].size(); ++i) {
    Dim n = args[0].val()->sizes[dims[0][i]], m = args[1].val()->sizes[dims[1][i]];
    FJ_USER_CHECK(n == m, ErrorKind::Runtime, "contracted dimensions need to match, but first has size ", n, " in dim ",
                  dims[0][i], " and second has size ", m, " in dim ", dims[1][i]);
    contracted *= n;
  }
  auto matrix = [&](int side) {
    Val v = args[side].val();
    SmallVec<int64_t, 6> full;
    Dim rest = 1;
    for (int64_t d : order[side]) {
      if (d >= 0)
        full.push_back(d), rest *= v->sizes[d];
      else
        for (int64_t c : dims[side]) full.push_back(c);
    }
    return reshape_to(b, t::permute(b, v, Arg::ints(full)),
                      side == 0 ? Shape{rest, contracted} : Shape{contracted, rest});
  };
  Val x = matrix(0), y = matrix(1);
  outs.push_back(reshape_to(b, t::mm(b, x, y), kept));
}

void decompose_bilinear(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val(), y = args[1].val(), w = args[2].val(), bias = args[3].val();
  FJ_USER_CHECK(x->dim() == y->dim(), ErrorKind::Runtime, "bilinear(): input dimensions do not match: got ", x->dim(),
                " and ", y->dim());
  size_at(x, -1), size_at(w, 1), size_at(w, 2);
  for (int64_t d = 0; d + 1 < x->dim(); ++d)
    FJ_USER_CHECK(x->sizes[d] == y->sizes[d], ErrorKind::Runtime,
                  "bilinear(): input batch dimensions do not match at dim ", d, ": got ", x->sizes[d], " and ",
                  y->sizes[d]);
  Dim k = w->sizes[0], ni = w->sizes[1], nj = w->sizes[2];
  FJ_USER_CHECK(x->sizes.back() == ni && y->sizes.back() == nj, ErrorKind::Runtime,
                "bilinear(): input sizes do not match weight size: got ", x->sizes.back(), ", ", y->sizes.back(),
                " but expected ", ni, ", ", nj);
  Val xm = as_matrix(b, x), ym = as_matrix(b, y);
  Dim n = xm->sizes[0];
  Val left = t::mm(b, xm, reshape_to(b, move_dim(b, w, 0, 1), Shape{ni, k * nj}));  // [n, k*j]
  Val out = t::sum(b, t::mul(b, reshape_to(b, left, Shape{n, k, nj}), insert_dim(b, ym, 1)), Arg::ints({2}));
  if (bias) out = t::add(b, out, bias);
  outs.push_back(reshape_to(b, out, with_last(x, k)));
}

}  // namespace fj
