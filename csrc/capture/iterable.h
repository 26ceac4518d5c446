// Where CPython has words of its own for what cannot be gone over.
#pragma once
#include "capture/value.h"

namespace fj::capture {

// Cuts the trace before an instruction that will find that `v` cannot be gone over: CPython says so.
void need_iterable(Tracer& t, V v, const char* what);

}  // namespace fj::capture
