// Reading elements out as Python objects.
#pragma once
#include "py/error.h"
#include "tensor/layer.h"

namespace fj::bind {

// The single element of `t`. Raises where there are more or fewer, or no data (a traced tensor).
Arg read_item(TensorObj* t, const char* what);
PyObject* item_object(TensorObj* t, const char* what);  // of a tensor of one element; new reference, throws
PyObject* number_object(const Arg& number);             // new reference
PyObject* element_object(const std::byte* p, DType t);  // new reference
// Nested lists of all elements; a number for a 0-d tensor.
PyObject* to_list(TensorObj* t);

}  // namespace fj::bind
