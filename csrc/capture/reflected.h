// Operators by the methods of their operands.
#pragma once
#include "capture/protocol.h"

namespace fj::capture {

// What `name` of the first or `reflected` of the second gives, in the order in which Python asks them; NULL if none
// answers.
V by_methods(Tracer& t, const char* name, const char* reflected, V a, V b);

}  // namespace fj::capture
