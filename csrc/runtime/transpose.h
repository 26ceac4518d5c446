// Copies between layouts whose contiguous axes differ.
#pragma once
#include "runtime/launch.h"

namespace fj::runtime {

// For a kernel that only copies (k.copy_bytes > 0): if the source is contiguous along another axis than the target,
// copies in blocks that read and write whole cache lines, and returns true.
bool copy_transposed(const CompiledKernel& k, const LaunchArgs& args, bool threaded);

}  // namespace fj::runtime
