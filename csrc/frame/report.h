// What the user is told: the recompile warning, the logs (FRAMEJIT_LOG=breaks,recompiles,guards,graph), fullgraph
// errors.
#pragma once

#include <string>

#include "frame/run.h"

namespace fj::frame {

// What the recompile limit turns away, and the warning that says so.
std::string limit_text(const Context& context, const EntryPoint& entry, const capture::EntryPoint& state);
void warn_limit(const std::string& text);
// One line for each segment of the entry: the first of its guards that fails in this state, and what to change.
std::string misses(const EntryPoint& entry, const capture::EntryPoint& state);
// Why a segment ends where it does: reason, detail, file, line, the source with a caret, and what to change.
std::string break_text(const capture::Exit& exit);
void log_recompile(const Context& context, const EntryPoint& entry, const capture::EntryPoint& state);
// Takes the Python error that is set: why a segment could not be run to its end. Nothing has happened then.
void log_fallback(const capture::Segment& segment);
void log_segment(const Context& context, const EntryPoint& entry, const LoadedSegment& loaded);

// Exits that are no failure to capture: the function returned, or raised an exception that the user's program raises
// anyway.
bool allowed_in_fullgraph(const capture::Exit& exit);
// Sets the Python error for an exit that fullgraph=True forbids, with the user's file, line and caret.
void raise_fullgraph(const Context& context, const capture::Exit& exit);

}  // namespace fj::frame
