// Bodies of higher-order operators (graph::Region): where they begin and end, and what pure ones may write to.
#include <algorithm>

#include "capture/builtins.h"
#include "capture/leaf.h"
#include "capture/sym_frame.h"
#include "py/imported.h"

namespace fj::capture {

namespace {

bool is_running(const Tracer& t, const SymFrame* frame) {
  const SymFrame* f = t.frame;
  while (f && f != frame) f = f->caller;
  return f != nullptr;
}

}  // namespace

V enter_region(Tracer& t, Args& args) {
  static constinit py::Imported function{"framejit._C", "_enter_region"};
  want(args, 2, 2);
  if (is_const(t, args.pos[1], Py_True)) t.bodies.push_back({t.step, t.frame});
  return call_leaf(t, function.get(), args);
}

V exit_region(Tracer& t, Args& args) {
  static constinit py::Imported function{"framejit._C", "_exit_region"};
  std::erase_if(t.bodies, [&](const Tracer::Body& b) { return b.frame == t.frame; });
  return call_leaf(t, function.get(), args);
}

bool calls_body(const Tracer& t) {
  return std::any_of(t.bodies.begin(), t.bodies.end(), [&](const Tracer::Body& b) { return b.frame == t.frame; });
}

// A body that an exception has left has no end; its frame tells.
void check_write(Tracer& t, V v) {
  for (const Tracer::Body& body : t.bodies)
    if ((v->outside() || v->born < body.began) && is_running(t, body.frame))
      cut(Reason::side_effect, v->cls ? v->cls->tp_name : "a variable");
}

}  // namespace fj::capture
