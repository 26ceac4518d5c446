// Python numbers that vary from call to call or from round to round: what is computed from them becomes a source
// (guard::Step::Arith) instead of a constant, and is guarded only where its value decides something.
#pragma once
#include "capture/tracer.h"
#include "guard/arith.h"
#include "py/code.h"

namespace fj::capture {

using guard::Arith;

// An outside number, not used yet, of which another value is known or expected.
bool varies(Tracer& t, V v);

bool is_computed(Tracer& t, V v);  // its source is an expression

// The result as a value with a source, or NULL: neither operand varies, or it is none of numbers. `b` is NULL for one
// operand.
V computed_number(Tracer& t, Arith op, V a, V b = nullptr);
V computed_binary(Tracer& t, int op, V a, V b);   // BINARY_OP's argument
V computed_compare(Tracer& t, int op, V a, V b);  // Py_LT …

V computed_call(Tracer& t, PyObject* function, const Args& args);  // a function of math

// The fast locals that the loop beginning at `header` stores to; empty when no loop begins there.
std::vector<bool> stored_in_loop(const py::Code& code, int header);

}  // namespace fj::capture
