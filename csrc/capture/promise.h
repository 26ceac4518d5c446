// What dynamo.mark_dynamic promises: that a segment is right for more than one size.
#pragma once
#include <string>

#include "capture/shapes.h"

namespace fj::capture {

// Tries other sizes; in words what is wrong if a marked one can only be what it is, or if not the whole range that was
// given goes the same way. Empty if all promises are kept.
std::string broken_promise(Shapes& shapes, guard::Fetched& fetched, const guard::SourceTable& sources,
                           PyCodeObject* code);

}  // namespace fj::capture
