// Matrix products by OpenBLAS where it is installed, by plain C++ where it is not. The library is opened at the first
// product, from the path that Python passed in (the scipy-openblas64 wheel's), and told to use one thread: the
// callers split work over our own pool.
#pragma once
#include <cstdint>
#include <string>

namespace fj::blas {

// Asked once, at the first product, for the library's path; an empty answer means that there is none.
using PathFn = std::string (*)();
void set_path_provider(PathFn fn);
// True once the library is open (opens it).
bool available();

// C = alpha * op(A) op(B) + beta * C, all row-major; op(A) is m x k, op(B) is k x n. beta 0 overwrites C, NaN or not.
void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b,
          int64_t ldb, float beta, float* c, int64_t ldc);
void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, double alpha, const double* a, int64_t lda,
          const double* b, int64_t ldb, double beta, double* c, int64_t ldc);

// A symbol of the library (LAPACK's routines too, e.g. "dgesv"), or null. The 64-bit suffix is added here.
void* symbol(const char* name);

}  // namespace fj::blas
