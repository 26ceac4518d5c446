#include "runtime/lapack.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/blas.h"

namespace fj::lapack {
namespace {

// Fortran passes everything by address and the lengths of strings at the end.
using Len = size_t;

template <class Fn>
Fn* routine(const char* name) {
  return reinterpret_cast<Fn*>(blas::symbol(name));
}

// The routine of T's type: names begin with s, d, c or z.
template <class T, class Fn>
Fn* typed(const char* real, const char* complex) {
  char letter = sizeof(Real<T>) == 4 ? (RealOf<T>::complex ? 'c' : 's') : (RealOf<T>::complex ? 'z' : 'd');
  return routine<Fn>((letter + std::string(RealOf<T>::complex ? complex : real)).c_str());
}

// Looked up once; `other` is the name of the complex routine.
#define FJ_LAPACK_OR(T, name, other, ...)                                       \
  [] {                                                                          \
    static auto* const fn = typed<T, void(__VA_ARGS__)>(#name "_", #other "_"); \
    return fn;                                                                  \
  }()
#define FJ_LAPACK(T, name, ...) FJ_LAPACK_OR(T, name, name, __VA_ARGS__)

// Runs `call(work, lwork)` twice: for the size of the workspace, then for good.
template <class T, class F>
Int with_work(F&& call) {
  T size = 0;
  Int query = -1, info = call(&size, &query);
  if (info != 0) return info;
  Real<T> least = std::real(size);
  Int lwork = least > 1 ? static_cast<Int>(least) + 1 : 1;
  std::vector<T> work(static_cast<size_t>(lwork));
  return call(work.data(), &lwork);
}

}  // namespace

void require(const char* op) {
  FJ_USER_CHECK(blas::available(), ErrorKind::Runtime, op,
                ": linear algebra needs the package scipy-openblas64, which is not installed");
}

template <class T>
Int potrf(char uplo, Int n, T* a, Int lda) {
  Int info = 0;
  FJ_LAPACK(T, potrf, const char*, const Int*, T*, const Int*, Int*, Len)(&uplo, &n, a, &lda, &info, 1);
  return info;
}

template <class T>
Int potri(char uplo, Int n, T* a, Int lda) {
  Int info = 0;
  FJ_LAPACK(T, potri, const char*, const Int*, T*, const Int*, Int*, Len)(&uplo, &n, a, &lda, &info, 1);
  return info;
}

template <class T>
Int getrf(Int m, Int n, T* a, Int lda, Int* pivots) {
  Int info = 0;
  FJ_LAPACK(T, getrf, const Int*, const Int*, T*, const Int*, Int*, Int*)(&m, &n, a, &lda, pivots, &info);
  return info;
}

template <class T>
Int getrs(char trans, Int n, Int nrhs, const T* a, Int lda, const Int* pivots, T* b, Int ldb) {
  Int info = 0;
  FJ_LAPACK(T, getrs, const char*, const Int*, const Int*, const T*, const Int*, const Int*, T*, const Int*, Int*, Len)
  (&trans, &n, &nrhs, a, &lda, pivots, b, &ldb, &info, 1);
  return info;
}

template <class T>
Int geqrf(Int m, Int n, T* a, Int lda, T* tau) {
  auto* fn = FJ_LAPACK(T, geqrf, const Int*, const Int*, T*, const Int*, T*, T*, const Int*, Int*);
  return with_work<T>([&](T* work, const Int* lwork) {
    Int info = 0;
    fn(&m, &n, a, &lda, tau, work, lwork, &info);
    return info;
  });
}

template <class T>
Int orgqr(Int m, Int n, Int k, T* a, Int lda, const T* tau) {
  auto* fn =
      FJ_LAPACK_OR(T, orgqr, ungqr, const Int*, const Int*, const Int*, T*, const Int*, const T*, T*, const Int*, Int*);
  return with_work<T>([&](T* work, const Int* lwork) {
    Int info = 0;
    fn(&m, &n, &k, a, &lda, tau, work, lwork, &info);
    return info;
  });
}

template <class T>
Int ormqr(char side, char trans, Int m, Int n, Int k, const T* a, Int lda, const T* tau, T* c, Int ldc) {
  auto* fn = FJ_LAPACK_OR(T, ormqr, unmqr, const char*, const char*, const Int*, const Int*, const Int*, const T*,
                          const Int*, const T*, T*, const Int*, T*, const Int*, Int*, Len, Len);
  return with_work<T>([&](T* work, const Int* lwork) {
    Int info = 0;
    fn(&side, &trans, &m, &n, &k, a, &lda, tau, c, &ldc, work, lwork, &info, 1, 1);
    return info;
  });
}

template <class T>
Int syevd(char jobz, char uplo, Int n, T* a, Int lda, Real<T>* w) {
  T size = 0;
  Int isize = 0, query = -1, info = 0;
  if constexpr (RealOf<T>::complex) {
    auto* fn = FJ_LAPACK(T, heevd, const char*, const char*, const Int*, T*, const Int*, Real<T>*, T*, const Int*,
                         Real<T>*, const Int*, Int*, const Int*, Int*, Len, Len);
    Real<T> rsize = 0;
    fn(&jobz, &uplo, &n, a, &lda, w, &size, &query, &rsize, &query, &isize, &query, &info, 1, 1);
    if (info != 0) return info;
    Int lwork = static_cast<Int>(std::real(size)) + 1, lrwork = static_cast<Int>(rsize) + 1;
    std::vector<T> work(static_cast<size_t>(lwork));
    std::vector<Real<T>> rwork(static_cast<size_t>(lrwork));
    std::vector<Int> iwork(static_cast<size_t>(isize) + 1);
    fn(&jobz, &uplo, &n, a, &lda, w, work.data(), &lwork, rwork.data(), &lrwork, iwork.data(), &isize, &info, 1, 1);
  } else {
    auto* fn = FJ_LAPACK(T, syevd, const char*, const char*, const Int*, T*, const Int*, T*, T*, const Int*, Int*,
                         const Int*, Int*, Len, Len);
    fn(&jobz, &uplo, &n, a, &lda, w, &size, &query, &isize, &query, &info, 1, 1);
    if (info != 0) return info;
    Int lwork = static_cast<Int>(size) + 1;
    std::vector<T> work(static_cast<size_t>(lwork));
    std::vector<Int> iwork(static_cast<size_t>(isize) + 1);
    fn(&jobz, &uplo, &n, a, &lda, w, work.data(), &lwork, iwork.data(), &isize, &info, 1, 1);
  }
  return info;
}

template <class T>
Int gesdd(char jobz, Int m, Int n, T* a, Int lda, Real<T>* s, T* u, Int ldu, T* vt, Int ldvt) {
  Int least = m < n ? m : n, most = m < n ? n : m;
  std::vector<Int> iwork(static_cast<size_t>(8 * least + 1));
  if constexpr (RealOf<T>::complex) {
    auto* fn = FJ_LAPACK(T, gesdd, const char*, const Int*, const Int*, T*, const Int*, Real<T>*, T*, const Int*, T*,
                         const Int*, T*, const Int*, Real<T>*, Int*, Int*, Len);
    Int rsize = std::max(5 * least * least + 7 * least, 2 * most * least + 2 * least * least + least) + 1;
    std::vector<Real<T>> rwork(static_cast<size_t>(rsize));
    return with_work<T>([&](T* work, const Int* lwork) {
      Int info = 0;
      fn(&jobz, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, lwork, rwork.data(), iwork.data(), &info, 1);
      return info;
    });
  } else {
    auto* fn = FJ_LAPACK(T, gesdd, const char*, const Int*, const Int*, T*, const Int*, T*, T*, const Int*, T*,
                         const Int*, T*, const Int*, Int*, Int*, Len);
    return with_work<T>([&](T* work, const Int* lwork) {
      Int info = 0;
      fn(&jobz, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, lwork, iwork.data(), &info, 1);
      return info;
    });
  }
}

template <class T>
Int gelsd(Int m, Int n, Int nrhs, T* a, Int lda, T* b, Int ldb, Real<T>* s, Real<T> rcond, Int* rank) {
  T size = 0;
  Int isize = 0, query = -1, info = 0;
  if constexpr (RealOf<T>::complex) {
    auto* fn = FJ_LAPACK(T, gelsd, const Int*, const Int*, const Int*, T*, const Int*, T*, const Int*, Real<T>*,
                         const Real<T>*, Int*, T*, const Int*, Real<T>*, Int*, Int*);
    Real<T> rsize = 0;
    fn(&m, &n, &nrhs, a, &lda, b, &ldb, s, &rcond, rank, &size, &query, &rsize, &isize, &info);
    if (info != 0) return info;
    Int lwork = static_cast<Int>(std::real(size)) + 1;
    std::vector<T> work(static_cast<size_t>(lwork));
    std::vector<Real<T>> rwork(static_cast<size_t>(rsize) + 1);
    std::vector<Int> iwork(static_cast<size_t>(isize) + 1);
    fn(&m, &n, &nrhs, a, &lda, b, &ldb, s, &rcond, rank, work.data(), &lwork, rwork.data(), iwork.data(), &info);
  } else {
    auto* fn = FJ_LAPACK(T, gelsd, const Int*, const Int*, const Int*, T*, const Int*, T*, const Int*, T*, const T*,
                         Int*, T*, const Int*, Int*, Int*);
    fn(&m, &n, &nrhs, a, &lda, b, &ldb, s, &rcond, rank, &size, &query, &isize, &info);
    if (info != 0) return info;
    Int lwork = static_cast<Int>(size) + 1;
    std::vector<T> work(static_cast<size_t>(lwork));
    std::vector<Int> iwork(static_cast<size_t>(isize) + 1);
    fn(&m, &n, &nrhs, a, &lda, b, &ldb, s, &rcond, rank, work.data(), &lwork, iwork.data(), &info);
  }
  return info;
}

// A real matrix gives pairs of conjugate eigenvalues; the vectors of a pair are packed as real and imaginary part.
template <class T>
Int geev(Int n, T* a, std::complex<Real<T>>* w, std::complex<Real<T>>* v) {
  char left = 'N', right = v ? 'V' : 'N';
  Int one = 1, ldv = v && n > 1 ? n : 1;
  size_t count = static_cast<size_t>(n);
  if constexpr (RealOf<T>::complex) {
    auto* fn = FJ_LAPACK(T, geev, const char*, const char*, const Int*, T*, const Int*, T*, T*, const Int*, T*,
                         const Int*, T*, const Int*, Real<T>*, Int*, Len, Len);
    std::vector<Real<T>> rwork(2 * count + 1);
    return with_work<T>([&](T* work, const Int* lwork) {
      Int info = 0;
      fn(&left, &right, &n, a, &n, w, nullptr, &one, v, &ldv, work, lwork, rwork.data(), &info, 1, 1);
      return info;
    });
  } else {
    auto* fn = FJ_LAPACK(T, geev, const char*, const char*, const Int*, T*, const Int*, T*, T*, T*, const Int*, T*,
                         const Int*, T*, const Int*, Int*, Len, Len);
    std::vector<T> re(count + 1), im(count + 1), packed(v ? count * count + 1 : 1);
    Int bad = with_work<T>([&](T* work, const Int* lwork) {
      Int info = 0;
      fn(&left, &right, &n, a, &n, re.data(), im.data(), nullptr, &one, packed.data(), &ldv, work, lwork, &info, 1, 1);
      return info;
    });
    for (size_t i = 0; i < count; ++i) w[i] = {re[i], im[i]};
    for (size_t c = 0; v && c < count; ++c) {
      const T* x = packed.data() + c * count;
      bool pair = im[c] != 0 && c + 1 < count;
      for (size_t r = 0; r < count; ++r) {
        T y = pair ? x[count + r] : T(0);
        v[c * count + r] = {x[r], y};
        if (pair) v[(c + 1) * count + r] = {x[r], -y};
      }
      c += pair;
    }
    return bad;
  }
}

template <class T>
Int sytrf(bool hermitian, Int n, T* a, Int lda, Int* pivots) {
  using Fn = void(const char*, const Int*, T*, const Int*, Int*, T*, const Int*, Int*, Len);
  Fn* fn = typed<T, Fn>("sytrf_", hermitian ? "hetrf_" : "sytrf_");
  char uplo = 'L';
  return with_work<T>([&](T* work, const Int* lwork) {
    Int info = 0;
    fn(&uplo, &n, a, &lda, pivots, work, lwork, &info, 1);
    return info;
  });
}

template <class T>
Int sytrs(bool hermitian, Int n, Int nrhs, const T* a, Int lda, const Int* pivots, T* b, Int ldb) {
  using Fn = void(const char*, const Int*, const Int*, const T*, const Int*, const Int*, T*, const Int*, Int*, Len);
  Fn* fn = typed<T, Fn>("sytrs_", hermitian ? "hetrs_" : "sytrs_");
  char uplo = 'L';
  Int info = 0;
  fn(&uplo, &n, &nrhs, a, &lda, pivots, b, &ldb, &info, 1);
  return info;
}

template <class T>
Int trtrs(char uplo, char trans, char diag, Int n, Int nrhs, const T* a, Int lda, T* b, Int ldb) {
  Int info = 0;
  FJ_LAPACK(T, trtrs, const char*, const char*, const char*, const Int*, const Int*, const T*, const Int*, T*,
            const Int*, Int*, Len, Len, Len)
  (&uplo, &trans, &diag, &n, &nrhs, a, &lda, b, &ldb, &info, 1, 1, 1);
  return info;
}

#define FJ_LAPACK_FOR(T)                                                              \
  template Int potrf<T>(char, Int, T*, Int);                                          \
  template Int potri<T>(char, Int, T*, Int);                                          \
  template Int getrf<T>(Int, Int, T*, Int, Int*);                                     \
  template Int getrs<T>(char, Int, Int, const T*, Int, const Int*, T*, Int);          \
  template Int geqrf<T>(Int, Int, T*, Int, T*);                                       \
  template Int orgqr<T>(Int, Int, Int, T*, Int, const T*);                            \
  template Int ormqr<T>(char, char, Int, Int, Int, const T*, Int, const T*, T*, Int); \
  template Int syevd<T>(char, char, Int, T*, Int, Real<T>*);                          \
  template Int gesdd<T>(char, Int, Int, T*, Int, Real<T>*, T*, Int, T*, Int);         \
  template Int gelsd<T>(Int, Int, Int, T*, Int, T*, Int, Real<T>*, Real<T>, Int*);    \
  template Int geev<T>(Int, T*, std::complex<Real<T>>*, std::complex<Real<T>>*);      \
  template Int sytrf<T>(bool, Int, T*, Int, Int*);                                    \
  template Int sytrs<T>(bool, Int, Int, const T*, Int, const Int*, T*, Int);          \
  template Int trtrs<T>(char, char, char, Int, Int, const T*, Int, T*, Int);
FJ_LAPACK_FOR(float)
FJ_LAPACK_FOR(double)
FJ_LAPACK_FOR(std::complex<float>)
FJ_LAPACK_FOR(std::complex<double>)

}  // namespace fj::lapack
