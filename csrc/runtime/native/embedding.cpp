// Table look-ups and their gradient.
#include "runtime/native/iterate.h"

namespace fj::native {
namespace {

// The indices as contiguous int64, checked against the table.
const int64_t* read_indices(NativeCtx& ctx, const TensorView& v, int64_t rows) {
  int64_t n = v.numel();
  int64_t* out = static_cast<int64_t*>(ctx.scratch(static_cast<size_t>(n + 1) * sizeof(int64_t)));
  TensorView line = v;
  if (v.dim() == 0) line.sizes = {1}, line.strides = {1};
  int64_t* to = out;
  if (n > 0)
    for_each_line<1>({line}, [&](auto& p) {
      for (int64_t i = 0; i < line.sizes.back(); ++i)
        *to++ = v.dtype == DType::I32 ? Line<int32_t>{p[0], line.strides.back()}[i]
                                      : Line<int64_t>{p[0], line.strides.back()}[i];
    });
  for (int64_t i = 0; i < n; ++i)
    FJ_USER_CHECK(out[i] >= 0 && out[i] < rows, ErrorKind::Index, "index out of range in self");
  return out;
}

}  // namespace

void embedding(NativeCtx& ctx) {
  const TensorView& table = ctx.in(0);
  int64_t width = table.sizes[1], n = ctx.in(1).numel();
  const int64_t* at = read_indices(ctx, ctx.in(1), table.sizes[0]);
  dispatch_bytes(table.dtype, [&]<class T>() {
    const T* from = table.ptr<T>();
    T* to = ctx.out().ptr<T>();
    int64_t row = table.strides[0], col = table.strides[1];
    ctx.parallel(n, static_cast<double>(width) * 0.3 + 5, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        for (int64_t k = 0; k < width; ++k) to[i * width + k] = from[at[i] * row + k * col];
    });
  });
}

// Rows are added in the order of the indices, so the result does not depend on threads.
void embedding_dense_backward(NativeCtx& ctx) {
  const TensorView& grad = ctx.in(0);
  int64_t rows = ctx.arg(2).as_int(), skip = ctx.arg(3).as_int(), width = ctx.out().sizes[1], n = ctx.in(1).numel();
  const int64_t* at = read_indices(ctx, ctx.in(1), rows);
  int64_t* count = nullptr;
  if (ctx.arg(4).as_bool()) {
    count = static_cast<int64_t*>(ctx.scratch(static_cast<size_t>(rows + 1) * sizeof(int64_t)));
    std::fill_n(count, rows, 0);
    for (int64_t i = 0; i < n; ++i) ++count[at[i]];
  }
  dispatch(grad.dtype, [&]<class T>() {
    using C = compute_t<T>;
    TensorView dense = grad;
    if (!grad.is_contiguous()) {
      dense.strides = contiguous_strides(grad.sizes);
      dense.data = static_cast<std::byte*>(ctx.scratch(static_cast<size_t>(grad.numel()) * sizeof(T)));
      copy_view(dense, grad);
    }
    C* sums = static_cast<C*>(ctx.scratch(static_cast<size_t>(rows * width + 1) * sizeof(C)));
    std::fill_n(sums, rows * width, C(0));
    for (int64_t i = 0; i < n; ++i) {
      if (at[i] == skip) continue;
      C scale = count ? C(1) / static_cast<C>(count[at[i]]) : C(1);
      for (int64_t k = 0; k < width; ++k)
        sums[at[i] * width + k] += static_cast<C>(dense.ptr<T>()[i * width + k]) * scale;
    }
    std::copy_n(sums, rows * width, ctx.out().ptr<T>());
  });
}

}  // namespace fj::native
