// Reading a thread's own state: attributes of threading.local(), values of context variables. Writing it is CPython's.
#include "capture/builtins.h"
#include "capture/protocol.h"
#include "py/readers.h"

namespace fj::capture {

namespace {

// What the reader gives now, as a value with that path; NULL: nothing is there, which is guarded.
V read(Tracer& t, V v, PyObject* reader) {
  if (!reader) t.raise_pending();
  PyObject* kept = t.keep(Ref::steal(reader));
  const SourceId source = t.source(Step::Getter, v->source, 0, kept);
  Ref now = Ref::steal(Py_TYPE(kept)->tp_descr_get(kept, v->real, nullptr));
  if (now) return t.wrap(t.keep(std::move(now)), source);
  PyErr_Clear();
  t.guard(Kind::Absent, source, nullptr);
  return nullptr;
}

}  // namespace

bool is_thread_state(V v) {
  return v->is == Is::Opaque && v->outside() && (py::is_thread_local(v->real) || PyContextVar_CheckExact(v->real));
}

V thread_state_attr(Tracer& t, V v, PyObject* name) {
  if (py::is_thread_local(v->real) && !is_text(name, "__dict__") && !_PyType_Lookup(v->cls, name))
    return read(t, v, py::attribute_reader(name));
  PyObject* method = _PyType_Lookup(v->cls, name);
  if (method && PyContextVar_CheckExact(v->real) && is_text(name, "get")) return t.native(method, name, v);
  cut(Reason::native_object, v->cls->tp_name, ".", py::utf8(name));
}

V context_get(Tracer& t, V v, Args& args) {
  want(args, 0, 1);
  if (V found = read(t, v, py::context_reader(args.pos.empty()))) return found;
  if (!args.pos.empty()) return args.pos[0];
  t.raise(PyExc_LookupError, v);
}

}  // namespace fj::capture
