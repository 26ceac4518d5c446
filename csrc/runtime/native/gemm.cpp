#include "runtime/native/gemm.h"

namespace fj::native {
namespace {

// Whether the library can read the operand as it is: rows (or, transposed, columns) are contiguous. Sets the leading
// dimension; a single row or column may have any stride.
template <class T>
bool library_layout(const Matrix<T>& x, int64_t rows, int64_t cols, bool* transposed, int64_t* ld) {
  if (x.col == 1 || cols == 1) {
    *transposed = false;
    *ld = rows == 1 ? cols : x.row;
    if (*ld >= std::max<int64_t>(cols, 1) && (x.col == 1 || rows == 1 || cols == 1)) return true;
  }
  if (x.row == 1 || rows == 1) {
    *transposed = true;
    *ld = cols == 1 ? rows : x.col;
    return *ld >= std::max<int64_t>(rows, 1);
  }
  return false;
}

template <class T>
void plain(int64_t m, int64_t n, int64_t k, Matrix<T> a, Matrix<T> b, T* c, int64_t ldc, bool accumulate) {
  for (int64_t i = 0; i < m; ++i) {
    T* row = c + i * ldc;
    if (!accumulate) std::fill_n(row, n, T(0));
    for (int64_t p = 0; p < k; ++p) {
      T x = a.data[i * a.row + p * a.col];
      const T* y = b.data + p * b.row;
      for (int64_t j = 0; j < n; ++j) row[j] = static_cast<T>(row[j] + x * y[j * b.col]);
    }
  }
}

}  // namespace

template <class T>
void gemm(int64_t m, int64_t n, int64_t k, Matrix<T> a, Matrix<T> b, T* c, int64_t ldc, bool accumulate) {
  if (m == 0 || n == 0) return;
  if constexpr (std::is_floating_point_v<T>) {
    bool ta, tb;
    int64_t lda, ldb;
    if (k > 0 && library_layout(a, m, k, &ta, &lda) && library_layout(b, k, n, &tb, &ldb)) {
      blas::gemm(ta, tb, m, n, k, T(1), a.data, lda, b.data, ldb, T(accumulate ? 1 : 0), c, ldc);
      return;
    }
  }
  plain(m, n, k, a, b, c, ldc, accumulate);
}

#define FJ_GEMM(T) template void gemm<T>(int64_t, int64_t, int64_t, Matrix<T>, Matrix<T>, T*, int64_t, bool);
FJ_GEMM(float)
FJ_GEMM(double)
FJ_GEMM(uint8_t)
FJ_GEMM(int8_t)
FJ_GEMM(int16_t)
FJ_GEMM(int32_t)
FJ_GEMM(int64_t)
#undef FJ_GEMM

TensorView widened(NativeCtx& ctx, const TensorView& v) {
  TensorView out;
  out.dtype = DType::F32;
  out.sizes = v.sizes;
  out.strides = contiguous_strides(v.sizes);
  size_t n = static_cast<size_t>(v.numel());
  float* to = static_cast<float*>(ctx.scratch(n * sizeof(float)));
  out.data = reinterpret_cast<std::byte*>(to);
  auto fill = [&]<class T>() {
    const T* from = contiguous<T>(ctx, v);
    for (size_t i = 0; i < n; ++i) to[i] = from[i];
  };
  if (v.dtype == DType::F16)
    fill.template operator()<Half>();
  else
    fill.template operator()<BHalf>();
  return out;
}

void narrow_into(const TensorView& to, const float* from) {
  int64_t n = to.numel();
  if (to.dtype == DType::F16)
    for (int64_t i = 0; i < n; ++i) to.ptr<Half>()[i] = Half(from[i]);
  else
    for (int64_t i = 0; i < n; ++i) to.ptr<BHalf>()[i] = BHalf(from[i]);
}

}  // namespace fj::native
