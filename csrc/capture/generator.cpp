// Generators: running them to their next yield, what is sent and thrown into them, their methods and attributes.
#include "capture/builtins.h"
#include "capture/generator.h"
#include "capture/handlers.h"

namespace fj::capture {

namespace {

bool is_a(V exception, PyObject* type) {
  return PyType_IsSubtype(exception->cls, reinterpret_cast<PyTypeObject*>(type));
}

IteratorValue* as_generator(V v) {
  return v->is == Is::Iterator && as<IteratorValue>(v)->how == Iter::Generator ? as<IteratorValue>(v) : nullptr;
}

// close() of whatever `yield from` goes over.
void close_below(Tracer& t, V below) {
  if (as_generator(below))
    close_generator(t, as_generator(below));
  else if (V close = find_attr(t, below, FJ_NAME("close")))
    call_values(t, close, {});
}

// The iterator below has ended with this value: the instruction that was sending to it goes on after it.
void end_of_yield_from(SymFrame& f, V result) {
  const py::Instr& back = f.code.at(f.code.at(f.pc).next);  // RESUME, then the jump to SEND
  if (back.op != py::Op::JUMP_BACKWARD_NO_INTERRUPT) cut(Reason::internal, "yield from in a form that is not known");
  if (kBefore312) f.pop();
  f.push(result);
  f.pc = f.code.at(back.target).target;
}

// An exception that is thrown in at a `yield from` goes to the iterator below. Returns what that yields; otherwise
// NULL, with the frame ready to go on.
V throw_below(Tracer& t, SymFrame& f, V thrown) {
  V below = f.top(), handled = t.handled, value = nullptr, result = nullptr;
  f.thrown = thrown;
  try {
    if (is_a(thrown, PyExc_GeneratorExit)) {
      close_below(t, below);
      return nullptr;
    }
    if (auto* g = as_generator(below)) {
      value = resume_generator(t, g, nullptr, thrown);
      if (!value) result = g->frame->result;
    } else {
      V method = find_attr(t, below, FJ_NAME("throw"));
      if (!method) return nullptr;
      value = call_values(t, method, {thrown});
    }
  } catch (Raised& r) {
    t.handled = handled;
    f.thrown = r.exception;
    if (as_generator(below) || !is_a(r.exception, PyExc_StopIteration)) return nullptr;
    result = exception_attr(t, as<ObjectValue>(r.exception), FJ_NAME("value"));
  }
  f.thrown = nullptr;
  if (!value) end_of_yield_from(f, result);
  return value;
}

V run_generator(Tracer& t, IteratorValue* g, V sent, V thrown, bool first) {
  SymFrame& f = *g->frame;
  if (thrown && first) t.throw_value(thrown, nullptr);
  if (thrown && yields_from(f)) {
    if (V value = throw_below(t, f, thrown)) return value;
  } else if (thrown) {
    f.thrown = thrown;
  } else if (!first) {
    f.push(sent ? sent : t.none());
  }
  if (f.own_handled) t.handled = f.own_handled;
  V value = run_frame(t, f);
  return f.state == SymFrame::Yielded ? value : nullptr;
}

}  // namespace

bool yields_from(const SymFrame& f) {
  if (!f.started || f.state != SymFrame::Yielded) return false;
  const py::Instr& in = f.code.at(f.pc);
  return in.op == py::Op::RESUME && (in.arg & 3) == 2;
}

bool has_clean_up(const SymFrame& f) {
  const py::Handler* h = f.code.handler(f.pc);
  return h && f.code.at(h->target).op != py::Op::CALL_INTRINSIC_1;  // 3.12 on: StopIteration becomes RuntimeError
}

V resume_generator(Tracer& t, IteratorValue* g, V sent, V thrown) {
  SymFrame& f = *g->frame;
  if (g->done) {
    if (thrown) t.throw_value(thrown);
    f.result = t.none();
    return nullptr;
  }
  if (f.executing && g->substitute) cut(Reason::native_call, "an iterator that is used while it runs");
  if (f.executing) t.raise(PyExc_ValueError, "generator already executing");
  if (t.depth >= kMaxDepth) cut(Reason::too_deep, "a generator");
  const bool first = !f.started;
  if (first) g->born = t.step;
  f.started = true;
  ++t.depth;
  struct Restore {
    Tracer& t;
    V handled;
    SymFrame& frame;
    ~Restore() {
      --t.depth;
      frame.executing = false;
      t.handled = handled;
    }
  } restore{t, t.handled, f};
  f.executing = true;
  f.handled_around = t.handled;
  try {
    V value = run_generator(t, g, sent, thrown, first);
    g->done = !value;
    return value;
  } catch (Raised& r) {
    g->done = true;
    if (first && thrown && r.exception == thrown) throw;
    if (is_a(r.exception, PyExc_StopIteration)) {
      auto* e = t.exception(reinterpret_cast<PyTypeObject*>(PyExc_RuntimeError),
                            {t.string("generator raised StopIteration")});
      e->cause = e->context = r.exception;
      e->has_cause = true;
      t.throw_value(e);
    }
    throw;
  }
}

V close_generator(Tracer& t, IteratorValue* g) {
  if (!g->frame->started || g->done) {
    g->done = true;
    return t.none();
  }
  V handled = t.handled;
  try {
    if (resume_generator(t, g, nullptr, t.exception(reinterpret_cast<PyTypeObject*>(PyExc_GeneratorExit), {})))
      t.raise(PyExc_RuntimeError, "generator ignored GeneratorExit");
    return kBefore313 ? t.none() : g->frame->result;
  } catch (Raised& r) {
    if (!is_a(r.exception, PyExc_GeneratorExit) && !is_a(r.exception, PyExc_StopIteration)) throw;
    t.handled = handled;
    return t.none();
  }
}

V generator_attr(Tracer& t, IteratorValue* g, PyObject* name) {
  SymFrame& f = *g->frame;
  const bool waits = f.started && !g->done && !f.executing;
  if (is_text(name, "__name__") || is_text(name, "__qualname__")) {  // from when it was made
    if (!f.function->members.empty()) cut(Reason::native_object, "a generator of a function that was given a name");
    return get_attr(t, f.function, name);
  }
  if (is_text(name, "gi_code")) return t.constant(reinterpret_cast<PyObject*>(f.object()));
  if (is_text(name, "gi_running")) return t.boolean(f.executing);
  if (is_text(name, "gi_suspended")) return t.boolean(waits);
  if (is_text(name, "gi_yieldfrom")) return waits && yields_from(f) ? f.top() : t.none();
  if (is_text(name, "gi_frame")) return g->done ? t.none() : t.make<OpaqueValue>(&PyFrame_Type);
  cut(Reason::native_object, "a generator's ", py::utf8(name));
}

namespace {

IteratorValue* generator_of(V self) {
  if (!as_generator(self)) cut(Reason::native_method, "a generator method of an iterator");
  return as_generator(self);
}

V sent(Tracer& t, IteratorValue* g, V value, V thrown) {
  if (V v = resume_generator(t, g, value, thrown)) return v;
  t.stop = nullptr;
  raise_stop(t, g);
}
V g_next(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  if (V v = next(t, self)) return v;
  raise_stop(t, self);
}
V g_iter(Tracer&, V self, Args& a) {
  want(a, 0, 0);
  return self;
}
V g_send(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  auto* g = generator_of(self);
  if (!g->frame->started && !is_const(t, a.pos[0], Py_None))
    t.raise(PyExc_TypeError, "can't send non-None value to a just-started generator");
  return sent(t, g, a.pos[0], nullptr);
}

// throw(type), throw(exception), throw(type, value): the value may be an instance, the arguments, or one of them.
V thrown_value(Tracer& t, V type, V value) {
  t.use(type);
  if (type->is == Is::Object && is_exception_type(type->cls) && !value) return type;
  PyObject* cls = const_object(type);
  if (!cls || !PyType_Check(cls) || !is_exception_type(reinterpret_cast<PyTypeObject*>(cls)))
    cut(Reason::raises, "throw() of something that is no exception");
  if (!value) return call_values(t, type, {});
  t.use(value);
  if (value->is == Is::Object && PyType_IsSubtype(value->cls, reinterpret_cast<PyTypeObject*>(cls))) return value;
  return call_values(t, type, value->is == Is::Tuple ? as<TupleValue>(value)->items : Values{value});
}
V g_throw(Tracer& t, V self, Args& a) {
  want(a, 1, 3);
  auto* g = generator_of(self);
  V value = a.pos.size() > 1 && !is_const(t, a.pos[1], Py_None) ? a.pos[1] : nullptr;
  V e = thrown_value(t, a.pos[0], value);
  if (e->is != Is::Object || e->outside()) cut(Reason::raises, "throw() of an exception from outside");
  if (a.pos.size() > 2 && !is_const(t, a.pos[2], Py_None)) generic_set_attr(t, e, FJ_NAME("__traceback__"), a.pos[2]);
  return sent(t, g, nullptr, e);
}
V g_close(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  return close_generator(t, generator_of(self));
}

constexpr MethodRow kIterator[] = {
    {"__next__", g_next}, {"__iter__", g_iter}, {"send", g_send}, {"throw", g_throw}, {"close", g_close},
};

}  // namespace

MethodRule iterator_method(std::string_view name) { return find_rule(kIterator, name); }

// Before 3.12 the receiver is popped at the end and the result pushed; later the result stands on top of the receiver.
FJ_OPCODE(SEND) {
  V sent = f.pop();
  V receiver = f.top();
  V value = nullptr, result = t.none();
  if (auto* g = as_generator(receiver)) {
    value = resume_generator(t, g, sent, nullptr);
    if (!value) result = g->frame->result;
  } else if (is_const(t, sent, Py_None)) {
    value = next(t, receiver);
    if (!value && t.stop) result = exception_attr(t, as<ObjectValue>(t.stop), FJ_NAME("value"));
  } else {
    V handled = t.handled;
    try {
      value = call_values(t, get_attr(t, receiver, FJ_NAME("send")), {sent});
    } catch (Raised& r) {
      if (!is_a(r.exception, PyExc_StopIteration)) throw;
      t.handled = handled;
      result = exception_attr(t, as<ObjectValue>(r.exception), FJ_NAME("value"));
    }
  }
  if (value) {
    f.push(value);
    return;
  }
  if (kBefore312) f.pop();
  f.push(result);
  f.jump(in.target);
}
FJ_OPCODE(END_SEND) {
  V v = f.pop();
  f.pop();
  f.push(v);
}
FJ_OPCODE(CLEANUP_THROW) {
  V e = f.pop();
  f.pop();
  f.pop();
  if (!is_a(e, PyExc_StopIteration)) throw Raised{e};
  f.push(t.none());
  f.push(exception_attr(t, as<ObjectValue>(e), FJ_NAME("value")));
}

}  // namespace fj::capture
