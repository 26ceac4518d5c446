// Calls, by kind of what is called.
#include "capture/builtins.h"
#include "capture/protocol.h"
#include "capture/tensors.h"

namespace fj::capture {

namespace {

bool is_method_like(PyObject* o) {
  PyTypeObject* k = Py_TYPE(o);
  return k == &PyMethodDescr_Type || k == &PyWrapperDescr_Type || k == &PyClassMethodDescr_Type;
}

// itemgetter(…)(object), attrgetter(…)(object).
V call_getter(Tracer& t, PyObject* getter, bool attribute, Args& args) {
  want(args, 1, 1);
  Ref parts = Ref::steal(PyObject_CallMethod(getter, "__reduce__", nullptr));
  if (!parts) t.raise_pending();
  PyObject* keys = PyTuple_GET_ITEM(parts.get(), 1);
  Values found;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keys); ++i) {
    PyObject* key = PyTuple_GET_ITEM(keys, i);
    if (!attribute) {
      found.push_back(get_item(t, args.pos[0], t.constant(key)));
      continue;
    }
    V v = args.pos[0];
    Ref names = Ref::steal(PyUnicode_Split(key, FJ_NAME("."), -1));
    for (Py_ssize_t k = 0; k < PyList_GET_SIZE(names.get()); ++k) {
      PyObject* name = Py_NewRef(PyList_GET_ITEM(names.get(), k));
      PyUnicode_InternInPlace(&name);
      v = get_attr(t, v, t.keep(Ref::steal(name)));
    }
    found.push_back(v);
  }
  return found.size() == 1 ? found[0] : t.tuple(std::move(found));
}

V call_constant(Tracer& t, PyObject* o, Args args) {
  const CallRule rule = t.take_rule();
  if (PyType_Check(o)) t.call_rule = rule;
  if (PyType_Check(o)) return call_type(t, reinterpret_cast<PyTypeObject*>(o), std::move(args));
  if (is_method_like(o) && !args.pos.empty()) {  // list.append(xs, 1)
    V self = args.pos[0];
    args.pos.erase(args.pos.begin());
    return call_native(t, t.native(o, reinterpret_cast<PyDescrObject*>(o)->d_name, self), std::move(args));
  }
  if (is_tensor_callable(o)) return call_leaf(t, o, args);
  const std::string_view kind = Py_TYPE(o)->tp_name;
  if (kind == "operator.itemgetter" || kind == "operator.attrgetter")
    return call_getter(t, o, kind == "operator.attrgetter", args);
  if (Py_TYPE(o) == &PyStaticMethod_Type) {
    Ref f = Ref::steal(PyObject_GetAttrString(o, "__func__"));
    t.call_rule = rule;
    return call(t, t.wrap_known(f.get()), std::move(args));
  }
  if (is_method_wrapper(o) || PyCFunction_Check(o)) return call_builtin(t, o, std::move(args));
  if (PyCallable_Check(o)) {
    PyObject* raw = t.type_lookup(Py_TYPE(o), FJ_NAME("__call__"));
    if (raw && PyFunction_Check(raw)) {
      args.pos.insert(args.pos.begin(), t.constant(o));
      return call(t, t.wrap_known(raw), std::move(args));
    }
  }
  cut(Reason::native_call, "a call of ", Py_TYPE(o)->tp_name);
}

V call_partial(Tracer& t, PartialValue* p, Args args) {
  Args all;
  all.pos = p->args;
  all.pos.insert(all.pos.end(), args.pos.begin(), args.pos.end());
  all.named = p->keywords;
  for (auto& [name, v] : args.named) {
    bool replaced = false;
    for (auto& [old, value] : all.named)
      if (PyUnicode_Compare(old, name) == 0) {
        value = v;
        replaced = true;
      }
    if (!replaced) all.named.push_back({name, v});
  }
  return call(t, p->func, std::move(all));
}

// A compiled function met while tracing is traced through, like the function that it wraps.
V wrapped_function(Tracer& t, V v) {
  if (!v->outside() || !is_compiled_function(v->real)) return nullptr;
  Ref inner = Ref::steal(PyObject_GetAttrString(v->real, "__wrapped__"));
  if (!inner) {
    PyErr_Clear();
    return nullptr;
  }
  t.guard(Kind::Same, v->source, v->real);
  t.keep(Ref::borrow(v->real));
  return t.wrap_known(inner.get());
}

}  // namespace

