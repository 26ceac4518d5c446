// What the dispatcher and the tensor object ask of the tape. Filled by the tape's init; null entries mean "no tape".
#pragma once
#include <Python.h>

#include "ops/opdef.h"
#include "tensor/tensor.h"

namespace fj {

struct TapeApi {
  // Executes `op` (by execute_op) and records it: grad mode is on and an argument, or its base, requires grad.
  void (*call)(const OpDef& op, Args args, Outs& outs) = nullptr;
  // Before an in-place op on a tensor whose gradient nobody tracks: inference tensors outside inference mode raise.
  void (*check_inplace)(TensorObj* self) = nullptr;
  int (*traverse)(TensorObj* t, visitproc visit, void* arg) = nullptr;
  void (*clear)(TensorObj* t) = nullptr;              // frees t->autograd
  bool (*has_grad_fn)(const TensorObj* t) = nullptr;  // for tensors with autograd state that require grad
};
extern TapeApi tape_api;

// A tensor that requires grad because it was computed from one that does.
inline bool is_non_leaf(const TensorObj* t) {
  if (t->flags & kNonLeaf) return true;
  return t->meta.requires_grad && t->autograd && tape_api.has_grad_fn && tape_api.has_grad_fn(t);
}

inline bool tape_needs(const TensorObj* t) { return t->meta.requires_grad || (t->base && t->base->meta.requires_grad); }

}  // namespace fj
