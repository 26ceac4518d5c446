// Segments that do nothing but name objects that are there: no program, no effects, nothing to make. Most continuations
// after a break are such, and many exits; they are carried out without a Materialiser.
#pragma once

#include "frame/entry.h"
#include "py/frame.h"

namespace fj::frame {

bool is_bare(const capture::Segment& segment);

// What a recipe of such a segment names, borrowed. NULL where it is not there.
inline PyObject* named(const capture::Segment& segment, guard::Fetched& fetched, capture::RecipeId id) {
  const capture::Recipe& r = segment.recipes[static_cast<size_t>(id)];
  return r.make == capture::Make::Const ? r.object.get() : fetched.get(r.index);
}

// Lists the locals that its exit gives a value of their own, and these values.
void list_changes(LoadedSegment& loaded);

// Fills the frame for the exit. False: something is not there, and nothing has been changed.
bool fill_bare(py::FrameView& frame, const LoadedSegment& loaded, guard::Fetched& fetched);

}  // namespace fj::frame