V call(Tracer& t, V callable, Args args) {
  if (!callable) cut(Reason::internal, "a call of NULL");
  // The caller's rule holds where the call is handed on as it is, not for calls that a rule or a C function makes.
  const CallRule rule = t.take_rule();
  t.use(callable);
  switch (callable->is) {
    case Is::Function: t.call_rule = rule; return call_function(t, as<FunctionValue>(callable), std::move(args));
    case Is::Method: {
      auto* m = as<MethodValue>(callable);
      args.pos.insert(args.pos.begin(), m->self);
      t.call_rule = rule;
      return call(t, m->func, std::move(args));
    }
    case Is::Native: return call_native(t, as<NativeValue>(callable), std::move(args));
    case Is::Const: t.call_rule = rule; return call_constant(t, callable->real, std::move(args));
    case Is::Partial: t.call_rule = rule; return call_partial(t, as<PartialValue>(callable), std::move(args));
    case Is::Object:
      if (V m = special(t, callable, FJ_NAME("__call__"))) {
        t.call_rule = rule;
        return call(t, m, std::move(args));
      }
      t.raise(PyExc_TypeError, cat("'", callable->cls->tp_name, "' object is not callable"));
    case Is::Opaque:
      if (V inner = wrapped_function(t, callable)) {
        t.call_rule = rule;
        return call(t, inner, std::move(args));
      }
      [[fallthrough]];
    default: cut(Reason::native_call, "a call of ", callable->cls->tp_name);
  }
}

V call_values(Tracer& t, V callable, Values args) {
  Args a;
  a.pos = std::move(args);
  return call(t, callable, std::move(a));
}

namespace {

struct RealArgs {
  Ref pos, named;
};

RealArgs real_args(Tracer& t, Args& args, Reason why, const char* what) {
  RealArgs real;
  real.pos = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(args.pos.size())));
  for (size_t i = 0; i < args.pos.size(); ++i)
    PyTuple_SET_ITEM(real.pos.get(), static_cast<Py_ssize_t>(i), t.need_real(args.pos[i], why, what).release());
  if (args.named.empty()) return real;
  real.named = Ref::steal(PyDict_New());
  for (auto& [name, v] : args.named) PyDict_SetItem(real.named.get(), name, t.need_real(v, why, what).get());
  return real;
}

const char* name_for_message(PyObject* callable) {
  if (PyCFunction_Check(callable)) return reinterpret_cast<PyCFunctionObject*>(callable)->m_ml->ml_name;
  if (PyType_Check(callable)) return reinterpret_cast<PyTypeObject*>(callable)->tp_name;
  return Py_TYPE(callable)->tp_name;
}

V tensor_argument(Args& args, PyObject* result) {
  for (V v : args.pos)
    if (v->is == Is::Tensor && as<TensorValue>(v)->fake == result) return v;
  for (auto& [name, v] : args.named)
    if (v->is == Is::Tensor && as<TensorValue>(v)->fake == result) return v;
  return nullptr;
}

}  // namespace

V call_leaf(Tracer& t, PyObject* callable, Args& args) {
  RealArgs real = real_args(t, args, Reason::unsupported_op, name_for_message(callable));
  t.tensors->locate(t);
  Ref result = Ref::steal(PyObject_Call(callable, real.pos.get(), real.named.get()));
  bool data = false;
  std::string detail;
  if (!result && TensorSession::failed_on_fake(&data, &detail))
    cut(data ? Reason::data_dependent : Reason::unsupported_op, detail);
  if (!result) t.raise_pending();
  if (V same = tensor_argument(args, result.get())) return same;  // in place, or a view that is the tensor itself
  return t.from_real(result.get());
}

V call_pure(Tracer& t, PyObject* callable, Args& args) {
  RealArgs real = real_args(t, args, Reason::native_call, name_for_message(callable));
  Ref result = Ref::steal(PyObject_Call(callable, real.pos.get(), real.named.get()));
  if (!result) t.raise_pending();
  return t.from_real(result.get());
}

}  // namespace fj::capture
