// Histories of tensors whose class answers ops (wrappers.h). The tape records a call with plain parts, and that record
// stays in the trace. What leaves it is given the history of the same call, made outside on the instances with the
// answers that the graph has computed: so gradients are computed op by op, as those of the plain function.
#pragma once
#include "capture/leaf.h"

namespace fj::capture {

// A leaf call that is listed.
struct Inner {
  LeafFn fn;
  intptr_t data;
};

// Plain parts become the instances that they are parts of (wrappers.cpp).
V outer_of(Tracer& t, V v);
// After the call: `given` has a tuple of tensors for each answer.
void keep_history(Tracer& t, Inner inner, const std::vector<Leaf>& args, const Values& given, V result);

}  // namespace fj::capture
