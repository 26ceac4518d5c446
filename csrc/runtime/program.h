// A compiled graph as plain data: kernels and native calls in order, each with its sizes, strides and places. Running
// one needs no Python and no tensors; a program is immutable, so that threads and recursive calls may share it: each
// run leases its own arena.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "ops/native.h"
#include "runtime/launch.h"

namespace fj::runtime {

// Bytes at `offset` in memory number `base`: inputs first, then outputs, then constants, then the arena.
struct Place {
  int32_t base = -1;
  int64_t offset = 0;
};

struct KernelCall {
  KernelRef kernel;
  SmallVec<Place, 6> operands;    // scratch operands: base -1, offset = bytes that each thread needs
  SmallVec<int64_t, 16> strides;  // [operand][axis], bytes
  SmallVec<int64_t, 5> sizes;
  SmallVec<ParamValue, 4> params;
  double ns = 0;                          // estimate of one core's time
  const char* const* messages = nullptr;  // what a failed check says, by code - 1
};

struct NativeCall {
  const OpDef* op = nullptr;
  ArgVec args;                // tensors point at the program's own metas
  SmallVec<Place, 6> inputs;  // per argument; base -1 where absent or no tensor
  std::vector<std::vector<Place>> lists;
  SmallVec<Val, 2> outs;
  SmallVec<Place, 2> out_places;
};

struct Step {
  int32_t kernel = -1, native = -1;  // index into the one of the two lists
};

class Program {
 public:
  int32_t ninputs = 0, noutputs = 0;
  std::vector<Step> steps;
  std::vector<KernelCall> kernels;
  std::vector<NativeCall> natives;
  std::deque<TensorMeta> metas;  // what the natives' arguments point at
  std::vector<std::pair<std::unique_ptr<std::byte[]>, size_t>> constants;
  int64_t arena_bytes = 0;
  double ns = 0;  // estimate of all steps

  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();
  int32_t arena_base() const { return ninputs + noutputs + static_cast<int32_t>(constants.size()); }
  // Pointers with offsets applied. Raises what a native routine or a kernel's check raises.
  void run(void* const* inputs, void* const* outputs) const;
  size_t bytes() const;  // of the program itself, for cache limits

 private:
  void* lease_arena() const;
  void return_arena(void* p) const;
  mutable std::atomic<void*> arena_{nullptr};  // the one kept between calls
};

// Runs a kernel, over several threads if that pays. `ns` is the estimate for all of it. Returns the status.
int32_t run_kernel(const CompiledKernel& k, LaunchArgs& args, double ns, const int64_t* scratch_bytes);

[[noreturn]] void raise_status(int32_t status, const char* const* messages);

}  // namespace fj::runtime
