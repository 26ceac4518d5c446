// What the machine-code back end hands out.
#pragma once
#include <memory>
#include <vector>

#include "codegen/codegen.h"

namespace fj::codegen::cpu {

struct CpuKernel : CompiledKernel {
  std::shared_ptr<CompiledKernel> interpreted;  // for launches that the code turns down; only if it ever does
  KernelFn code = nullptr;
  size_t code_bytes = 0;
  std::vector<std::pair<uint32_t, const void*>> externals;  // functions of this process that the code calls, and where
  ~CpuKernel() override;
};

// Runs the launch on the reference interpreter (args->self is the CpuKernel).
void run_interpreted(const LaunchArgs* args);
// The lanes' value of a parameter: f32, i32, f64 or i64 as the dtype's lane type, masks as 0 or -1. `packed`: the
// dtype, plus 256 for a floating parameter.
void convert_slowly(const ParamValue* p, void* cell, int packed);
// Merges the lanes of an arg accumulator: leaves the winner in v[0] and its position in at[0]. `kind`: 0 max, 1 min.
template <class T>
void arg_reduce(T* v, int64_t* at, int64_t n, int kind);

}  // namespace fj::codegen::cpu
