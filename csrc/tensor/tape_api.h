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
  void (*clear)(TensorObj* t) = nullptr;  // frees t->autograd
};
extern TapeApi tape_api;

inline bool tape_needs(const TensorObj* t) { return t->meta.requires_grad || (t->base && t->base->meta.requires_grad); }

}  // namespace fj
