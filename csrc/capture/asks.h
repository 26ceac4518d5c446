// Whether arguments answer functions themselves (tensor/overrides.h): the types of the values tell. What a call
// of their `__torch_function__` does is CPython's matter; inside a trace no mode is active.
#pragma once
#include "capture/builtins.h"

namespace fj::capture {

V has_override(Tracer& t, Args& args);  // framejit._C._has_override(*args)
V asks_any(Tracer& t, Args& args);      // framejit._C._asks(args, kwargs)

}  // namespace fj::capture
