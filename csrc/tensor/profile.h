// What a profiler sees of a thread: the ops that it executes, the compiled graphs that it runs, and ranges that the
// program names, with their times.
//
// Ops are seen below the tape, by way of thread_state().recorder: while nobody profiles that costs nothing. A trace has
// a recorder of its own, so what is traced is not seen, but the runs of what was compiled are.
#pragma once
#include <string>
#include <vector>

#include "tensor/dispatch.h"

namespace fj::profile {

struct Event {
  std::string name;
  int64_t begin = 0, end = 0;  // nanoseconds of the steady clock
  int64_t parent = -1;         // the event around it
  int64_t bytes = 0;           // memory of tensors afterwards, less that before
  int64_t sequence = -1;       // of the node of the tape that the op makes, or that is run; -1: none
  bool ranged = false;         // named by the program
  bool has_shapes = false;
  std::vector<std::vector<int64_t>> shapes;  // of the tensor arguments
};

extern bool on;  // does any thread profile?

// Begins in this thread. RuntimeError where one is going on already.
void start(bool shapes);
// Ends what this thread began and gives its events, in the order of their begins. RuntimeError: it began none.
std::vector<Event> stop();
bool is_active();  // in this thread, and not while it traces

// The node of the tape that this thread runs, by its number in the order of recording; -1: none.
extern thread_local int64_t running_node;

void begin(std::string name, bool ranged);
void end();

// An event around a scope, where this thread is profiled.
class Span {
 public:
  explicit Span(const char* name) : active_(__builtin_expect(on, 0) && is_active()) {
    if (active_) begin(name, false);
  }
  ~Span() {
    if (active_) end();
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  bool active_;
};

}  // namespace fj::profile
