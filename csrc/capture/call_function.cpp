// Calling a Python function: its arguments are bound as CPython binds them and its frame is interpreted in place.
#include <algorithm>

#include "base/flags.h"
#include "capture/arrays.h"
#include "capture/class_body.h"
#include "capture/directive.h"
#include "capture/hooks.h"
#include "capture/left_alone.h"
#include "capture/substitute.h"
#include "capture/sym_frame.h"
#include "capture/whole_call.h"
#include "py/error.h"
#include "py/frame.h"

namespace fj::capture {

namespace {

PyObject* slot_name(const SymFrame& f, int i) { return f.code.local_name(i); }

V defaults_of(Tracer& t, FunctionValue* f) {
  if (f->outside() && !f->defaults) {
    PyObject* real = reinterpret_cast<PyFunctionObject*>(f->real)->func_defaults;
    const SourceId source = t.source(Step::Defaults, f->source);
    if (!real) t.guard(Kind::Absent, source);
    f->defaults = real ? t.wrap(real, source) : nullptr;
  }
  return f->defaults && is_const(t, f->defaults, Py_None) ? nullptr : f->defaults;
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

// The arguments do not fit: a function of the same signature is called, so that CPython says why.
[[noreturn]] void bad_call(Tracer& t, FunctionValue* f, const Args& args) {
  auto nones = [](size_t n) {
    Ref all = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(n)));
    for (size_t i = 0; i < n; ++i) PyTuple_SET_ITEM(all.get(), static_cast<Py_ssize_t>(i), Py_NewRef(Py_None));
    return all;
  };
  PyObject* qualname =
      f->outside() ? reinterpret_cast<PyFunctionObject*>(f->real)->func_qualname : f->code->co_qualname;
  Ref probe = Ref::steal(PyFunction_NewWithQualName(reinterpret_cast<PyObject*>(f->code), f->globals, qualname));
  if (V d = defaults_of(t, f)) PyFunction_SetDefaults(probe.get(), nones(unpack(t, d).size()).get());
  if (V d = kwdefaults_of(t, f); d && d->is == Is::Dict) {
    Ref names = Ref::steal(PyDict_New());
    for (auto& [k, v] : dict_items(t, as<DictValue>(d))) PyDict_SetItem(names.get(), k->real, Py_None);
    PyFunction_SetKwDefaults(probe.get(), names.get());
  }
  if (!f->closure.empty()) {
    Ref cells = nones(f->closure.size());
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(cells.get()); ++i) {
      Py_DECREF(PyTuple_GET_ITEM(cells.get(), i));
      PyTuple_SET_ITEM(cells.get(), i, PyCell_New(nullptr));
    }
    PyFunction_SetClosure(probe.get(), cells.get());
  }
  Ref named = Ref::steal(PyDict_New());
  for (auto& [name, v] : args.named) PyDict_SetItem(named.get(), name, Py_None);
  // Nothing of its body runs: a first argument too many or too few is found before.
  Ref result = Ref::steal(PyObject_Call(probe.get(), nones(args.pos.size()).get(), named.get()));
  if (result) cut(Reason::internal, "a call that does not fit has run");
  t.raise_pending();
}

void fill_defaults(Tracer& t, FunctionValue* f, SymFrame& frame, const Args& args, int npos, int nkw) {
  bool missing = false;
  for (int i = 0; i < npos; ++i) missing |= !frame.locals[static_cast<size_t>(i)];
  if (missing) {
    V d = defaults_of(t, f);
    if (!d) bad_call(t, f, args);
    Values values = unpack(t, d);
    const int first = npos - static_cast<int>(values.size());
    for (int i = 0; i < npos; ++i) {
      V& slot = frame.locals[static_cast<size_t>(i)];
      if (slot) continue;
      if (i < first) bad_call(t, f, args);
      slot = values[static_cast<size_t>(i - first)];
    }
  }
  for (int i = npos; i < npos + nkw; ++i) {
    V& slot = frame.locals[static_cast<size_t>(i)];
    if (slot) continue;
    V d = kwdefaults_of(t, f);
    slot = d && d->is == Is::Dict ? dict_get(t, as<DictValue>(d), slot_name(frame, i)) : nullptr;
    if (!slot) bad_call(t, f, args);
  }
}

