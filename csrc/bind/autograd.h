// The tape in Python: attributes and methods of Tensor, grad_fn objects, modes, backward, autograd.Function.
#pragma once
#include "bind/tensor_type.h"
#include "tensor/autograd.h"

namespace fj::bind {

extern PyMethodDef kAutogradTensorMethods[];  // autograd_tensor.cpp
extern PyGetSetDef kAutogradTensorGetset[];
extern PyMethodDef kBackwardFunctions[];  // autograd_backward.cpp
extern PyMethodDef kTapeFunctions[];      // autograd_tape.cpp
extern PyMethodDef kModeFunctions[];      // autograd_modes.cpp
extern PyMethodDef kFunctionFunctions[];  // autograd_function.cpp
extern PyMethodDef kAutocastFunctions[];  // autocast.cpp
bool init_node_type(PyObject* module);    // autograd_node.cpp

// (class, context, kept tensors, which arguments were tensors) of an autograd.Function's node; None for other nodes.
PyObject* function_parts(const tape::Node& node);
// A tensor of vmap: it has no tape state of its own.
bool is_batched(PyObject* tensor);
// The tensors of a Python tensor, or sequence of them.
std::vector<TensorObj*> tensors_of(PyObject* o, const char* what);
// RemovableHandle(dict) with `function` put under its id.
PyObject* add_hook(PyObject* dict, PyObject* function);
PyObject* new_hook_dict();  // an OrderedDict

}  // namespace fj::bind
