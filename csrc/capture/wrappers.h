// Tensors without memory, made of other tensors, whose class answers ops by `__torch_dispatch__`
// (tensor/python_dispatch.h).
//
// Such a tensor is an Object of its class with a plain part inside (ObjectValue::tensor): a fake of the plain type that
// has its sizes, dtype and history but is no value of the graph. An op on it is really called with the plain part, as
// any leaf call. What it would put to Python is listed (python_dispatch::Listing) and the class's handler interpreted,
// as a Python function like others: so what the graph holds is what the handler does with the tensors inside, and what
// it reads of the instance is guarded. Then the op is called again with the answer, until none is asked for.
#pragma once
#include "capture/builtins.h"
#include "capture/leaf.h"

namespace fj::capture {

bool is_wrapper_type(PyTypeObject* type);
bool is_wrapper(PyObject* real);                      // an instance from outside, without memory
V make_wrapper(Tracer& t, Args& args);                // Tensor._make_wrapper_subclass(…)
void know_outer(TensorValue* plain, ObjectValue* o);  // `plain` is its plain part

// A leaf call with plain parts among its arguments.
bool has_outer(const std::vector<Leaf>& args);
V leaf_of_wrappers(Tracer& t, LeafFn fn, intptr_t data, const std::vector<Leaf>& args);
bool is_listed(LeafFn fn);  // the call that such a leaf call consists of, as it stands on the tape

// The tensor from outside that holds the one at this source, as a part or a part of a part; kNoSource: none does.
SourceId wrapper_around(Tracer& t, SourceId source);

}  // namespace fj::capture
