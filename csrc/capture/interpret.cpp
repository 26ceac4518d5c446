// The interpreter's loop: one handler per instruction, exceptions through the code's own table.
#include "capture/sym_frame.h"

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

void count(Tracer& t, SymFrame& f, const py::Instr& in) {
  if (++t.instructions > kMaxInstructions) cut(Reason::too_long, "the limit is ", kMaxInstructions, " instructions");
  if (&f != t.outermost || !begins_unit(f, in)) return;
  ++t.step;
  if (t.step == t.stop_at) throw StopHere{};
}

// Leaves the frame as CPython's unwinder does; false if no handler covers the instruction.
bool unwind(Tracer& t, SymFrame& f, const py::Instr& in, V exception) {
  const py::Handler* h = f.code.handler(in.index);
  if (!h) return false;
  f.stack.resize(static_cast<size_t>(h->depth));
  if (h->lasti) f.push(t.integer(in.index));
  f.push(exception);
  f.pc = h->target;
  f.kwnames = nullptr;
  if (&f == t.outermost) f.raised_at = t.step;
  return true;
}

}  // namespace

V run_frame(Tracer& t, SymFrame& f) {
  f.caller = t.frame;
  t.frame = &f;
  f.state = SymFrame::Running;
  struct Leave {
    Tracer& t;
    SymFrame& f;
    ~Leave() { t.frame = f.caller; }
  } leave{t, f};
  while (f.state == SymFrame::Running) {
    const py::Instr& in = f.code.at(f.pc);
    count(t, f, in);
    f.next = in.next;
    try {
      if (f.thrown) t.throw_value(std::exchange(f.thrown, nullptr));
      handler_of(in.op)(t, f, in);
    } catch (Raised& r) {
      if (!unwind(t, f, in, r.exception)) throw;
      continue;
    }
    f.pc = f.next;
  }
  return f.result;
}

}  // namespace fj::capture
