// See take_all.h.
#include "frame/take_all.h"

#include "frame/callee.h"
#include "frame/compiled_function.h"

namespace fj::frame {

bool TakeAll::take(py::OfferedFrame& frame, PyObject** result) noexcept {
  PyObject* function = reinterpret_cast<PyObject*>(frame.function());
  if (is_disabled(function)) {
    const py::Offers none(nobody());
    *result = frame.run_plain();
    return true;
  }
  if (may_not_compile() || !worth_compiling(function)) return false;
  if (!py::c_stack_plenty()) {
    *result = frame.run_bare();
    return true;
  }
  Context own = context_;
  own.name = reinterpret_cast<PyCodeObject*>(reinterpret_cast<PyFunctionObject*>(function)->func_code)->co_qualname;
  try {
    SegmentDriver driver(own);
    *result = frame.run(driver);
  } catch (...) {  // decoding failed: nothing has happened to the frame
    PyErr_Clear();
    *result = frame.run_plain();
  }
  return true;
}

py::FrameTaker& nobody() {
  struct Nobody final : py::FrameTaker {
    bool take(py::OfferedFrame&, PyObject**) noexcept override { return false; }
  };
  static Nobody one;
  return one;
}

}  // namespace fj::frame
