// Writing an exit: recipes for the values that live on, effects for what the trace has changed.
#pragma once
#include "capture/sym_frame.h"

namespace fj::capture {

void write_return(Tracer& t, Segment& s, V value);
// The outermost frame stands before the unit at which the trace ends.
void write_break(Tracer& t, Segment& s, SymFrame& frame, const Break& why);

}  // namespace fj::capture
