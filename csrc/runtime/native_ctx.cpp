#include "runtime/native_ctx.h"

#include "ops/opdef.h"
#include "runtime/memory.h"
#include "runtime/threads.h"

namespace fj::runtime {

RoutineCtx::~RoutineCtx() {
  for (auto& [p, n] : blocks_) free_bytes(p, n);
}

TensorView& RoutineCtx::alloc_out(size_t, const Shape&, DType) {
  raise(ErrorKind::DataDependent, op->full_name, ": the result's size depends on data");
}

void* RoutineCtx::scratch(size_t nbytes) {
  void* p = alloc_bytes(nbytes);
  blocks_.push_back({p, nbytes});
  return p;
}

namespace {
struct Range {
  void (*body)(void*, int64_t, int64_t);
  void* state;
  int64_t n, chunk;
};
}  // namespace

void RoutineCtx::parallel_for(int64_t n, double cost_ns, void (*body)(void*, int64_t, int64_t), void* state) {
  if (n <= 0) return;
  if (n == 1 || !worth_splitting(static_cast<double>(n) * cost_ns)) return body(state, 0, n);
  int64_t chunks = std::min<int64_t>(n, 4 * num_threads());
  Range r{body, state, n, (n + chunks - 1) / chunks};
  run_chunks((n + r.chunk - 1) / r.chunk,
             [](void* s, int64_t i, int) {
               auto* r = static_cast<Range*>(s);
               r->body(r->state, i * r->chunk, std::min(r->n, (i + 1) * r->chunk));
             },
             &r);
}

}  // namespace fj::runtime
