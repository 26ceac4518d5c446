// Calling a Python function: its arguments are bound as CPython binds them and its frame is interpreted in place.
#include "capture/sym_frame.h"
#include "py/frame.h"

namespace fj::capture {

namespace {

PyObject* slot_name(const SymFrame& f, int i) { return f.code.local_name(i); }

[[noreturn]] void bad_call(FunctionValue* f) {
  cut(Reason::raises, "the arguments do not fit ", PyUnicode_AsUTF8(f->code->co_qualname), "()");
}

V defaults_of(Tracer& t, FunctionValue* f) {
  if (f->outside() && !f->defaults) {
    PyObject* real = reinterpret_cast<PyFunctionObject*>(f->real)->func_defaults;
    const SourceId source = t.source(Step::Defaults, f->source);
    if (!real) t.guard(Kind::Absent, source);
    f->defaults = real ? t.wrap(real, source) : nullptr;
  }
  return f->defaults;
}

V kwdefaults_of(Tracer& t, FunctionValue* f) {
  if (f->outside() && !f->kwdefaults) {
    PyObject* real = reinterpret_cast<PyFunctionObject*>(f->real)->func_kwdefaults;
    const SourceId source = t.source(Step::KwDefaults, f->source);
    if (!real) t.guard(Kind::Absent, source);
    f->kwdefaults = real ? t.wrap(real, source) : nullptr;
  }
  return f->kwdefaults;
}

void fill_defaults(Tracer& t, FunctionValue* f, SymFrame& frame, int npos, int nkw) {
  bool missing = false;
  for (int i = 0; i < npos; ++i) missing |= !frame.locals[static_cast<size_t>(i)];
  if (missing) {
    V d = defaults_of(t, f);
    if (!d) bad_call(f);
    Values values = unpack(t, d);
    const int first = npos - static_cast<int>(values.size());
    for (int i = 0; i < npos; ++i) {
      V& slot = frame.locals[static_cast<size_t>(i)];
      if (slot) continue;
      if (i < first) bad_call(f);
      slot = values[static_cast<size_t>(i - first)];
    }
  }
  for (int i = npos; i < npos + nkw; ++i) {
    V& slot = frame.locals[static_cast<size_t>(i)];
    if (slot) continue;
    V d = kwdefaults_of(t, f);
    slot = d && d->is == Is::Dict ? dict_get(t, as<DictValue>(d), slot_name(frame, i)) : nullptr;
    if (!slot) bad_call(f);
  }
}

void bind_arguments(Tracer& t, FunctionValue* f, Args& args, SymFrame& frame) {
  PyCodeObject* code = f->code;
  const int npos = code->co_argcount, nkw = code->co_kwonlyargcount;
  const bool star = code->co_flags & CO_VARARGS, stars = code->co_flags & CO_VARKEYWORDS;
  const int given = static_cast<int>(args.pos.size());
  if (given > npos && !star) bad_call(f);
  for (int i = 0; i < npos && i < given; ++i) frame.locals[static_cast<size_t>(i)] = args.pos[static_cast<size_t>(i)];
  int at = npos + nkw;
  if (star) {
    Values rest;
    for (int i = npos; i < given; ++i) rest.push_back(args.pos[static_cast<size_t>(i)]);
    frame.locals[static_cast<size_t>(at++)] = t.tuple(std::move(rest));
  }
  DictValue* extra = stars ? t.dict() : nullptr;
  if (stars) frame.locals[static_cast<size_t>(at)] = extra;
  for (auto& [name, value] : args.named) {
    int slot = code->co_posonlyargcount;
    while (slot < npos + nkw && PyUnicode_Compare(slot_name(frame, slot), name) != 0) ++slot;
    if (slot < npos + nkw) {
      if (frame.locals[static_cast<size_t>(slot)]) bad_call(f);
      frame.locals[static_cast<size_t>(slot)] = value;
    } else if (stars) {
      dict_set(t, extra, t.constant(name), value);
    } else {
      bad_call(f);
    }
  }
  fill_defaults(t, f, frame, npos, nkw);
}

V make_generator(Tracer& t, SymFrame* frame) {
  auto* g = t.iterator(Iter::Generator, &PyGen_Type);
  g->frame = frame;
  return g;
}

bool marked_disabled(FunctionValue* f) {
  if (!f->outside()) return false;
  PyObject* dict = reinterpret_cast<PyFunctionObject*>(f->real)->func_dict;
  return dict && PyDict_GetItemWithError(dict, FJ_NAME("_framejit_disable"));
}

}  // namespace

V call_function(Tracer& t, FunctionValue* f, Args args) {
  const CallRule rule = t.take_rule();
  t.use(f);
  if (marked_disabled(f)) cut(Reason::disabled, PyUnicode_AsUTF8(f->code->co_qualname), "()");
  if (t.depth >= kMaxDepth) cut(Reason::too_deep, PyUnicode_AsUTF8(f->code->co_qualname), "()");
  if (f->code->co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR)) cut(Reason::generator_function, "a coroutine");
  SymFrame* frame = t.new_frame(f->code);
  frame->globals = f->globals;
  frame->function = f;
  frame->nests = rule.resume != Resume::None && t.frame->nests && py::drivable(f->code);
  frame->called = rule;
  frame->locals.resize(static_cast<size_t>(frame->code.locals_count()));
  bind_arguments(t, f, args, *frame);
  if (f->code->co_flags & CO_GENERATOR) return make_generator(t, frame);
  struct Depth {
    int& depth;
    explicit Depth(int& d) : depth(++d) {}
    ~Depth() { --depth; }
  } deeper(t.depth);
  return run_frame(t, *frame);
}

// Runs a generator to its next yield; NULL when it returns (frame->result is then what it returned).
V resume_generator(Tracer& t, IteratorValue* g, V sent, V thrown) {
  SymFrame& f = *g->frame;
  if (g->done) {
    if (thrown) t.throw_value(thrown);
    f.result = t.none();
    return nullptr;
  }
  if (f.state == SymFrame::Running && f.started && t.frame == &f) cut(Reason::raises, "generator already executing");
  if (t.depth >= kMaxDepth) cut(Reason::too_deep, "a generator");
  const bool first = !f.started;
  if (first) g->born = t.step;
  f.started = true;
  V handled = t.handled;
  ++t.depth;
  struct Restore {
    Tracer& t;
    V handled;
    ~Restore() {
      --t.depth;
      t.handled = handled;
    }
  } restore{t, handled};
  try {
    if (thrown) {
      if (first) {
        g->done = true;
        t.throw_value(thrown);
      }
      f.thrown = thrown;
    } else if (!first) {
      f.push(sent ? sent : t.none());
    }
    V value = run_frame(t, f);
    if (f.state == SymFrame::Yielded) return value;
    g->done = true;
    return nullptr;
  } catch (Raised& r) {
    g->done = true;
    if (PyType_IsSubtype(r.exception->cls, reinterpret_cast<PyTypeObject*>(PyExc_StopIteration)))
      t.raise(PyExc_RuntimeError, "generator raised StopIteration");
    throw;
  }
}

}  // namespace fj::capture
