#include "base/progress.h"

#include <chrono>

#include "base/error.h"
#include "base/flags.h"

namespace fj::progress {
namespace {

constexpr int64_t kReportNs = 1'000'000'000;

struct State {
  const void* what = nullptr;
  int64_t start = 0;
  int64_t next = 0;  // when the reporter is told again
  bool active = false, may_stop = false, told = false;
};

thread_local State state;
Report report = nullptr;

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void tell(int64_t now, const char* stage, size_t done) {
  if (report) report(state.what, static_cast<double>(now - state.start) * 1e-9, stage, done);
}

}  // namespace

void set_report(Report r) { report = r; }

Scope::Scope(const void* what, bool may_stop) : outermost_(!state.active) {
  if (!outermost_) return;
  const int64_t now = now_ns();
  state = {what, now, now + kReportNs, true, may_stop, false};
}

Scope::~Scope() {
  if (!outermost_) return;
  if (state.told) tell(now_ns(), nullptr, 0);
  state = {};
}

bool step(const char* stage, size_t done) {
  if (!state.active) return false;
  const int64_t now = now_ns();
  if (now >= state.next) {
    state.next = now + kReportNs;
    state.told = true;
    tell(now, stage, done);
  }
  const int64_t budget = flags::get().compile_budget;
  return budget > 0 && state.may_stop && now - state.start > budget * 1'000'000;
}

void step_or_stop(const char* stage, size_t done) {
  if (step(stage, done))
    raise(ErrorKind::Unsupported, "the compile budget of ", flags::get().compile_budget, " ms is spent");
}

}  // namespace fj::progress
