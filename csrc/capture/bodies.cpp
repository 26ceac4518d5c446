// Bodies of higher-order operators: where they begin and end, and what pure ones may write to. Those of graph::Region
// stay in the graph; those of ops (ops/bodies.h) are taken out of it, and are pure.
#include <algorithm>

#include "capture/builtins.h"
#include "capture/leaf.h"
#include "capture/look.h"
#include "capture/sym_frame.h"
#include "capture/tensors.h"
#include "py/imported.h"

namespace fj::capture {

namespace {

bool is_running(const Tracer& t, const SymFrame* frame) {
  const SymFrame* f = t.frame;
  while (f && f != frame) f = f->caller;
  return f != nullptr;
}

// A call after which what the running frame does is in no body any more.
V leave(Tracer& t, PyObject* function, Args& args) {
  std::erase_if(t.bodies, [&](const Tracer::Body& b) { return b.frame == t.frame; });
  return call_leaf(t, function, args);
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
  return leave(t, function.get(), args);
}

V takes_branches(Tracer& t, Args& args) {
  bool followed = wants_whole(t);
  for (V v : args.pos) {
    t.use(v);
    followed = followed && v->is == Is::Tensor && t.tensors->is_followed(as<TensorValue>(v)->fake);
  }
  return t.boolean(followed);
}

V begin_body(Tracer& t, Args& args) {
  static constinit py::Imported function{"framejit._C", "_begin_body"};
  want(args, 1, 2);
  t.bodies.push_back({t.step, t.frame});
  return call_leaf(t, function.get(), args);
}

V end_body(Tracer& t, Args& args) {
  static constinit py::Imported function{"framejit._C", "_end_body"};
  return leave(t, function.get(), args);
}

V drop_body(Tracer& t, Args& args) {
  static constinit py::Imported function{"framejit._C", "_drop_body"};
  return leave(t, function.get(), args);
}

V refuse(Tracer& t, Args& args) {
  want(args, 1, 1);
  Ref text = t.need_real(args.pos[0], Reason::unsupported_op, "a text");
  cut(Reason::unsupported_op, py::utf8(text.get()));
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
