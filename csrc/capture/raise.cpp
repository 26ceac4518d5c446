// The user's exceptions while tracing.
#include "capture/protocol.h"

namespace fj::capture {

ObjectValue* Tracer::exception(PyTypeObject* type, Values args) {
  auto* e = make<ObjectValue>(type);
  e->args = tuple(std::move(args));
  if (type->tp_dictoffset) (e->dict = dict())->owner = e;
  return e;
}

namespace {

// The one being handled becomes the context. The chain does not become a ring, and one that is a ring already is left
// at the second round, as CPython does it.
void chain(ObjectValue* handled, ObjectValue* e) {
  ObjectValue *slow = handled, *o = handled;
  for (bool odd = false; o->context; odd = !odd) {
    if (o->context == e) {
      o->context = nullptr;
      break;
    }
    o = as<ObjectValue>(o->context);
    if (o == slow) break;
    if (odd) slow = as<ObjectValue>(slow->context);
  }
  e->context = handled;
}

}  // namespace

// The trace handles no exception: is none being handled outside?
void nothing_handled(Tracer& t) {
  Ref outside = Ref::steal(PyErr_GetHandledException());
  if (outside) cut(Reason::native_object, "an exception that is handled outside");
  t.guard(Kind::NotHandling, guard::kNoSource);
}

void Tracer::throw_value(V exception, V context) {
  auto* e = as<ObjectValue>(exception);
  if (!e->raised) e->born = step;
  e->raised = true;
  e->traceback = nullptr;
  if (context && context != exception) chain(as<ObjectValue>(context), e);
  throw Raised{exception};
}

void Tracer::raise(PyObject* type, const std::string& message) { raise(type, string(message)); }

void Tracer::raise(PyObject* type, V arg) { throw_value(exception(reinterpret_cast<PyTypeObject*>(type), {arg})); }

// Turns the Python error that a leaf or pure call left into a value of the trace.
V Tracer::exception_from_pending() {
  PyObject *type, *value, *tb;
  PyErr_Fetch(&type, &value, &tb);
  PyErr_NormalizeException(&type, &value, &tb);
  Ref t = Ref::steal(type), v = Ref::steal(value), b = Ref::steal(tb);
  if (!v) cut(Reason::internal, "an error without an exception");
  auto* e = make<ObjectValue>(Py_TYPE(v.get()));
  Ref args = Ref::steal(PyObject_GetAttrString(v.get(), "args"));
  Values items;
  for (Py_ssize_t i = 0; args && i < PyTuple_GET_SIZE(args.get()); ++i)
    items.push_back(from_real(PyTuple_GET_ITEM(args.get(), i)));
  e->args = tuple(std::move(items));
  e->real = keep(v);
  if (e->cls->tp_dictoffset) (e->dict = dict())->owner = e;
  return e;
}

void Tracer::raise_pending() {
  if (!PyErr_Occurred()) cut(Reason::internal, "no Python error is set");
  throw_value(exception_from_pending());
}

}  // namespace fj::capture
