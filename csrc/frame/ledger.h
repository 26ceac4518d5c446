// Which instructions ran inside segments and why the others did not, by code object: what
// `python -m framejit.testing.cpython` prints. Kept while config.force_capture is set.
#pragma once

#include "base/flags.h"
#include "capture/segment.h"

namespace fj::frame {

void note_inside(const capture::Segment& segment);  // it has run
// CPython executed one unit of this code, for a reason of break_reasons.def.
void count_unit(PyObject* code, const char* reason);
inline void note_unit(PyObject* code, const char* reason) {
  if (flags::get().force_capture) count_unit(code, reason);
}
// CPython executes the rest of a frame of this code, or its call from the start.
void note_rest(PyObject* code, const char* reason);

// A new list of (code, kind, reason, count): kinds are "inside" (instructions; no reason), "unit" and "rest" (times).
PyObject* ledger();
void clear_ledger();

}  // namespace fj::frame
