// The NativeCtx that programs and eager calls give to native routines.
#pragma once
#include "ops/native.h"

namespace fj::runtime {

class RoutineCtx : public NativeCtx {
 public:
  RoutineCtx() = default;
  ~RoutineCtx() override;
  TensorView& alloc_out(size_t i, const Shape& sizes, DType dtype) override;  // eager calls override it
  void* scratch(size_t nbytes) override;
  void parallel_for(int64_t n, double cost_ns, void (*body)(void*, int64_t, int64_t), void* state) override;

 private:
  SmallVec<std::pair<void*, size_t>, 4> blocks_;
};

inline TensorView view_of(const TensorMeta& m, void* data) {
  TensorView v;
  v.data = static_cast<std::byte*>(data);
  v.dtype = m.dtype;
  v.sizes = m.sizes;
  v.strides = m.strides;
  return v;
}

}  // namespace fj::runtime
