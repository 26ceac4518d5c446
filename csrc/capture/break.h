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

struct Break {
  Reason reason;
  std::string detail;
};

// The trace has come to Tracer::stop_at.
struct StopHere {};

// A value that no recipe can rebuild: the trace must end before the step at which it was made.
struct CannotRebuild {
  int64_t before;
  std::string what;
};

struct Value;
struct Raised {
  Value* exception;
};

template <class... Ts>
[[noreturn]] void cut(Reason reason, const Ts&... parts) {
  throw Break{reason, cat(parts...)};
}

}  // namespace fj::capture
