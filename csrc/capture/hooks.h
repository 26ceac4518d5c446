// Tensor hooks inside a frame (see hooks.cpp).
#pragma once
#include "capture/builtins.h"

namespace fj::capture {

// Tensor.register_hook of a tensor that the trace has made.
V register_hook(Tracer& t, PyObject* method, TensorValue* v, Args& args);
// Rule for framejit._C._drop_traced_hook.
V drop_traced_hook(Tracer& t, Args& args);

// The same of an input, and register_post_accumulate_grad_hook(): a leaf gets the hook at the segment's exit.
V register_input_hook(Tracer& t, PyObject* method, TensorValue* v, Args& args);
// Its handle's remove(): done at the exit, too. NULL: another call.
V remove_input_hook(Tracer& t, FunctionValue* f, const Args& args);

}  // namespace fj::capture
