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

std::vector<int32_t> changed_locals(const capture::Segment& segment) {
  std::vector<int32_t> out;
  if (segment.exit.frames.empty()) return out;
  const std::vector<RecipeId>& locals = segment.exit.frames[0].locals;
  for (size_t i = 0; i < locals.size(); ++i)
    if (locals[i] != capture::kAsItWas) out.push_back(static_cast<int32_t>(i));
  return out;
}

bool fill_bare(py::FrameView& frame, const LoadedSegment& loaded, guard::Fetched& fetched) {
  const capture::Segment& segment = *loaded.segment;
  const capture::Snapshot& shot = segment.exit.frames[0];
  // A segment that has done nothing leaves the frame as it is; filling one at its start is then left to the bytecode
  // too.
  if (shot.offset == frame.index() && shot.locals.empty() && shot.stack.empty()) return true;
  constexpr size_t kFew = 48;
  PyObject* values[kFew];
  if (loaded.changed.size() + std::max(shot.stack.size(), static_cast<size_t>(frame.depth())) > kFew) return false;
  size_t n = 0;
  const auto give = [&](RecipeId id) {
    values[n] = id < 0 ? nullptr : named(segment, fetched, id);
    return values[n++] || id < 0;
  };
  for (int32_t slot : loaded.changed)
    if (!give(shot.locals[static_cast<size_t>(slot)])) return false;
  for (RecipeId id : shot.stack)
    if (!give(id)) return false;
  n = frame.put(loaded.changed, values, shot.stack.size());
  for (size_t i = 0; i < n; ++i) Py_XDECREF(values[i]);
  return true;
}

}  // namespace fj::frame
