// Systems of equations, inverses, determinants over stacks of matrices.
#include "runtime/native/linalg.h"

namespace fj::native {
namespace {

// Calls f(matrix, LU, pivots, bad) for the factorisation of every matrix of the stack.
template <class T, class F>
void for_each_lu(const Stack<T>& a, F&& f) {
  int64_t n = a.rows();
  auto lu = matrix_memory<T>(n * n);
  std::vector<int64_t> pivots(static_cast<size_t>(n));
  for (int64_t i = 0; i < a.count(); ++i) {
    a.read(i, lu.data(), at_least_one(n));
    f(i, lu.data(), pivots.data(), n == 0 ? 0 : lapack::getrf<T>(n, n, lu.data(), n, pivots.data()));
  }
}

}  // namespace

// (A [*, n, n], B [*, n, k], check_errors) -> (X, info)
void linalg_solve_stack(NativeCtx& c) {
  lapack::require("linalg.solve");
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), b(c.in(1)), x(c.out(0));
    Stack<int32_t> info(c.out(1), 0);
    int64_t n = a.rows(), k = b.cols();
    auto rhs = matrix_memory<T>(n * k);
    for_each_lu(a, [&](int64_t i, T* lu, int64_t* pivots, int64_t bad) {
      if (c.arg(2).as_bool())
        FJ_USER_CHECK(bad <= 0, ErrorKind::Linalg, "linalg.solve: ", batch_text(a.outer(), i),
                      "The solver failed because the input matrix is singular.");
      b.read(i, rhs.data(), at_least_one(n));
      if (n > 0 && k > 0) lapack::getrs<T>('N', n, k, lu, n, pivots, rhs.data(), n);
      x.write(i, rhs.data(), at_least_one(n));
      *info.at(i) = static_cast<int32_t>(bad);
    });
  });
}

// (A, check_errors) -> (inverse, info)
void linalg_inv_ex(NativeCtx& c) {
  lapack::require("linalg.inv");
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), x(c.out(0));
    Stack<int32_t> info(c.out(1), 0);
    int64_t n = a.rows();
    auto rhs = matrix_memory<T>(n * n);
    for_each_lu(a, [&](int64_t i, T* lu, int64_t* pivots, int64_t bad) {
      if (c.arg(1).as_bool())
        FJ_USER_CHECK(bad <= 0, ErrorKind::Linalg, "linalg.inv: ", batch_text(a.outer(), i), "The diagonal element ",
                      bad, " is zero, the inversion could not be completed because the input matrix is singular.");
      std::fill(rhs.begin(), rhs.end(), T(0));
      for (int64_t d = 0; d < n; ++d) rhs[static_cast<size_t>(d * n + d)] = 1;
      if (n > 0) lapack::getrs<T>('N', n, n, lu, n, pivots, rhs.data(), n);
      x.write(i, rhs.data(), at_least_one(n));
      *info.at(i) = static_cast<int32_t>(bad);
    });
  });
}

// (A [*, n, n], B [*, n, k], upper, unitriangular) -> X
void linalg_solve_triangular_stack(NativeCtx& c) {
  lapack::require("linalg.solve_triangular");
  char uplo = c.arg(2).as_bool() ? 'U' : 'L', diag = c.arg(3).as_bool() ? 'U' : 'N';
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), b(c.in(1)), x(c.out());
    int64_t n = a.rows(), k = b.cols();
    auto tri = matrix_memory<T>(n * n), rhs = matrix_memory<T>(n * k);
    for (int64_t i = 0; i < a.count(); ++i) {
      a.read(i, tri.data(), at_least_one(n));
      b.read(i, rhs.data(), at_least_one(n));
      // A zero on the diagonal gives infinities, not an error: divided by hand, since the routine would refuse.
      if (n > 0 && k > 0 && lapack::trtrs<T>(uplo, 'N', diag, n, k, tri.data(), n, rhs.data(), n) > 0) {
        for (int64_t col = 0; col < k; ++col) {
          T* y = rhs.data() + col * n;
          for (int64_t step = 0; step < n; ++step) {
            int64_t r = uplo == 'L' ? step : n - 1 - step;
            if (diag == 'N') y[r] /= tri[static_cast<size_t>(r * n + r)];
            for (int64_t o = 0; o < n; ++o)
              if (uplo == 'L' ? o > r : o < r) y[o] -= tri[static_cast<size_t>(r * n + o)] * y[r];
          }
        }
      }
      x.write(i, rhs.data(), at_least_one(n));
    }
  });
}

// A -> (sign, log |det|)
void linalg_slogdet(NativeCtx& c) {
  lapack::require("linalg.slogdet");
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), sign(c.out(0), 0);
    Stack<Real<T>> logabs(c.out(1), 0);
    int64_t n = a.rows();
    for_each_lu(a, [&](int64_t i, T* lu, int64_t* pivots, int64_t) {
      T s = 1;
      Real<T> total = 0;
      for (int64_t d = 0; d < n; ++d) {
        T x = lu[d * n + d];
        if (pivots[d] != d + 1) s = -s;
        Real<T> size = std::abs(x);
        s *= size > 0 ? x / size : x;  // zero and NaN pass through
        total += std::log(size);
      }
      *sign.at(i) = s;
      *logabs.at(i) = total;
    });
  });
}

// A -> det
void linalg_det(NativeCtx& c) {
  lapack::require("linalg.det");
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), det(c.out(), 0);
    int64_t n = a.rows();
    for_each_lu(a, [&](int64_t i, T* lu, int64_t* pivots, int64_t) {
      T x = 1;
      for (int64_t d = 0; d < n; ++d) x *= pivots[d] == d + 1 ? lu[d * n + d] : -lu[d * n + d];
      *det.at(i) = x;
    });
  });
}

// (A [*, m, n], B [*, m, k], rcond) -> (X [*, n, k], rank, singular values)
void linalg_lstsq_stack(NativeCtx& c) {
  lapack::require("linalg.lstsq");
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), b(c.in(1)), x(c.out(0));
    Stack<Real<T>> s(c.out(2), 1);
    Stack<int64_t> rank(c.out(1), 0);
    int64_t m = a.rows(), n = a.cols(), k = b.cols(), ld = std::max<int64_t>({m, n, 1});
    auto left = matrix_memory<T>(m * n), rhs = matrix_memory<T>(ld * k);
    auto values = matrix_memory<Real<T>>(std::min(m, n));
    for (int64_t i = 0; i < a.count(); ++i) {
      a.read(i, left.data(), at_least_one(m));
      std::fill(rhs.begin(), rhs.end(), T(0));
      b.read(i, rhs.data(), ld);
      int64_t r = 0;
      if (!all_finite(left) || !all_finite(rhs)) {
        constexpr auto kNaN = std::numeric_limits<Real<T>>::quiet_NaN();
        std::fill(rhs.begin(), rhs.end(), T(kNaN));
        std::fill(values.begin(), values.end(), kNaN);
      } else if (m > 0 && n > 0) {
        int64_t bad = lapack::gelsd<T>(m, n, k, left.data(), m, rhs.data(), ld, values.data(),
                                       static_cast<Real<T>>(c.arg(2).as_double()), &r);
        FJ_USER_CHECK(bad <= 0, ErrorKind::Linalg, "linalg.lstsq: ", batch_text(a.outer(), i),
                      "The least squares solution could not be computed because the input matrix does not have full "
                      "rank (error code: ",
                      bad, ").");
      }
      x.write(i, rhs.data(), ld);
      s.write_line(i, values.data());
      *rank.at(i) = r;
    }
  });
}

}  // namespace fj::native
