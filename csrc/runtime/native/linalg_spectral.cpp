// Eigenvalues of symmetric matrices and singular values, over stacks of matrices.
#include <cmath>
#include <limits>

#include "runtime/blas.h"
#include "runtime/native/linalg.h"

namespace fj::native {

template <class T>
static bool triangle_finite(const std::vector<T>& x, int64_t n, char uplo) {
  for (int64_t c = 0; c < n; ++c)
    for (int64_t r = uplo == 'L' ? c : 0; r < (uplo == 'L' ? n : c + 1); ++r)
      if (!finite(x[static_cast<size_t>(c * n + r)])) return false;
  return true;
}

// (A, UPLO, compute_v) -> (eigenvalues ascending, eigenvectors in columns)
void linalg_eigh_stack(NativeCtx& c) {
  lapack::require("linalg.eigh");
  char uplo = c.arg(1).as_str()[0] == 'L' || c.arg(1).as_str()[0] == 'l' ? 'L' : 'U';
  bool vectors = c.arg(2).as_bool();
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), v(c.out(1));
    Stack<Real<T>> w(c.out(0), 1);
    int64_t n = a.rows();
    auto x = matrix_memory<T>(n * n);
    auto values = matrix_memory<Real<T>>(n);
    for (int64_t i = 0; i < a.count(); ++i) {
      a.read(i, x.data(), at_least_one(n));
      int64_t bad = n == 0 ? 0
                    : !triangle_finite(x, n, uplo)
                        ? n
                        : lapack::syevd<T>(vectors ? 'V' : 'N', uplo, n, x.data(), n, values.data());
      FJ_USER_CHECK(bad == 0, ErrorKind::Linalg,
                    "linalg.eigh: The algorithm failed to converge because the input matrix is ill-conditioned or has "
                    "too many repeated eigenvalues (error code: ",
                    bad, ").");
      w.write_line(i, values.data());
      if (vectors) v.write(i, x.data(), at_least_one(n));
    }
  });
}

// (A, full_matrices, compute_uv) -> (U, S, Vh)
void linalg_svd_stack(NativeCtx& c) {
  lapack::require("linalg.svd");
  bool full = c.arg(1).as_bool(), uv = c.arg(2).as_bool();
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), u(c.out(0)), vh(c.out(2));
    Stack<Real<T>> s(c.out(1), 1);
    int64_t m = a.rows(), n = a.cols(), k = std::min(m, n), un = full ? m : k, vn = full ? n : k;
    auto x = matrix_memory<T>(m * n), um = matrix_memory<T>(m * un), vm = matrix_memory<T>(vn * n);
    auto values = matrix_memory<Real<T>>(k);
    auto eye = [](std::vector<T>& to, int64_t ld, int64_t size) {
      std::fill(to.begin(), to.end(), T(0));
      for (int64_t d = 0; d < size; ++d) to[static_cast<size_t>(d * ld + d)] = 1;
    };
    for (int64_t i = 0; i < a.count(); ++i) {
      a.read(i, x.data(), at_least_one(m));
      if (k > 0) {
        FJ_USER_CHECK(all_finite(x), ErrorKind::Linalg, "linalg.svd: ", batch_text(a.outer(), i),
                      "The algorithm failed to converge because the input matrix contained non-finite values.");
        int64_t bad = lapack::gesdd<T>(!uv    ? 'N'
                                       : full ? 'A'
                                              : 'S',
                                       m, n, x.data(), m, values.data(), um.data(), m, vm.data(), at_least_one(vn));
        FJ_USER_CHECK(bad == 0, ErrorKind::Linalg,
                      "linalg.svd: The algorithm failed to converge because the input matrix is ill-conditioned or has "
                      "too many repeated singular values (error code: ",
                      bad, ").");
      } else if (uv) {
        eye(um, at_least_one(m), std::min(m, un));
        eye(vm, at_least_one(vn), std::min(vn, n));
      }
      s.write_line(i, values.data());
      if (uv) {
        u.write(i, um.data(), at_least_one(m));
        vh.write(i, vm.data(), at_least_one(vn));
      }
    }
  });
}

