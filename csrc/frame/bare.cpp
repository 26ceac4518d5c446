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

void list_changes(LoadedSegment& loaded) {
  const capture::Segment& segment = *loaded.segment;
  if (segment.exit.frames.empty()) return;
  const capture::Snapshot& shot = segment.exit.frames[0];
  const auto give = [&](RecipeId id) {
    if (id < 0) return loaded.given.push_back({});
    const capture::Recipe& r = segment.recipes[static_cast<size_t>(id)];
    loaded.given.push_back(r.make == Make::Const ? Named{r.object.get()} : Named{nullptr, r.index});
  };
  for (size_t i = 0; i < shot.locals.size(); ++i) {
    if (shot.locals[i] == capture::kAsItWas) continue;
    loaded.changed.push_back(static_cast<int32_t>(i));
    give(shot.locals[i]);
  }
  for (RecipeId id : shot.stack) give(id);
}

bool fill_bare(py::FrameView& frame, const LoadedSegment& loaded, guard::Fetched& fetched) {
  const capture::Snapshot& shot = loaded.segment->exit.frames[0];
  // A segment that has done nothing leaves the frame as it is; filling one at its start is then left to the bytecode
  // too.
  if (shot.offset == frame.index() && shot.locals.empty() && shot.stack.empty()) return true;
  constexpr size_t kFew = 48;
  PyObject* values[kFew];
  if (loaded.given.size() + static_cast<size_t>(frame.depth()) > kFew) return false;
  size_t n = 0;
  for (const Named& named : loaded.given) {
    PyObject* value = named.object;
    if (named.source >= 0 && !(value = fetched.get(named.source))) return false;
    values[n++] = value;
  }
  n = frame.put(loaded.changed, values, shot.stack.size());
  for (size_t i = 0; i < n; ++i) Py_XDECREF(values[i]);
  return true;
}

}  // namespace fj::frame
