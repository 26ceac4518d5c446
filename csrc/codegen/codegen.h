// Kernel in, code out. The only header of this room that others need.
//
// compile() returns the cached code for an equal kernel or makes it; thread-safe. The reference interpreter is the
// meaning of every kernel; the cpu back end turns down nothing that verifies.
#pragma once
#include "loop/loop.h"
#include "runtime/launch.h"

namespace fj::codegen {

enum class Isa : uint8_t { Ref, Avx2, Avx512 };

// What this process uses: the best that the CPU has, unless FRAMEJIT_ISA forces another.
Isa default_isa();
bool isa_available(Isa isa);
const char* name_of(Isa isa);
bool parse_isa(std::string_view text, Isa* out);

KernelRef compile(const loop::Kernel& kernel, Isa isa);
inline KernelRef compile(const loop::Kernel& kernel) { return compile(kernel, default_isa()); }

struct CacheStats {
  int64_t hits, misses, bytes, entries;
};
CacheStats cache_stats();
void clear_cache();

}  // namespace fj::codegen