void bind_arguments(Tracer& t, FunctionValue* f, Args& args, SymFrame& frame) {
  PyCodeObject* code = f->code;
  const int npos = code->co_argcount, nkw = code->co_kwonlyargcount;
  const bool star = code->co_flags & CO_VARARGS, stars = code->co_flags & CO_VARKEYWORDS;
  const int given = static_cast<int>(args.pos.size());
  if (given > npos && !star) bad_call(t, f, args);
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
      if (frame.locals[static_cast<size_t>(slot)]) bad_call(t, f, args);
      frame.locals[static_cast<size_t>(slot)] = value;
    } else if (stars) {
      dict_set(t, extra, t.constant(name), value);
    } else {
      bad_call(t, f, args);
    }
  }
  fill_defaults(t, f, frame, args, npos, nkw);
}

V make_generator(Tracer& t, SymFrame* frame) {
  auto* g = t.iterator(Iter::Generator, &PyGen_Type);
  g->frame = frame;
  t.generators.push_back(g);
  g->substitute = is_substitute_part(frame->globals);
  return g;
}

// What its closure holds is part of what it computes from: a registry's functions are guarded one by one.
V call_pure_function(Tracer& t, FunctionValue* f, Args& args) {
  for (V cell : f->closure) {
    PyObject* held = cell->real ? PyCell_GET(cell->real) : nullptr;
    if (!held) continue;
    // singledispatch() keeps what it has found there; in one of the program's own, looking may be seen.
    if (is_python_class(Py_TYPE(held)) && std::string_view(Py_TYPE(held)->tp_name) != "WeakKeyDictionary")
      cut(Reason::native_call, "a cache of type ", Py_TYPE(held)->tp_name);
    if (!PyDict_CheckExact(held)) continue;
    V dict = t.wrap(held, t.source(Step::Cell, cell->source));
    for (auto& [k, v] : dict_items(t, as<DictValue>(dict)))
      if (v->outside()) t.guard(Kind::Same, v->source, t.keep(Ref::borrow(v->real)));
  }
  return call_really(t, f->real, args);
}

// The mark of `disable` on a function from outside, borrowed; graph_break's is the text "asked_for".
PyObject* disabling_mark(FunctionValue* f) {
  if (!f->outside()) return nullptr;
  PyObject* dict = reinterpret_cast<PyFunctionObject*>(f->real)->func_dict;
  return dict ? PyDict_GetItemWithError(dict, FJ_NAME("_framejit_disable")) : nullptr;
}

// traceback.clear_frames of an exception that the trace has raised, as assertRaises calls it: its frames hold nothing.
bool clears_own_frames(FunctionValue* f, const Args& args) {
  if (args.pos.size() != 1 || !args.named.empty() || args.pos[0]->cls != &PyTraceBack_Type || args.pos[0]->outside())
    return false;
  PyObject* home = f->outside() ? module_name(f->globals) : nullptr;
  return home && is_text(home, "traceback") && is_text(f->code->co_name, "clear_frames");
}

// Where a log record may be made and handed to handlers: CPython's matter, in one step. A logger remembers the levels
// that are off; such a call does nothing, and is interpreted.
bool makes_log_record(FunctionValue* f, const Args& args) {
  static constexpr struct {
    const char* name;
    int level;
  } kRows[] = {{"_log", -1},    {"log", -1},   {"debug", 10},     {"info", 20},
               {"warning", 30}, {"error", 40}, {"exception", 40}, {"critical", 50}};
  PyObject* home = module_name(f->globals);
  if (!home || !is_text(home, "logging") || flags::get().force_capture) return false;
  auto row =
      std::find_if(std::begin(kRows), std::end(kRows), [&](auto& r) { return is_text(f->code->co_name, r.name); });
  if (row == std::end(kRows) || args.pos.empty() || !args.pos[0]->real) return false;
  if (row->level < 0) return is_text(f->code->co_name, "_log");
  Ref cache = Ref::steal(PyObject_GetAttrString(args.pos[0]->real, "_cache"));
  Ref level = Ref::steal(PyLong_FromLong(row->level));
  PyErr_Clear();
  return cache && PyDict_Check(cache.get()) && PyDict_GetItemWithError(cache.get(), level.get()) != Py_False;
}

}  // namespace

