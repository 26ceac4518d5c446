// Locals, cells, globals, constants and the stack.
#include <algorithm>

#include "capture/generator.h"
#include "capture/handlers.h"
#include "capture/left_alone.h"

namespace fj::capture {

V cell_contents(Tracer& t, CellValue* c) {
  if (c->known) return c->contents;
  c->known = true;
  const SourceId source = t.source(Step::Cell, c->source);
  PyObject* real = PyCell_GET(c->real);
  t.guard(Kind::Absent, source, nullptr, real ? std::vector<int64_t>{1} : std::vector<int64_t>{});
  return c->contents = real ? t.wrap(real, source) : nullptr;
}

namespace {

V& local(SymFrame& f, int i) { return f.locals[static_cast<size_t>(i)]; }

V checked_local(Tracer& t, SymFrame& f, int i) {
  V v = local(f, i);
  if (v) {
    if (v->outside() && t.entry.offset > 0 && t.tree.sources()[v->source].step == Step::Local)
      t.guard(Kind::Absent, v->source, nullptr, {1});
    return v;
  }
  t.raise(PyExc_UnboundLocalError, cat("cannot access local variable '", py::utf8(f.code.local_name(i)),
                                       "' where it is not associated with a value"));
}

bool is_watched(Tracer& t, V v) {
  if (t.type_lookup(v->cls, FJ_NAME("__del__"))) return true;
  Ref weak = Ref::steal(PyObject_GetAttrString(v->real, "__weakref__"));
  PyErr_Clear();
  return weak && weak.get() != Py_None;
}

// Does a container hold, not too deep, something that has a finaliser?
bool holds_finaliser(PyObject* o, int depth) {
  constexpr Py_ssize_t kMost = 32;
  auto looks = [&](PyObject* part) {
    return _PyType_Lookup(Py_TYPE(part), FJ_NAME("__del__")) || (depth > 0 && holds_finaliser(part, depth - 1));
  };
  if (PyDict_Check(o)) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    for (Py_ssize_t n = 0; n < kMost && PyDict_Next(o, &at, &key, &value); ++n)
      if (looks(value)) return true;
  } else if (PyList_Check(o) || PyTuple_Check(o)) {
    for (Py_ssize_t i = 0; i < std::min(kMost, Py_SIZE(o)); ++i)
      if (looks(PySequence_Fast_GET_ITEM(o, i))) return true;
  }
  return false;
}

// A local of the outermost frame lets its object go. If somebody may notice when that dies, CPython does it, at its
// place.
void release(Tracer& t, SymFrame& f, V old) {
  if (old && old->is == Is::Iterator && old->outside() && old->cls == &PyGen_Type)
    cut(Reason::lifetime, "a generator is let go");
  if (&f == t.outermost && old && old->is == Is::Object && old->outside() && is_watched(t, old))
    cut(Reason::lifetime, "a local of type ", old->cls->tp_name, " is let go");
  if (&f != t.outermost || !old) return;
  bool noticed = old->outside() && holds_finaliser(old->real, 1);
  if (Values* items = old->outside() || old->is == Is::Const ? nullptr : sequence_items(old))
    for (V v : *items) noticed |= v && v->outside() && _PyType_Lookup(Py_TYPE(v->real), FJ_NAME("__del__"));
  if (noticed) cut(Reason::lifetime, "a container of objects with __del__ is let go");
}

// Some reference to it is gone.
void dropped(Tracer& t, V old) {
  if (!old || old->is == Is::Const || old->is == Is::Tensor || t.generators.empty()) return;
  let_go(t);
}

bool is_of_framejit(const SymFrame& f) {
  PyObject* name = module_name(f.globals);
  const std::string_view text = py::name_view(name);
  return text.starts_with("framejit") && (text.size() == 8 || text[8] == '.');
}

// A back end that is written in Python gets its nodes under the program's names.
void note_name(Tracer& t, SymFrame& f, int i, V v) {
  if (!v || !t.tape || !t.takes_calls || v->is != Is::Tensor || v->slot == kNoSlot) return;
  Ref& name = t.tape->slots[static_cast<size_t>(v->slot)].name;
  if (!name && !is_of_framejit(f)) name = Ref::borrow(f.code.local_name(i));
}

void store(Tracer& t, SymFrame& f, int i) {
  V old = local(f, i);
  if (old != f.top()) release(t, f, old);
  note_name(t, f, i, f.top());
  local(f, i) = f.pop();
  dropped(t, old);
}

CellValue* cell_at(SymFrame& f, int i) {
  V v = local(f, i);
  if (!v || v->is != Is::Cell) cut(Reason::internal, "a cell is missing");
  return as<CellValue>(v);
}

// A cell of this function is an unbound local, one of an enclosing function an unbound free variable.
[[noreturn]] void unbound_cell(Tracer& t, SymFrame& f, int i) {
  const std::string name = py::utf8(f.code.local_name(i));
  if (i < f.code.locals_count() - f.object()->co_nfreevars)
    t.raise(PyExc_UnboundLocalError,
            cat("cannot access local variable '", name, "' where it is not associated with a value"));
  t.raise(PyExc_NameError,
          cat("cannot access free variable '", name, "' where it is not associated with a value in enclosing scope"));
}

void write_cell(Tracer& t, CellValue* c, V v) {
  check_write(t, c);
  if (c->outside() && !c->touched) t.use(c);
  if (c->outside() && !c->changed) check_let_go(t, PyCell_GET(c->real));
  c->known = true;
  c->contents = v;
  c->changed = c->outside();
}

}  // namespace

