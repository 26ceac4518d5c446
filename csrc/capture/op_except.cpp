// Raising, handlers, with statements.
#include "capture/handlers.h"
#include "capture/substitute.h"

namespace fj::capture {

namespace {

V exception_from(Tracer& t, V v) {
  t.use(v);
  PyObject* o = const_object(v);
  if (o && PyType_Check(o) && is_exception_type(reinterpret_cast<PyTypeObject*>(o))) return call_values(t, v, {});
  if (!is_exception_type(t.type_of(v))) t.raise(PyExc_TypeError, "exceptions must derive from BaseException");
  if (v->is != Is::Object || v->outside()) cut(Reason::raises, "an exception object from outside is raised");
  return v;
}

PyTypeObject* caught_class(Tracer& t, V pattern) {
  t.use(pattern);
  PyObject* o = const_object(pattern);
  if (!o || !PyType_Check(o) || !is_exception_type(reinterpret_cast<PyTypeObject*>(o)))
    t.raise(PyExc_TypeError, "catching classes that do not inherit from BaseException is not allowed");
  return reinterpret_cast<PyTypeObject*>(o);
}

bool matches(Tracer& t, V exception, V pattern) {
  t.use(pattern);
  bool any = false;
  for (V p : pattern->is == Is::Tuple ? as<TupleValue>(pattern)->items : Values{pattern})  // all of them are looked at
    any |= PyType_IsSubtype(exception->cls, caught_class(t, p)) != 0;
  return any;
}

void handle(Tracer& t, SymFrame& f, V exception) {
  t.handled = exception ? exception : f.handled_around;
  if (f.is_generator()) f.own_handled = exception;
}

}  // namespace

FJ_OPCODE(LOAD_ASSERTION_ERROR) { f.push(t.constant(PyExc_AssertionError)); }
FJ_OPCODE(RAISE_VARARGS) {
  if (in.arg == 0) {
    if (!t.handled) nothing_handled(t);
    if (!t.handled) t.raise(PyExc_RuntimeError, "No active exception to reraise");
    throw Raised{t.handled};
  }
  V cause = in.arg == 2 ? f.pop() : nullptr;
  V e = exception_from(t, f.pop());
  if (cause) {
    as<ObjectValue>(e)->has_cause = true;
    as<ObjectValue>(e)->cause = is_const(t, cause, Py_None) ? cause : exception_from(t, cause);
  }
  t.throw_value(e);
}
FJ_OPCODE(RERAISE) {
  V e = f.pop();
  throw Raised{e};
}
FJ_OPCODE(PUSH_EXC_INFO) {
  V e = f.pop();
  V before = f.is_generator() ? f.own_handled : t.handled;
  f.push(before ? before : t.none());
  f.push(e);
  handle(t, f, e);
  if (f.nests) f.handler_steps.push_back(f.raised_at);
}
FJ_OPCODE(POP_EXCEPT) {
  V before = f.pop();
  handle(t, f, before->is == Is::Object ? before : nullptr);
  if (!f.handler_steps.empty()) f.handler_steps.pop_back();
}
FJ_OPCODE(CHECK_EXC_MATCH) {
  V pattern = f.pop();
  f.push(t.boolean(matches(t, f.top(), pattern)));
}

FJ_OPCODE(CHECK_EG_MATCH) {
  Args args;
  args.pos = {f.top(2), f.top()};
  Values found = unpack(t, call_helper(t, "check_eg_match", std::move(args)));
  f.pop();
  V match = found.at(1);
  if (is_const(t, match, Py_None)) return f.push(match);
  f.top() = found.at(0);
  f.push(match);
  handle(t, f, match);
}
FJ_OPCODE(PREP_RERAISE_STAR) {
  V raised = f.pop(), original = f.pop();
  Args args;
  args.pos = {original, raised};
  f.push(call_helper(t, "prep_reraise_star", std::move(args)));
}
FJ_OPCODE(CALL_INTRINSIC_2) {
  if (in.arg != 1) cut(Reason::unsupported_instruction, "intrinsic ", in.arg, " of two");
  op_PREP_RERAISE_STAR(t, f, in);
}

FJ_OPCODE(BEFORE_WITH) {
  V manager = f.pop();
  V enter = special_or_none(t, manager, FJ_NAME("__enter__"));
  V exit = special_or_none(t, manager, FJ_NAME("__exit__"));
  if (!enter || !exit) {
    if (manager->is == Is::Opaque) cut(Reason::native_object, "with ", manager->cls->tp_name);
    t.raise(PyExc_TypeError, cat("'", manager->cls->tp_name, "' object does not support the context manager protocol",
                                 enter ? " (missed __exit__ method)" : ""));
  }
  f.push(exit);
  t.call_rule = {Resume::Push};
  f.push(call_values(t, enter, {}));
}
// Stack: exit method, lasti, previous exception, exception.
FJ_OPCODE(WITH_EXCEPT_START) {
  V e = f.top();
  V exit = f.top(4);
  V type = t.constant(reinterpret_cast<PyObject*>(e->cls));
  f.push(call_values(t, exit, {type, e, traceback_of(t, e)}));
}

}  // namespace fj::capture
