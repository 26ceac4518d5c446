// Loops that are too long to be unrolled become a segment that runs again: the trace ends at the header, and the entry
// point there begins with one round.
#include "base/flags.h"
#include "capture/sym_frame.h"

namespace fj::capture {

namespace {

bool can_stop_at(Tracer& t, SymFrame& f, int header) {
  return f.nests && f.code.resumable(header) && !f.code.in_handler(header) && !t.cut_point().in_handler;
}

bool starts_here(Tracer& t, SymFrame& f, int header) { return &f == t.outermost && t.entry.offset == header; }

[[noreturn]] void close(SymFrame& f, int header, int64_t step) {
  throw Break{Reason::loop, cat("the loop at line ", f.code.line(header)), {step, false}};
}

}  // namespace

void go_round(Tracer& t, SymFrame& f) {
  const int header = f.next;
  const int64_t rounds = ++f.rounds[header], step = t.units + 1;
  if (t.stop_at == step || !can_stop_at(t, f, header)) return;
  if (starts_here(t, f, header) || rounds >= flags::get().unroll_limit) close(f, header, step);
}

void enter_round(Tracer& t, SymFrame& f, V iterator) {
  if (f.rounds[f.pc] > 0 || starts_here(t, f, f.pc) || remaining(iterator) <= flags::get().unroll_limit) return;
  if (can_stop_at(t, f, f.pc)) close(f, f.pc, t.step);
}

}  // namespace fj::capture
