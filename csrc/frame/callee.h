// Functions called at a break are compiled too, under the caller's options.
//
// The callable on the value stack is replaced by a CompiledCall just before CPython executes the call. It shares the
// caller's entry table, so that its segments are found by code object, whatever instance or closure is called; it is
// consumed by the call and never seen by the program.
#pragma once

#include "frame/compiled_function.h"
#include "frame/run.h"

namespace fj::frame {

bool init_compiled_call();

// `unit`: where the unit of instructions with the call begins. Does nothing if that is no call, or not of something to
// compile.
void compile_callee(py::FrameView& frame, int unit, const Context& context);

// Carries out a call, compiled if it is of something to compile.
PyObject* call_compiling(const Context& context, const Call& call);

// Is it a function that is compiled where a compiled one calls it?
bool worth_compiling(PyObject* function);
bool is_disabled(PyObject* function);

}  // namespace fj::frame
