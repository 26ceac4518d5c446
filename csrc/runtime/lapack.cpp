#include "runtime/lapack.h"

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

// The routine of T's type: names begin with s or d.
template <class T, class Fn>
Fn* typed(const char* single, const char* twice) {
  static Fn* const fn = routine<Fn>(sizeof(T) == 4 ? single : twice);
  return fn;
}

#define FJ_LAPACK(T, name, ...) typed<T, void(__VA_ARGS__)>("s" #name "_", "d" #name "_")

// Runs `call(work, lwork)` twice: for the size of the workspace, then for good.
template <class T, class F>
Int with_work(F&& call) {
  T size = 0;
  Int query = -1, info = call(&size, &query);
  if (info != 0) return info;
  Int lwork = size > T(1) ? static_cast<Int>(size) + 1 : 1;
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
  auto* fn = FJ_LAPACK(T, orgqr, const Int*, const Int*, const Int*, T*, const Int*, const T*, T*, const Int*, Int*);
  return with_work<T>([&](T* work, const Int* lwork) {
    Int info = 0;
    fn(&m, &n, &k, a, &lda, tau, work, lwork, &info);
    return info;
  });
}

template <class T>
Int ormqr(char side, char trans, Int m, Int n, Int k, const T* a, Int lda, const T* tau, T* c, Int ldc) {
  auto* fn = FJ_LAPACK(T, ormqr, const char*, const char*, const Int*, const Int*, const Int*, const T*, const Int*,
                       const T*, T*, const Int*, T*, const Int*, Int*, Len, Len);
  return with_work<T>([&](T* work, const Int* lwork) {
    Int info = 0;
    fn(&side, &trans, &m, &n, &k, a, &lda, tau, c, &ldc, work, lwork, &info, 1, 1);
    return info;
  });
}

template <class T>
Int syevd(char jobz, char uplo, Int n, T* a, Int lda, T* w) {
  auto* fn = FJ_LAPACK(T, syevd, const char*, const char*, const Int*, T*, const Int*, T*, T*, const Int*, Int*,
                       const Int*, Int*, Len, Len);
  T size = 0;
  Int isize = 0, query = -1, info = 0;
  fn(&jobz, &uplo, &n, a, &lda, w, &size, &query, &isize, &query, &info, 1, 1);
  if (info != 0) return info;
  Int lwork = static_cast<Int>(size) + 1;
  std::vector<T> work(static_cast<size_t>(lwork));
  std::vector<Int> iwork(static_cast<size_t>(isize) + 1);
  fn(&jobz, &uplo, &n, a, &lda, w, work.data(), &lwork, iwork.data(), &isize, &info, 1, 1);
  return info;
}

template <class T>
Int gesdd(char jobz, Int m, Int n, T* a, Int lda, T* s, T* u, Int ldu, T* vt, Int ldvt) {
  auto* fn = FJ_LAPACK(T, gesdd, const char*, const Int*, const Int*, T*, const Int*, T*, T*, const Int*, T*,
                       const Int*, T*, const Int*, Int*, Int*, Len);
  std::vector<Int> iwork(static_cast<size_t>(8 * (m < n ? m : n) + 1));
  return with_work<T>([&](T* work, const Int* lwork) {
    Int info = 0;
    fn(&jobz, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, lwork, iwork.data(), &info, 1);
    return info;
  });
}

template <class T>
Int gelsd(Int m, Int n, Int nrhs, T* a, Int lda, T* b, Int ldb, T* s, T rcond, Int* rank) {
  auto* fn = FJ_LAPACK(T, gelsd, const Int*, const Int*, const Int*, T*, const Int*, T*, const Int*, T*, const T*, Int*,
                       T*, const Int*, Int*, Int*);
  T size = 0;
  Int isize = 0, query = -1, info = 0;
  fn(&m, &n, &nrhs, a, &lda, b, &ldb, s, &rcond, rank, &size, &query, &isize, &info);
  if (info != 0) return info;
  Int lwork = static_cast<Int>(size) + 1;
  std::vector<T> work(static_cast<size_t>(lwork));
  std::vector<Int> iwork(static_cast<size_t>(isize) + 1);
  fn(&m, &n, &nrhs, a, &lda, b, &ldb, s, &rcond, rank, work.data(), &lwork, iwork.data(), &info);
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
  template Int syevd<T>(char, char, Int, T*, Int, T*);                                \
  template Int gesdd<T>(char, Int, Int, T*, Int, T*, T*, Int, T*, Int);               \
  template Int gelsd<T>(Int, Int, Int, T*, Int, T*, Int, T*, T, Int*);                \
  template Int trtrs<T>(char, char, char, Int, Int, const T*, Int, T*, Int);
FJ_LAPACK_FOR(float)
FJ_LAPACK_FOR(double)

}  // namespace fj::lapack
