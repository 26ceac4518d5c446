// Loops that are too long to be unrolled become a segment that runs again: the trace ends at the header, and the entry
// point there begins with one round.
#include <algorithm>

#include "base/flags.h"
#include "capture/sym_frame.h"
#include "capture/tensors.h"

namespace fj::capture {

namespace {

bool can_stop_at(Tracer& t, SymFrame& f, int header) {
  return f.nests && f.code.resumable(header) && !f.code.in_handler(header) && !t.cut_point().in_handler;
}

bool starts_here(Tracer& t, SymFrame& f, int header) { return &f == t.outermost && t.entry.offset == header; }

bool is_particular(PyObject* o) {
  if (!PyTuple_Check(o) && !PyList_Check(o)) return !is_plain_constant(o) && !is_tensor(o);
  return std::any_of(PySequence_Fast_ITEMS(o), PySequence_Fast_ITEMS(o) + PySequence_Fast_GET_SIZE(o),
                     [](PyObject* item) { return !is_plain_constant(item) && !is_tensor(item); });
}

// Is the value one that the code of a round depends on? Numbers and tensors may change from round to round.
bool is_particular(V v) {
  if (!v || v->is == Is::Const || v->is == Is::Tensor) return false;
  if (v->outside() && !v->touched) return is_particular(v->real);
  const Values* items = sequence_items(v);
  return !items || std::any_of(items->begin(), items->end(), [](V item) { return is_particular(item); });
}

// Do the rounds take an object each, as over the layers of a model? One segment could not serve two of them.
bool takes_particulars(Tracer& t, V v) {
  if (!v || v->is != Is::Iterator) return false;
  auto* it = as<IteratorValue>(v);
  if (it->how == Iter::Zip || it->how == Iter::Enumerate || it->how == Iter::Map || it->how == Iter::Filter)
    return std::any_of(it->parts.begin(), it->parts.end(), [&](V part) { return takes_particulars(t, part); });
  const Values* items = it->how == Iter::Items      ? &it->parts
                        : it->how == Iter::Sequence ? sequence_items(it->over)
                                                    : nullptr;
  const auto at = static_cast<size_t>(it->at);
  if (!items) return false;
  if (at >= items->size()) return true;  // at its end: there is no other round
  return is_particular(it->live ? live_item(t, it, at) : (*items)[at]);
}

[[noreturn]] void close(SymFrame& f, int header, int64_t step) {
  throw Break{Reason::loop, cat("the loop at line ", f.code.line(header)), {step, false}};
}

}  // namespace

void go_round(Tracer& t, SymFrame& f) {
  const int header = f.next;
  const int64_t rounds = ++f.rounds[header], step = t.units + 1;
  if (t.stop_at == step || !can_stop_at(t, f, header)) return;
  const bool too_long = rounds >= flags::get().unroll_limit &&
                        !(f.code.at(header).op == py::Op::FOR_ITER && takes_particulars(t, f.top()));
  if (starts_here(t, f, header) || too_long) close(f, header, step);
}

void enter_round(Tracer& t, SymFrame& f, V iterator) {
  if (f.rounds[f.pc] > 0 || starts_here(t, f, f.pc) || remaining(iterator) <= flags::get().unroll_limit) return;
  if (takes_particulars(t, iterator)) return;
  if (can_stop_at(t, f, f.pc)) close(f, f.pc, t.step);
}

}  // namespace fj::capture
