// Operands of dense products: rows of one element type, in a layout that BLAS takes. What is strided otherwise, or half
// precision, is copied to scratch first.
#pragma once
#include <cstring>

#include "ops/native.h"
#include "runtime/memory.h"

namespace fj::native {

// Half-precision values as floats and back, elementwise over contiguous memory.
void widen_all(const void* from, DType t, float* to, int64_t n);
void narrow_all(const float* from, void* to, DType t, int64_t n);

// Copies a strided view to contiguous memory of the type T (the view's own, or float for half precision).
template <class T>
void pack(const TensorView& v, T* to);

// The view's elements as a contiguous T array: itself, or a copy in the routine's scratch.
template <class T>
const T* packed(NativeCtx& ctx, const TensorView& v) {
  bool half = v.dtype == DType::F16 || v.dtype == DType::BF16;
  if (!half && v.is_contiguous()) return v.ptr<T>();
  T* to = static_cast<T*>(ctx.scratch(static_cast<size_t>(v.numel()) * sizeof(T)));
  pack(v, to);
  return to;
}

// The output's elements as a contiguous T array; `finish` moves them to the output where that is another array.
template <class T>
struct DenseResult {
  NativeCtx& ctx;
  TensorView& out;
  T* data;

  DenseResult(NativeCtx& c, TensorView& o) : ctx(c), out(o) {
    bool half = o.dtype == DType::F16 || o.dtype == DType::BF16;
    data = half ? static_cast<T*>(c.scratch(static_cast<size_t>(o.numel()) * sizeof(T))) : o.ptr<T>();
  }
  void finish() {
    if constexpr (sizeof(T) == sizeof(float))
      if (static_cast<void*>(data) != out.data)
        narrow_all(reinterpret_cast<const float*>(data), out.data, out.dtype, out.numel());
  }
};

// Memory of one thread inside a parallel body.
template <class T>
class Buffer {
 public:
  explicit Buffer(int64_t n)
      : bytes_(static_cast<size_t>(n) * sizeof(T)), p_(static_cast<T*>(runtime::alloc_bytes(bytes_))) {}
  ~Buffer() { runtime::free_bytes(p_, bytes_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* get() { return p_; }

 private:
  size_t bytes_;
  T* p_;
};

}  // namespace fj::native
