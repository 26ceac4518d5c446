#include "ops/meta.h"

#include "base/error.h"

namespace fj {
namespace {

// Strides of sizes that no memory has may wrap: those are refused where memory is asked for (checked_extent).
Dim wrapping_product(Dim a, Dim b) {
  Dim product;
  (void)__builtin_mul_overflow(a, b, &product);
  return product;
}

}  // namespace

Shape contiguous_strides(const Shape& sizes) {
  Shape strides(sizes.size(), 1);
  Dim step = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = step;
    if (sizes[i] > 1) step = wrapping_product(step, sizes[i]);
  }
  return strides;
}

Shape channels_last_strides(const Shape& sizes) {
  Shape strides(sizes.size(), 1);
  Dim step = 1;
  auto place = [&](size_t d) {
    strides[d] = step;
    if (sizes[d] > 1) step = wrapping_product(step, sizes[d]);
  };
  place(1);
  for (size_t d = sizes.size(); d-- > 2;) place(d);
  place(0);
  return strides;
}

Shape channels_last_strides(const Shape& sizes, MemoryFormat format) {
  const int64_t rank = rank_of(format);
  FJ_USER_CHECK(static_cast<int64_t>(sizes.size()) == rank, ErrorKind::Runtime, "required rank ", rank,
                " tensor to use channels_last", rank == 5 ? "_3d" : "", " format");
  return channels_last_strides(sizes);
}

bool is_contiguous(const Shape& sizes, const Shape& strides) {
  Dim step = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] == 0) return true;
  }
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] == 1) continue;
    if (strides[i] != step) return false;
    step = wrapping_product(step, sizes[i]);
  }
  return true;
}

bool TensorMeta::is_contiguous() const { return fj::is_contiguous(sizes, strides); }

bool TensorMeta::is_dense() const {
  SmallVec<int, 8> order;
  for (int i = 0; i < static_cast<int>(sizes.size()); ++i) {
    if (sizes[i] == 0) return true;
    if (sizes[i] != 1) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](int a, int b) { return strides[a] < strides[b]; });
  Dim step = 1;
  for (int d : order) {
    if (strides[d] != step) return false;
    step = wrapping_product(step, sizes[d]);
  }
  return true;
}

bool suggests_channels_last(const TensorMeta& m) {
  if ((m.dim() != 4 && m.dim() != 5) || m.is_contiguous()) return false;
  Dim least = 1;
  for (int64_t k = 0; k < m.dim(); ++k) {
    const int64_t d = k == 0 ? 1 : k == m.dim() - 1 ? 0 : m.dim() - k;  // channels, then from the last to the first
    if (m.strides[d] < least || (d == 0 && least == m.strides[1])) return false;
    least = wrapping_product(m.strides[d], m.sizes[d]);
  }
  return true;
}

TensorMeta make_meta(Shape sizes, DType dtype, Device device) {
  TensorMeta m;
  m.strides = contiguous_strides(sizes);
  m.sizes = std::move(sizes);
  m.dtype = dtype;
  m.device = device;
  return m;
}

int64_t checked_extent(std::span<const int64_t> sizes, std::span<const int64_t> strides, int64_t offset) {
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) return 0;
  int64_t end = offset, step;
  bool fits = !__builtin_add_overflow(end, 1, &end);
  for (size_t d = 0; fits && d < sizes.size(); ++d)
    fits = !__builtin_mul_overflow(sizes[d] - 1, strides[d], &step) && !__builtin_add_overflow(end, step, &end);
  FJ_USER_CHECK(fits, ErrorKind::Runtime, "Storage size calculation overflowed with sizes=", sizes,
                " and strides=", strides);
  return end;
}

int64_t checked_nbytes(const Shape& sizes, DType dtype) {
  int64_t n = 1;
  bool fits = true, empty = false;
  for (Dim s : sizes) {  // an empty tensor has strides, too, that must not overflow
    fits = fits && !__builtin_mul_overflow(n, s == 0 ? 1 : s, &n);
    empty = empty || s == 0;
  }
  fits = fits && (empty || !__builtin_mul_overflow(n, static_cast<int64_t>(size_of(dtype)), &n));
  FJ_USER_CHECK(fits, ErrorKind::Runtime, "Storage size calculation overflowed with sizes=", sizes);
  return empty ? 0 : n;
}

}  // namespace fj
