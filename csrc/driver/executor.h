#pragma once

namespace fj::driver {

// Makes the compiler the executor of eager ops.
void register_executor();

}  // namespace fj::driver
