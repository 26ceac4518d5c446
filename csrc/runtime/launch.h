// How a compiled kernel is called: plain data, so that a Program can launch without knowing who made the code.
//
// A launch covers the whole index space that `sizes` spans. To split it over threads, narrow one parallel axis: advance
// every pointer by begin*stride, set the size, set index_base (what the body sees as its first coordinate);
// launch_range does that. Scratch operands get their own buffer in each thread.
#pragma once
#include <cstdint>
#include <memory>

namespace fj {

union ParamValue {
  double f;
  int64_t i;
};

struct LaunchArgs {
  const void* self;           // the CompiledKernel's own data: its `self` field
  void* const* ptrs;          // [operand], offset applied
  const int64_t* strides;     // [operand][axis], bytes
  const int64_t* sizes;       // [axis]
  const int64_t* index_base;  // [axis]; all zero unless split
  const ParamValue* params;   // [param]
  int32_t* status;            // a failed `check` leaves its code here; start with 0
};

using KernelFn = void (*)(const LaunchArgs*);

// Machine code (or an interpreter's closure) with its owner; subclasses free what they hold.
struct CompiledKernel {
  KernelFn fn = nullptr;
  const void* self = nullptr;
  int16_t rank = 0;  // axes
  int16_t operands = 0;
  int16_t parallel = 0;  // axes [0, parallel) may be split, and the last one if vector_parallel
  bool vector_parallel = false;
  int8_t copy_bytes = 0, copy_from = 0;  // a kernel that only copies: element size, source operand
  uint64_t scratch_mask = 0;             // operands that are per-thread scratch
  uint64_t reduce_mask = 0;              // axes that are reduced
  float cost = 1;                        // rough nanoseconds an element on one core
  virtual ~CompiledKernel() = default;
};
using KernelRef = std::shared_ptr<const CompiledKernel>;

inline void launch(const CompiledKernel& k, LaunchArgs& args) {
  args.self = k.self;
  k.fn(&args);
}

// Runs [begin, end) of a parallel axis.
inline void launch_range(const CompiledKernel& k, const LaunchArgs& args, int axis, int64_t begin, int64_t end) {
  void* ptrs[64];
  int64_t sizes[12], base[12];
  for (int i = 0; i < k.operands; ++i)
    ptrs[i] = static_cast<char*>(args.ptrs[i]) + begin * args.strides[i * k.rank + axis];
  for (int i = 0; i < k.rank; ++i) {
    sizes[i] = args.sizes[i];
    base[i] = args.index_base[i];
  }
  sizes[axis] = end - begin;
  base[axis] += begin;
  LaunchArgs part = args;
  part.self = k.self;
  part.ptrs = ptrs;
  part.sizes = sizes;
  part.index_base = base;
  k.fn(&part);
}

// Bytes of a scratch operand of the given element size.
inline int64_t scratch_bytes(const CompiledKernel& k, const int64_t* sizes, int element_size) {
  int64_t n = element_size;
  for (int i = 0; i < k.rank; ++i)
    if (k.reduce_mask >> i & 1) n *= sizes[i];
  return n;
}

}  // namespace fj
