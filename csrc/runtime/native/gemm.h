// Matrix products over views of any strides and type: what mm, bmm and the convolutions call.
#pragma once
#include "runtime/blas.h"
#include "runtime/native/iterate.h"

namespace fj::native {

// One matrix operand: element (i, j) is at data[i * row + j * col].
template <class T>
struct Matrix {
  const T* data;
  int64_t row, col;
};

// C (m x n, rows `ldc` apart, contiguous within) = A B, plus what C held if `accumulate`. On the caller's thread.
// Floats go to the library when one stride of each operand is 1; all else runs plain loops.
template <class T>
void gemm(int64_t m, int64_t n, int64_t k, Matrix<T> a, Matrix<T> b, T* c, int64_t ldc, bool accumulate);

// `v` as a contiguous array of T (its own memory where it is one already, else scratch).
template <class T>
const T* contiguous(NativeCtx& ctx, const TensorView& v) {
  if (v.is_contiguous()) return v.ptr<T>();
  TensorView to = v;
  to.strides = contiguous_strides(v.sizes);
  to.data = static_cast<std::byte*>(ctx.scratch(static_cast<size_t>(v.numel()) * sizeof(T)));
  copy_view(to, v);
  return to.ptr<T>();
}

// A half-precision view as float32 in scratch memory, contiguous.
TensorView widened(NativeCtx& ctx, const TensorView& v);
// Rounds a contiguous float32 array to a contiguous half-precision view.
void narrow_into(const TensorView& to, const float* from);

}  // namespace fj::native
