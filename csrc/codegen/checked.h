// Kernels that check themselves: FRAMEJIT_VERIFY=2.
#pragma once
#include "loop/loop.h"
#include "runtime/launch.h"

namespace fj::codegen {

// Runs `code`, then compares all that it wrote with what `reference`, by default the interpreter on the same kernel,
// writes from the same memory. A difference raises Internal with the kernel's text.
KernelRef checked(const loop::Kernel& kernel, KernelRef code, KernelRef reference = nullptr);

}  // namespace fj::codegen
