// What is known of a tensor without its data. Tensor objects and graph values both embed a TensorMeta, and a Val is a
// pointer to it: rules read sizes and dtypes through a Val without knowing which builder it belongs to.
#pragma once
#include <cstdint>
#include <span>

#include "base/small_vec.h"
#include "ops/dtype.h"

namespace fj {

// A size, stride or offset. An alias for now; it becomes a symbolic expression when sizes vary, so rules should use
// it only through arithmetic and comparison.
using Dim = int64_t;
using Shape = SmallVec<Dim, 5>;

enum class DeviceType : uint8_t { CPU, CUDA, Lazy, Meta };
struct Device {
  DeviceType type = DeviceType::CPU;
  int8_t index = -1;
  friend bool operator==(Device, Device) = default;
};

enum class MemoryFormat : uint8_t { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };

inline bool is_channels_last(MemoryFormat f) { return f >= MemoryFormat::ChannelsLast; }

struct TensorMeta {
  Shape sizes;
  Shape strides;   // in elements
  Dim offset = 0;  // in elements, from the storage's start
  DType dtype = DType::F32;
  Device device;
  bool requires_grad = false;

  int64_t dim() const { return static_cast<int64_t>(sizes.size()); }
  Dim numel() const {
    Dim n = 1;
    for (Dim s : sizes) n *= s;
    return n;
  }
  bool is_contiguous() const;
  // Non-overlapping and dense: some permutation of the dimensions is contiguous.
  bool is_dense() const;
};

// Row-major strides.
Shape contiguous_strides(const Shape& sizes);
// Channels innermost, of any rank; and the same where the rank must be the format's.
Shape channels_last_strides(const Shape& sizes);
Shape channels_last_strides(const Shape& sizes, MemoryFormat format);
inline int64_t rank_of(MemoryFormat channels_last) { return channels_last == MemoryFormat::ChannelsLast ? 4 : 5; }
bool is_contiguous(const Shape& sizes, const Shape& strides);
TensorMeta make_meta(Shape sizes, DType dtype, Device device = {});  // contiguous, offset 0
// Has a result its channels innermost because `m` has? By its strides, those of lone elements too.
bool suggests_channels_last(const TensorMeta& m);
// sizes × dtype in bytes; raises a RuntimeError where that leaves the range of int64.
int64_t checked_nbytes(const Shape& sizes, DType dtype);
// The number of elements from the storage's start to behind the last one that the view shows; 0 if it shows none.
// Raises a RuntimeError where that leaves the range of int64.
int64_t checked_extent(std::span<const int64_t> sizes, std::span<const int64_t> strides, int64_t offset);

struct Val {
  const TensorMeta* m = nullptr;
  const TensorMeta* operator->() const { return m; }
  const TensorMeta& operator*() const { return *m; }
  explicit operator bool() const { return m != nullptr; }
  friend bool operator==(Val, Val) = default;
};

}  // namespace fj
