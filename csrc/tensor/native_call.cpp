// Calls native routines from eager mode: tensors become raw views, outputs are allocated as the op's rule says.
#include "ops/infer.h"
#include "runtime/native_ctx.h"
#include "tensor/execute_internal.h"

namespace fj {
namespace {

TensorView view_of(const TensorObj* t) { return TensorView{data_of(t), t->meta.dtype, t->meta.sizes, t->meta.strides}; }

class EagerNativeCtx final : public runtime::RoutineCtx {
 public:
  Outs results;

  TensorView& alloc_out(size_t i, const Shape& sizes, DType dtype) override {
    while (results.size() <= i) {
      results.push_back(TensorRef());
      outputs.push_back(TensorView());
    }
    results[i] = empty(sizes, dtype);
    return outputs[i] = view_of(results[i].get());
  }
};

void set_inputs(EagerNativeCtx& ctx, const OpDef& op, Args args) {
  ctx.op = &op;
  ctx.args.assign(args.begin(), args.end());
  ctx.inputs.resize(args.size());
  bool lists = false;
  for (const Arg& a : args) lists |= a.tag() == ArgTag::TensorList;
  if (lists) ctx.input_lists.resize(args.size());
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].is_tensor()) ctx.inputs[i] = view_of(tensor_of(args[i].val()));
    if (args[i].tag() != ArgTag::TensorList) continue;
    for (Val v : args[i].as_vals()) ctx.input_lists[i].push_back(v ? view_of(tensor_of(v)) : TensorView());
  }
}

}  // namespace

void run_native(const OpDef& op, Args args, std::span<TensorObj* const> given, Outs& outs) {
  EagerNativeCtx ctx;
  if (!given.empty()) {
    for (TensorObj* t : given) ctx.results.push_back(TensorRef::borrow(t));
  } else {
    SmallVec<TensorMeta, 2> metas;
    infer_op(op, args, metas);  // for its checks, too, where sizes depend on data
    for (TensorMeta& m : metas) {
      if (op.has(kDynamicShape)) break;
      m.requires_grad = false;
      ctx.results.push_back(empty(std::move(m)));
    }
  }
  set_inputs(ctx, op, args);
  for (TensorRef& r : ctx.results) ctx.outputs.push_back(view_of(r.get()));
  op.native(ctx);
  for (TensorRef& r : ctx.results) outs.push_back(std::move(r));
}

}  // namespace fj
