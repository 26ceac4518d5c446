// Calls of the package's own functions that are written in Python, noted for back ends written in Python: these are
// told `nn.functional.cross_entropy(…)`, not what it does.
#pragma once
#include "capture/leaf.h"

namespace fj::capture {

// Around the call, whose frame is interpreted as any other.
class NoteCall {
 public:
  NoteCall(Tracer& t, FunctionValue* f, const Args& args);
  ~NoteCall();
  V finish(V result);

 private:
  bool take(const Args& args);

  Tracer& t_;
  bool noting_ = false;
  WholeCall call_;
};

}  // namespace fj::capture
