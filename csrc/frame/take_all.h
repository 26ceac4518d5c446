// With config.force_capture, every Python function that runs below a compiled call is compiled, whoever calls it: C
// code that was called at a break (sorted, a container that compares its keys), or the interpreter itself.
#pragma once

#include "frame/run.h"

namespace fj::frame {

class TakeAll final : public py::FrameTaker {
 public:
  explicit TakeAll(const Context& context) : context_(context), offers_(*this) {}
  bool take(py::OfferedFrame& frame, PyObject** result) noexcept override;

 private:
  Context context_;
  py::Offers offers_;
};

// Who takes no frame.
py::FrameTaker& nobody();

}  // namespace fj::frame
