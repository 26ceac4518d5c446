// Execution below layers and tape: one way for each kind of op.
#include "ops/foreign.h"
#include "ops/infer.h"
#include "tensor/eager.h"
#include "tensor/execute_internal.h"
#include "tensor/python_dispatch.h"
#include "tensor/lazy.h"

namespace fj {
namespace {

EagerExecutor* the_executor = nullptr;

void run_view(const OpDef& op, Args args, Outs& outs) {
  InferCtx c{op, args};
  op.infer(c);
  TensorObj* self = tensor_of(args[0].val());
  if (op.id == OpId::detach) return outs.push_back(make_alias(self));
  if (op.id == OpId::as_strided) check_in_storage(self, c.out[0]);
  for (const TensorMeta& m : c.out) {
    outs.push_back(make_view(self, m));
    if (!thread_state().grad_mode) outs.back()->flags |= kNoGradView;
  }
}

// The executor, with PyTorch's words for an op that a dtype has not.
void run_executor(const OpDef& op, Args args, std::span<TensorObj* const> outs) {
  try {
    eager_executor().run(op, args, outs);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::NotImplemented || op.kind == OpKind::Composite) throw;
    DType t = op.compute ? op.compute(op, args) : outs[0]->meta.dtype;
    raise(ErrorKind::NotImplemented, "\"", op.name, "_cpu\" not implemented for '", scalar_type_name(t), "'");
  }
}

void run_computed(const OpDef& op, Args args, Outs& outs) {
  SmallVec<TensorMeta, 2> metas;
  infer_op(op, args, metas);
  SmallVec<TensorObj*, 2> raw;
  for (TensorMeta& m : metas) {
    m.requires_grad = false;
    outs.push_back(empty(std::move(m)));
    raw.push_back(outs.back().get());
  }
  if ((op.reduce == ReduceOp::ArgMax || op.reduce == ReduceOp::ArgMin) && args[0].val()->dim() == 0)
    return store_number(data_of(raw[0]), raw[0]->meta.dtype, Arg(0));  // the only position that a 0-d tensor has
  run_executor(op, args, raw);
}

void decompose_below(const OpDef& op, Args args, Outs& outs) {
  GradModeGuard no_grad(false);
  EagerBuilder b;
  SmallVec<Val, 2> vals;
  op.decompose(b, op, args, vals);
  for (Val v : vals) outs.push_back(b.take(v));
}

}  // namespace

void set_eager_executor(EagerExecutor* executor) { the_executor = executor; }
EagerExecutor& eager_executor() { return *the_executor; }

void Layer::execute(const OpDef& op, Args, Outs&) { raise(ErrorKind::Internal, op.name, "() below a layer"); }

void execute_op(const OpDef& op, Args args, Outs& outs) {
  if (__builtin_expect(thread_state().recorder != nullptr, 0)) return thread_state().recorder->execute(op, args, outs);
  execute_unrecorded(op, args, outs);
}

void execute_unrecorded(const OpDef& op, Args args, Outs& outs) {
  if (__builtin_expect(lazy::in_use, 0) && lazy::involves(args)) return lazy::execute(op, args, outs);
  if (__builtin_expect(python_dispatch::in_use, 0) && python_dispatch::involves(args))
    return python_dispatch::execute(op, args, outs);
  if (__builtin_expect(must_rewrite(op, args), 0)) {
    GradModeGuard no_grad(false);
    return call_foreign(op, args, outs);
  }
  if (op.has(kInplace) || (!op.args.empty() && op.args[0].mutated)) return run_inplace(op, args, outs);
  switch (op.kind) {
    case OpKind::View: return run_view(op, args, outs);
    case OpKind::Native: return run_native(op, args, {}, outs);
    case OpKind::Composite:
      if (is_transparent(op)) return decompose_below(op, args, outs);
      [[fallthrough]];
    default: return run_computed(op, args, outs);
  }
}

