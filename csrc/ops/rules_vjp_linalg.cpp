// Derivative rules of linear algebra, for real and complex matrices: H is the adjoint. Formulas: Giles 2008, "Collected
// matrix derivative results", and for QR of wide matrices Roberts and Roberts 2020, "QR and LQ decomposition matrix
// backpropagation algorithms".
#include "ops/complex.h"
#include "ops/rules_util.h"

namespace fj {
namespace {

struct Rule {
  Builder& b;
  Val T(Val v) const { return transpose_last(b, v); }
  Val conj(Val v) const { return is_complex(v->dtype) ? t::conj(b, v) : v; }
  Val H(Val v) const { return conj(T(v)); }
  // `v` in the type of `like`: real numbers among complex ones.
  Val as(Val v, Val like) const { return v ? cast_to(b, v, like->dtype) : v; }
  Val mul(Val x, Val y) const { return t::matmul(b, x, y); }
  Val neg(Val x) const { return t::neg(b, x); }
  Val add(Val x, Val y) const { return add_maybe(b, x, y); }
  Val sub(Val x, Val y) const { return t::sub(b, x, y); }
  Val tril(Val x, int64_t k = 0) const { return t::tril(b, x, Arg(k)); }
  Val triu(Val x, int64_t k = 0) const { return t::triu(b, x, Arg(k)); }
  Val skew(Val x) const { return sub(x, H(x)); }
  Val main(Val v) const { return t::diagonal(b, v, Arg(int64_t{0}), Arg(int64_t{-2}), Arg(int64_t{-1})); }
  // The Hermitian matrix with the upper triangle of x and the real parts of its diagonal.
  Val mirrored(Val x) const {
    x = triu(x);
    Val both = add(x, H(x));
    return sub(both, times(diagonal(main(both)), 0.5));
  }
  Val col(Val v) const { return insert_dim(b, v, v->dim()); }      // [*, n] -> [*, n, 1]
  Val row(Val v) const { return insert_dim(b, v, v->dim() - 1); }  // [*, n] -> [*, 1, n]
  Val times(Val x, double s) const { return t::mul(b, x, Arg(s)); }
  // Solves with a triangular matrix from the left, or from the right.
  Val tri(Val a, Val y, bool upper, bool left = true, bool unit = false) const {
    return t::linalg_solve_triangular(b, a, y, Arg(upper), Arg(left), Arg(unit));
  }
  Val part(Val v, int64_t dim, Dim begin, Dim length) const {
    return t::narrow(b, v, Arg(v->dim() + dim), Arg(begin), Arg(length));
  }
  Val diagonal(Val v) const { return t::diag_embed(b, v, Arg(int64_t{0}), Arg(int64_t{-2}), Arg(int64_t{-1})); }
  Val eye_like(Val v) const { return t::eye_m(b, Arg(v->sizes.back()), Arg(v->sizes.back()), Arg(v->dtype)); }
  // x_j - x_i off the diagonal and 1 on it.
  Val differences(Val x) const { return t::add(b, sub(row(x), col(x)), eye_like(insert_dim(b, x, x->dim() - 1))); }
};

Dim rows(Val v) { return v->sizes[v->dim() - 2]; }
Dim cols(Val v) { return v->sizes.back(); }

}  // namespace

// A = L Lᵀ (or Uᵀ U): symmetric, though only one triangle was read.
void vjp_linalg_cholesky_ex(VjpCtx& c) {
  Val g = c.grads[0], l = c.outs[0];
  if (!g) return;
  Rule r{c.b};
  if (c.args[1].as_bool()) g = r.H(g), l = r.H(l);
  Val phi = r.tril(r.mul(r.H(l), g));
  phi = r.add(phi, r.H(r.tril(phi, -1)));
  Val x = r.tri(r.H(l), phi, true);
  c.result[0] = Arg(r.times(r.tri(l, x, false, false), 0.5));
}

// A = P L U
void vjp_linalg_lu_factor_ex(VjpCtx& c) {
  Val g = c.grads[0], lu = c.outs[0];
  if (!g) return;
  Rule r{c.b};
  Dim m = rows(lu), n = cols(lu), k = std::min(m, n);
  Val p = t::_lu_permutation(c.b, c.outs[1], Arg(m), Arg(lu->dtype));
  Val square = r.part(r.part(lu, -2, 0, k), -1, 0, k), gs = r.part(r.part(g, -2, 0, k), -1, 0, k);
  Val l = t::add(c.b, r.tril(square, -1), r.eye_like(square)), u = r.triu(square);
  Val low = r.mul(r.H(l), r.tril(gs, -1)), up = r.mul(r.triu(gs), r.H(u));
  Val rest{};
  if (m < n) {
    Val u2 = r.part(lu, -1, k, n - k), g2 = r.part(g, -1, k, n - k);
    low = r.sub(low, r.mul(g2, r.H(u2)));
    rest = r.tri(r.H(l), g2, true, true, true);
  } else if (m > n) {
    Val l2 = r.part(lu, -2, k, m - k), g2 = r.part(g, -2, k, m - k);
    up = r.sub(up, r.mul(r.H(l2), g2));
    rest = r.tri(r.H(u), g2, false, false);
  }
  Val x = r.add(r.tril(low, -1), r.triu(up));
  x = r.tri(r.H(u), r.tri(r.H(l), x, true, true, true), false, false);
  if (rest) {
    Val both[] = {x, rest};
    x = t::cat(c.b, Arg::tensors(both), Arg(int64_t{m < n ? -1 : -2}));
  }
  c.result[0] = Arg(r.mul(p, x));
}

void vjp_linalg_qr(VjpCtx& c) {
  Val gq = c.grads[0], gr = c.grads[1], q = c.outs[0], rr = c.outs[1];
  if (!gq && !gr) return;
  Rule r{c.b};
  const std::string& mode = c.args[1].as_str();
  Val a = c.args[0].val();
  Dim m = rows(a), n = cols(a);
  FJ_USER_CHECK(mode != "r", ErrorKind::Runtime,
                "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
                "linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr.");
  FJ_USER_CHECK(mode != "complete" || m <= n, ErrorKind::Runtime,
                "The QR decomposition is not differentiable when mode='complete' and nrows > ncols.");
  Val gy{}, gu = gr, u = rr;
  if (m < n) {  // A = [X | Y], X square: R = [U | V] with V = Qᵀ Y
    u = r.part(rr, -1, 0, m);
    if (gr) {
      Val gv = r.part(gr, -1, m, n - m);
      gu = r.part(gr, -1, 0, m);
      gy = r.mul(q, gv);
      gq = r.add(gq, r.mul(r.part(a, -1, m, n - m), r.H(gv)));
    } else {
      gy = t::zeros_like(c.b, r.part(a, -1, m, n - m));
    }
  }
  Val x = gu ? r.mul(gu, r.H(u)) : Val();
  if (gq) x = r.add(x, r.neg(r.mul(r.H(q), gq)));
  x = r.mul(q, r.mirrored(x));
  x = r.tri(r.H(u), r.add(x, gq), false, false);
  if (gy) {
    Val both[] = {x, gy};
    x = t::cat(c.b, Arg::tensors(both), Arg(int64_t{-1}));
  }
  c.result[0] = Arg(x);
}

void vjp_linalg_eigh_stack(VjpCtx& c) {
  Val gw = c.grads[0], gv = c.grads[1], w = c.outs[0], v = c.outs[1];
  if (!gw && !gv) return;
  FJ_USER_CHECK(c.args[2].as_bool(), ErrorKind::Runtime,
                "linalg.eigvalsh: the eigenvectors are needed for the gradient");
  Rule r{c.b};
  Val x{};
  if (gv) {
    Val y = t::div(c.b, r.mul(r.H(v), gv), r.differences(w));
    x = r.add(r.tril(y, -1), r.triu(y, 1));
  }
  if (gw) x = r.add(x, r.diagonal(r.as(gw, v)));
  x = r.mul(v, r.mul(x, r.H(v)));
  c.result[0] = Arg(r.times(r.add(x, r.H(x)), 0.5));  // of a Hermitian matrix, like PyTorch's
}

void vjp_linalg_svd_stack(VjpCtx& c) {
  Val gu = c.grads[0], gs = c.grads[1], gv = c.grads[2], u = c.outs[0], s = c.outs[1], vh = c.outs[2];
  if (!gu && !gs && !gv) return;
  Rule r{c.b};
  FJ_USER_CHECK(c.args[2].as_bool(), ErrorKind::Runtime, "linalg.svd: U and V are needed for the gradient");
  Val a = c.args[0].val();
  Dim m = rows(a), n = cols(a), k = std::min(m, n);
  if (cols(u) > k) u = r.part(u, -1, 0, k), gu = gu ? r.part(gu, -1, 0, k) : Val();
  if (rows(vh) > k) vh = r.part(vh, -2, 0, k), gv = gv ? r.part(gv, -2, 0, k) : Val();
  Val x = gs ? r.diagonal(r.as(gs, u)) : Val();
  if (gu || gv) {
    Val s2 = t::mul(c.b, s, s), e = r.differences(s2);
    if (gu) {
      Val turn = r.skew(r.mul(r.H(u), gu));
      x = r.add(x, t::mul(c.b, t::div(c.b, turn, e), r.row(s)));
      // Phases of a pair of vectors turn together.
      if (gv && is_complex(u->dtype)) x = r.add(x, r.diagonal(t::div(c.b, r.main(turn), r.times(s, 2))));
    }
    if (gv) x = r.add(x, t::mul(c.b, r.col(s), t::div(c.b, r.skew(r.mul(vh, r.H(gv))), e)));
  }
  x = r.mul(u, x);
  if (m > k && gu) x = r.add(x, t::div(c.b, r.sub(gu, r.mul(u, r.mul(r.H(u), gu))), r.row(s)));
  x = r.mul(x, vh);
  if (n > k && gv) {
    Val outside = r.sub(gv, r.mul(r.mul(gv, r.H(vh)), vh));
    x = r.add(x, r.mul(t::div(c.b, u, r.row(s)), outside));
  }
  c.result[0] = Arg(x);
}

// A X = B
void vjp_linalg_solve_stack(VjpCtx& c) {
  Val g = c.grads[0];
  if (!g) return;
  Rule r{c.b};
  Val gb = t::_linalg_solve_stack(c.b, r.H(c.args[0].val()), g, Arg(false))[0];
  if (c.need(1)) c.result[1] = Arg(gb);
  if (c.need(0)) c.result[0] = Arg(r.neg(r.mul(gb, r.H(c.outs[0]))));
}

void vjp_linalg_solve_triangular_stack(VjpCtx& c) {
  Val g = c.grads[0];
  Rule r{c.b};
  bool upper = c.args[2].as_bool(), unit = c.args[3].as_bool();
  Val gb = t::_linalg_solve_triangular_stack(c.b, r.H(c.args[0].val()), g, Arg(!upper), Arg(unit));
  if (c.need(1)) c.result[1] = Arg(gb);
  if (!c.need(0)) return;
  Val ga = r.neg(r.mul(gb, r.H(c.outs[0])));
  c.result[0] = Arg(upper ? r.triu(ga, unit) : r.tril(ga, unit ? -1 : 0));
}

// L with -(M) L or -L (M): of factors, all of whose elements take part.
static Val factor_gradient(const Rule& r, Val l, Val m, bool upper) { return r.neg(upper ? r.mul(l, m) : r.mul(m, l)); }

// The sum over the dimensions in which `v` was broadcast from these sizes.
static Val sum_to(Builder& b, Val v, const Shape& sizes) {
  SmallVec<int64_t, 6> over;
  const int64_t lead = v->dim() - static_cast<int64_t>(sizes.size());
  for (int64_t d = 0; d < v->dim(); ++d)
    if (d < lead || (sizes[d - lead] == 1 && v->sizes[d] != 1)) over.push_back(d);
  return over.empty() ? v : reshape_to(b, t::sum(b, v, Arg::ints(over)), sizes);
}

void vjp_cholesky_solve(VjpCtx& c) {
  if (!c.grads[0]) return;
  Rule r{c.b};
  Val l = c.args[1].val(), gb = t::cholesky_solve(c.b, c.grads[0], l, c.args[2]);
  if (c.need(0)) c.result[0] = Arg(sum_to(c.b, gb, c.args[0].val()->sizes));
  if (!c.need(1)) return;
  Val m = r.mul(gb, r.H(c.outs[0]));
  c.result[1] = Arg(sum_to(c.b, factor_gradient(r, l, r.add(m, r.H(m)), c.args[2].as_bool()), l->sizes));
}

void vjp_cholesky_inverse(VjpCtx& c) {
  if (!c.grads[0]) return;
  Rule r{c.b};
  Val g = r.add(c.grads[0], r.H(c.grads[0]));
  c.result[0] = Arg(factor_gradient(r, c.args[0].val(), r.mul(c.outs[0], r.mul(g, c.outs[0])), c.args[1].as_bool()));
}

void vjp_linalg_inv_ex(VjpCtx& c) {
  if (!c.grads[0]) return;
  Rule r{c.b};
  Val inverse = r.H(c.outs[0]);
  c.result[0] = Arg(r.neg(r.mul(inverse, r.mul(c.grads[0], inverse))));
}

// The gradient of det is the cofactors, det(A) A⁻ᵀ, which singular matrices have, too.
void vjp_linalg_det(VjpCtx& c) {
  Rule r{c.b};
  c.result[0] = Arg(t::mul(c.b, r.conj(t::_linalg_cofactor(c.b, c.args[0])), r.col(r.col(c.grads[0]))));
}

// C = det(A) A⁻ᵀ, differentiated as that product.
void vjp_linalg_cofactor(VjpCtx& c) {
  Rule r{c.b};
  Val g = c.grads[0], a = c.args[0].val();
  Val inverse = r.H(t::linalg_inv_ex(c.b, a, Arg(true))[0]), det = r.col(r.col(t::linalg_det(c.b, a)));
  Val inner = t::sum(c.b, t::mul(c.b, g, inverse), Arg::ints({-2, -1}), Arg(true));
  Val x = r.sub(t::mul(c.b, inner, inverse), r.mul(inverse, r.mul(r.T(g), inverse)));
  c.result[0] = Arg(t::mul(c.b, r.conj(det), x));
}

void vjp_linalg_slogdet(VjpCtx& c) {
  Rule r{c.b};
  Val g = c.grads[1], a = c.args[0].val();
  if (is_complex(a->dtype)) {  // the sign turns with the determinant's phase
    g = r.as(g, a);
    if (c.grads[0]) {
      Val turn = t::_part(c.b, t::mul(c.b, r.conj(c.grads[0]), c.outs[0]), 1);
      g = r.add(g, join_parts(c.b, t::zeros_like(c.b, turn), r.neg(turn)));
    }
  }
  if (!g) return;
  Val inverse = t::linalg_inv_ex(c.b, a, Arg(true))[0];
  c.result[0] = Arg(t::mul(c.b, r.H(inverse), r.col(r.col(g))));
}

// X = pinv(A) B
void vjp_linalg_lstsq_stack(VjpCtx& c) {
  Val g = c.grads[0];
  if (!g) return;
  Rule r{c.b};
  Val a = c.args[0].val(), y = c.args[1].val();
  Shape square(a->sizes.begin(), a->sizes.end() - 1);
  square.push_back(rows(a));
  Val eye = expand_to(c.b, t::eye_m(c.b, Arg(rows(a)), Arg(rows(a)), Arg(a->dtype)), square);
  Val p = t::_linalg_lstsq_stack(c.b, a, eye, c.args[2])[0];
  if (c.need(1)) c.result[1] = Arg(r.mul(r.H(p), g));
  if (!c.need(0)) return;
  // The pseudo-inverse's derivative (Golub and Pereyra 1973) applied to g Bᵀ.
  Val gp = r.mul(g, r.H(y)), gh = r.H(gp), ph = r.H(p), x;
  if (rows(a) <= cols(a)) {
    Val k = r.mul(gh, p), kph = r.mul(k, ph);
    x = r.sub(kph, r.H(r.mul(p, k)));
    x = r.sub(x, r.mul(r.mul(a, p), kph));
    x = r.add(x, r.mul(r.mul(ph, p), r.sub(gh, r.mul(k, a))));
  } else {
    Val k = r.mul(p, gh), phk = r.mul(ph, k);
    x = r.sub(phk, r.H(r.mul(k, p)));
    x = r.add(x, r.mul(r.mul(r.sub(gh, r.mul(a, k)), p), ph));
    x = r.sub(x, r.mul(r.mul(phk, p), a));
  }
  c.result[0] = Arg(x);
}

// A V = V diag(L), columns of V of length 1 (as in Boeddeker et al. 2017, "On the computation of complex-valued
// gradients").
void vjp_linalg_eig_stack(VjpCtx& c) {
  Val gl = c.grads[0], gv = c.grads[1], l = c.outs[0], v = c.outs[1];
  if (!gl && !gv) return;
  FJ_USER_CHECK(c.args[1].as_bool(), ErrorKind::Runtime,
                "linalg.eigvals: the eigenvectors are needed for the gradient");
  Rule r{c.b};
  Val vh = r.H(v), x{};
  if (gv) {
    Val inner = r.mul(vh, gv);
    Val length = r.as(t::_part(c.b, r.main(inner), 0), v);
    x = r.sub(inner, r.mul(vh, t::mul(c.b, v, r.row(length))));
    x = t::div(c.b, x, r.conj(r.differences(l)));
    x = r.add(r.tril(x, -1), r.triu(x, 1));
  }
  if (gl) x = r.add(x, r.diagonal(gl));
  x = t::linalg_solve(c.b, vh, r.mul(x, vh));
  c.result[0] = Arg(is_complex(c.args[0].val()->dtype) ? x : t::_part(c.b, x, 0));
}

// The upper right block of exp([[Aᵀ, G], [0, Aᵀ]]) (Al-Mohy and Higham 2009).
void vjp_linalg_matrix_exp(VjpCtx& c) {
  Rule r{c.b};
  Val at = r.H(c.args[0].val());
  Dim n = rows(at);
  if (n == 0) {
    c.result[0] = Arg(c.grads[0]);
    return;
  }
  Val top[] = {at, c.grads[0]}, bottom[] = {t::zeros_like(c.b, at), at};
  Val halves[] = {t::cat(c.b, Arg::tensors(top), Arg(int64_t{-1})),
                  t::cat(c.b, Arg::tensors(bottom), Arg(int64_t{-1}))};
  Val whole = t::linalg_matrix_exp(c.b, t::cat(c.b, Arg::tensors(halves), Arg(int64_t{-2})));
  c.result[0] = Arg(r.part(r.part(whole, -2, 0, n), -1, n, n));
}

}  // namespace fj
