// Tables of Python objects that are made when first asked for.
//
// A `static T* t = make();` in a function deadlocks where make() runs Python code, an import say: that lets other
// threads run, and those then wait for C++'s guard of the static while they hold the interpreter's lock.
#pragma once

namespace fj::py {

// `slot`, filled in by make() before it is first used. Of threads that make it at the same time one wins, and what the
// others made is left alone. NULL counts as not made.
template <class T, class F>
T* once(T*& slot, F&& make) {
  if (!slot) {
    T* const made = make();
    if (!slot) slot = made;
  }
  return slot;
}

}  // namespace fj::py
