#include "tensor/profile.h"

#include <chrono>

#include "base/str.h"
#include "runtime/memory.h"
#include "tensor/autograd_internal.h"
#include "tensor/execute_internal.h"

namespace fj::profile {

bool on = false;
thread_local int64_t running_node = -1;

namespace {

struct Session {
  bool shapes = false;
  Layer* before = nullptr;
  std::vector<Event> events;
  std::vector<int64_t> open;
};
Session* session = nullptr;

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

class Recorder final : public Layer {
 public:
  void dispatch(const OpDef& op, Args, Outs&) override { raise(ErrorKind::Internal, op.name, "() of a profiler"); }
  TensorObj* data_access(TensorObj* t, const char*) override { return t; }
  void execute(const OpDef& op, Args args, Outs& outs) override {
    const Opened opened(op, args);
    execute_unrecorded(op, args, outs);
  }

 private:
  struct Opened {
    Opened(const OpDef& op, Args args) {
      begin(cat("aten::", op.name), false);
      if (!session->shapes) return;
      Event& e = session->events.back();
      e.has_shapes = true;
      for_each_val(args, [&](Val v) { e.shapes.emplace_back(v->sizes.begin(), v->sizes.end()); });
    }
    ~Opened() { end(); }
  };
};
Recorder recorder;

}  // namespace

bool is_active() { return session && thread_state().recorder == &recorder; }

void start(bool shapes) {
  FJ_USER_CHECK(!session, ErrorKind::Runtime, "a profiler is running already");
  session = new Session{shapes, std::exchange(thread_state().recorder, &recorder), {}, {}};
  on = true;
}

std::vector<Event> stop() {
  FJ_USER_CHECK(is_active(), ErrorKind::Runtime, "no profiler is running in this thread");
  while (!session->open.empty()) end();
  on = false;
  thread_state().recorder = session->before;
  std::vector<Event> events = std::move(session->events);
  delete std::exchange(session, nullptr);
  return events;
}

void begin(std::string name, bool ranged) {
  Event e;
  e.name = std::move(name);
  e.ranged = ranged;
  if (running_node >= 0)
    e.sequence = running_node;
  else if (thread_state().grad_mode)
    e.sequence = static_cast<int64_t>(tape::next_sequence_number());
  e.parent = session->open.empty() ? -1 : session->open.back();
  e.bytes = runtime::memory_stats().in_use;
  session->open.push_back(static_cast<int64_t>(session->events.size()));
  session->events.push_back(std::move(e));
  session->events.back().begin = now();
}

void end() {
  if (!session || session->open.empty()) return;  // it was begun before the profiler
  Event& e = session->events[static_cast<size_t>(session->open.back())];
  e.end = now();
  e.bytes = runtime::memory_stats().in_use - e.bytes;
  session->open.pop_back();
}

}  // namespace fj::profile
