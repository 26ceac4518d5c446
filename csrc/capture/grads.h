// Gradients inside a frame (see grads.cpp).
#pragma once
#include "capture/builtins.h"

namespace fj::capture {

// `.grad` as the trace has it.
V tensor_grad(Tracer& t, TensorValue* v);
void set_tensor_grad(Tracer& t, TensorValue* v, V grad);
// Rule for framejit._C._run_backward.
V run_backward(Tracer& t, Args& args);
// Rule for framejit._C._func_input: a tensor that a transformation of framejit.func differentiates with respect to.
V func_input(Tracer& t, Args& args);

}  // namespace fj::capture
