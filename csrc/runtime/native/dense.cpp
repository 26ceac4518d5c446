#include "runtime/native/dense.h"

#include <bit>

#include "base/half.h"

namespace fj::native {
namespace {

float half_to_float(uint16_t h) { return to_float(std::bit_cast<F16>(h)); }
float bfloat_to_float(uint16_t h) { return to_float(std::bit_cast<BF16>(h)); }
uint16_t float_to_half(float f) { return std::bit_cast<uint16_t>(to_f16(f)); }
uint16_t float_to_bfloat(float f) { return std::bit_cast<uint16_t>(to_bf16(f)); }

// Calls f(pointer to the element, position) in row-major order.
template <class F>
void for_each(const TensorView& v, F&& f) {
  int64_t rank = v.dim(), n = v.numel(), item = size_of(v.dtype);
  if (n == 0) return;
  SmallVec<int64_t, 8> at(static_cast<size_t>(rank), 0);
  const std::byte* p = v.data;
  int64_t inner = rank ? v.sizes.back() : 1, step = rank ? v.strides.back() * item : 0;
  for (int64_t i = 0; i < n; i += inner) {
    for (int64_t k = 0; k < inner; ++k) f(p + k * step, i + k);
    for (int64_t d = rank - 2; d >= 0; --d) {
      size_t s = static_cast<size_t>(d);
      p += v.strides[s] * item;
      if (++at[s] < v.sizes[s]) break;
      p -= v.sizes[s] * v.strides[s] * item;
      at[s] = 0;
    }
  }
}

}  // namespace

void widen_all(const void* from, DType t, float* to, int64_t n) {
  auto* h = static_cast<const uint16_t*>(from);
  for (int64_t i = 0; i < n; ++i) to[i] = t == DType::F16 ? half_to_float(h[i]) : bfloat_to_float(h[i]);
}

void narrow_all(const float* from, void* to, DType t, int64_t n) {
  auto* h = static_cast<uint16_t*>(to);
  for (int64_t i = 0; i < n; ++i) h[i] = t == DType::F16 ? float_to_half(from[i]) : float_to_bfloat(from[i]);
}

template <>
void pack<float>(const TensorView& v, float* to) {
  if (v.dtype != DType::F32 && v.is_contiguous()) return widen_all(v.data, v.dtype, to, v.numel());
  if (v.dtype == DType::F16)
    return for_each(
        v, [&](const std::byte* p, int64_t i) { to[i] = half_to_float(*reinterpret_cast<const uint16_t*>(p)); });
  if (v.dtype == DType::BF16)
    return for_each(
        v, [&](const std::byte* p, int64_t i) { to[i] = bfloat_to_float(*reinterpret_cast<const uint16_t*>(p)); });
  for_each(v, [&](const std::byte* p, int64_t i) { to[i] = *reinterpret_cast<const float*>(p); });
}

template <>
void pack<double>(const TensorView& v, double* to) {
  for_each(v, [&](const std::byte* p, int64_t i) { to[i] = *reinterpret_cast<const double*>(p); });
}

}  // namespace fj::native
