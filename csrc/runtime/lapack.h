// LAPACK's routines for float, double and their complex numbers, over the library that blas.h opens. Matrices are
// column-major; the result is LAPACK's `info`: 0, or where the routine stopped. Workspace is asked for and allocated
// inside.
#pragma once
#include <complex>
#include <cstdint>

namespace fj::lapack {

using Int = int64_t;

template <class T>
struct RealOf {
  using type = T;
  static constexpr bool complex = false;
};
template <class T>
struct RealOf<std::complex<T>> {
  using type = T;
  static constexpr bool complex = true;
};
// The type of a number's parts.
template <class T>
using Real = typename RealOf<T>::type;

// Raises an error that says what to install where there is no library.
void require(const char* op);

template <class T>
Int potrf(char uplo, Int n, T* a, Int lda);
template <class T>
Int potri(char uplo, Int n, T* a, Int lda);
template <class T>
Int getrf(Int m, Int n, T* a, Int lda, Int* pivots);
template <class T>
Int getrs(char trans, Int n, Int nrhs, const T* a, Int lda, const Int* pivots, T* b, Int ldb);
template <class T>
Int geqrf(Int m, Int n, T* a, Int lda, T* tau);
template <class T>
Int orgqr(Int m, Int n, Int k, T* a, Int lda, const T* tau);
template <class T>
Int ormqr(char side, char trans, Int m, Int n, Int k, const T* a, Int lda, const T* tau, T* c, Int ldc);
template <class T>
Int syevd(char jobz, char uplo, Int n, T* a, Int lda, Real<T>* w);
template <class T>
Int gesdd(char jobz, Int m, Int n, T* a, Int lda, Real<T>* s, T* u, Int ldu, T* vt, Int ldvt);
template <class T>
Int gelsd(Int m, Int n, Int nrhs, T* a, Int lda, T* b, Int ldb, Real<T>* s, Real<T> rcond, Int* rank);
// Eigenvalues, and the right eigenvectors unless `v` is null.
template <class T>
Int geev(Int n, T* a, std::complex<Real<T>>* w, std::complex<Real<T>>* v);
// Symmetric or (complex, `hermitian`) Hermitian factors with diagonal blocks of size 1 or 2, and their equations.
template <class T>
Int sytrf(bool hermitian, Int n, T* a, Int lda, Int* pivots);
template <class T>
Int sytrs(bool hermitian, Int n, Int nrhs, const T* a, Int lda, const Int* pivots, T* b, Int ldb);
template <class T>
Int trtrs(char uplo, char trans, char diag, Int n, Int nrhs, const T* a, Int lda, T* b, Int ldb);

}  // namespace fj::lapack
