// What the user is told: the recompile warning, the logs (FRAMEJIT_LOG=breaks,recompiles,guards,graph), fullgraph
// errors.
#pragma once

#include "frame/run.h"

namespace fj::frame {

void warn_limit(const Context& context, const EntryPoint& entry, const capture::EntryPoint& state);
void log_recompile(const Context& context, const EntryPoint& entry, const capture::EntryPoint& state);
void log_segment(const Context& context, const EntryPoint& entry, const LoadedSegment& loaded);

// Exits that are no failure to capture: the function returned, or raised an exception that the user's program raises
// anyway.
bool allowed_in_fullgraph(const capture::Exit& exit);
// Sets the Python error for an exit that fullgraph=True forbids, with the user's file, line and caret.
void raise_fullgraph(const Context& context, const capture::Exit& exit);

}  // namespace fj::frame
