// Functions that framejit.dynamo marks by the attribute `_framejit_directive`: what capture does instead of
// interpreting them.
//   "constant"  assume_constant_result: called at once, with the real arguments; the result belongs to the segment
//   "comptime"  comptime: its argument is called now and shown the state of the trace
#pragma once
#include "capture/protocol.h"

namespace fj::capture {

// The result of the call; NULL if the function has no such mark.
V follow_directive(Tracer& t, FunctionValue* f, Args& args);

}  // namespace fj::capture
