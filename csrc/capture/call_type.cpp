// Calling a class: Python classes by __new__ and __init__, built-in types by rule.
#include "capture/asks.h"
#include "capture/builtins.h"
#include "capture/class_body.h"
#include "capture/protocol.h"
#include "capture/sym_frame.h"
#include "capture/tensors.h"
#include "capture/wrappers.h"

namespace fj::capture {

namespace {

void check_plain(Tracer& t, PyTypeObject* type) {
  if (type->tp_flags & Py_TPFLAGS_IS_ABSTRACT) {
    Ref none = Ref::steal(PyTuple_New(0));
    Ref made = Ref::steal(PyBaseObject_Type.tp_new(type, none.get(), nullptr));
    if (made) cut(Reason::native_call, "an abstract class");
    t.raise_pending();
  }
  if (type->tp_del || _PyType_Lookup(type, FJ_NAME("__del__"))) cut(Reason::lifetime, type->tp_name, " has __del__");
}

}  // namespace

// What the native part of __new__ makes: an empty instance of the class.
V new_object(Tracer& t, PyTypeObject* type) {
  check_plain(t, type);
  PyTypeObject* base = native_base(type);
  if (base == &PyBaseObject_Type) return t.make<ObjectValue>(type);
  if (is_exception_type(type)) return t.exception(type, {});
  if (base == &PyList_Type) return t.list({}, type);
  if (base == &PyDict_Type || base == &PyODict_Type) return t.dict(type);
  if (base == &PySet_Type && type == base) return t.set(type);
  cut(Reason::native_call, "an instance of ", type->tp_name);
}

namespace {

// class Celsius(float): the trace has a real one, which the recipe makes anew.
V new_plain_instance(Tracer& t, PyTypeObject* type, const Args& args) {
  PyTypeObject* base = native_base(type);
  if (base != &PyLong_Type && base != &PyFloat_Type && base != &PyUnicode_Type && base != &PyBytes_Type) return nullptr;
  if (!args.named.empty() || t.made(reinterpret_cast<PyObject*>(type))) return nullptr;
  check_plain(t, type);
  Ref pos = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(args.pos.size())));
  Values parts{t.constant(reinterpret_cast<PyObject*>(type))};
  for (size_t i = 0; i < args.pos.size(); ++i) {
    t.use(args.pos[i]);
    if (args.pos[i]->is != Is::Const || !is_plain_constant(args.pos[i]->real)) return nullptr;
    PyTuple_SET_ITEM(pos.get(), static_cast<Py_ssize_t>(i), Py_NewRef(args.pos[i]->real));
    parts.push_back(args.pos[i]);
  }
  Ref real = Ref::steal(base->tp_new(type, pos.get(), nullptr));
  if (!real) t.raise_pending();
  if (!is_plain_instance(real.get())) return nullptr;
  for (PyTypeObject* c = type; is_python_class(c); c = c->tp_base)
    dict_fill(t, t.known_dict(c->tp_dict));  // no new names
  Ref maker = Ref::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(base), "__new__"));
  return t.made_constant(std::move(real), t.keep(std::move(maker)), std::move(parts));
}

}  // namespace

namespace {

bool metaclass_calls(Tracer& t, PyTypeObject* type, V* callable) {
  PyTypeObject* meta = Py_TYPE(reinterpret_cast<PyObject*>(type));
  if (meta == &PyType_Type) return false;
  PyObject* raw = t.type_lookup(meta, FJ_NAME("__call__"));
  if (raw == _PyType_Lookup(&PyType_Type, FJ_NAME("__call__"))) return false;
  // A class, as TypedDict has it, gets the arguments alone.
  *callable = raw ? bind(t, raw, t.constant(reinterpret_cast<PyObject*>(type)), meta, FJ_NAME("__call__")) : nullptr;
  return raw != nullptr;
}

bool takes_no_init(Tracer& t, PyTypeObject* type) { return !overridden(t, type, FJ_NAME("__init__")); }

void run_init(Tracer& t, V instance, PyTypeObject* type, Args args, const CallRule& rule) {
  PyObject* raw = t.type_lookup(type, FJ_NAME("__init__"));
  if (!raw) return;
  V init = bind(t, raw, instance, type, FJ_NAME("__init__"));
  if (rule.resume == Resume::Push) t.call_rule = {Resume::Instance, instance};
  V r = call(t, init, std::move(args));
  if (!is_const(t, r, Py_None)) cut(Reason::raises, "__init__ returns something");
}

}  // namespace

// Exceptions whose C type does more than keep its arguments are made by CPython.
void check_exception(PyTypeObject* type, size_t count) {
  PyTypeObject* base = type;
  while (base->tp_flags & Py_TPFLAGS_HEAPTYPE) base = base->tp_base;
  auto* plain = reinterpret_cast<PyTypeObject*>(PyExc_BaseException);
  if (base->tp_init == plain->tp_init && base->tp_new == plain->tp_new && base->tp_str == plain->tp_str) return;
  for (PyObject* known : {PyExc_StopIteration, PyExc_SystemExit, PyExc_KeyError, PyExc_AttributeError, PyExc_NameError,
                          PyExc_UnboundLocalError, PyExc_BaseExceptionGroup})
    if (reinterpret_cast<PyObject*>(base) == known) return;
  const bool os = PyType_IsSubtype(base, reinterpret_cast<PyTypeObject*>(PyExc_OSError)) ||
                  PyType_IsSubtype(base, reinterpret_cast<PyTypeObject*>(PyExc_ImportError));
  if (!os || count > 1) cut(Reason::native_call, base->tp_name, "()");
}

