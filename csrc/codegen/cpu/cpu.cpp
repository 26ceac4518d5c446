#include "codegen/cpu/cpu.h"

#include "base/error.h"
namespace fj::codegen::cpu {
bool supports(Isa) { return false; }
std::shared_ptr<CompiledKernel> assemble(const loop::Kernel&, Isa, int64_t*) { raise(ErrorKind::Internal, "no machine code here"); }
}  // namespace fj::codegen::cpu
