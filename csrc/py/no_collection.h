// While one lives the cyclic garbage collector does not run.
//
// Finalisers and callbacks of the collector are the program's code. They must not run in the middle of a trace or of a
// replay, where what they make is a fake and what they do would be recorded. What is to be collected waits.
#pragma once
#include <Python.h>

namespace fj::py {

class NoCollection {
 public:
  NoCollection() : was_on_(PyGC_Disable()) {}
  ~NoCollection() {
    if (was_on_) PyGC_Enable();
  }
  NoCollection(const NoCollection&) = delete;
  NoCollection& operator=(const NoCollection&) = delete;

 private:
  const int was_on_;
};

}  // namespace fj::py
