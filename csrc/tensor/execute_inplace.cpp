// In-place ops and out=: what may be written, and the cases where the result must be computed aside first.
#include <algorithm>
#include <string_view>

#include "ops/foreign.h"
#include "ops/infer.h"
#include "tensor/execute_internal.h"
#include "tensor/lazy.h"
#include "tensor/python_dispatch.h"
#include "tensor/tape_api.h"

namespace fj {
namespace {

void check_writable(const TensorObj* self) {
  FJ_USER_CHECK(
      !overlaps_itself(self->meta), ErrorKind::Runtime,
      "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
      "Please clone() the tensor before performing the operation.");
}

void check_castable(DType from, DType to) {
  FJ_USER_CHECK(can_cast(from, to), ErrorKind::Runtime, "result type ", scalar_type_name(from),
                " can't be cast to the desired output type ", scalar_type_name(to));
}

// What reads its arguments after it has begun to write: the output may not be an argument either, as in PyTorch.
constexpr std::string_view kApart[] = {"cat",          "cross",       "gather",        "index_add", "index_copy",
                                       "index_select", "kthvalue",    "masked_select", "max",       "min",
                                       "scatter",      "scatter_add", "stack",         "take"};

// Whose outputs are of the result's dtype, not of one that it casts to.
constexpr std::string_view kExact[] = {"aminmax", "complex", "gather", "multinomial", "scatter", "scatter_add"};

void check_out_dtype(const OpDef& op, DType made, DType out) {
  check_castable(made, out);
  const bool exact = std::find(std::begin(kExact), std::end(kExact), op.name) != std::end(kExact);
  FJ_USER_CHECK(!exact || made == out, ErrorKind::Runtime, "Expected out tensor to have dtype ", name_of(made),
                ", but got ", name_of(out), " instead");
}

// A factory makes what the output holds: a dtype that is not given is the output's.
ArgVec with_dtype_of_out(const OpDef& op, Args args, std::span<TensorObj* const> out) {
  ArgVec own(args.begin(), args.end());
  const int dtype = op.arg_index("dtype");
  if (dtype < 0 || op.arg_index("device") < 0) return own;
  Arg& wanted = own[static_cast<size_t>(dtype)];
  const DType have = out[0]->meta.dtype;
  FJ_USER_CHECK(wanted.is_none() || wanted.as_dtype() == have, ErrorKind::Runtime, "dtype ",
                scalar_type_name(wanted.as_dtype()), " does not match dtype of out parameter (", scalar_type_name(have),
                ")");
  wanted = Arg(have);
  return own;
}

// Elementwise ops may write to an argument itself, but not to a shifted view of it.
void check_apart(const OpDef& op, Args args, const TensorObj* out) {
  const bool apart = std::find(std::begin(kApart), std::end(kApart), op.name) != std::end(kApart);
  if (!apart && op.kind != OpKind::Pointwise) return;
  for_each_val(args, [&](Val v) {
    const TensorObj* t = tensor_of(v);
    const bool held = t->storage->data && data_of(t) == data_of(out);  // a traced tensor has no memory
    const bool same = (t == out || held) && t->meta.numel() && out->meta.numel();
    FJ_USER_CHECK(
        !overlaps_partly(t, out) && !(apart && same), ErrorKind::Runtime,
        "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single "
        "memory location. Please clone() the tensor before performing the operation.");
  });
}

// The in-place form of a functional op; checked already.
void run_partner(const OpDef& op, Args args, TensorObj* self) {
  const OpDef& f = *op.partner;
  ArgVec own(args.begin(), args.end());
  Outs keep;
  separate_overlap(own, self, keep);
  TensorObj* out[] = {self};
  if (f.kind == OpKind::Native && f.has(kAliasOut)) {
    Outs same;
    run_native(f, own, out, same);
    return;
  }
  run_into(f, own, out);
}

void resize_out(const OpDef& op, TensorObj* out, const TensorMeta& want) {
  if (out->meta.sizes == want.sizes) return;
  if (out->meta.numel() != 0) {
    std::string text =
        cat("An output with one or more elements was resized since it had shape ", out->meta.sizes,
            ", which does not match the required output shape ", want.sizes,
            ". This behavior is deprecated, and in a future release outputs will not be resized unless they "
            "have zero elements. You can explicitly reuse an out tensor t by resizing it, inplace, to zero "
            "elements with t.resize_(0).");
    if (PyErr_WarnEx(PyExc_UserWarning, text.c_str(), 1) < 0) raise(ErrorKind::Runtime, op.name, "(): ", text);
  }
  TensorMeta fresh = out->meta;
  fresh.sizes = want.sizes;
  fresh.strides = want.strides;
  resize_storage(out->storage, extent_nbytes(fresh));
  out->meta = std::move(fresh);
  facts_changed(out);
}

}  // namespace

void check_result_fits(Val self, Val result) {
  FJ_USER_CHECK(result->sizes == self->sizes, ErrorKind::Runtime, "output with shape ", self->sizes,
                " doesn't match the broadcast shape ", result->sizes);
  check_castable(result->dtype, self->dtype);
}

void check_inplace_call(const OpDef& op, Args args) {
  const TensorObj* self = tensor_of(args[0].val());
  check_writable(self);
  SmallVec<TensorMeta, 2> metas;
  infer_op(op.partner ? *op.partner : op, args, metas);
  check_result_fits(args[0].val(), Val{&metas[0]});
}

void run_inplace(const OpDef& op, Args args, Outs& outs) {
  TensorObj* self = tensor_of(args[0].val());
  TensorRef keep = TensorRef::borrow(self);
  check_inplace_call(op, args);
  if (op.partner) {
    run_partner(op, args, self);
  } else {
    FJ_CHECK(op.kind == OpKind::Native, "the mutating op ", op.full_name, " has no functional partner");
    ArgVec own(args.begin(), args.end());
    Outs copies, same;
    separate_overlap(own, self, copies);
    own[0] = args[0];
    TensorObj* out[] = {self};
    run_native(op, own, out, same);
  }
  bump_version(self);
  outs.push_back(std::move(keep));
}

void call_op_out(const OpDef& op, Args given, std::span<TensorObj* const> out, Outs& outs) {
  ArgVec args = with_dtype_of_out(op, given, out);
  bool grad = false;
  for_each_val(args, [&](Val v) { grad |= tape_needs(tensor_of(v)); });
  for (TensorObj* t : out) grad |= tape_needs(t);
  FJ_USER_CHECK(!grad || !thread_state().grad_mode, ErrorKind::Runtime, op.name,
                "(): functions with out=... arguments don't support automatic differentiation, but one of the "
                "arguments requires grad.");
  for (TensorObj* t : out) {
    check_writable(t);
    check_apart(op, args, t);
  }
  bool foreign = foreign_facts(args).any();
  for (TensorObj* t : out) foreign = foreign || is_foreign(t->meta.dtype);
  bool lazily = lazy::in_use && lazy::involves(args);
  for (TensorObj* t : out) lazily = lazily || lazy::is_lazy(t);
  bool asked = python_dispatch::mode_active() || (python_dispatch::in_use && python_dispatch::involves(args));
  if (thread_state().top || asked || op.has(kDynamicShape) || foreign ||
      lazily) {  // layers see the functional op and a copy
    Outs made;
    call_op(op, args, made);
    for (size_t i = 0; i < out.size(); ++i) {
      check_out_dtype(op, made[i]->meta.dtype, out[i]->meta.dtype);
      if (!out[i]->wrapper) resize_out(op, out[i], made[i]->meta);
      FJ_USER_CHECK(out[i]->meta.sizes == made[i]->meta.sizes, ErrorKind::Runtime, op.name, "(): the output of sizes ",
                    out[i]->meta.sizes, " cannot be resized here to ", made[i]->meta.sizes);
      outs.push_back(call1(*find_op("copy_"), {Arg(val_of(out[i])), Arg(made[i].val()), Arg(false)}));
    }
    return;
  }
  SmallVec<TensorMeta, 2> metas;
  infer_op(op, args, metas);
  Outs keep;
  for (size_t i = 0; i < out.size(); ++i) {
    check_out_dtype(op, metas[i].dtype, out[i]->meta.dtype);
    for_each_val(args, [&](Val v) {  // an argument that the resize would pull away
      FJ_USER_CHECK(tensor_of(v) != out[i] || out[i]->meta.sizes == metas[i].sizes, ErrorKind::Runtime, op.name,
                    "(): an argument is also the output, but the output has another shape");
    });
    resize_out(op, out[i], metas[i]);
    check_apart(op, args, out[i]);  // of a grown output, too
    separate_overlap(args, out[i], keep);
  }
  run_into(op, args, out);
  for (TensorObj* t : out) {
    bump_version(t);
    outs.push_back(TensorRef::borrow(t));
  }
}

}  // namespace fj
