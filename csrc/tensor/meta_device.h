// The device `meta`: tensors that have sizes, dtypes and a history, and no memory. Ops on them infer what comes out.
//
// Models are made there to see their parts' sizes, or to be filled from a checkpoint later. A meta tensor carries a
// Wrapper, which answers whoever wants elements.
#pragma once
#include "tensor/lazy.h"

namespace fj::meta_device {

inline bool is_meta(const TensorObj* t) { return t->meta.device.type == DeviceType::Meta; }
bool involves(Args args);  // a meta tensor, or the device

// As lazy::call and lazy::execute.
void call(const OpDef& op, Args args, Outs& outs, lazy::Proceed proceed);
void execute(const OpDef& op, Args args, Outs& outs);

// Does a trace or vmap have it? Meta tensors lack memory for good.
inline bool is_traced(TensorObj* t) { return !is_meta(t) && is_without_memory(t); }
// Gives a tensor whose meta has been replaced what its device needs.
void settle(TensorObj* t);

// The device of tensors that are made without saying where, per thread.
Device default_device();
void set_default_device(Device d);
// The factory call with the default device in its place; false: it is the CPU, or the op takes no device of its own.
bool fill_device(const OpDef& op, Args args, ArgVec* filled);

// A meta tensor of the same sizes and strides.
TensorRef like(const TensorObj* t);

}  // namespace fj::meta_device
