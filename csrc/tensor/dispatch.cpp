#include "tensor/dispatch.h"

#include "ops/foreign.h"
#include "ops/infer.h"
#include "tensor/autocast.h"
#include "tensor/execute_internal.h"
#include "tensor/lazy.h"
#include "tensor/tape_api.h"
#include "tensor/python_dispatch.h"
#include "tensor/meta_device.h"

namespace fj {
namespace {

// What the arguments of a call have: one pass over them decides which way it goes.
struct ArgFacts {
  bool wrapped = false;
  bool needs_grad = false;
  bool foreign = false;

  void see(const TensorObj* t) {
    wrapped |= t->wrapper != nullptr;
    needs_grad |= tape_needs(t);
    foreign |= is_foreign(t->meta.dtype);
  }
};

ArgFacts facts_of(Args args) {
  ArgFacts f;
  for (const Arg& a : args) {
    if (a.tag() == ArgTag::Tensor)
      f.see(tensor_of(a.val()));
    else if (a.tag() == ArgTag::DType)
      f.foreign |= is_foreign(a.as_dtype());
    else if (a.tag() == ArgTag::Complex)
      f.foreign = true;
    else if (a.tag() == ArgTag::TensorList)
      for (Val v : a.as_vals())
        if (v) f.see(tensor_of(v));
  }
  return f;
}

void call_layer(const OpDef& op, Args args, Outs& outs) {
  Layer* layer = thread_state().top;
  LayerPause below(layer->below);
  layer->dispatch(op, args, outs);
}

// `self` keeps being the same object: the result is computed aside and copied.
void foreign_inplace(const OpDef& op, Args args, Outs& outs) {
  FJ_USER_CHECK(op.partner, ErrorKind::NotImplemented, "\"", op.name, "_cpu\" not implemented for '",
                scalar_type_name(args[0].val()->dtype), "'");
  Outs made;
  call_op(*op.partner, args, made);
  check_result_fits(args[0].val(), made[0].val());
  call_op(op_def(OpId::copy_), ArgVec{args[0], Arg(made[0].val()), Arg(false)}, outs);
}

void decompose(const OpDef& op, Args args, Outs& outs) {
  autocast::Inside inside;
  EagerBuilder b;
  SmallVec<Val, 2> vals;
  op.decompose(b, op, args, vals);
  for (Val v : vals) outs.push_back(b.take(v));
}

void check_inplace(const OpDef& op, Args args) {
  if (!tape_api.check_inplace || args.empty() || op.args.empty() || !op.args[0].mutated || !args[0].is_tensor()) return;
  TensorObj* self = tensor_of(args[0].val());
  if (self->flags & kInferenceTensor) tape_api.check_inplace(self);
}

// What is made in inference mode can never take part in a backward pass; what is written there stays as it was.
void mark_inference(const OpDef& op, Outs& outs) {
  if (!op.args.empty() && op.args[0].mutated) return;
  for (TensorRef& t : outs) t->flags |= kInferenceTensor;
}

}  // namespace

void call_foreign(const OpDef& op, Args args, Outs& outs) {
  if (op.has(kInplace) || (!op.args.empty() && op.args[0].mutated)) return foreign_inplace(op, args, outs);
  EagerBuilder b;
  SmallVec<Val, 2> vals;
  emit_foreign(b, op, args, vals);
  for (Val v : vals) outs.push_back(b.take(v));
}

namespace {

inline void call_with_facts(const OpDef& op, Args args, const ArgFacts& f, Outs& outs) {
  if (__builtin_expect(f.foreign, 0) && must_rewrite(op, args)) return call_foreign(op, args, outs);
  if (is_transparent(op) && !op.has(kInplace)) return decompose(op, args, outs);
  if (f.needs_grad && thread_state().grad_mode && tape_api.call) return tape_api.call(op, args, outs);
  check_inplace(op, args);
  execute_op(op, args, outs);
  if (__builtin_expect(thread_state().inference_mode, 0) && !op.is_view()) mark_inference(op, outs);
}

// No layer, nothing to cast.
void call_plain(const OpDef& op, Args args, Outs& outs) { call_with_facts(op, args, facts_of(args), outs); }

}  // namespace

void call_op(const OpDef& op, Args args, Outs& outs) {
  if (__builtin_expect(thread_state().top != nullptr, 0)) {
    if (must_rewrite(op, args)) return call_foreign(op, args, outs);
    return call_layer(op, args, outs);
  }
  if (__builtin_expect(thread_state().autocast.cpu, 0) && autocast::call(op, args, outs)) return;
  if (__builtin_expect(lazy::in_use, 0)) {
    ArgVec filled;
    if (meta_device::fill_device(op, args, &filled)) args = Args(filled.data(), filled.size());
    if (lazy::involves(args)) return lazy::call(op, args, outs, call_plain);
  }
  ArgFacts f = facts_of(args);
  const bool asked = f.wrapped && python_dispatch::in_use && python_dispatch::involves(args);
  FJ_USER_CHECK(!f.wrapped || asked, ErrorKind::Runtime, op.name,
                "(): a traced or batched tensor is used outside the function that it belongs to");
  call_with_facts(op, args, f, outs);
}

void EagerBuilder::emit(const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Outs results;
  call_op(op, args, results);
  for (TensorRef& r : results) {
    outs.push_back(r.val());
    owned_.push_back(std::move(r));
  }
}

}  // namespace fj
