// The one Python callable that is told what is compiled and may decide about it: framejit.dynamo's, set when that
// package is imported. Without it nothing here costs anything.
//
// observer("begin", info) before a segment is traced, and observer("end", info) after it, also when tracing failed;
// observer("guards", info) when a user's function filters guards (guard_filter.h);
// observer("limit", info) when the recompile limit turns a call away, which imports the package where the whole graph
// is demanded. What it raises goes to the user's call.
#pragma once
#include <string>

#include "frame/run.h"

namespace fj::frame {

void set_observer(PyObject* callable);  // NULL or None: nobody

enum class Verdict : uint8_t { Compile, Plain, Error };

// Asks before a trace. The observer returns None (compile), False (run plain) or a tuple (backend,) that this trace is
// to use; it is kept in `backend`.
Verdict ask_begin(const Context& context, const EntryPoint& entry, const capture::EntryPoint& state, py::Ref& backend);
// False with an error set if the observer raised. `made` is NULL when tracing gave nothing.
bool tell_end(const Context& context, const EntryPoint& entry, const LoadedSegment* made);
// Which of the guards that `rows` describes are to be kept: a list of bools (guard_filter.h). Throws PythonError.
py::Ref ask_guards(PyObject* options, const py::Ref& rows);
Verdict ask_limit(const Context& context, const EntryPoint& entry, const std::string& text);

}  // namespace fj::frame
