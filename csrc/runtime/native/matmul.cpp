// mm and bmm. A product is split over threads by rows or columns of the result, a stack by its members.
#include "runtime/native/gemm.h"

namespace fj::native {
namespace {

constexpr double kFlopsPerNs = 20;  // what one core does, roughly; only decides whether to split

template <class T>
const T* data_of(const TensorView& v) {
  return reinterpret_cast<const T*>(v.data);
}

// Views whose strides the library cannot take are copied once.
template <class T>
Matrix<T> operand(NativeCtx& ctx, const TensorView& v) {
  size_t d = v.sizes.size() - 2;
  bool direct = v.strides[d] == 1 || v.strides[d + 1] == 1 || v.sizes[d] == 1 || v.sizes[d + 1] == 1;
  // Overlapping rows (expanded operands) are no matrix to the library either.
  bool overlap = (v.sizes[d] > 1 && v.strides[d] == 0) || (v.sizes[d + 1] > 1 && v.strides[d + 1] == 0);
  if (direct && !overlap) return {data_of<T>(v), v.strides[d], v.strides[d + 1]};
  return {contiguous<T>(ctx, v), v.sizes[d + 1], 1};
}

template <class T>
void split_gemm(NativeCtx& ctx, int64_t m, int64_t n, int64_t k, Matrix<T> a, Matrix<T> b, T* c) {
  double per_row = 2.0 * static_cast<double>(n) * static_cast<double>(k) / kFlopsPerNs;
  if (m >= n) {
    ctx.parallel(m, per_row, [&](int64_t begin, int64_t end) {
      gemm<T>(end - begin, n, k, {a.data + begin * a.row, a.row, a.col}, b, c + begin * n, n, false);
    });
    return;
  }
  ctx.parallel(n, per_row * static_cast<double>(m) / static_cast<double>(n), [&](int64_t begin, int64_t end) {
    gemm<T>(m, end - begin, k, a, {b.data + begin * b.col, b.row, b.col}, c + begin, n, false);
  });
}

template <class T>
void mm_of(NativeCtx& ctx, const TensorView& x, const TensorView& y, T* out) {
  split_gemm<T>(ctx, x.sizes[0], y.sizes[1], x.sizes[1], operand<T>(ctx, x), operand<T>(ctx, y), out);
}

template <class T>
void bmm_of(NativeCtx& ctx, const TensorView& x, const TensorView& y, T* out) {
  int64_t count = x.sizes[0], m = x.sizes[1], k = x.sizes[2], n = y.sizes[2];
  Matrix<T> a = operand<T>(ctx, x), b = operand<T>(ctx, y);
  int64_t step_a = a.data == data_of<T>(x) ? x.strides[0] : m * k,
          step_b = b.data == data_of<T>(y) ? y.strides[0] : k * n;
  double cost = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) / kFlopsPerNs;
  ctx.parallel(count, cost, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      gemm<T>(m, n, k, {a.data + i * step_a, a.row, a.col}, {b.data + i * step_b, b.row, b.col}, out + i * m * n, n,
              false);
  });
}

template <class F>
void by_type(NativeCtx& ctx, F&& run) {
  TensorView& out = ctx.out();
  if (out.dtype == DType::F16 || out.dtype == DType::BF16) {
    float* wide = static_cast<float*>(ctx.scratch(static_cast<size_t>(out.numel()) * sizeof(float)));
    run.template operator()<float>(widened(ctx, ctx.in(0)), widened(ctx, ctx.in(1)), wide);
    narrow_into(out, wide);
    return;
  }
  dispatch(out.dtype, [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool> && !std::is_same_v<T, Half> && !std::is_same_v<T, BHalf>)
      run.template operator()<T>(ctx.in(0), ctx.in(1), out.ptr<T>());
  });
}

}  // namespace

void mm(NativeCtx& ctx) {
  by_type(ctx, [&]<class T>(const TensorView& x, const TensorView& y, T* out) { mm_of<T>(ctx, x, y, out); });
}

void bmm(NativeCtx& ctx) {
  by_type(ctx, [&]<class T>(const TensorView& x, const TensorView& y, T* out) { bmm_of<T>(ctx, x, y, out); });
}

}  // namespace fj::native
