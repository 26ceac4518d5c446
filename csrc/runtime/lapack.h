// LAPACK's routines for float and double, over the library that blas.h opens. Matrices are column-major; the result is
// LAPACK's `info`: 0, or where the routine stopped. Workspace is asked for and allocated inside.
#pragma once
#include <cstdint>

namespace fj::lapack {

using Int = int64_t;

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
Int syevd(char jobz, char uplo, Int n, T* a, Int lda, T* w);
template <class T>
Int gesdd(char jobz, Int m, Int n, T* a, Int lda, T* s, T* u, Int ldu, T* vt, Int ldvt);
template <class T>
Int gelsd(Int m, Int n, Int nrhs, T* a, Int lda, T* b, Int ldb, T* s, T rcond, Int* rank);
template <class T>
Int trtrs(char uplo, char trans, char diag, Int n, Int nrhs, const T* a, Int lda, T* b, Int ldb);

}  // namespace fj::lapack
