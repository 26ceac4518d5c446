// The machine-code back end for x86-64, AVX2+FMA or AVX-512.
#pragma once
#include <span>

#include "codegen/codegen.h"

namespace fj::codegen::cpu {

bool supports(Isa isa);
// Machine code for a verified kernel; adds its size to *bytes.
std::shared_ptr<CompiledKernel> assemble(const loop::Kernel& kernel, Isa isa, int64_t* bytes);
// Machine code of the kernel that was made before, its addresses filled in, as something to run.
std::shared_ptr<CompiledKernel> place(const loop::Kernel& kernel, std::span<const char> code, float cost);

}  // namespace fj::codegen::cpu
