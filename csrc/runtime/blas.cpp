#include "runtime/blas.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "base/flags.h"

namespace fj::blas {
namespace {

template <class T>
using GemmFn = void (*)(int order, int ta, int tb, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda,
                        const T* b, int64_t ldb, T beta, T* c, int64_t ldc);
constexpr int kRowMajor = 101, kNoTrans = 111, kTrans = 112;

PathFn g_path = nullptr;
std::once_flag g_once;
void* g_library = nullptr;
GemmFn<float> g_sgemm = nullptr;
GemmFn<double> g_dgemm = nullptr;

void* find(const char* name) {
  // scipy-openblas64 prefixes scipy_ and appends 64_; a plain ILP64 build only appends.
  for (const char* prefix : {"scipy_", ""}) {
    std::string full = std::string(prefix) + name + "64_";
    if (void* p = dlsym(g_library, full.c_str())) return p;
  }
  return nullptr;
}

void open_library() {
  std::string path = g_path ? g_path() : std::string();
  if (path.empty()) return;
  // The library reads the variable while it loads, and would start threads of its own; NumPy's copy is left alone.
  const char* old = std::getenv("OPENBLAS_NUM_THREADS");
  std::string saved = old ? old : "";
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  g_library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (old)
    setenv("OPENBLAS_NUM_THREADS", saved.c_str(), 1);
  else
    unsetenv("OPENBLAS_NUM_THREADS");
  if (!g_library) return;
  using SetThreads = void (*)(int);
  if (auto set = reinterpret_cast<SetThreads>(find("openblas_set_num_threads"))) set(1);
  g_sgemm = reinterpret_cast<GemmFn<float>>(find("cblas_sgemm"));
  g_dgemm = reinterpret_cast<GemmFn<double>>(find("cblas_dgemm"));
}

// Rows of C in the outer loop, so that the inner one runs along rows of B and C. Transposed operands are copied first.
template <class T>
void plain_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda, const T* b,
                int64_t ldb, T beta, T* c, int64_t ldc) {
  std::vector<T> bt;
  if (tb) {
    bt.resize(static_cast<size_t>(k * n));
    for (int64_t j = 0; j < n; ++j)
      for (int64_t p = 0; p < k; ++p) bt[static_cast<size_t>(p * n + j)] = b[j * ldb + p];
    b = bt.data();
    ldb = n;
  }
  for (int64_t i = 0; i < m; ++i) {
    T* row = c + i * ldc;
    if (beta == T(0))
      std::fill_n(row, n, T(0));
    else if (beta != T(1))
      for (int64_t j = 0; j < n; ++j) row[j] *= beta;
    for (int64_t p = 0; p < k; ++p) {
      T x = alpha * (ta ? a[p * lda + i] : a[i * lda + p]);
      const T* bp = b + p * ldb;
      for (int64_t j = 0; j < n; ++j) row[j] += x * bp[j];
    }
  }
}

template <class T>
void gemm_t(GemmFn<T> fn, bool ta, bool tb, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda,
            const T* b, int64_t ldb, T beta, T* c, int64_t ldc) {
  if (m == 0 || n == 0) return;
  if (!fn || k == 0) return plain_gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  fn(kRowMajor, ta ? kTrans : kNoTrans, tb ? kTrans : kNoTrans, m, n, k, alpha, a, std::max<int64_t>(lda, 1), b,
     std::max<int64_t>(ldb, 1), beta, c, std::max<int64_t>(ldc, 1));
}

}  // namespace

void set_path_provider(PathFn fn) { g_path = fn; }

bool available() {
  std::call_once(g_once, open_library);
  return g_sgemm != nullptr;
}

void* symbol(const char* name) { return available() ? find(name) : nullptr; }

void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b,
          int64_t ldb, float beta, float* c, int64_t ldc) {
  available();
  gemm_t(g_sgemm, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, double alpha, const double* a, int64_t lda,
          const double* b, int64_t ldb, double beta, double* c, int64_t ldc) {
  available();
  gemm_t(g_dgemm, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

}  // namespace fj::blas
