// Tensors from Python data.
#pragma once
#include "bind/types.h"
#include "tensor/tensor.h"

namespace fj::bind {

// Numbers, nested sequences, arrays, buffers or tensors; always a copy. `dtype` null: inferred as torch.tensor does.
TensorRef tensor_from_data(PyObject* data, const DType* dtype);
// Shares memory where that is possible (an array, a buffer, a tensor of the dtype), else copies.
TensorRef tensor_sharing_data(PyObject* data, const DType* dtype);
// Tensor(sizes…), Tensor(data): the old constructor.
TensorRef legacy_constructor(PyTypeObject* type, PyObject* args, PyObject* kwargs);
// A fresh tensor passes through the active layer, if any.
TensorRef adopted(TensorRef fresh);
// Marks a new leaf; raises for dtypes without gradients.
void require_grad(TensorObj* t);

// exchange.cpp: a tensor over an object's memory (array interface, buffer protocol); null if it has none.
TensorRef from_array(PyObject* o, bool may_be_read_only);

}  // namespace fj::bind
