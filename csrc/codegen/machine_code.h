// Machine code for files: its bytes, and which functions of the process it calls by address, by name.
//
// The names say what is called ("scalar sin f32"), so code finds its functions in another build as long as those mean
// the same; the number of a file's format changes when one does, or when LaunchArgs does.
#pragma once
#include <string>
#include <vector>

#include "codegen/codegen.h"

namespace fj::codegen {

struct MachineCode {
  std::string bytes;
  std::vector<std::pair<uint32_t, std::string>> externals;  // offset of an address, whose
  float cost = 1;
};

// Raises Internal if a function is called that has no name.
MachineCode machine_code(const loop::Kernel& kernel, Isa isa);
// The kernel with code that was made for it. Raises Runtime for an unknown function or an offset outside the code.
KernelRef load_code(const loop::Kernel& kernel, const MachineCode& code);

}  // namespace fj::codegen
