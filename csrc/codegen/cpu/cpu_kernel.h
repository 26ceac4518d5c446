// What the machine-code back end hands out.
#pragma once
#include <memory>

#include "codegen/codegen.h"

namespace fj::codegen::cpu {

struct CpuKernel : CompiledKernel {
  std::shared_ptr<CompiledKernel> interpreted;  // for launches that the code turns down; only if it ever does
  KernelFn code = nullptr;
  ~CpuKernel() override;
};

// Runs the launch on the reference interpreter (args->self is the CpuKernel).
void run_interpreted(const LaunchArgs* args);
// Merges the lanes of an arg accumulator: leaves the winner in v[0] and its position in at[0]. `kind`: 0 max, 1 min.
template <class T>
void arg_reduce(T* v, int64_t* at, int64_t n, int kind);

}  // namespace fj::codegen::cpu
