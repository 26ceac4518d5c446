// A check that is more than a comparison: whoever wrote the segment decides from the fetched objects. Capture's Shapes
// is one; the room of guards only calls it.
#pragma once
#include <memory>
#include <string>

#include "guard/guard.h"

namespace fj::guard {

class Admission {
 public:
  virtual ~Admission() = default;
  // Total, like every check; may take long the first time that it sees some values.
  virtual Outcome admit(Fetched& fetched) = 0;
  virtual std::string describe(const SourceTable& sources, PyCodeObject* code) const = 0;
};

// The object of a check of kind Admitted: a capsule that shares the admission. Empty with a Python error when there is
// no memory.
py::Ref admission_object(std::shared_ptr<Admission> admission);

}  // namespace fj::guard
