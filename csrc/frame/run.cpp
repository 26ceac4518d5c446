// See run.h.
#include "frame/run.h"

#include <algorithm>
#include <utility>

#include "base/flags.h"
#include "base/progress.h"
#include "frame/bare.h"
#include "frame/callee.h"
#include "frame/guard_filter.h"
#include "frame/ledger.h"
#include "frame/materialise.h"
#include "frame/observe.h"
#include "frame/report.h"
#include "frame/stats.h"
#include "frame/take_all.h"
#include "frame/unit.h"
#include "py/error.h"
#include "py/no_collection.h"
#include "tensor/autocast.h"
#include "tensor/overrides.h"
#include "tensor/python_dispatch.h"

namespace fj::frame {

using capture::ExitKind;
using capture::Segment;
using py::Action;
using py::Ref;

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

// What running the segment takes from outside. Where sizes vary, what finds the program for them looks at inputs too.
guard::Needed fetches(const Segment& segment) {
  guard::Needed out;
  (segment.shapes ? out.others : out.inputs) = segment.inputs;
  for (const capture::Recipe& r : segment.recipes)
    if (r.make == capture::Make::Source) out.others.push_back(r.index);
  return out;
}

bool breaks_are_errors(const capture::CompileOptions& options, const Segment& segment) {
  const OnBreak at_exit = (segment.modes ? *segment.modes : thread_state()).autocast.on_break;
  return at_exit == OnBreak::AsCompiled ? options.fullgraph : at_exit == OnBreak::Error;
}

// Adds a traced segment to the entry. NULL when there is none to be had, with an error set if the user must see why.
LoadedSegment* add_traced(Context& context, const capture::CompileOptions& options, EntryPoint& entry,
                          const capture::EntryPoint& state) {
  TracingMark mark(entry);
  const py::NoCollection calm;
  std::unique_ptr<Segment> made = tracer()(state, entry.tree, options);
  if (!made) return nullptr;
  if (made->error) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(made->error.get())), made->error.get());
    return nullptr;
  }
  Stats& s = stats();
  ++s.traces;
  s.graphs += made->program != nullptr || made->shapes;
  s.ops += made->nops;
  s.guards += static_cast<int64_t>(made->guards.size());
  s.breaks += made->exit.kind != ExitKind::Return && made->exit.kind != ExitKind::Loop;
  auto loaded = std::make_unique<LoadedSegment>(std::move(made));
  log_segment(context, entry, *loaded);
  if (breaks_are_errors(options, *loaded->segment) &&
      !allowed_in_fullgraph(loaded->segment->exit)) {  // not kept: the next call is told again
    raise_fullgraph(context, loaded->segment->exit);
    return nullptr;
  }
  if (!filter_guards(context, entry, state, *loaded->segment)) return nullptr;
  const auto relies_on_loose = [&](const guard::Check& c) { return entry.tree.is_loose(c.kind, c.source); };
  if (std::any_of(loaded->segment->guards.begin(), loaded->segment->guards.end(), relies_on_loose)) {
    entry.full = true;
    return nullptr;
  }
  entry.tree.insert(loaded->segment->guards, static_cast<int>(entry.segments.size()), fetches(*loaded->segment));
  entry.segments.push_back(std::move(loaded));
  return entry.segments.back().get();
}

Found found_of(Verdict verdict) { return verdict == Verdict::Error ? Found::Error : Found::Plain; }

void set_modes(const Segment& segment) {
  if (segment.modes) autocast::set_modes(*segment.modes);
}

