// The reference back end: interprets a kernel's definition, lane blocks at a time, in portable C++.
#pragma once
#include "loop/loop.h"
#include "runtime/launch.h"

namespace fj::codegen {

std::shared_ptr<CompiledKernel> interpret(const loop::Kernel& kernel);

// Fills the parts of a CompiledKernel that follow from the kernel alone.
void describe(const loop::Kernel& kernel, CompiledKernel* out);

}  // namespace fj::codegen
