// autograd.Function inside a frame (see function_grad.cpp).
#pragma once
#include "capture/builtins.h"

namespace fj::capture {

// Rule for framejit._C._function_apply(cls, ctx, args).
V function_apply(Tracer& t, Args& args);

}  // namespace fj::capture
