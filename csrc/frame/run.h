// Running entry points: choosing a segment, tracing a new one, carrying out its exit.
#pragma once

#include "frame/entry.h"
#include "py/frame.h"

namespace fj::frame {

// What a call needs to know of the compiled function that it belongs to.
struct Context {
  TableRef table;
  capture::CompileOptions options;
  PyObject* name;  // for messages; borrowed
};

enum class Found : uint8_t { Segment, Plain, Error };

// The segment whose guards pass, or NULL.
LoadedSegment* find(EntryPoint& entry, guard::Fetched& fetched);

// After find() found nothing: traces a new segment for the present state. Plain: there is none to be had, let CPython
// run. Error: a Python error is set that the user must see (fullgraph).
Found learn(Context& context, EntryPoint& entry, const capture::EntryPoint& state, LoadedSegment** out);

// Runs a segment that returns, without a frame. Returns a new reference; NULL with an error set when an effect failed;
// NULL with no error set when nothing has happened and the call should run plain.
PyObject* run_frameless(LoadedSegment& loaded, guard::Fetched& fetched);

// Drives one frame through segments and breaks until it is done or handed to CPython.
class SegmentDriver final : public py::FrameDriver {
 public:
  // `first`: the segment that was chosen for the function's start, so that its guards are not looked at again.
  SegmentDriver(Context& context, LoadedSegment* first) : context_(context), first_(first) {}
  py::Action step(py::FrameView& frame) noexcept override;

 private:
  py::Action advance(py::FrameView& frame);
  py::Action first_time(py::FrameView& frame, EntryPoint& entry, const capture::EntryPoint& state);
  py::Action carry_out(py::FrameView& frame, LoadedSegment& loaded, guard::Fetched& fetched);
  py::Action leave(py::FrameView& frame, LoadedSegment& loaded, class Materialiser& made);

  Context& context_;
  LoadedSegment* first_;
};

}  // namespace fj::frame
