#include "driver/stats.h"

#include <chrono>

namespace fj::driver {
namespace {

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Stats& stats() {
  static Stats s;
  return s;
}

CompileTimer::CompileTimer(bool eager) : eager_(eager), start_(now_ns()) {}

CompileTimer::~CompileTimer() { (eager_ ? stats().eager_compile_ns : stats().compile_ns) += now_ns() - start_; }

}  // namespace fj::driver