void check_in_storage(const TensorObj* t, const TensorMeta& view) {
  for (Dim s : view.strides)
    FJ_USER_CHECK(s >= 0, ErrorKind::Runtime,
                  "as_strided: Negative strides are not supported at the moment, got strides: ", view.strides);
  FJ_USER_CHECK(view.offset >= 0, ErrorKind::Runtime, "Tensor: invalid storage offset ", view.offset);
  int64_t need = extent_nbytes(view);
  FJ_USER_CHECK(need <= t->storage->nbytes, ErrorKind::Runtime, "setStorage: sizes ", view.sizes, ", strides ",
                view.strides, ", storage offset ", view.offset, ", and itemsize ", size_of(view.dtype),
                " requiring a storage size of ", need, " are out of bounds for storage of size ", t->storage->nbytes);
}

void run_into(const OpDef& op, Args args, std::span<TensorObj* const> outs) {
  if (op.id == OpId::copy) return copy_into(outs[0], tensor_of(args[1].val()));
  bool direct = op.kind == OpKind::Pointwise || op.kind == OpKind::Reduction;
  if (direct) return run_executor(op, args, outs);
  Outs made;
  execute_op(op, args, made);
  for (size_t i = 0; i < outs.size(); ++i) copy_into(outs[i], made[i].get());
}

void separate_overlap(ArgVec& args, const TensorObj* out, Outs& keep) {
  auto separate = [&](Val v) {
    if (!overlaps_partly(tensor_of(v), out)) return v;
    TensorRef copy = empty(v->sizes, v->dtype);
    copy_into(copy.get(), tensor_of(v));
    keep.push_back(copy);
    return copy.val();
  };
  for (Arg& a : args) {
    bool clash = false;
    for_each_val(Args(&a, 1), [&](Val v) { clash |= overlaps_partly(tensor_of(v), out); });
    if (clash) a = map_vals(a, separate);
  }
}

namespace {

// A view of the real or imaginary parts.
TensorRef part_view(TensorObj* t, int index) {
  const Arg args[] = {Arg(val_of(t)), Arg(index)};
  InferCtx c{op_def(OpId::_part), args};
  c.op.infer(c);
  return make_view(t, c.out[0]);
}

void copy_complex(TensorObj* to, TensorObj* from) {
  bool complex = is_complex(from->meta.dtype);
  if (!is_complex(to->meta.dtype)) return copy_into(to, part_view(from, 0).get());
  TensorRef zero = complex ? TensorRef() : scalar_tensor(Arg(0), part_of(to->meta.dtype));
  for (int i = 0; i < 2; ++i) {
    TensorRef part = complex ? part_view(from, i) : i == 0 ? TensorRef::borrow(from) : zero;
    copy_into(part_view(to, i).get(), part.get());
  }
}

void copy_unsigned(TensorObj* to, TensorObj* from) {
  GradModeGuard no_grad(false);
  EagerBuilder b;
  Val source = from->meta.dtype == to->meta.dtype ? val_of(from)
                                                  : b.emit1(OpId::_to_dtype, {Arg(val_of(from)), Arg(to->meta.dtype)});
  if (!is_wide_unsigned(to->meta.dtype)) return copy_into(to, tensor_of(source));
  copy_into(tensor_of(signed_view(b, val_of(to))), tensor_of(signed_view(b, source)));
}

}  // namespace

void copy_into(TensorObj* to, TensorObj* from) {
  if (is_wide_unsigned(to->meta.dtype) || is_wide_unsigned(from->meta.dtype)) return copy_unsigned(to, from);
  if (is_complex(to->meta.dtype) || is_complex(from->meta.dtype)) return copy_complex(to, from);
  static const OpDef* copy = find_op("copy");
  ArgVec args{Arg(val_of(to)), Arg(val_of(from)), Arg(false)};
  Outs keep;
  separate_overlap(args, to, keep);
  TensorObj* out[] = {to};
  eager_executor().run(*copy, args, out);
}

}  // namespace fj
