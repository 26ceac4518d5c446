// Where a tensor's hooks are.
#pragma once
#include "tensor/tensor.h"

namespace fj::tape {

// The slot of the dict (number -> function) that holds t's tensor hooks: the leaf's own, or the node's for its result.
PyObject** hook_dict(TensorObj* t);
// What backward passes are handed to first (NULL: nothing). It answers NotImplemented, or the gradients asked for.
extern PyObject* backward_compiler;

}  // namespace fj::tape