namespace {
constexpr size_t kMostTransformations = 4;
PyObject* transformations[kMostTransformations];  // owned
}  // namespace

void add_transformations(PyObject* globals) {
  for (PyObject*& slot : transformations) {
    if (slot) continue;
    slot = Py_NewRef(globals);
    return;
  }
}

bool is_transformation(PyObject* globals) {
  return std::find(std::begin(transformations), std::end(transformations), globals) != std::end(transformations);
}

PyObject* module_name(PyObject* globals) {
  PyObject* name = globals ? PyDict_GetItemWithError(globals, FJ_NAME("__name__")) : nullptr;
  return name && PyUnicode_Check(name) ? name : nullptr;
}

std::string module_text(PyObject* globals) {
  PyObject* name = module_name(globals);
  return name ? cat("module '", py::utf8(name), "'") : "module";
}

bool left_alone(PyObject* module) {
  static PyObject* const others = [] {
    PyObject* set = PySet_New(PySys_GetObject("stdlib_module_names"));
    for (const char* name : {"numpy", "scipy", "pandas", "matplotlib", "PIL", "tqdm", "torch"}) {
      Ref text = Ref::steal(PyUnicode_FromString(name));
      if (set && text) PySet_Add(set, text.get());
    }
    return set;
  }();
  if (!others || !module || !PyUnicode_Check(module)) return true;
  static PyObject* known[2];  // owned; asked about last: one to be compiled, one to be left alone
  for (bool alone : {false, true})
    if (known[alone] == module) return alone;
  const Py_ssize_t dot = PyUnicode_FindChar(module, '.', 0, PyUnicode_GET_LENGTH(module), 1);
  Ref top = dot < 0 ? Ref::borrow(module) : py::check(PyUnicode_Substring(module, 0, dot));
  // `__main__` counts as a standard module, but what runs there is the user's.
  const bool alone =
      PyUnicode_CompareWithASCIIString(top.get(), "__main__") != 0 && PySet_Contains(others, top.get()) != 0;
  Py_XSETREF(known[alone], Py_NewRef(module));
  return alone;
}

V call_function(Tracer& t, FunctionValue* f, Args args) {
  const CallRule rule = t.take_rule();
  t.use(f);
  if (f->outside())
    if (PyObject* python = substitute_of(f->real)) return call_substitute(t, f->real, python, std::move(args));
  if (clears_own_frames(f, args)) return t.none();
  if (f->outside()) {
    if (V cls = make_namedtuple(t, f, args)) return cls;
    if (V removed = remove_input_hook(t, f, args)) return removed;
  }
  if (f->outside() && (is_pure_code(f->code) || is_pure_array_code(f->code) || is_pure_by_name(f->real)))
    return call_pure_function(t, f, args);
  if (f->outside() && makes_log_record(f, args)) cut(Reason::disabled, "logging: a record is made");
  if (PyObject* mark = disabling_mark(f)) {
    cut(PyUnicode_Check(mark) && is_text(mark, "asked_for") ? Reason::asked_for : Reason::disabled,
        py::utf8(f->code->co_qualname), "()");
  }
  if (V directed = follow_directive(t, f, args)) return directed;
  if (t.depth >= kMaxDepth) cut(Reason::too_deep, py::utf8(f->code->co_qualname), "()");
  if (f->code->co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR)) cut(Reason::generator_function, "a coroutine");
  NoteCall note(t, f, args);
  SymFrame* frame = t.new_frame(f->code);
  frame->globals = f->globals;
  frame->function = f;
  frame->nests = rule.resume != Resume::None && t.frame->nests && py::drivable(f->code) &&
                 !is_transformation(f->globals) && !calls_body(t);
  frame->called = rule;
  frame->locals.resize(static_cast<size_t>(frame->code.locals_count()));
  bind_arguments(t, f, args, *frame);
  if (f->code->co_flags & CO_GENERATOR) return make_generator(t, frame);
  struct Depth {
    int& depth;
    explicit Depth(int& d) : depth(++d) {}
    ~Depth() { --depth; }
  } deeper(t.depth);
  return note.finish(run_frame(t, *frame));
}

}  // namespace fj::capture
