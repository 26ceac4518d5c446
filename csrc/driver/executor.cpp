// The eager executor: eager execution is the compiler with a graph of one op.
#include "driver/executor.h"

#include "driver/eager_pointwise.h"
#include "driver/eager_program.h"
#include "ops/calls.h"
#include "tensor/eager.h"

namespace fj::driver {
namespace {

using Pointers = SmallVec<void*, 8>;

Pointers data_of_args(Args args) {
  Pointers out;
  for_each_val(args, [&](Val v) { out.push_back(data_of(tensor_of(v))); });
  return out;
}

void run_one_pointwise(const OpDef& op, Args args, TensorObj* out) {
  void* in[16];
  size_t n = 0;
  for (const Arg& a : args) {
    if (!a.is_tensor()) continue;
    FJ_CHECK(n < 16, op.full_name, " has too many tensor arguments");
    in[n++] = data_of(tensor_of(a.val()));
  }
  run_pointwise(op, args, {in, n}, out->meta, data_of(out));
}

// An argument's memory that a kernel of several stages must not overwrite while it reads.
bool aliases_argument(Args args, const TensorObj* out) {
  bool found = false;
  for_each_val(args, [&](Val v) { found = found || tensor_of(v)->storage == out->storage; });
  return found;
}

class Executor final : public EagerExecutor {
 public:
  void run(const OpDef& op, Args args, std::span<TensorObj* const> outs) override {
    if (op.kind == OpKind::Pointwise && outs.size() == 1) return run_one_pointwise(op, args, outs[0]);
    SmallVec<TensorRef, 2> copies;
    SmallVec<const TensorMeta*, 2> metas;
    Pointers out_data;
    for (TensorObj* t : outs) {
      copies.push_back(aliases_argument(args, t) ? empty(t->meta.sizes, t->meta.dtype) : TensorRef());
      TensorObj* to = copies.back() ? copies.back().get() : t;
      metas.push_back(&to->meta);
      out_data.push_back(data_of(to));
    }
    Pointers in = data_of_args(args);
    run_eager_program(op, args, in, metas, out_data);
    for (size_t i = 0; i < outs.size(); ++i) {
      if (!copies[i]) continue;
      Arg from[] = {Arg(copies[i].val()), Arg()};
      run_one_pointwise(op_def(OpId::clone), from, outs[i]);
    }
  }
};

}  // namespace

void register_executor() {
  static Executor executor;
  set_eager_executor(&executor);
}

}  // namespace fj::driver
