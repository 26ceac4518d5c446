// The Tensor type, put together from parts: lifecycle slots of tensor/tensor.h, the number protocol, indexing,
// attributes, methods. Other parts (the tape's) add theirs with the two functions below, after "tensor" in module.cpp's
// table.
#pragma once
#include "py/error.h"
#include "tensor/tensor.h"

namespace fj::bind {

bool add_tensor_methods(PyMethodDef* table);  // static methods with METH_STATIC, class methods with METH_CLASS
bool add_tensor_getset(PyGetSetDef* table);

// Slots and tables of the parts.
struct SlotList;
void add_number_slots(PyType_Slot*& at);    // tensor_number.cpp
void add_sequence_slots(PyType_Slot*& at);  // tensor_index.cpp
void add_buffer_slots(PyType_Slot*& at);    // exchange.cpp
bool link_number_ops();                     // finds the rows behind the operators
extern PyGetSetDef kTensorAttributes[];     // tensor_attrs.cpp
extern PyMethodDef kTensorMethods[];        // tensor_methods.cpp
extern PyMethodDef kTensorConversions[];    // tensor_convert.cpp
extern PyMethodDef kTensorExchange[];       // exchange.cpp

// `t` takes over where `from` looks and how, but not whether it requires gradients (tensor_attrs.cpp).
void look_at(TensorObj* t, const TensorObj* from);

inline PyObject* wrap(TensorRef t) { return t.release_object(); }

}  // namespace fj::bind
