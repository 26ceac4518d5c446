#include "runtime/program.h"

#include <cstring>

#include "ops/opdef.h"
#include "runtime/memory.h"
#include "runtime/native_ctx.h"
#include "runtime/threads.h"
#include "runtime/transpose.h"

namespace fj::runtime {
namespace {

// What one thread needs to run a part of a kernel: its own pointers where an operand is scratch.
struct ScratchPointers {
  void* ptrs[64];
  SmallVec<std::pair<void*, size_t>, 2> blocks;

  ScratchPointers(const CompiledKernel& k, void* const* from, const int64_t* bytes) {
    std::memcpy(ptrs, from, sizeof(void*) * static_cast<size_t>(k.operands));
    for (int i = 0; i < k.operands; ++i) {
      if (!(k.scratch_mask >> i & 1)) continue;
      size_t n = static_cast<size_t>(bytes[i]);
      ptrs[i] = alloc_bytes(n);
      blocks.push_back({ptrs[i], n});
    }
  }
  ~ScratchPointers() {
    for (auto& [p, n] : blocks) free_bytes(p, n);
  }
};

struct Split {
  const CompiledKernel* kernel;
  const LaunchArgs* args;
  const int64_t* scratch_bytes;
  int axis;
  int64_t size, chunk;
  std::atomic<int32_t> status{0};
};

void run_part(void* state, int64_t i, int) {
  auto* s = static_cast<Split*>(state);
  int64_t begin = i * s->chunk, end = std::min(s->size, begin + s->chunk);
  LaunchArgs part = *s->args;
  int32_t status = 0;
  part.status = &status;
  if (s->kernel->scratch_mask) {
    ScratchPointers scratch(*s->kernel, part.ptrs, s->scratch_bytes);
    part.ptrs = scratch.ptrs;
    launch_range(*s->kernel, part, s->axis, begin, end);
  } else {
    launch_range(*s->kernel, part, s->axis, begin, end);
  }
  if (status) s->status.store(status, std::memory_order_relaxed);
}

// The axis to cut, or -1: the outermost parallel axis with enough rounds for all threads, else the longest.
int split_axis(const CompiledKernel& k, const int64_t* sizes, int threads) {
  int best = -1;
  for (int a = 0; a < k.parallel; ++a) {
    if (sizes[a] >= 4 * threads) return a;
    if (sizes[a] > 1 && (best < 0 || sizes[a] > sizes[best])) best = a;
  }
  if (k.vector_parallel && sizes[k.rank - 1] >= 256 && (best < 0 || sizes[best] < threads)) return k.rank - 1;
  return best;
}

}  // namespace

int32_t run_kernel(const CompiledKernel& k, LaunchArgs& args, double ns, const int64_t* scratch_bytes) {
  int32_t status = 0;
  args.status = &status;
  if (k.copy_bytes && copy_transposed(k, args, worth_splitting(ns))) return status;
  if (worth_splitting(ns)) {
    int threads = num_threads();
    int axis = split_axis(k, args.sizes, threads);
    if (axis >= 0) {
      int64_t size = args.sizes[axis], chunks = std::min<int64_t>(size, ns > 200e3 ? 8 * threads : 4 * threads);
      int64_t chunk = (size + chunks - 1) / chunks;
      if (axis == k.rank - 1) chunk = (chunk + 63) / 64 * 64;  // whole cache lines and vectors
      Split s{&k, &args, scratch_bytes, axis, size, chunk};
      run_chunks((size + chunk - 1) / chunk, run_part, &s);
      return s.status.load(std::memory_order_relaxed);
    }
  }
  if (!k.scratch_mask) {
    launch(k, args);
    return status;
  }
  ScratchPointers scratch(k, args.ptrs, scratch_bytes);
  args.ptrs = scratch.ptrs;
  launch(k, args);
  return status;
}

void raise_status(int32_t status, const char* const* messages) {
  const char* text = messages ? messages[status - 1] : "a kernel's check failed";
  if (std::strcmp(text, "ZeroDivisionError") == 0) raise(ErrorKind::Runtime, "ZeroDivisionError");
  raise(std::strstr(text, "index") ? ErrorKind::Index : ErrorKind::Runtime, text);
}

namespace {

void run_kernel_call(const KernelCall& c, std::byte* const* bases) {
  static const int64_t kZero[12] = {};
  void* ptrs[64];
  int64_t scratch[64];
  for (size_t i = 0; i < c.operands.size(); ++i) {
    const Place& p = c.operands[i];
    if (p.base >= 0)
      ptrs[i] = bases[p.base] + p.offset;
    else
      scratch[i] = p.offset;
  }
  LaunchArgs args{nullptr, ptrs, c.strides.data(), c.sizes.data(), kZero, c.params.data(), nullptr};
  if (int32_t status = run_kernel(*c.kernel, args, c.ns, scratch)) raise_status(status, c.messages);
}

void run_native_call(const NativeCall& c, std::byte* const* bases) {
  RoutineCtx ctx;
  ctx.op = c.op;
  ctx.args = c.args;
  for (size_t i = 0; i < c.args.size(); ++i) {
    const Place& p = c.inputs[i];
    if (p.base >= 0)
      ctx.inputs.push_back(view_of(*c.args[i].val(), bases[p.base] + p.offset));
    else
      ctx.inputs.push_back({});
  }
  ctx.input_lists.resize(c.lists.size());
  for (size_t i = 0; i < c.lists.size(); ++i) {
    auto vals = c.args[i].tag() == ArgTag::TensorList ? c.args[i].as_vals() : std::span<const Val>();
    for (size_t k = 0; k < c.lists[i].size(); ++k) {
      const Place& p = c.lists[i][k];
      ctx.input_lists[i].push_back(p.base >= 0 ? view_of(*vals[k], bases[p.base] + p.offset) : TensorView{});
    }
  }
  for (size_t i = 0; i < c.outs.size(); ++i)
    ctx.outputs.push_back(view_of(*c.outs[i], bases[c.out_places[i].base] + c.out_places[i].offset));
  c.op->native(ctx);
}

}  // namespace

Program::~Program() {
  if (void* p = arena_.load()) free_bytes(p, static_cast<size_t>(arena_bytes));
}

void* Program::lease_arena() const {
  if (arena_bytes == 0) return nullptr;
  if (void* p = arena_.exchange(nullptr, std::memory_order_acquire)) return p;
  return alloc_bytes(static_cast<size_t>(arena_bytes));
}

void Program::return_arena(void* p) const {
  if (!p) return;
  void* expected = nullptr;
  if (!arena_.compare_exchange_strong(expected, p, std::memory_order_release))
    free_bytes(p, static_cast<size_t>(arena_bytes));
}

void Program::run(void* const* inputs, void* const* outputs) const {
  SmallVec<std::byte*, 32> bases;
  for (int32_t i = 0; i < ninputs; ++i) bases.push_back(static_cast<std::byte*>(inputs[i]));
  for (int32_t i = 0; i < noutputs; ++i) bases.push_back(static_cast<std::byte*>(outputs[i]));
  for (auto& c : constants) bases.push_back(c.first.get());
  struct Lease {
    const Program* p;
    void* arena;
    ~Lease() { p->return_arena(arena); }
  } lease{this, lease_arena()};
  bases.push_back(static_cast<std::byte*>(lease.arena));
  for (const Step& s : steps) {
    if (s.kernel >= 0)
      run_kernel_call(kernels[static_cast<size_t>(s.kernel)], bases.data());
    else
      run_native_call(natives[static_cast<size_t>(s.native)], bases.data());
  }
}

size_t Program::bytes() const {
  size_t n = sizeof *this + steps.size() * sizeof(Step) + metas.size() * sizeof(TensorMeta);
  n += kernels.size() * sizeof(KernelCall) + natives.size() * (sizeof(NativeCall) + 128);
  for (auto& c : constants) n += c.second;
  return n + static_cast<size_t>(arena_bytes);
}

}  // namespace fj::runtime
