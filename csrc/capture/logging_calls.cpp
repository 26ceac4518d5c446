#include "capture/logging_calls.h"

#include "capture/builtins.h"

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

}  // namespace

void set_logging_functions(PyObject* out, PyObject* later) {
  keep_set(left_out, out);
  keep_set(put_off, later);
}

V call_logging(Tracer& t, V callable, const Args& args) {
  if (is_named(left_out, callable)) return t.none();
  if (!is_named(put_off, callable)) return nullptr;
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
