#include "capture/exit.h"

#include "capture/recipes.h"
#include "capture/tensors.h"

namespace fj::capture {

namespace {

void finish(Tracer& t, Segment& s, RecipeWriter& w) {
  w.effects();
  s.grad_mode = t.grad_mode_at_exit;
  t.tensors->finish(t, s, w.outputs());
  s.guards = t.finish_guards();
}

Snapshot snapshot(SymFrame& f, RecipeWriter& w) {
  Snapshot shot;
  shot.code = Ref::borrow(reinterpret_cast<PyObject*>(f.object()));
  shot.offset = f.pc;
  for (int i = 0; i < f.code.locals_count(); ++i) {
    V v = f.locals[static_cast<size_t>(i)];
    if (v && v->is != Is::Cell && !f.code.live(f.pc, i)) {
      // A dead local shows only in locals(): it is kept if it can be.
      try {
        shot.locals.push_back(w.of(v));
      } catch (CannotRebuild&) {
        shot.locals.push_back(kNoRecipe);
      }
      continue;
    }
    shot.locals.push_back(w.of(v));
  }
  for (V v : f.stack) shot.stack.push_back(w.of(v));
  return shot;
}

// The last instruction of the unit that begins here: calls of 3.11 and 3.12 span two or three.
const py::Instr& end_of_unit(const SymFrame& f) {
  const py::Instr* in = &f.code.at(f.pc);
  while (in->op == py::Op::KW_NAMES || in->op == py::Op::PRECALL) in = &f.code.at(in->next);
  return *in;
}

}  // namespace

void write_return(Tracer& t, Segment& s, V value) {
  RecipeWriter w(t, s);
  s.exit.kind = ExitKind::Return;
  s.exit.value = w.of(value);
  finish(t, s, w);
}

void write_break(Tracer& t, Segment& s, SymFrame& frame, const Break& why) {
  RecipeWriter w(t, s);
  const py::Instr& in = end_of_unit(frame);
  Exit& e = s.exit;
  e.reason = row(why.reason).name;
  e.detail = why.detail;
  e.line = frame.code.line(frame.pc);
  e.where = Ref::borrow(reinterpret_cast<PyObject*>(frame.object()));
  if (frame.pc < frame.code.body_start()) {
    e.kind = ExitKind::Resume;
    finish(t, s, w);
    return;
  }
  e.kind = ExitKind::Break;
  e.frames.push_back(snapshot(frame, w));
  e.next = in.ends ? -1 : in.next;
  e.target = in.target;
  finish(t, s, w);
}

}  // namespace fj::capture
