// Running entry points: choosing a segment, tracing a new one, carrying out its exit.
#pragma once

#include "frame/entry.h"
#include "py/frame.h"

namespace fj::frame {

// What a call needs to know of the compiled function that it belongs to.
struct Context {
  TableRef table;
  capture::CompileOptions options;
  PyObject* name;                // for messages; borrowed
  int64_t recompile_limit = -1;  // -1: the flag's
};

enum class Found : uint8_t { Segment, Plain, Error };

// The segment whose guards pass, or NULL.
LoadedSegment* find(EntryPoint& entry, guard::Fetched& fetched);

// After find() found nothing: traces a new segment for the present state. Plain: there is none to be had, let CPython
// run. Error: a Python error is set that the user must see (fullgraph).
Found learn(Context& context, EntryPoint& entry, const capture::EntryPoint& state, LoadedSegment** out);

// Runs a segment that returns, without a frame. Returns a new reference; NULL with an error set when an effect or a
// back end failed; NULL with no error set when nothing has happened and the call should run plain.
PyObject* run_frameless(LoadedSegment& loaded, guard::Fetched& fetched);

// The values of the frames of an exit that has more than one, outermost first, taken out of the Materialiser so that
// nothing else keeps them alive while the frames run.
struct HeldFrame {
  py::Ref function;
  std::vector<py::Ref> locals, stack;
};
using HeldFrames = std::vector<HeldFrame>;

// Drives one frame through segments and breaks until it is done or handed to CPython.
class SegmentDriver final : public py::FrameDriver {
 public:
  // `first`: the segment that was chosen for the function's start, so that its guards are not looked at again;
  // `fetched`: what they fetched, if it still stands.
  explicit SegmentDriver(Context& context, LoadedSegment* first = nullptr, guard::Fetched* fetched = nullptr)
      : context_(context), first_(first), fetched_(fetched) {}
  // For a blank frame: the one of this level of an exit.
  SegmentDriver(Context& context, LoadedSegment& exit, HeldFrames& held, size_t level)
      : context_(context), exit_(&exit), held_(&held), level_(level) {}
  py::Action step(py::FrameView& frame) noexcept override;

 private:
  enum class Next : uint8_t { Stop, GoOn };  // Stop: `out` says what the frame does now

  Next advance(py::FrameView& frame, py::Action& out);
  Next begin(py::FrameView& frame, py::Action& out);
  Next carry_out(py::FrameView& frame, LoadedSegment& loaded, guard::Fetched& fetched, HeldFrames& held,
                 py::Action& out);
  Next leave(py::FrameView& frame, LoadedSegment& loaded, size_t level, py::Action& out);
  Next descend(py::FrameView& frame, LoadedSegment& loaded, HeldFrames& held, size_t level, py::Action& out);

  Context& context_;
  LoadedSegment* first_ = nullptr;
  guard::Fetched* fetched_ = nullptr;
  LoadedSegment* left_ = nullptr;  // the segment whose unit the driver has just carried out
  LoadedSegment* exit_ = nullptr;
  HeldFrames* held_ = nullptr;
  size_t level_ = 0;
};

}  // namespace fj::frame
