// Recording: a layer under which every op call happens as usual and is told to a Python callable.
#pragma once
#include "tensor/tensor.h"

namespace fj::bind {

// Tells an active recorder that the elements of a tensor become a Python value ("item", "bool", "tolist" …). Throws.
void note_read(TensorObj* t, const char* what);

}  // namespace fj::bind
