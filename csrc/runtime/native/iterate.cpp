#include "runtime/native/iterate.h"

namespace fj::native {

void copy_view(const TensorView& to, const TensorView& from) {
  if (to.numel() == 0) return;
  if (to.is_contiguous() && from.is_contiguous()) {
    std::memcpy(to.data, from.data, static_cast<size_t>(to.numel() * size_of(to.dtype)));
    return;
  }
  int64_t last = std::max<int64_t>(to.dim() - 1, 0);
  TensorView a = with_last(to, last), b = with_last(from, last);
  int64_t n = a.sizes.back(), sa = a.strides.back(), sb = b.strides.back();
  dispatch_bytes(to.dtype, [&]<class T>() {
    for_each_line<2>({a, b}, [&](const std::array<std::byte*, 2>& p) {
      Line<T> x{p[0], sa}, y{p[1], sb};
      if (sa == 1 && sb == 1) {
        std::memcpy(p[0], p[1], static_cast<size_t>(n) * sizeof(T));
        return;
      }
      for (int64_t i = 0; i < n; ++i) x[i] = y[i];
    });
  });
}

void zero_view(const TensorView& to) { std::memset(to.data, 0, static_cast<size_t>(to.numel() * size_of(to.dtype))); }

int64_t index_at(const TensorView& v, const std::byte* p, int64_t i, int64_t n, const char* op, int64_t dim) {
  int64_t stride = v.strides.empty() ? 1 : v.strides.back();
  int64_t k = v.dtype == DType::I64 ? reinterpret_cast<const int64_t*>(p)[i * stride]
                                    : reinterpret_cast<const int32_t*>(p)[i * stride];
  FJ_USER_CHECK(k >= 0 && k < n, ErrorKind::Index, op, "(): index ", k, " is out of bounds for dimension ", dim,
                " with size ", n);
  return k;
}

}  // namespace fj::native
