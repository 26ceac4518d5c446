// How a trace ends early. Both are C++ exceptions inside the room: a break ends the trace (it is cut at an instruction
// of the outermost frame), a raise is the user's own exception, for which handlers are searched as CPython would.
#pragma once
#include <cstdint>
#include <string>

#include "base/str.h"

namespace fj::capture {

enum class Reason : unsigned char {
#define FJ_BREAK(name, words, advice) name,
#include "capture/break_reasons.def"
#undef FJ_BREAK
};

struct ReasonRow {
  const char* name;
  const char* words;
  const char* advice;
};
const ReasonRow& row(Reason reason);
int reason_count();

// Where the trace is to be cut for a break or an exception: known as soon as the innermost frame has been left.
struct CutPoint {
  int64_t step = -1;
  bool in_handler = false;  // something happened in a handler, the cut is where its exception was raised
};

struct Break {
  Reason reason;
  std::string detail;
  CutPoint cut = {};
};

// The trace has come to Tracer::stop_at, in the frame Tracer::stopped_in.
struct StopHere {};

// A value that no recipe can rebuild: the trace must end before the step at which it was made.
struct CannotRebuild {
  int64_t before;
  std::string what;
};

// Something that the trace relies on has been changed, for good: it begins anew.
struct Again {};

struct Value;
struct Raised {
  Value* exception;
  CutPoint cut = {};
};

template <class... Ts>
[[noreturn]] void cut(Reason reason, const Ts&... parts) {
  throw Break{reason, cat(parts...)};
}

}  // namespace fj::capture