// The exception that is set leaves through the instruction at which the frame stands; through RESUME if it has not
// begun, which no try statement covers.
Action raise_here(py::FrameView& frame) {
  const int body = frame.decoded().body_start();
  if (frame.index() >= body) return Action::raise(frame.index());
  if (frame.decoded().is_generator()) return Action::raise(body - 1);  // its prologue has run
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

namespace {

// May another segment be made? Past the recompile limit it is one that does without the facts that differ; a few times.
Found at_limit(Context& context, EntryPoint& entry, const capture::EntryPoint& state) {
  constexpr int kMostLoosened = 24;
  const int64_t limit = context.recompile_limit >= 0 ? context.recompile_limit : flags::get().recompile_limit;
  if (static_cast<int64_t>(entry.segments.size()) < limit) return Found::Segment;
  // A long loop is segments of its own, which the whole graph that was asked for does not count.
  const bool inside = context.options.fullgraph && entry.offset > 0;
  if (!entry.loosened) {
    const std::string text = limit_text(context, entry, state);
    if (!inside && ask_limit(context, entry, text) == Verdict::Error) return Found::Error;
    ++stats().limit_reached;
    if (!flags::get().force_capture) warn_limit(text);  // everything is compiled then, and may look at warnings
  }
  guard::Fetched fetched(entry.tree.sources(), state.values);
  if (limit > 0 && !context.options.fullgraph && entry.loosened < kMostLoosened && entry.tree.loosen(fetched)) {
    ++entry.loosened;
    return Found::Segment;
  }
  entry.full = true;
  note_rest(entry.code.get(), "recompile_limit");
  return Found::Plain;
}

}  // namespace

Found learn(Context& context, EntryPoint& entry, const capture::EntryPoint& state, LoadedSegment** out) {
  ++stats().misses;
  if (entry.full || entry.tracing || !tracer()) {
    note_rest(entry.code.get(), entry.full ? "recompile_limit" : "being_traced");
    return Found::Plain;
  }
  if (!py::levels_left()) {
    note_rest(entry.code.get(), "recursion_limit");
    return Found::Plain;
  }
  const py::Offers nothing(nobody());  // what tracing and the back end call is not the program
  if (const Found found = at_limit(context, entry, state); found != Found::Segment) return found;
  py::Ref backend;
  if (const Verdict v = ask_begin(context, entry, state, backend); v != Verdict::Compile) return found_of(v);
  if (!entry.segments.empty()) log_recompile(context, entry, state);
  capture::CompileOptions options = context.options;
  if (backend) options.backend = backend.get();
  progress::Scope scope(context.name, true);
  LoadedSegment* made = add_traced(context, options, entry, state);
  if (!tell_end(context, entry, made)) return Found::Error;
  if (!made) note_rest(entry.code.get(), "recompile_limit");
  if (!made) return PyErr_Occurred() ? Found::Error : Found::Plain;
  // The guards describe the state that was traced; a state that fails its own guards must not run the segment.
  guard::Fetched fetched(entry.tree.sources(), state.values);
  *out = find(entry, fetched);
  if (!*out) note_rest(entry.code.get(), "own_guards_fail");
  return *out ? Found::Segment : Found::Plain;
}

namespace {

void note_run(const Segment& segment) {
  ++stats().hits;
  stats().instructions += segment.instructions;
  if (!segment.by_code.empty()) note_inside(segment);
}

}  // namespace

PyObject* run_frameless(LoadedSegment& loaded, guard::Fetched& fetched) {
  const Segment& segment = *loaded.segment;
  if (PyObject* value = loaded.bare ? named(segment, fetched, segment.exit.value) : nullptr) {
    note_run(segment);
    return Py_NewRef(value);
  }
  Materialiser made(segment, fetched, loaded.plain);
  if (!made.run_program() || !made.build()) {
    if (made.failed_for_good()) return nullptr;
    ++stats().fallbacks;
    log_fallback(segment);
    note_rest(
        reinterpret_cast<PyObject*>(fetched.entry().function ? PyFunction_GET_CODE(fetched.entry().function) : Py_None),
        "recipe_failed");
    return nullptr;
  }
  note_run(segment);
  if (!made.apply()) return nullptr;
  set_modes(segment);
  return made.take(segment.exit.value).release();
}

namespace {

// A generator that is resumed to send on to another one: signals are for that one.
bool sends_on(const py::FrameView& frame) {
  const py::Instr& in = frame.decoded().at(frame.index());
  return in.op == py::Op::RESUME && (in.arg & 3) >= 2;
}

}  // namespace

Action SegmentDriver::step(py::FrameView& frame) noexcept {
  try {
    if (exit_) frame.set_index(exit_->segment->exit.frames[level_].offset);
    if (py::traced(frame.thread()) && !exit_) return Action::resume(frame.index());
    // Before the function's first own instruction the frame is linked but not visible, as in CPython.
    py::FrameLink link(frame, frame.index());
    if (!link.ok()) {
      // A handler of the function may look at its locals.
      if (exit_) frame.fill(std::move((*held_)[level_].locals), std::move((*held_)[level_].stack));
      return raise_here(frame);
    }
    Action out{Action::kResume};
    const bool generator = frame.decoded().is_generator();
    Next next = Next::GoOn;
    if (exit_) next = descend(frame, *std::exchange(exit_, nullptr), *held_, level_, out);
    while (next == Next::GoOn) {
      frame.show(frame.index());
      if (!(generator && sends_on(frame)) && !py::poll(frame.thread())) return raise_here(frame);
      // Modes answer each function by itself: the rest of the frame is CPython's.
      if (py::traced(frame.thread()) || overrides::mode_answers() || python_dispatch::mode_active())
        return Action::resume(frame.index());
      next = advance(frame, out);
    }
    return out;
  } catch (...) {
    py::set_python_error();
    return Action::raise(std::max(frame.index(), frame.decoded().body_start() - 1));
  }
}

namespace {

// The most frequent exit by far: the segment has done all that it does when the frame is filled.
bool only_fills(py::FrameView& frame, const LoadedSegment& loaded, guard::Fetched& fetched) {
  if (!loaded.bare || loaded.returns || !fill_bare(frame, loaded, fetched)) return false;
  note_run(*loaded.segment);
  return true;
}

}  // namespace

// The function's start, with what its guards have fetched from the arguments.
SegmentDriver::Next SegmentDriver::begin(py::FrameView& frame, Action& out) {
  LoadedSegment& chosen = *std::exchange(first_, nullptr);
  guard::Fetched& fetched = *std::exchange(fetched_, nullptr);
  if (only_fills(frame, chosen, fetched)) {
    fetched.finish();
    return leave(frame, chosen, 0, out);
  }
  HeldFrames held;
  out = Action::resume(frame.index());
  const Next next = carry_out(frame, chosen, fetched, held, out);
  fetched.finish();
  return next == Next::Stop ? next : descend(frame, chosen, held, 0, out);
}

SegmentDriver::Next SegmentDriver::advance(py::FrameView& frame, Action& out) {
  if (fetched_) return begin(frame, out);
  const int index = frame.index();
  LoadedSegment* before = std::exchange(left_, nullptr);
  EntryPoint* known = before ? before->after : nullptr;
  const bool same = known && known->offset == index && known->code.as<PyCodeObject>() == frame.code();
  EntryPoint& entry = same ? *known : context_.table->at(frame.code(), index);
  if (before) before->after = &entry;
  capture::EntryPoint state;
  state.function = frame.function();
  state.code = frame.code();
  state.offset = index;
  state.values = {frame.locals(), frame.nlocals(), frame.stack(), frame.depth(),
                  reinterpret_cast<PyObject*>(frame.function())};
  HeldFrames held;
  LoadedSegment* chosen = std::exchange(first_, nullptr);
  out = Action::resume(index);
  bool filled;
  {
    guard::Fetched fetched(entry.tree.sources(), state.values);
    if (!chosen) chosen = find(entry, fetched);
    filled = chosen && only_fills(frame, *chosen, fetched);
    if (chosen && !filled && carry_out(frame, *chosen, fetched, held, out) == Next::Stop) return Next::Stop;
  }
  if (filled) return leave(frame, *chosen, 0, out);
  if (!chosen) {
    const Found found = learn(context_, entry, state, &chosen);
    if (found == Found::Error) out = raise_here(frame);
    if (found != Found::Segment) return Next::Stop;
    guard::Fetched fetched(entry.tree.sources(), state.values);
    if (carry_out(frame, *chosen, fetched, held, out) == Next::Stop) return Next::Stop;
  }
  return descend(frame, *chosen, held, 0, out);
}

namespace {

void fill(py::FrameView& frame, const capture::Snapshot& shot, Materialiser& made, bool distinct) {
  // A segment that has done nothing leaves the frame as it is; filling one at its start is then left to the bytecode
  // too.
  if (shot.offset == frame.index() && shot.locals.empty() && shot.stack.empty()) return;
  constexpr size_t kFew = 48;
  PyObject* few[kFew];
  std::vector<PyObject*> many;
  const size_t room = frame.room(shot.stack.size());
  if (room > kFew) many.resize(room);
  PyObject** values = room > kFew ? many.data() : few;
  size_t n = 0;
  for (capture::RecipeId id : shot.locals) {
    if (id == capture::kAsItWas)
      values[n] = Py_XNewRef(frame.local(static_cast<int>(n)));
    else
      values[n] = distinct ? made.give(id) : Py_XNewRef(made.borrow(id));
    ++n;
  }
  for (capture::RecipeId id : shot.stack) values[n++] = distinct ? made.give(id) : Py_XNewRef(made.borrow(id));
  frame.exchange(values, shot.stack.size());
  for (size_t i = 0; i < room; ++i) Py_XDECREF(values[i]);
}

}  // namespace

// Runs the segment. GoOn: its exit's frames are in `held`.
SegmentDriver::Next SegmentDriver::carry_out(py::FrameView& frame, LoadedSegment& loaded, guard::Fetched& fetched,
                                             HeldFrames& held, Action& out) {
  if (loaded.nothing) {
    note_rest(reinterpret_cast<PyObject*>(frame.code()), loaded.segment->exit.reason);
    return Next::Stop;
  }
  const Segment& segment = *loaded.segment;
  if (loaded.bare && loaded.returns) {
    if (PyObject* value = named(segment, fetched, segment.exit.value)) {
      note_run(segment);
      out = Action::done(Ref::borrow(value));
      return Next::Stop;
    }
  } else if (only_fills(frame, loaded, fetched)) {
    return Next::GoOn;
  }
  Materialiser made(segment, fetched, loaded.plain);
  if (!made.run_program() || !made.build()) {
    if (made.failed_for_good()) {
      out = raise_here(frame);
      return Next::Stop;
    }
    // Nothing has happened: the interpreter finds the same error at its own instruction.
    ++stats().fallbacks;
    log_fallback(segment);
    note_rest(reinterpret_cast<PyObject*>(frame.code()), "recipe_failed");
    return Next::Stop;
  }
  note_run(segment);
  if (!made.apply()) {
    out = raise_here(frame);
    return Next::Stop;
  }
  set_modes(segment);
  if (loaded.returns) {
    out = Action::done(made.take(segment.exit.value));
    return Next::Stop;
  }
  if (segment.exit.frames.size() == 1) {
    fill(frame, segment.exit.frames[0], made, loaded.distinct);
    return Next::GoOn;
  }
  held.reserve(segment.exit.frames.size());
  for (const capture::Snapshot& shot : segment.exit.frames) {
    held.push_back({made.take(shot.function), made.take(shot.locals), made.take(shot.stack)});
    for (size_t i = 0; i < shot.locals.size(); ++i)
      if (shot.locals[i] == capture::kAsItWas) held.back().locals[i] = Ref::borrow(frame.local(static_cast<int>(i)));
  }
  return Next::GoOn;
}

// The frame stands where CPython executes the unit of the break.
SegmentDriver::Next SegmentDriver::leave(py::FrameView& frame, LoadedSegment& loaded, size_t level, Action& out) {
  const capture::Snapshot& shot = loaded.segment->exit.frames[level];
  std::span<const int32_t> traps;
  if (!loaded.traps.empty()) traps = loaded.traps[level];
  if (loaded.segment->exit.kind == ExitKind::Loop) {
    frame.set_index(shot.offset);
    left_ = &loaded;
    return Next::GoOn;
  }
  note_unit(shot.code.get(), loaded.segment->exit.reason);
  if (loaded.unit.how != Unit::Interpreter) {
    frame.show(loaded.unit.at);
    if (carry_out_unit(loaded.unit, frame, context_, loaded.compiles_callee)) {
      left_ = &loaded;
      return Next::GoOn;
    }
    note_rest(shot.code.get(), "handler");
    out = Action::raise(loaded.unit.at, traps);
    return Next::Stop;
  }
  if (loaded.compiles_callee) compile_callee(frame, shot.offset, context_);
  if (traps.empty()) note_rest(shot.code.get(), loaded.segment->exit.reason);
  out = Action::resume(shot.offset, traps);
  return Next::Stop;
}

// The frame of this level calls the next one, which stands in the middle of its code.
SegmentDriver::Next SegmentDriver::descend(py::FrameView& frame, LoadedSegment& loaded, HeldFrames& held, size_t level,
                                           Action& out) {
  // The values of an exit of one frame are in the frame already.
  if (!held.empty()) frame.fill(std::move(held[level].locals), std::move(held[level].stack));
  if (held.empty() || level + 1 == held.size()) return leave(frame, loaded, level, out);
  const capture::Snapshot& shot = loaded.segment->exit.frames[level];
  frame.set_index(shot.offset);
  frame.show(shot.offset);
  SegmentDriver inner(context_, loaded, held, level + 1);
  Ref function = std::move(held[level + 1].function);
  Ref result = Ref::steal(py::enter_blank_frame(function.get(), inner));
  if (result && shot.resume == capture::Resume::Instance && result.get() != Py_None) {
    PyErr_Format(PyExc_TypeError, "__init__() should return None, not '%.200s'", Py_TYPE(result.get())->tp_name);
    result = {};
  }
  int next = shot.next;
  if (!result && shot.resume == capture::Resume::Next && PyErr_ExceptionMatches(PyExc_StopIteration)) {
    PyErr_Clear();
    frame.pop();
    next = shot.target;
  } else if (!result) {
    note_rest(shot.code.get(), "handler");
    out = Action::raise(shot.offset, loaded.traps[level]);
    return Next::Stop;
  } else if (shot.resume == capture::Resume::Push || shot.resume == capture::Resume::Next) {
    frame.push(std::move(result));
  }
  frame.set_index(next);
  return Next::GoOn;
}

}  // namespace fj::frame
