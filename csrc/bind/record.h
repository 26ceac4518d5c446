// Recording: a layer under which every op call happens as usual and is told to a Python callable.
#pragma once
#include "tensor/tensor.h"

namespace fj::bind {

// Tells an active recorder that the elements of a tensor become a Python value ("item", "bool", "tolist" …). Throws.
void note_read(TensorObj* t, const char* what);

// An argument of an op as a Python object; `tensor` gives those of tensors (and None for a null one).
PyObject* arg_object(const Arg& a, PyObject* (*tensor)(Val));

}  // namespace fj::bind
