// The kernel cache and the choice of back end.
//
// The cache maps (isa, structural key) to code. It holds at most kCacheBytes of code and keys; when full it is emptied:
// kernels in use live on through their references, and refilling costs tens of microseconds a kernel.
#include "codegen/codegen.h"

#include <mutex>
#include <unordered_map>

#include "base/error.h"
#include "base/flags.h"
#include "codegen/checked.h"
#include "codegen/cpu/cpu.h"
#include "codegen/ref/interp.h"

namespace fj::codegen {
namespace {

constexpr int64_t kCacheBytes = int64_t{64} << 20;
constexpr const char* kIsaNames[] = {"ref", "avx2", "avx512"};

struct Cache {
  std::mutex mutex;
  std::unordered_map<std::string, KernelRef> map;
  CacheStats stats{};
};

Cache& cache() {
  static Cache* c = new Cache;  // never destroyed: kernels may run during interpreter shutdown
  return *c;
}

std::shared_ptr<CompiledKernel> make(const loop::Kernel& kernel, Isa isa, int64_t* bytes) {
  *bytes = static_cast<int64_t>(kernel.insts.size() * sizeof(loop::Inst));
  if (isa == Isa::Ref) return interpret(kernel);
  return cpu::assemble(kernel, isa, bytes);
}

Isa choose_isa() {
  Isa isa = isa_available(Isa::Avx512) ? Isa::Avx512 : isa_available(Isa::Avx2) ? Isa::Avx2 : Isa::Ref;
  const std::string& forced = flags::get().isa;
  if (forced.empty()) return isa;
  Isa wanted;
  FJ_USER_CHECK(parse_isa(forced, &wanted), ErrorKind::Value, "FRAMEJIT_ISA=", forced,
                ": expected avx2, avx512 or ref");
  FJ_USER_CHECK(isa_available(wanted), ErrorKind::Runtime, "FRAMEJIT_ISA=", forced, ": this CPU does not have it");
  return wanted;
}

}  // namespace

bool isa_available(Isa isa) { return isa == Isa::Ref || cpu::supports(isa); }
const char* name_of(Isa isa) { return kIsaNames[static_cast<int>(isa)]; }

bool parse_isa(std::string_view text, Isa* out) {
  for (int i = 0; i < 3; ++i) {
    if (text != kIsaNames[i]) continue;
    *out = static_cast<Isa>(i);
    return true;
  }
  return false;
}

Isa default_isa() {
  static const Isa isa = choose_isa();
  return isa;
}

KernelRef compile(const loop::Kernel& kernel, Isa isa) {
  std::string key = kernel.key();
  bool check = flags::get().verify > 1 && isa != Isa::Ref;
  key.push_back(static_cast<char>(static_cast<int>(isa) | check << 4));
  Cache& c = cache();
  std::lock_guard lock(c.mutex);
  auto found = c.map.find(key);
  if (found != c.map.end()) {
    ++c.stats.hits;
    return found->second;
  }
  // An op called on a type that its scalar ops do not have (frac of integers) shows here.
  if (std::string broken = loop::verify(kernel); !broken.empty())
    raise(ErrorKind::NotImplemented, "no kernel can be made: ", broken, "\n", loop::print(kernel));
  ++c.stats.misses;
  int64_t bytes = 0;
  KernelRef made = make(kernel, isa, &bytes);
  if (check) made = checked(kernel, std::move(made));
  bytes += static_cast<int64_t>(key.size()) + 128;
  if (c.stats.bytes + bytes > kCacheBytes) {
    c.map.clear();
    c.stats.bytes = 0;
  }
  c.stats.bytes += bytes;
  c.map.emplace(std::move(key), made);
  return made;
}

CacheStats cache_stats() {
  Cache& c = cache();
  std::lock_guard lock(c.mutex);
  CacheStats s = c.stats;
  s.entries = static_cast<int64_t>(c.map.size());
  return s;
}

void clear_cache() {
  Cache& c = cache();
  std::lock_guard lock(c.mutex);
  c.map.clear();
  c.stats = {};
}

}  // namespace fj::codegen
