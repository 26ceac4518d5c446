// See run.h.
#include "frame/run.h"

#include <algorithm>
#include <utility>

#include "base/flags.h"
#include "frame/callee.h"
#include "frame/materialise.h"
#include "frame/report.h"
#include "frame/stats.h"
#include "py/error.h"
#include "tensor/thread_state.h"

namespace fj::frame {

using capture::ExitKind;
using capture::Segment;
using py::Action;

Stats& stats() {
  static Stats s;
  return s;
}

namespace {

struct TracingMark {
  explicit TracingMark(EntryPoint& e) : entry(e) { entry.tracing = true; }
  ~TracingMark() { entry.tracing = false; }
  EntryPoint& entry;
};

// Adds a traced segment to the entry. NULL when there is none to be had.
LoadedSegment* trace(Context& context, EntryPoint& entry, const capture::EntryPoint& state) {
  TracingMark mark(entry);
  std::unique_ptr<Segment> made = tracer()(state, entry.tree, context.options);
  if (!made) return nullptr;
  if (made->error) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(made->error.get())), made->error.get());
    return nullptr;
  }
  Stats& s = stats();
  ++s.traces;
  s.graphs += made->program != nullptr;
  s.ops += made->nops;
  s.guards += static_cast<int64_t>(made->guards.size());
  s.breaks += made->exit.kind != ExitKind::Return;
  auto loaded = std::make_unique<LoadedSegment>(std::move(made), &py::Code::of(state.code));
  entry.tree.insert(loaded->segment->guards, static_cast<int>(entry.segments.size()));
  entry.segments.push_back(std::move(loaded));
  return entry.segments.back().get();
}

void set_modes(const Segment& segment) {
  if (segment.grad_mode >= 0) thread_state().grad_mode = segment.grad_mode != 0;
}

// The exception that is set leaves through the instruction at which the frame stands; through RESUME if it has not
// begun, which no try statement covers.
Action raise_here(py::FrameView& frame) {
  const int body = frame.decoded().body_start();
  if (frame.index() >= body) return Action::raise(frame.index());
  py::SavedError saved;
  frame.run_prologue();
  return Action::raise(body - 1);
}

}  // namespace

LoadedSegment* find(EntryPoint& entry, guard::Fetched& fetched) {
  const int n = entry.tree.find(fetched);
  if (n >= 0) return entry.segments[static_cast<size_t>(n)].get();
  if (n == -2) PyErr_Clear();  // a check raised: the interpreter will meet the same error, if it is one
  return nullptr;
}

Found learn(Context& context, EntryPoint& entry, const capture::EntryPoint& state, LoadedSegment** out) {
  ++stats().misses;
  if (entry.full || entry.tracing || !tracer()) return Found::Plain;
  const int64_t limit = flags::get().recompile_limit;
  if (static_cast<int64_t>(entry.segments.size()) >= limit) {
    entry.full = true;
    ++stats().limit_reached;
    warn_limit(context, entry, state);
    return Found::Plain;
  }
  if (!entry.segments.empty()) log_recompile(context, entry, state);
  LoadedSegment* made = trace(context, entry, state);
  if (!made) return PyErr_Occurred() ? Found::Error : Found::Plain;
  log_segment(context, entry, *made);
  if (context.options.fullgraph && !allowed_in_fullgraph(made->segment->exit)) {
    raise_fullgraph(context, made->segment->exit);
    return Found::Error;
  }
  // The guards describe the state that was traced; a state that fails its own guards must not run the segment.
  guard::Fetched fetched(entry.tree.sources(), state.values);
  *out = find(entry, fetched);
  return *out ? Found::Segment : Found::Plain;
}

PyObject* run_frameless(LoadedSegment& loaded, guard::Fetched& fetched) {
  const Segment& segment = *loaded.segment;
  Materialiser made(segment, fetched);
  if (!made.run_program() || !made.build()) {
    ++stats().fallbacks;
    PyErr_Clear();
    return nullptr;
  }
  ++stats().hits;
  if (!made.apply()) return nullptr;
  set_modes(segment);
  return made.take(segment.exit.value).release();
}

Action SegmentDriver::step(py::FrameView& frame) noexcept {
  try {
    return advance(frame);
  } catch (...) {
    py::set_python_error();
    return Action::raise(std::max(frame.index(), frame.decoded().body_start() - 1));
  }
}

Action SegmentDriver::advance(py::FrameView& frame) {
  const int index = frame.index();
  if (py::traced(frame.thread())) return Action::resume(index);
  if (!py::poll(frame.thread())) return raise_here(frame);
  // Before the function's first own instruction the frame is linked but not visible, as in CPython.
  py::FrameLink link(frame, index);
  if (!link.ok()) return raise_here(frame);
  EntryPoint& entry = context_.table->at(frame.code(), index);
  capture::EntryPoint state;
  state.function = frame.function();
  state.code = frame.code();
  state.offset = index;
  state.values = {frame.locals(), frame.nlocals(), frame.stack(), frame.depth(),
                  reinterpret_cast<PyObject*>(frame.function())};
  guard::Fetched fetched(entry.tree.sources(), state.values);
  LoadedSegment* chosen = std::exchange(first_, nullptr);
  if (!chosen) chosen = find(entry, fetched);
  return chosen ? carry_out(frame, *chosen, fetched) : first_time(frame, entry, state);
}

Action SegmentDriver::first_time(py::FrameView& frame, EntryPoint& entry, const capture::EntryPoint& state) {
  LoadedSegment* made = nullptr;
  const Found found = learn(context_, entry, state, &made);
  if (found == Found::Error) return raise_here(frame);
  if (found == Found::Plain) return Action::resume(frame.index());
  guard::Fetched fetched(entry.tree.sources(), state.values);
  return carry_out(frame, *made, fetched);
}

Action SegmentDriver::carry_out(py::FrameView& frame, LoadedSegment& loaded, guard::Fetched& fetched) {
  if (loaded.nothing) return Action::resume(frame.index());
  Materialiser made(*loaded.segment, fetched);
  if (!made.run_program() || !made.build()) {
    // Nothing has happened: the interpreter finds the same error at its own instruction.
    ++stats().fallbacks;
    PyErr_Clear();
    return Action::resume(frame.index());
  }
  ++stats().hits;
  if (!made.apply()) return raise_here(frame);
  set_modes(*loaded.segment);
  return leave(frame, loaded, made);
}

Action SegmentDriver::leave(py::FrameView& frame, LoadedSegment& loaded, Materialiser& made) {
  const capture::Exit& exit = loaded.segment->exit;
  if (exit.kind == ExitKind::Return) return Action::done(made.take(exit.value));
  // A segment that has done nothing leaves the frame as it is; filling one at its start is then left to the bytecode
  // too.
  const capture::Snapshot& snapshot = exit.frames.back();
  if (snapshot.offset != frame.index() || !snapshot.locals.empty()) {
    frame.fill(made.take(snapshot.locals), made.take(snapshot.stack));
  }
  if (loaded.compiles_callee) compile_callee(frame, snapshot.offset, context_);
  return Action::resume(snapshot.offset, loaded.traps);
}

}  // namespace fj::frame
