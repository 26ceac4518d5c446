// A compilation that takes long says what it is doing, and one that has a budget ends when that is spent.
//
// A Scope stands around the work. Whoever does a part of it calls step() now and then; that costs a look at the clock.
// After a second, and each second from then on, the reporter is told.
#pragma once
#include <cstddef>
#include <cstdint>

namespace fj::progress {

// What is compiled, for how long, the stage and how many parts of it are done; stage NULL: the compilation has ended.
using Report = void (*)(const void* what, double seconds, const char* stage, size_t done);
void set_report(Report report);  // NULL: nobody is told

class Scope {
 public:
  // `may_stop`: whoever opened it has another way when the budget is spent. Only a thread's outermost scope counts.
  Scope(const void* what, bool may_stop);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  bool outermost_;
};

// Part number `done` of a stage is about to begin. True: the budget is spent and the work is to be given up.
bool step(const char* stage, size_t done);
// The same where giving up is an Error of kind Unsupported.
void step_or_stop(const char* stage, size_t done);

}  // namespace fj::progress
