// Calls of functions that the program's settings name (dynamo.config): those that captured code leaves out, and those
// whose calls are put off to the end of the segment, as warnings of the package's own functions are in whole graphs.
#pragma once
#include "capture/protocol.h"

namespace fj::capture {

// Sets of functions and bound methods; None is the empty one.
void set_logging_functions(PyObject* left_out, PyObject* put_off);
// The result of a call of one of these; NULL for others.
V call_logging(Tracer& t, V callable, const Args& args);

}  // namespace fj::capture
