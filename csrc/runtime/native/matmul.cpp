// mm and bmm: BLAS for floats, plain loops for integers. Work is split over rows, columns or batches on our own pool.
#include <algorithm>

#include "runtime/blas.h"
#include "runtime/native/dense.h"

namespace fj::native {
namespace {

constexpr double kFlopsPerNs = 60;  // a guess that only decides about splitting

// A matrix as BLAS sees it: `trans` if stored column by column.
template <class T>
struct Matrix {
  const T* data;
  int64_t rows, cols, ld;
  bool trans;
};

// Strides that BLAS takes as they are.
bool blas_layout(const TensorView& v, size_t d, bool* trans, int64_t* ld) {
  int64_t rows = v.sizes[d], cols = v.sizes[d + 1], rs = v.strides[d], cs = v.strides[d + 1];
  if ((cs == 1 || cols == 1) && (rs >= std::max<int64_t>(cols, 1) || rows == 1)) {
    *trans = false;
    *ld = rows == 1 ? std::max<int64_t>(cols, 1) : rs;
    return true;
  }
  if ((rs == 1 || rows == 1) && (cs >= std::max<int64_t>(rows, 1) || cols == 1)) {
    *trans = true;
    *ld = cols == 1 ? std::max<int64_t>(rows, 1) : cs;
    return true;
  }
  return false;
}

// The operand's matrices; `batch_step` in elements, 0 for one matrix.
template <class T>
Matrix<T> matrix_of(NativeCtx& ctx, const TensorView& v, int64_t* batch_step) {
  size_t d = v.sizes.size() - 2;
  Matrix<T> m{nullptr, v.sizes[d], v.sizes[d + 1], 0, false};
  bool half = v.dtype == DType::F16 || v.dtype == DType::BF16;
  if (!half && blas_layout(v, d, &m.trans, &m.ld)) {
    m.data = v.ptr<T>();
    *batch_step = d ? v.strides[0] : 0;
    return m;
  }
  T* copy = static_cast<T*>(ctx.scratch(static_cast<size_t>(v.numel()) * sizeof(T)));
  pack(v, copy);
  m.data = copy;
  m.ld = std::max<int64_t>(m.cols, 1);
  *batch_step = d ? m.rows * m.cols : 0;
  return m;
}

template <class T>
void product(NativeCtx& ctx, const Matrix<T>& a, const Matrix<T>& b, T* c, int64_t m, int64_t n, int64_t k) {
  double ns = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) / kFlopsPerNs;
  constexpr int64_t kBlock = 32;
  bool by_rows = m >= n;
  int64_t length = by_rows ? m : n, blocks = (length + kBlock - 1) / kBlock;
  ctx.parallel(blocks, ns / static_cast<double>(std::max<int64_t>(blocks, 1)), [&](int64_t begin, int64_t end) {
    int64_t from = begin * kBlock, to = std::min(length, end * kBlock);
    if (by_rows) blas::gemm(a.trans, b.trans, to - from, n, k, T(1), a.data + from * (a.trans ? 1 : a.ld), a.ld, b.data, b.ld, T(0), c + from * n, n);
    else blas::gemm(a.trans, b.trans, m, to - from, k, T(1), a.data, a.ld, b.data + from * (b.trans ? b.ld : 1), b.ld, T(0), c + from, n);
  });
}

template <class T>
void batched(NativeCtx& ctx) {
  const TensorView &x = ctx.in(0), &y = ctx.in(1);
  size_t d = x.sizes.size() - 2;
  int64_t batch = d ? x.sizes[0] : 1, m = x.sizes[d], k = x.sizes[d + 1], n = y.sizes[d + 1], sa, sb;
  if (ctx.out().numel() == 0) return;
  Matrix<T> a = matrix_of<T>(ctx, x, &sa), b = matrix_of<T>(ctx, y, &sb);
  Result<T> c(ctx, ctx.out());
  double ns = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) / kFlopsPerNs + 100;
  if (batch == 1) {
    product(ctx, a, b, c.data, m, n, k);
  } else {
    ctx.parallel(batch, ns, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        blas::gemm(a.trans, b.trans, m, n, k, T(1), a.data + i * sa, a.ld, b.data + i * sb, b.ld, T(0), c.data + i * m * n, n);
    });
  }
  c.finish();
}

// Integers wrap around; bool is refused before.
template <class T>
void plain(NativeCtx& ctx) {
  const TensorView &x = ctx.in(0), &y = ctx.in(1);
  TensorView& out = ctx.out();
  size_t d = x.sizes.size() - 2;
  int64_t batch = d ? x.sizes[0] : 1, m = x.sizes[d], k = x.sizes[d + 1], n = y.sizes[d + 1];
  ctx.parallel(batch * m, static_cast<double>(n * k) * 0.5, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* a = x.ptr<T>() + (d ? (r / m) * x.strides[0] : 0) + (r % m) * x.strides[d];
      const T* b = y.ptr<T>() + (d ? (r / m) * y.strides[0] : 0);
      T* c = out.ptr<T>() + r * n;
      std::fill_n(c, n, T(0));
      for (int64_t p = 0; p < k; ++p) {
        T v = a[p * x.strides[d + 1]];
        const T* row = b + p * y.strides[d];
        for (int64_t j = 0; j < n; ++j) c[j] = static_cast<T>(c[j] + v * row[j * y.strides[d + 1]]);
      }
    }
  });
}

void matrix_product(NativeCtx& ctx) {
  switch (ctx.in(0).dtype) {
    case DType::F16:
    case DType::BF16:
    case DType::F32: return batched<float>(ctx);
    case DType::F64: return batched<double>(ctx);
    case DType::U8: return plain<uint8_t>(ctx);
    case DType::I8: return plain<int8_t>(ctx);
    case DType::I16: return plain<int16_t>(ctx);
    case DType::I32: return plain<int32_t>(ctx);
    case DType::I64: return plain<int64_t>(ctx);
    case DType::Bool: break;
  }
  raise(ErrorKind::Runtime, "\"addmm_impl_cpu_\" not implemented for 'Bool'");
}

}  // namespace

void mm(NativeCtx& ctx) { matrix_product(ctx); }
void bmm(NativeCtx& ctx) { matrix_product(ctx); }

}  // namespace fj::native
