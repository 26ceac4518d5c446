#include "capture/exit.h"

#include "base/flags.h"
#include "capture/asks.h"
#include "capture/generator.h"
#include "capture/recipes.h"
#include "capture/tensors.h"

namespace fj::capture {

namespace {

// A suspended generator that is let go unseen would be closed by CPython there: its finally clauses are not skipped.
void check_generators(Tracer& t) {
  for (IteratorValue* g : t.generators)
    if (g->recipe == kNoRecipe && !g->done && g->frame->started && has_clean_up(*g->frame))
      throw CannotRebuild{g->born, "a generator that is closed when it is let go"};
}

void finish(Tracer& t, Segment& s, RecipeWriter& w) {
  w.effects();
  w.check_order();
  check_generators(t);
  if (is_asking() != t.asked_at_start) throw CannotRebuild{t.asking_changed, "a switch of __torch_function__"};
  s.instructions = t.instructions;
  if (flags::get().force_capture) s.by_code = t.executed_by_code();
  t.tensors->finish(t, s, w.outputs());
  s.guards = t.finish_guards();
}

bool is_as_it_was(Tracer& t, const SymFrame& f, V v, int i) {
  if (&f != t.outermost || t.entry.offset == 0 || !v->outside()) return false;
  const auto& source = t.tree.sources()[v->source];
  return source.step == Step::Local && source.index == i;
}

// May the function look at its locals by name?
bool names_its_locals(const SymFrame& f) {
  for (const py::Instr& in : f.code.instrs()) {
    if (in.op != py::Op::LOAD_GLOBAL) continue;
    for (const char* known : {"eval", "exec", "locals", "vars", "dir"})
      if (is_text(f.name(in.arg >> 1), known)) return true;
  }
  return false;
}

Snapshot snapshot(Tracer& t, SymFrame& f, RecipeWriter& w) {
  Snapshot shot;
  if (&f != t.outermost) shot.function = w.of(f.function);
  shot.code = Ref::borrow(reinterpret_cast<PyObject*>(f.object()));
  shot.offset = f.pc;
  const bool all = names_its_locals(f);
  for (int i = 0; i < f.code.locals_count(); ++i) {
    V v = f.locals[static_cast<size_t>(i)];
    if (v && !all && v->is != Is::Cell && !f.code.live(f.pc, i)) {
      // A dead local shows only to who looks at frames. Another time it may be unbound here.
      shot.locals.push_back(is_as_it_was(t, f, v, i) ? kAsItWas : w.of_if_possible(v));
      continue;
    }
    shot.locals.push_back(w.of(v));
  }
  for (V v : f.stack) shot.stack.push_back(w.of(v));
  return shot;
}

// How the calling frame goes on after the inner one.
void calls(SymFrame& outer, SymFrame& inner, RecipeWriter& w, Snapshot& shot) {
  const py::Instr& in = outer.code.at(outer.pc);
  shot.resume = inner.called.resume;
  shot.next = in.next;
  shot.target = in.target;
  if (inner.called.instance) shot.stack.push_back(w.of(inner.called.instance));
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
  // The comparison itself has been made.
  const bool mid = !t.stopped_for.detail.empty();
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
  e.kind = why.reason == Reason::loop           ? ExitKind::Loop
           : in.op == py::Op::COMPARE_OP && mid ? ExitKind::Branch
                                                : ExitKind::Break;
  std::vector<SymFrame*> chain;
  for (SymFrame* f = &frame; f; f = f->caller) chain.insert(chain.begin(), f);
  for (size_t i = 0; i < chain.size(); ++i) {
    e.frames.push_back(snapshot(t, *chain[i], w));
    if (i + 1 < chain.size()) calls(*chain[i], *chain[i + 1], w, e.frames.back());
  }
  e.next = in.ends ? -1 : in.next;
  e.target = in.target;
  finish(t, s, w);
}

}  // namespace fj::capture