FJ_OPCODE(NOP) {}
FJ_OPCODE(RESUME) {}
FJ_OPCODE(PRECALL) {}
FJ_OPCODE(POP_TOP) {
  V old = f.pop();
  release(t, f, old);
  dropped(t, old);
}
FJ_OPCODE(END_FOR) { f.pop(); }
FJ_OPCODE(PUSH_NULL) { f.push(nullptr); }
FJ_OPCODE(COPY) { f.push(f.top(static_cast<size_t>(in.arg))); }
FJ_OPCODE(SWAP) { std::swap(f.top(), f.top(static_cast<size_t>(in.arg))); }

FJ_OPCODE(LOAD_CONST) { f.push(t.constant(PyTuple_GET_ITEM(f.object()->co_consts, in.arg))); }
FJ_OPCODE(LOAD_FAST) { f.push(checked_local(t, f, in.arg)); }
FJ_OPCODE(LOAD_FAST_CHECK) { f.push(checked_local(t, f, in.arg)); }
FJ_OPCODE(LOAD_FAST_AND_CLEAR) {
  f.push(local(f, in.arg));
  local(f, in.arg) = nullptr;
}
FJ_OPCODE(LOAD_FAST_LOAD_FAST) {
  f.push(checked_local(t, f, in.arg >> 4));
  f.push(checked_local(t, f, in.arg & 15));
}
FJ_OPCODE(STORE_FAST) { store(t, f, in.arg); }
FJ_OPCODE(STORE_FAST_LOAD_FAST) {
  store(t, f, in.arg >> 4);
  f.push(checked_local(t, f, in.arg & 15));
}
FJ_OPCODE(STORE_FAST_STORE_FAST) {
  store(t, f, in.arg >> 4);
  store(t, f, in.arg & 15);
}
FJ_OPCODE(DELETE_FAST) {
  V old = checked_local(t, f, in.arg);
  release(t, f, old);
  local(f, in.arg) = nullptr;
  dropped(t, old);
}

FJ_OPCODE(MAKE_CELL) { local(f, in.arg) = t.cell(local(f, in.arg)); }
FJ_OPCODE(COPY_FREE_VARS) {
  const int first = f.code.locals_count() - in.arg;
  for (int i = 0; i < in.arg; ++i) local(f, first + i) = f.function->closure[static_cast<size_t>(i)];
}
FJ_OPCODE(LOAD_CLOSURE) { f.push(local(f, in.arg)); }
FJ_OPCODE(LOAD_DEREF) {
  V v = cell_contents(t, cell_at(f, in.arg));
  if (!v) unbound_cell(t, f, in.arg);
  f.push(v);
}
FJ_OPCODE(STORE_DEREF) { write_cell(t, cell_at(f, in.arg), f.pop()); }
FJ_OPCODE(DELETE_DEREF) {
  if (!cell_contents(t, cell_at(f, in.arg))) unbound_cell(t, f, in.arg);
  write_cell(t, cell_at(f, in.arg), nullptr);
}

FJ_OPCODE(LOAD_GLOBAL) {
  PyObject* name = f.name(in.arg >> 1);
  V v = t.global_lookup(f.globals, name);
  if (!v) {
    V builtins = t.global_lookup(f.globals, FJ_NAME("__builtins__"));
    PyObject* dict = PyEval_GetBuiltins();
    if (builtins && builtins->real)
      dict = PyModule_Check(builtins->real) ? PyModule_GetDict(builtins->real) : builtins->real;
    v = t.global_lookup(dict, name);
  }
  if (!v) t.raise(PyExc_NameError, cat("name '", py::utf8(name), "' is not defined"));
  if ((in.arg & 1) && kBefore313) f.push(nullptr);
  f.push(v);
  if ((in.arg & 1) && !kBefore313) f.push(nullptr);
}
FJ_OPCODE(STORE_GLOBAL) { dict_set(t, t.known_dict(f.globals), t.constant(f.name(in.arg)), f.pop()); }
FJ_OPCODE(DELETE_GLOBAL) {
  if (!t.global_lookup(f.globals, f.name(in.arg)))
    t.raise(PyExc_NameError, cat("name '", py::utf8(f.name(in.arg)), "' is not defined"));
  dict_del(t, t.known_dict(f.globals), t.constant(f.name(in.arg)));
}

}  // namespace fj::capture
