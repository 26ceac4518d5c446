// Calls, by kind of what is called.
#include "capture/arrays.h"
#include "capture/asks.h"
#include "capture/builtins.h"
#include "capture/leaf.h"
#include "capture/logging_calls.h"
#include "capture/number.h"
#include "capture/protocol.h"
#include "capture/substitute.h"
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
  if (V tensor = tensor_from_array(t, o, args)) return tensor;
  if (is_tensor_callable(o)) {
    if (PyObject* python = added_substitute_of(o)) return call_substitute(t, o, python, std::move(args));
    return call_leaf(t, o, args);
  }
  const std::string_view kind = Py_TYPE(o)->tp_name;
  if (kind == "operator.itemgetter" || kind == "operator.attrgetter")
    return call_getter(t, o, kind == "operator.attrgetter", args);
  if (Py_TYPE(o) == &PyStaticMethod_Type) {
    Ref f = Ref::steal(PyObject_GetAttrString(o, "__func__"));
    t.call_rule = rule;
    return call(t, t.wrap_known(f.get()), std::move(args));
  }
  if (Py_TYPE(o) == &Py_GenericAliasType) {  // list[int]()
    Ref origin = Ref::steal(PyObject_GetAttrString(o, "__origin__"));
    if (origin && PyType_Check(origin.get()) && !is_python_class(reinterpret_cast<PyTypeObject*>(origin.get())))
      return call_type(t, reinterpret_cast<PyTypeObject*>(origin.get()), std::move(args));
    PyErr_Clear();
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
  Nested deeper(t);
  if (!callable) cut(Reason::internal, "a call of NULL");
  // The caller's rule holds where the call is handed on as it is, not for calls that a rule or a C function makes.
  const CallRule rule = t.take_rule();
  t.use(callable);
  if (V logged = call_logging(t, callable, args)) return logged;
  switch (callable->is) {
    case Is::Function:
      if (callable->outside() && is_array_part(as<FunctionValue>(callable)->globals))
        return call_array_part(t, as<FunctionValue>(callable), std::move(args));
      if (callable->outside())
        if (V result = call_array_function(t, callable->real, args)) return result;
      t.call_rule = rule;
      return call_function(t, as<FunctionValue>(callable), std::move(args));
    case Is::Method: {
      auto* m = as<MethodValue>(callable);
      args.pos.insert(args.pos.begin(), m->self);
      t.call_rule = rule;
      return call(t, m->func, std::move(args));
    }
    case Is::Native: return call_native(t, as<NativeValue>(callable), std::move(args));
    case Is::Const:
      if (V result = call_array_function(t, callable->real, args)) return result;
      t.call_rule = rule;
      return call_constant(t, callable->real, std::move(args));
    case Is::Partial: t.call_rule = rule; return call_partial(t, as<PartialValue>(callable), std::move(args));
    case Is::Object:
      if (V m = special(t, callable, FJ_NAME("__call__"))) {
        t.call_rule = rule;
        return call(t, m, std::move(args));
      }
      t.raise(PyExc_TypeError, cat("'", callable->cls->tp_name, "' object is not callable"));
    case Is::Opaque:
      if (callable->outside() && std::string_view(callable->cls->tp_name) == "functools._lru_cache_wrapper" &&
          is_pure_by_name(callable->real)) {
        t.guard(Kind::Same, callable->source, callable->real);
        return call_really(t, t.keep(Ref::borrow(callable->real)), args);
      }
      if (V result = call_cached(t, callable, args)) return result;
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

struct LeafArgs {
  Leaf pos, named;
};

LeafArgs leaf_args(Tracer& t, Args& args, Reason why, const char* what) {
  LeafArgs leaf;
  std::vector<Leaf> pos;
  for (V v : args.pos) pos.push_back(t.leaf_of(v, why, what));
  leaf.pos = Leaf::tuple(std::move(pos));
  std::vector<std::pair<PyObject*, Leaf>> named;
  for (auto& [name, v] : args.named) named.emplace_back(name, t.leaf_of(v, why, what));
  leaf.named = Leaf::dict(std::move(named));
  return leaf;
}

const char* name_for_message(PyObject* callable) {
  if (PyCFunction_Check(callable)) return reinterpret_cast<PyCFunctionObject*>(callable)->m_ml->ml_name;
  if (PyType_Check(callable)) return reinterpret_cast<PyTypeObject*>(callable)->tp_name;
  return Py_TYPE(callable)->tp_name;
}

}  // namespace

namespace {

// Ops that take a 0-d tensor as they take a number, by function or method.
bool is_arithmetic(PyObject* callable) {
  static constexpr std::string_view kNames[] = {"add",  "add_", "sub", "sub_", "mul", "mul_", "div",
                                                "div_", "eq",   "ne",  "lt",   "le",  "gt",   "ge"};
  const std::string_view type = Py_TYPE(callable)->tp_name;
  if (type != "framejit._C.OpFunction" && type != "framejit._C.OpMethod") return false;
  Ref name = Ref::steal(PyObject_GetAttrString(callable, "__name__"));
  PyErr_Clear();
  for (std::string_view known : kNames)
    if (known == py::name_view(name.get())) return true;
  return false;
}

void number_as_input(Tracer& t, PyObject* callable, V beside, Args& args) {
  if (beside->is == Is::Tensor && !args.pos.empty() && args.named.empty() && varies(t, args.pos.back()) &&
      is_arithmetic(callable))
    t.tensors->number_as_input(t, &args.pos.back(), beside);
}

}  // namespace

namespace {

// x.add(y, alpha=rate), where the rate varies: y * rate, with the rate as an input of the graph. In the wider dtypes
// alone, where the product is rounded as it is inside the op.
void scale_by_alpha(Tracer& t, PyObject* callable, V self, V* other, Args& args) {
  V alpha = nullptr;
  for (auto& [name, v] : args.named)
    if (is_text(name, "alpha")) alpha = v;
  if (!alpha || args.named.size() != 1 || self->is != Is::Tensor || (*other)->is != Is::Tensor) return;
  if (alpha->is != Is::Const || alpha->touched || !PyFloat_CheckExact(alpha->real) || !varies(t, alpha)) return;
  if (!is_arithmetic(callable)) return;
  t.use(self);
  t.use(*other);
  const DType dtype = as_tensor(as<TensorValue>(self)->fake)->meta.dtype;
  if (as_tensor(as<TensorValue>(*other)->fake)->meta.dtype != dtype || (dtype != DType::F32 && dtype != DType::F64))
    return;
  args.named.clear();
  *other = binary(t, 5, *other, alpha);
}

}  // namespace

V call_leaf(Tracer& t, PyObject* callable, Args& args) {
  if (is_tensor_identity_constant(callable) && asks(t, args)) return ask_call(t, callable, args);
  PyObject* wanted;
  if (V leaf = args.take("requires_grad")) {  // a leaf made here: the tensor, and then the mark
    const bool on = t.constant_of(leaf, &wanted) && wanted == Py_True;
    if (!on) args.named.push_back({FJ_NAME("requires_grad"), leaf});
    if (on) {
      V made = call_leaf(t, callable, args);
      if (made->is != Is::Tensor) cut(Reason::unsupported_op, "requires_grad of ", made->cls->tp_name);
      Args none;
      t.tensors->leaf_made(t);
      return call_leaf_method(t, _PyType_Lookup(made->cls, FJ_NAME("requires_grad_")), made, none);
    }
  }
  if (args.pos.size() == 2) number_as_input(t, callable, args.pos[0], args);
  if (args.pos.size() == 2) scale_by_alpha(t, callable, args.pos[0], &args.pos[1], args);
  LeafArgs a = leaf_args(t, args, Reason::unsupported_op, name_for_message(callable));
  return t.leaf(leaf_call, 0, {Leaf::constant(callable), a.pos, a.named});
}

V call_leaf_method(Tracer& t, PyObject* descriptor, V tensor, Args& args) {
  if (asks(t, args)) {
    Args all = args;
    all.pos.insert(all.pos.begin(), tensor);
    return ask_call(t, descriptor, all);
  }
  if (args.pos.size() == 1) number_as_input(t, descriptor, tensor, args);
  if (args.pos.size() == 1) scale_by_alpha(t, descriptor, tensor, &args.pos[0], args);
  LeafArgs a = leaf_args(t, args, Reason::unsupported_op, name_for_message(descriptor));
  Leaf self = t.leaf_of(tensor, Reason::unsupported_op, "a method");
  return t.leaf(leaf_method, 0, {Leaf::constant(descriptor), self, a.pos, a.named});
}

V call_pure(Tracer& t, PyObject* callable, Args& args) {
  LeafArgs a = leaf_args(t, args, Reason::native_call, name_for_message(callable));
  return t.leaf(leaf_call, 0, {Leaf::constant(callable), a.pos, a.named});
}

}  // namespace fj::capture