// A -> det(A) A⁻ᵀ by singular values: det(U) det(V) U diag(product of the others) Vh, finite for singular matrices.
void linalg_cofactor(NativeCtx& c) {
  lapack::require("linalg.det");
  by_number(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), out(c.out());
    int64_t n = a.rows();
    auto x = matrix_memory<T>(n * n), u = x, vh = x, lu = x;
    auto s = matrix_memory<Real<T>>(n);
    std::vector<int64_t> pivots(static_cast<size_t>(n));
    auto sign = [&](const std::vector<T>& q) {  // the determinant, of size 1
      lu = q;
      lapack::getrf<T>(n, n, lu.data(), n, pivots.data());
      T total = 1;
      for (int64_t d = 0; d < n; ++d) {
        T x = lu[static_cast<size_t>(d * n + d)];
        total *= (pivots[static_cast<size_t>(d)] != d + 1 ? -x : x) / std::abs(x);
      }
      return total;
    };
    for (int64_t i = 0; i < a.count() && n > 0; ++i) {
      a.read(i, x.data(), n);
      if (!all_finite(x)) {
        std::fill(x.begin(), x.end(), T(std::numeric_limits<Real<T>>::quiet_NaN()));
        out.write(i, x.data(), n);
        continue;
      }
      int64_t bad = lapack::gesdd<T>('A', n, n, x.data(), n, s.data(), u.data(), n, vh.data(), n);
      FJ_USER_CHECK(bad == 0, ErrorKind::Linalg, "linalg.det: the gradient's singular values did not converge");
      T both = sign(u) * sign(vh);
      std::fill(x.begin(), x.end(), T(0));
      for (int64_t k = 0; k < n; ++k) {
        T others = both;
        for (int64_t o = 0; o < n; ++o)
          if (o != k) others *= s[static_cast<size_t>(o)];
        for (int64_t col = 0; col < n; ++col)
          for (int64_t row = 0; row < n; ++row)
            x[static_cast<size_t>(col * n + row)] +=
                others * conj(u[static_cast<size_t>(k * n + row)]) * conj(vh[static_cast<size_t>(col * n + k)]);
      }
      out.write(i, x.data(), n);
    }
  });
}

namespace {

// x = exp(x) for one n x n matrix: Padé approximant of order 13 with scaling and squaring (Higham 2005).
template <class T>
void expm(std::vector<T>& x, int64_t n) {
  constexpr double kB[] = {64764752532480000.,
                           32382376266240000.,
                           7771770303897600.,
                           1187353796428800.,
                           129060195264000.,
                           10559470521600.,
                           670442572800.,
                           33522128640.,
                           1323241920.,
                           40840800.,
                           960960.,
                           16380.,
                           182.,
                           1.};
  constexpr double kTheta = sizeof(T) == 4 ? 3.925724783138660 : 5.371920351148152;
  size_t nn = static_cast<size_t>(n * n);
  double norm = 0;
  for (int64_t c = 0; c < n; ++c) {
    double sum = 0;
    for (int64_t r = 0; r < n; ++r) sum += std::abs(static_cast<double>(x[static_cast<size_t>(c * n + r)]));
    norm = std::max(norm, sum);
  }
  if (!std::isfinite(norm)) return std::fill(x.begin(), x.end(), std::numeric_limits<T>::quiet_NaN());
  int squarings = norm > kTheta ? static_cast<int>(std::ceil(std::log2(norm / kTheta))) : 0;
  for (T& v : x) v = static_cast<T>(std::ldexp(static_cast<double>(v), -squarings));
  // Column-major products are row-major products of the transposes in the other order.
  auto mul = [n](const std::vector<T>& a, const std::vector<T>& b) {
    std::vector<T> out(a.size());
    blas::gemm(false, false, n, n, n, T(1), b.data(), n, a.data(), n, T(0), out.data(), n);
    return out;
  };
  std::vector<T> x2 = mul(x, x), x4 = mul(x2, x2), x6 = mul(x4, x2), odd(nn), even(nn), inner(nn);
  auto blend = [&](std::vector<T>& to, double c6, double c4, double c2, double c0) {
    for (size_t i = 0; i < nn; ++i)
      to[i] = static_cast<T>(c6) * x6[i] + static_cast<T>(c4) * x4[i] + static_cast<T>(c2) * x2[i];
    for (int64_t d = 0; d < n; ++d) to[static_cast<size_t>(d * n + d)] += static_cast<T>(c0);
  };
  blend(inner, kB[13], kB[11], kB[9], 0);
  std::vector<T> high = mul(x6, inner);
  blend(odd, kB[7], kB[5], kB[3], kB[1]);
  for (size_t i = 0; i < nn; ++i) odd[i] += high[i];
  odd = mul(x, odd);
  blend(inner, kB[12], kB[10], kB[8], 0);
  high = mul(x6, inner);
  blend(even, kB[6], kB[4], kB[2], kB[0]);
  for (size_t i = 0; i < nn; ++i) even[i] += high[i];
  std::vector<T> below(nn);
  for (size_t i = 0; i < nn; ++i) below[i] = even[i] - odd[i], x[i] = even[i] + odd[i];
  std::vector<int64_t> pivots(static_cast<size_t>(n));
  lapack::getrf<T>(n, n, below.data(), n, pivots.data());
  lapack::getrs<T>('N', n, n, below.data(), n, pivots.data(), x.data(), n);
  for (int i = 0; i < squarings; ++i) x = mul(x, x);
}

}  // namespace

void linalg_matrix_exp(NativeCtx& c) {
  lapack::require("linalg.matrix_exp");
  by_float(c.in(0).dtype, [&]<class T>() {
    Stack<T> a(c.in(0)), out(c.out());
    int64_t n = a.rows();
    std::vector<T> x(static_cast<size_t>(n * n));
    for (int64_t i = 0; i < a.count() && n > 0; ++i) {
      a.read(i, x.data(), n);
      expm(x, n);
      out.write(i, x.data(), n);
    }
  });
}

}  // namespace fj::native
