// Generators as values, and when a trace lets one go.
#pragma once
#include "capture/sym_frame.h"

namespace fj::capture {

bool yields_from(const SymFrame& f);             // suspended at a `yield from`
bool has_clean_up(const SymFrame& f);            // closing it would run its except or finally clauses
V close_generator(Tracer& t, IteratorValue* g);  // what close() gives
V generator_attr(Tracer& t, IteratorValue* g, PyObject* name);

// CPython closes a generator when its last reference goes. Called after something was dropped: closes the suspended
// generators that can no longer be reached, at the moment at which CPython would.
void let_go(Tracer& t);

}  // namespace fj::capture
