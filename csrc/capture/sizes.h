// Which sizes and ints of the outside world a segment leaves open, and the segment that comes of it.
#pragma once
#include "capture/leaf.h"
#include "capture/segment.h"

namespace fj::capture {

// Somebody has marked a tensor (dynamo.mark_dynamic): from now on every trace keeps a tape.
void note_marks();

// A tape, if sizes may come to vary in this trace; else NULL, and all of them are constants.
std::unique_ptr<Tape> new_tape(const guard::Tree& tree, const CompileOptions& options, bool takes_calls);
// Does the back end get the calls that the program makes, not the ops that they come to? Those written in Python do,
// but for compilers of forward and backward passes.
bool takes_calls(const CompileOptions& options);

// Guards the sizes of an outside tensor that do not vary and makes symbols of the others. Says whether there are any.
bool guard_sizes(Tracer& t, V tensor);
// All sizes and strides, as constants.
void guard_exact_sizes(Tracer& t, V tensor);
// The input step of a tensor that has just become `fake`.
void record_input(Tracer& t, V v, PyObject* fake, guard::SourceId source, bool symbolic, std::string name,
                  TapeStep::What what = TapeStep::Input);

// Does an object hold the value whose class is marked (dynamo.mark_static)? Then its numbers are constants.
bool of_a_static_class(Tracer& t, guard::SourceId source);
// Makes an int from outside a symbol if it varies: then it has a slot.
bool symbolise(Tracer& t, V v);

// Called before the graph is compiled: may its sizes vary?
bool stays_open(Tracer& t, const std::vector<PyObject*>& outputs);
// A back end written in Python is given the calls of the trace, as the program made them, for one program for all
// sizes. NULL for other back ends, and for what cannot be told as calls.
std::unique_ptr<Program> program_of_calls(Tracer& t, Segment& s);
// Called when the segment is otherwise complete: keeps the tape with it, or makes constants of everything.
void finish_sizes(Tracer& t, Segment& s, bool open);

}  // namespace fj::capture
