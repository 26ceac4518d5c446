// The interpreter's loop: one handler per instruction, exceptions through the code's own table.
#include "base/flags.h"
#include "base/progress.h"
#include "capture/generator.h"
#include "capture/left_alone.h"
#include "capture/sym_frame.h"
#include "capture/tensors.h"

namespace fj::capture {

namespace {

// Reaching the instruction at which the trace must end.
bool begins_unit(const SymFrame& f, const py::Instr& in) {
  if (in.op == py::Op::CALL && f.kwnames) return false;
  const int at = f.code.ordinal(in.index);
  if (at == 0) return true;
  const py::Op before = f.code.instrs()[static_cast<size_t>(at) - 1].op;
  if (in.op == py::Op::PRECALL) return before != py::Op::KW_NAMES;
  return before != py::Op::PRECALL && before != py::Op::KW_NAMES;
}

// Reading Python costs more than running it: what has no tensor work after a while is run in pieces.
void check_length(Tracer& t) {
  const int64_t most = t.tensors->graph().nodes.empty() ? kMaxWithoutTensors : kMaxInstructions;
  if (t.instructions > most) cut(Reason::too_long, "the limit is ", most, " instructions");
}

void count(Tracer& t, SymFrame& f, const py::Instr& in) {
  if (++t.instructions > kMaxWithoutTensors) check_length(t);
  ++f.executed;
  if ((t.instructions & 1023) == 0 && t.stop_at < 0 && progress::step("capture", static_cast<size_t>(t.instructions)))
    cut(Reason::too_long, "the compile budget is spent");
  if (!f.nests || !begins_unit(f, in)) return;
  // An inner frame is never started in its prologue: until its body, it belongs to the call.
  if (&f != t.outermost && in.index < f.code.body_start()) return;
  t.step = ++t.units;
  const bool by_itself = t.instruction_wise && &f == t.outermost && in.index >= f.code.body_start();
  if (t.step != t.stop_at && !by_itself) return;
  t.stopped_in = &f;
  throw StopHere{};
}

// Leaves the frame as CPython's unwinder does; false if no handler covers the instruction.
bool unwind(Tracer& t, SymFrame& f, const py::Instr& in, const Raised& raised) {
  const py::Handler* h = f.code.handler(in.index);
  if (!h) return false;
  f.stack.resize(static_cast<size_t>(h->depth));
  if (h->lasti) f.push(t.integer(in.index));
  f.push(raised.exception);
  f.pc = h->target;
  f.kwnames = nullptr;
  f.raised_at = raised.cut.step;
  return true;
}

// An exception leaves a frame: its traceback has one more entry.
void left_by(V exception) {
  as<ObjectValue>(exception)->raised = true;
  as<ObjectValue>(exception)->traceback = nullptr;
}

void drop_locals(Tracer& t, SymFrame& f) {
  f.locals.clear();
  f.stack.clear();
  try {
    let_go(t);
  } catch (Break& b) {
    if (b.cut.step < 0) b.cut = t.cut_point();
    throw;
  }
}

// A break for what C does inside the standard library, before any tensor work there, is one of the call: CPython runs
// that as a whole, which costs less than going on in the middle.
bool belongs_to_call(Tracer& t, const SymFrame& f, const Break& b, size_t nodes_before) {
  if (b.reason != Reason::native_call && b.reason != Reason::native_method) return false;
  if (&f == t.outermost || f.is_generator() || flags::get().force_capture) return false;
  if (t.tensors->graph().nodes.size() != nodes_before) return false;
  PyObject* home = module_name(f.globals);
  return home && left_alone(home);
}

}  // namespace

CutPoint Tracer::cut_point() const {
  CutPoint point{step, false};
  for (const SymFrame* f = frame; f; f = f->caller)
    if (!f->handler_steps.empty()) point = {f->handler_steps.front(), true};
  return point;
}

void Tracer::stop_for_truth(SymFrame& f) { stop_before(f, {Reason::data_branch, "if or while on a tensor"}); }

void Tracer::stop_before(SymFrame& f, Break why) {
  if (!f.nests || cut_point().in_handler) throw why;
  stopped_for = std::move(why);
  stopped_in = &f;
  throw StopHere{};
}

V run_frame(Tracer& t, SymFrame& f) {
  f.caller = t.frame;
  t.frame = &f;
  f.state = SymFrame::Running;
  struct Leave {
    Tracer& t;
    SymFrame& f;
    const int64_t step;
    ~Leave() {
      t.frame = f.caller;
      t.step = step;
    }
  } leave{t, f, t.step};
  const size_t nodes_before = t.tensors->graph().nodes.size();
  while (f.state == SymFrame::Running) {
    const py::Instr& in = f.code.at(f.pc);
    try {
      count(t, f, in);
      f.next = in.next;
      t.call_rule = {};
      if (f.thrown) t.throw_value(std::exchange(f.thrown, nullptr), f.own_handled);
      handler_of(in.op)(t, f, in);
      if (f.next <= f.pc && f.state == SymFrame::Running) go_round(t, f);
    } catch (Raised& r) {
      if (r.cut.step < 0) r.cut = t.cut_point();
      if (!unwind(t, f, in, r)) {
        left_by(r.exception);
        throw;
      }
      continue;
    } catch (Break& b) {
      if (b.cut.step < 0 && !belongs_to_call(t, f, b, nodes_before)) b.cut = t.cut_point();
      throw;
    }
    f.pc = f.next;
  }
  if (f.state == SymFrame::Returned && f.nests && !t.generators.empty()) drop_locals(t, f);
  return f.result;
}

}  // namespace fj::capture
