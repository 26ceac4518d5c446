// Parts of execution below layers and tape; see execute.cpp.
#pragma once
#include "tensor/dispatch.h"

namespace fj {

// execute_op where nothing records (see ThreadState::recorder).
void execute_unrecorded(const OpDef& op, Args args, Outs& outs);

// A native op: makes the NativeCtx and calls the routine. `given` holds the output tensors (memory as the op's rule
// says), or is empty: then they are allocated here.
void run_native(const OpDef& op, Args args, std::span<TensorObj* const> given, Outs& outs);
// An in-place form (kInplace), or an op of its own that mutates its first argument.
void run_inplace(const OpDef& op, Args args, Outs& outs);
// What an in-place op may not do: raises what PyTorch raises (sizes, dtypes, self-overlap). Reads metas only.
void check_inplace_call(const OpDef& op, Args args);
// A call that must be rewritten (ops/foreign.h).
void call_foreign(const OpDef& op, Args args, Outs& outs);
// May `result` be written to `self`: equal sizes, a dtype that casts? Raises if not.
void check_result_fits(Val self, Val result);
// as_strided may name any elements: raises unless all lie in the storage.
void check_in_storage(const TensorObj* t, const TensorMeta& view);
// Copies elements with broadcasting and a cast; handles overlap.
void copy_into(TensorObj* to, TensorObj* from);
// Computes into outputs whose sizes are the inferred ones.
void run_into(const OpDef& op, Args args, std::span<TensorObj* const> outs);
// A clone of every argument that `out` overlaps without being the same elements.
void separate_overlap(ArgVec& args, const TensorObj* out, Outs& keep);

}  // namespace fj
