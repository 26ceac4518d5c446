// The machine-code back end for x86-64, AVX2+FMA or AVX-512.
#pragma once
#include "codegen/codegen.h"

namespace fj::codegen::cpu {

bool supports(Isa isa);
// Machine code for a verified kernel; adds its size to *bytes.
std::shared_ptr<CompiledKernel> assemble(const loop::Kernel& kernel, Isa isa, int64_t* bytes);

}  // namespace fj::codegen::cpu
