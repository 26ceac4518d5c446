// options={"guard_filter_fn": f}: the user's permission to leave guards out.
#pragma once
#include "frame/run.h"

namespace fj::frame {

// Takes out the guards that the function of this compilation's options turns down. Those that protect memory stay in
// any case: what native code relies on about tensors, and how many elements a container has. False with an error set if
// the function raised or returned nonsense.
bool filter_guards(const Context& context, const EntryPoint& entry, const capture::EntryPoint& state,
                   capture::Segment& segment);

}  // namespace fj::frame
