#include "capture/logging_calls.h"

#include "capture/builtins.h"
#include "capture/look.h"
#include "py/imported.h"

namespace fj::capture {

namespace {

PyObject *left_out = nullptr, *put_off = nullptr;  // owned; NULL: empty

void keep_set(PyObject*& slot, PyObject* functions) {
  PyObject* before = slot;
  slot = PyAnySet_Check(functions) && PySet_GET_SIZE(functions) ? Py_NewRef(functions) : nullptr;
  Py_XDECREF(before);
}

bool holds(PyObject* functions, PyObject* one) {
  if (!functions || !one) return false;
  const int has = PySet_Contains(functions, one);
  if (has < 0) PyErr_Clear();
  return has == 1;
}

// A function of the program as an object; a new bound method is equal to another of the same.
Ref object_of(V callable) {
  if (callable->is == Is::Method) {
    auto* m = as<MethodValue>(callable);
    if (!m->func->real || !m->self->real) return {};
    return Ref::steal(PyMethod_New(m->func->real, m->self->real));
  }
  return callable->real ? Ref::borrow(callable->real) : Ref{};
}

bool is_named(PyObject* functions, V callable) {
  if (!functions) return false;
  if (holds(functions, object_of(callable).get())) return true;
  return callable->is == Is::Method && holds(functions, as<MethodValue>(callable)->func->real);
}

// As it is now: what is written to a tensor later is not what is logged.
V kept(Tracer& t, V v) {
  if (v->is == Is::Tensor) return call_values(t, get_attr(t, v, FJ_NAME("clone")), {});
  return v->is == Is::Const ? v : nullptr;
}

// warnings.warn_explicit() of a constant text and category, at the place that `level` counts frames to: partial(…).
Ref explicit_warning(Tracer& t, PyObject* text, PyObject* category, int64_t level) {
  static constinit py::Imported explicitly{"_warnings", "warn_explicit"};
  const SymFrame* f = t.frame;
  while (--level > 0 && f->caller) f = f->caller;
  if (!f->globals || !PyDict_Check(f->globals)) return {};
  Ref registry = Ref::borrow(PyDict_GetItemString(f->globals, "__warningregistry__"));
  if (!registry) {
    registry = Ref::steal(PyDict_New());
    if (!registry || PyDict_SetItemString(f->globals, "__warningregistry__", registry.get()) < 0) return {};
  }
  PyObject* module = module_name(f->globals);
  return Ref::steal(PyObject_CallFunction(reinterpret_cast<PyObject*>(partial_type()), "OOOOiOO", explicitly.get(),
                                          text, category, f->object()->co_filename, f->code.line(f->pc),
                                          module ? module : Py_None, registry.get()));
}

// A warning of the package's own functions where a break would be an error: it waits for the end of the segment, in an
// exported program it is issued now. Whose warnings are caught while the trace runs, and the program's own, do not
// wait.
V own_warning(Tracer& t, V callable, const Args& given) {
  static constinit py::Imported warn{"_warnings", "warn"}, mutated{"_warnings", "_filters_mutated"};
  if (callable->is != Is::Const || callable->real != warn.get() || !wants_whole(t)) return nullptr;
  PyObject* module = module_name(t.frame->globals);
  if (!module || !py::name_view(module).starts_with("framejit.")) return nullptr;
  for (V call : t.late_calls)
    if (call->real == mutated.get()) return nullptr;
  Args args = given;
  V level = args.take("stacklevel"), category = args.take("category");
  if (args.size() < 1 || args.size() > 2 || !args.named.empty()) return nullptr;
  PyObject *text, *kind = PyExc_UserWarning, *count = nullptr;
  if (args.pos.size() == 2) category = args.pos[1];
  if (!t.constant_of(args.pos[0], &text) || !PyUnicode_Check(text)) return nullptr;
  if (category && !(kind = category->real)) return nullptr;
  if (level && (!t.constant_of(level, &count) || !PyLong_Check(count))) return nullptr;
  Ref later = explicit_warning(t, text, kind, count ? PyLong_AsLong(count) : 1);
  if (!later) return PyErr_Clear(), nullptr;
  if (exports(t.options)) {
    LayerPause outside;
    if (!Ref::steal(PyObject_CallNoArgs(later.get()))) t.raise_pending();
    return t.none();
  }
  t.late_calls.push_back(t.wrap_known(t.keep(std::move(later))));
  return t.none();
}

}  // namespace

void set_logging_functions(PyObject* out, PyObject* later) {
  keep_set(left_out, out);
  keep_set(put_off, later);
}

V call_logging(Tracer& t, V callable, const Args& args) {
  if (is_named(left_out, callable)) return t.none();
  if (!is_named(put_off, callable)) return own_warning(t, callable, args);
  auto* call = t.make<PartialValue>(partial_type());
  call->func = callable;
  for (V v : args.pos) {
    V now = kept(t, v);
    if (!now) return nullptr;
    call->args.push_back(now);
  }
  for (auto& [name, v] : args.named) {
    V now = kept(t, v);
    if (!now) return nullptr;
    call->keywords.push_back({name, now});
  }
  t.late_calls.push_back(call);
  return t.none();
}

}  // namespace fj::capture
