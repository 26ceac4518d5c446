// What a native routine sees: raw views of its inputs and outputs and the op's arguments. Eager and compiled graphs
// call the same routine. No Python in here: routines run without the interpreter's lock.
#pragma once
#include "ops/opdef.h"

namespace fj {

struct TensorView {
  std::byte* data = nullptr;  // the offset is applied; null for an absent optional tensor
  DType dtype = DType::F32;
  Shape sizes;
  Shape strides;  // in elements

  template <class T>
  T* ptr() const {
    return reinterpret_cast<T*>(data);
  }
  int64_t dim() const { return static_cast<int64_t>(sizes.size()); }
  int64_t numel() const {
    int64_t n = 1;
    for (Dim s : sizes) n *= s;
    return n;
  }
  bool is_contiguous() const { return fj::is_contiguous(sizes, strides); }
};

class NativeCtx {
 public:
  virtual ~NativeCtx() = default;
  const OpDef* op = nullptr;
  ArgVec args;                                       // attributes; tensor arguments are present as metas
  SmallVec<TensorView, 6> inputs;                    // per argument (default view where it is no tensor)
  std::vector<std::vector<TensorView>> input_lists;  // per argument that is a tensor list, else empty
  SmallVec<TensorView, 2> outputs;                   // preallocated as `infer` said, except for kDynamicShape ops

  const TensorView& in(size_t i) const { return inputs[i]; }
  const std::vector<TensorView>& list(size_t i) const { return input_lists[i]; }
  TensorView& out(size_t i = 0) { return outputs[i]; }
  const Arg& arg(size_t i) const { return args[i]; }
  // For kDynamicShape ops: allocates output i, contiguous; returns the view.
  virtual TensorView& alloc_out(size_t i, const Shape& sizes, DType dtype) = 0;
  // Scratch memory, 64-byte aligned, valid until the routine returns.
  virtual void* scratch(size_t nbytes) = 0;
  // Runs body(begin, end) over [0, n) on the thread pool when n * cost_ns is worth it.
  virtual void parallel_for(int64_t n, double cost_ns, void (*body)(void*, int64_t, int64_t), void* state) = 0;

  template <class F>
  void parallel(int64_t n, double cost_ns, F&& f) {
    parallel_for(
        n, cost_ns, [](void* s, int64_t b, int64_t e) { (*static_cast<std::remove_reference_t<F>*>(s))(b, e); }, &f);
  }
};

}  // namespace fj
