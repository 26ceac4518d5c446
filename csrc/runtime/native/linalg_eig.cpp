// Eigenvalues of general matrices, and factorisations that stay in LAPACK's packed forms, over stacks of matrices.
#include "runtime/native/linalg.h"

namespace fj::native {

// (A, compute_v) -> (eigenvalues, eigenvectors in columns), complex
void linalg_eig_stack(NativeCtx& c) {
  lapack::require("linalg.eig");
  bool vectors = c.arg(1).as_bool();
  by_number(c.in(0).dtype, [&]<class T>() {
    using C = std::complex<Real<T>>;
    Stack<T> a(c.in(0));
    Stack<C> w(c.out(0), 1), v(c.out(1));
    int64_t n = a.rows();
    auto x = matrix_memory<T>(n * n);
    auto values = matrix_memory<C>(n), columns = matrix_memory<C>(n * n);
    for (int64_t i = 0; i < a.count(); ++i) {
      a.read(i, x.data(), at_least_one(n));
      FJ_USER_CHECK(all_finite(x), ErrorKind::Runtime,
                    "torch.linalg.eig: input tensor should not contain infs or NaNs.");
      int64_t bad = n == 0 ? 0 : lapack::geev<T>(n, x.data(), values.data(), vectors ? columns.data() : nullptr);
      FJ_USER_CHECK(bad == 0, ErrorKind::Linalg, "linalg.eig: ", batch_text(a.outer(), i),
                    "The algorithm failed to converge (error code: ", bad, ").");
      w.write_line(i, values.data());
      if (vectors) v.write(i, columns.data(), at_least_one(n));
    }
  });
}

// A -> (R above, reflectors below the diagonal; their factors tau)
void geqrf(NativeCtx& c) {
  lapack::require("geqrf");
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), out(c.out(0)), tau(c.out(1), 1);
    int64_t m = a.rows(), n = a.cols(), k = std::min(m, n);
    auto x = matrix_memory<T>(m * n), line = matrix_memory<T>(k);
    for (int64_t i = 0; i < a.count(); ++i) {
      a.read(i, x.data(), at_least_one(m));
      if (k > 0) lapack::geqrf<T>(m, n, x.data(), m, line.data());
      out.write(i, x.data(), at_least_one(m));
      tau.write_line(i, line.data());
    }
  });
}

// (A, hermitian, check_errors) -> (LD, pivots, info)
void linalg_ldl_factor_ex(NativeCtx& c) {
  lapack::require("linalg.ldl_factor");
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), ld(c.out(0));
    Stack<int32_t> pivots(c.out(1), 1), info(c.out(2), 0);
    int64_t n = a.rows();
    auto x = matrix_memory<T>(n * n);
    auto p = matrix_memory<int64_t>(n);
    auto p32 = matrix_memory<int32_t>(n);
    for (int64_t i = 0; i < a.count(); ++i) {
      a.read(i, x.data(), at_least_one(n));
      int64_t bad = n == 0 ? 0 : lapack::sytrf<T>(c.arg(1).as_bool(), n, x.data(), n, p.data());
      FJ_USER_CHECK(!c.arg(2).as_bool() || bad == 0, ErrorKind::Linalg,
                    "linalg.ldl_factor_ex: ", batch_text(a.outer(), i),
                    "Factor D is exactly singular (error code: ", bad, ").");
      for (int64_t col = 0; col < n; ++col)
        for (int64_t row = 0; row < col; ++row) x[static_cast<size_t>(col * n + row)] = 0;
      for (int64_t k = 0; k < n; ++k) p32[static_cast<size_t>(k)] = static_cast<int32_t>(p[static_cast<size_t>(k)]);
      ld.write(i, x.data(), at_least_one(n));
      pivots.write_line(i, p32.data());
      *info.at(i) = static_cast<int32_t>(bad);
    }
  });
}

// (LD, pivots, B, hermitian) -> X
void linalg_ldl_solve_stack(NativeCtx& c) {
  lapack::require("linalg.ldl_solve");
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> ld(c.in(0)), b(c.in(2)), x(c.out());
    Stack<int32_t> pivots(c.in(1), 1);
    int64_t n = ld.rows(), k = b.cols();
    auto left = matrix_memory<T>(n * n), rhs = matrix_memory<T>(n * k);
    auto p = matrix_memory<int64_t>(n);
    for (int64_t i = 0; i < ld.count(); ++i) {
      ld.read(i, left.data(), at_least_one(n));
      b.read(i, rhs.data(), at_least_one(n));
      const int32_t* line = pivots.at(i);
      for (int64_t r = 0; r < n; ++r) {
        int64_t to = line[r * pivots.v.strides.back()];
        FJ_USER_CHECK(to != 0 && to >= -n && to <= n, ErrorKind::Runtime,
                      "linalg.ldl_solve: pivots are not those of a factorisation");
        p[static_cast<size_t>(r)] = to;
      }
      for (size_t r = 0; r < static_cast<size_t>(n); ++r)  // negative ones come in pairs
        if (p[r] < 0) {
          ++r;
          FJ_USER_CHECK(r < static_cast<size_t>(n) && p[r] < 0, ErrorKind::Runtime,
                        "linalg.ldl_solve: pivots are not those of a factorisation");
        }
      if (n > 0 && k > 0) lapack::sytrs<T>(c.arg(3).as_bool(), n, k, left.data(), n, p.data(), rhs.data(), n);
      x.write(i, rhs.data(), at_least_one(n));
    }
  });
}

}  // namespace fj::native
