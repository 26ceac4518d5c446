// See bare.h.
#include "frame/bare.h"

#include <algorithm>

namespace fj::frame {

using capture::Make;
using capture::RecipeId;

bool is_bare(const capture::Segment& s) {
  if (s.program || s.shapes || s.noutputs || !s.effects.empty() || s.modes) return false;
  if (s.exit.kind != capture::ExitKind::Return && s.exit.frames.size() != 1) return false;
  if (s.exit.kind == capture::ExitKind::Return && s.exit.value < 0) return false;
  return std::all_of(s.recipes.begin(), s.recipes.end(),
                     [](const capture::Recipe& r) { return r.make == Make::Source || r.make == Make::Const; });
}

bool fill_bare(py::FrameView& frame, const capture::Segment& segment, guard::Fetched& fetched) {
  const capture::Snapshot& shot = segment.exit.frames[0];
  // A segment that has done nothing leaves the frame as it is; filling one at its start is then left to the bytecode
  // too.
  if (shot.offset == frame.index() && shot.locals.empty() && shot.stack.empty()) return true;
  constexpr size_t kFew = 48;
  PyObject* values[kFew];
  const size_t room = frame.room(shot.stack.size());
  if (room > kFew) return false;
  PyObject** next = values;
  for (RecipeId id : shot.locals) {
    PyObject* value = nullptr;
    if (id == capture::kAsItWas)
      value = frame.local(static_cast<int>(next - values));
    else if (id >= 0 && !(value = named(segment, fetched, id)))
      return false;
    *next++ = value;
  }
  for (RecipeId id : shot.stack) {
    PyObject* value = id < 0 ? nullptr : named(segment, fetched, id);
    if (id >= 0 && !value) return false;
    *next++ = value;
  }
  frame.put(values, shot.stack.size());
  for (size_t i = 0; i < room; ++i) Py_XDECREF(values[i]);
  return true;
}

}  // namespace fj::frame