namespace {

// BaseExceptionGroup.__new__: an ExceptionGroup if nothing in it is more than an Exception. What it refuses is left to
// it.
PyTypeObject* check_group(Tracer& t, PyTypeObject* type, const Values& args) {
  static auto* const group =
      reinterpret_cast<PyTypeObject*>(PyDict_GetItemString(PyEval_GetBuiltins(), "ExceptionGroup"));
  auto refuse = [&](bool bad) {
    if (bad) cut(Reason::native_call, type->tp_name, "()");
  };
  refuse(args.size() != 2);
  for (V v : args) t.use(v);
  Values* members = sequence_items(args[1]);
  refuse(!const_object(args[0]) || !PyUnicode_Check(args[0]->real) || !members || members->empty());
  bool plain = true;
  for (V e : *members) {
    t.use(e);
    refuse(e->is != Is::Object || !is_exception_type(e->cls));
    plain &= PyType_IsSubtype(e->cls, reinterpret_cast<PyTypeObject*>(PyExc_Exception)) != 0;
  }
  refuse(!plain && PyType_IsSubtype(type, reinterpret_cast<PyTypeObject*>(PyExc_Exception)));
  return plain && reinterpret_cast<PyObject*>(type) == PyExc_BaseExceptionGroup ? group : type;
}

}  // namespace

ObjectValue* new_exception(Tracer& t, PyTypeObject* type, Values args) {
  if (!is_group_type(type)) return t.exception(type, std::move(args));
  type = check_group(t, type, args);
  V members = t.tuple(*sequence_items(args[1]));
  ObjectValue* e = t.exception(type, std::move(args));
  e->slots.push_back({_PyType_Lookup(type, FJ_NAME("exceptions")), members});
  return e;
}

// type.__call__
V instantiate(Tracer& t, PyTypeObject* type, Args args) {
  const CallRule rule = t.take_rule();
  if (!is_python_class(type) && !is_exception_type(type)) return call_builtin_type(t, type, std::move(args));
  if (is_tensor_type(type) && !is_overriding(type) && !is_wrapper_type(type))
    return call_leaf(t, reinterpret_cast<PyObject*>(type), args);
  PyObject* raw = t.type_lookup(type, FJ_NAME("__new__"));
  V instance = nullptr;
  const bool python_new = raw && (PyFunction_Check(raw) || Py_TYPE(raw) == &PyStaticMethod_Type);
  if (python_new) {
    Args with_class = args;
    with_class.pos.insert(with_class.pos.begin(), t.constant(reinterpret_cast<PyObject*>(type)));
    V f = bind(t, raw, nullptr, type, FJ_NAME("__new__"));
    instance = call(t, f, std::move(with_class));
    if (!PyType_IsSubtype(t.type_of(instance), type)) return instance;
  } else if (is_overriding(type)) {
    instance = new_overriding(t, type, args);
    if (takes_no_init(t, type)) return instance;
  } else if (type->tp_new != native_base(type)->tp_new) {
    cut(Reason::native_call, type->tp_name, ".__new__");
  } else if (native_base(type) == &PyTuple_Type) {
    check_plain(t, type);
    if (takes_no_init(t, type)) want(args, 0, 1);
    if (args.pos.size() > 1) cut(Reason::argument_form, type->tp_name);
    instance = t.tuple(args.pos.empty() ? Values{} : unpack(t, args.pos[0]), type);
    if (takes_no_init(t, type)) return instance;
  } else if (is_exception_type(type)) {
    check_plain(t, type);
    check_exception(type, args.pos.size());
    if (!args.named.empty() && takes_no_init(t, type)) cut(Reason::native_call, "an exception with keyword arguments");
    instance = new_exception(t, type, args.pos);
    if (takes_no_init(t, type)) return instance;
  } else {
    if (V plain = new_plain_instance(t, type, args)) return plain;
    instance = new_object(t, type);
    if (instance->is == Is::Object && args.size() > 0 && takes_no_init(t, type))
      t.raise(PyExc_TypeError, cat(type->tp_name, "() takes no arguments"));
  }
  run_init(t, instance, type, std::move(args), rule);
  return instance;
}

namespace {

// type(name, bases, dict)
V class_from_dict(Tracer& t, Args& args) {
  for (V v : args.pos) t.use(v);
  if (args.pos[0]->is != Is::Const || args.pos[1]->is != Is::Tuple || args.pos[2]->is != Is::Dict)
    cut(Reason::argument_form, "type()");
  auto* space = t.dict();
  dict_update(t, space, args.pos[2]);
  if (!dict_get(t, space, FJ_NAME("__module__")))
    if (V module = t.global_lookup(t.frame->globals, FJ_NAME("__name__")))
      dict_set(t, space, t.constant(FJ_NAME("__module__")), module);
  return make_class(t, &PyType_Type, args.pos[0], as<TupleValue>(args.pos[1])->items, space);
}

}  // namespace

V call_type(Tracer& t, PyTypeObject* type, Args args) {
  const CallRule rule = t.take_rule();
  V by_meta;
  if (metaclass_calls(t, type, &by_meta)) {
    t.call_rule = rule;
    return call(t, by_meta, std::move(args));
  }
  if (type == &PyType_Type && args.pos.size() == 1)
    return t.constant(reinterpret_cast<PyObject*>(t.type_of(args.pos[0])));
  t.call_rule = rule;
  if (type == &PyType_Type && args.pos.size() == 3 && args.named.empty()) return class_from_dict(t, args);
  return instantiate(t, type, std::move(args));
}

}  // namespace fj::capture
