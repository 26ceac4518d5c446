// Cholesky, LU and QR factorisations of stacks of matrices.
#include <numeric>

#include "runtime/native/linalg.h"

namespace fj::native {

// (A, upper, check_errors) -> (L, info)
void linalg_cholesky_ex(NativeCtx& c) {
  lapack::require("linalg.cholesky");
  bool upper = c.arg(1).as_bool(), check = c.arg(2).as_bool();
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), l(c.out(0));
    Stack<int32_t> info(c.out(1), 0);
    int64_t n = a.rows();
    auto m = matrix_memory<T>(n * n);
    for (int64_t i = 0; i < a.count(); ++i) {
      a.read(i, m.data(), n);
      int64_t bad = n == 0 ? 0 : lapack::potrf<T>(upper ? 'U' : 'L', n, m.data(), n);
      if (check)
        FJ_USER_CHECK(
            bad == 0, ErrorKind::Linalg,
            "linalg.cholesky: ", a.outer() ? "(Batch element " + std::to_string(i) + "): " : std::string(),
            "The factorization could not be completed because the input is not positive-definite (the leading "
            "minor of order ",
            bad, " is not positive-definite).");
      for (int64_t col = 0; col < n; ++col)
        for (int64_t row = 0; row < n; ++row)
          if (upper ? row > col : row < col) m[static_cast<size_t>(col * n + row)] = 0;
      l.write(i, m.data(), n);
      *info.at(i) = static_cast<int32_t>(bad);
    }
  });
}

// (A, pivot, check_errors) -> (LU, pivots, info); pivots count from one, as LAPACK's do.
void linalg_lu_factor_ex(NativeCtx& c) {
  lapack::require("linalg.lu_factor");
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), lu(c.out(0));
    Stack<int32_t> pivots(c.out(1), 1), info(c.out(2), 0);
    int64_t m = a.rows(), n = a.cols(), k = std::min(m, n);
    auto x = matrix_memory<T>(m * n);
    std::vector<int64_t> p(static_cast<size_t>(k));
    std::vector<int32_t> p32(static_cast<size_t>(k));
    for (int64_t i = 0; i < a.count(); ++i) {
      a.read(i, x.data(), at_least_one(m));
      int64_t bad = k == 0 ? 0 : lapack::getrf<T>(m, n, x.data(), m, p.data());
      for (size_t j = 0; j < p.size(); ++j) p32[j] = static_cast<int32_t>(p[j]);
      if (c.arg(2).as_bool())
        FJ_USER_CHECK(bad <= 0, ErrorKind::Runtime,
                      "torch.linalg.lu_factor: ", a.count() > 1 ? cat("(Batch element ", i, "): ") : std::string(),
                      "U[", bad, ",", bad,
                      "] is zero and using it on lu_solve would result in a division by zero. If you still want to "
                      "perform the factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, "
                      "pivot)");
      lu.write(i, x.data(), at_least_one(m));
      pivots.write_line(i, p32.data());
      *info.at(i) = static_cast<int32_t>(bad);
    }
  });
}

// (pivots, m, dtype) -> the permutation matrix P with A = P L U
void lu_permutation(NativeCtx& c) {
  by_number(c.out().dtype, [&]<class T>() {
    Stack<int32_t> pivots(c.in(0), 1);
    Stack<T> p(c.out());
    int64_t m = p.rows(), k = pivots.v.sizes.back();
    std::vector<int64_t> order(static_cast<size_t>(m));
    auto x = matrix_memory<T>(m * m);
    for (int64_t i = 0; i < p.count(); ++i) {
      std::iota(order.begin(), order.end(), 0);
      const int32_t* line = pivots.at(i);
      for (int64_t j = 0; j < k; ++j) {
        int64_t other = line[j * pivots.v.strides.back()] - 1;
        FJ_USER_CHECK(other >= 0 && other < m, ErrorKind::Runtime,
                      "lu_unpack: LU_pivots must be between 1 and the number of rows, but got ", other + 1);
        std::swap(order[static_cast<size_t>(j)], order[static_cast<size_t>(other)]);
      }
      std::fill(x.begin(), x.end(), T(0));
      for (int64_t j = 0; j < m; ++j) x[static_cast<size_t>(j * m + order[static_cast<size_t>(j)])] = 1;
      p.write(i, x.data(), at_least_one(m));
    }
  });
}

// (A, mode) -> (Q, R); the shapes of the results say which columns are wanted.
void linalg_qr(NativeCtx& c) {
  lapack::require("linalg.qr");
  bool with_q = c.arg(1).as_str() != "r";
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), q(c.out(0)), r(c.out(1));
    int64_t m = a.rows(), n = a.cols(), k = std::min(m, n), width = with_q ? q.cols() : k, ld = at_least_one(m);
    auto x = matrix_memory<T>(m * std::max(n, width)), tri = matrix_memory<T>(r.rows() * n);
    auto tau = matrix_memory<T>(k);
    for (int64_t i = 0; i < a.count(); ++i) {
      a.read(i, x.data(), ld);
      if (k > 0) lapack::geqrf<T>(m, n, x.data(), ld, tau.data());
      std::fill(tri.begin(), tri.end(), T(0));
      for (int64_t col = 0; col < n; ++col)
        for (int64_t row = 0; row <= col && row < r.rows(); ++row)
          tri[static_cast<size_t>(col * r.rows() + row)] = row < m ? x[static_cast<size_t>(col * ld + row)] : T(0);
      r.write(i, tri.data(), at_least_one(r.rows()));
      if (!with_q) continue;
      if (k > 0) {
        lapack::orgqr<T>(m, width, k, x.data(), ld, tau.data());
      } else {
        for (int64_t col = 0; col < width; ++col)
          for (int64_t row = 0; row < m; ++row) x[static_cast<size_t>(col * ld + row)] = T(row == col);
      }
      q.write(i, x.data(), ld);
    }
  });
}

}  // namespace fj::native
