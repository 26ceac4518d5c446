// framejit.UntypedStorage: the Python face of a Storage.
#pragma once
#include "tensor/tensor.h"

namespace fj::bind {

PyObject* new_storage_object(TensorObj* t);
// The Storage behind an UntypedStorage object; null if it is none.
Storage* storage_of(PyObject* o);

}  // namespace fj::bind
