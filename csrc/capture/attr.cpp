// Reading attributes: the generic protocol over the MRO, descriptors and the instance's dict.
#include <algorithm>
#include <cstring>

#include "capture/arrays.h"
#include "capture/asks.h"
#include "capture/builtins.h"
#include "capture/generator.h"
#include "capture/grads.h"
#include "capture/leaf.h"
#include "capture/left_alone.h"
#include "capture/owned.h"
#include "capture/tensors.h"
#include "py/imported.h"
#include "py/readers.h"

namespace fj::capture {

DictValue* instance_dict(Tracer& t, V v) {
  DictValue** slot = v->is == Is::Object     ? &as<ObjectValue>(v)->dict
                     : v->is == Is::List     ? &as<ListValue>(v)->attrs
                     : v->is == Is::Tuple    ? &as<TupleValue>(v)->attrs
                     : v->is == Is::Dict     ? &as<DictValue>(v)->attrs
                     : v->is == Is::Function ? &as<FunctionValue>(v)->attrs
                     : v->is == Is::Partial  ? &as<PartialValue>(v)->attrs
                                             : nullptr;
  if (!slot) return nullptr;
  if (*slot) return *slot;
  t.use(v);
  if (!v->outside()) {
    const bool has = v->cls->tp_dictoffset != 0 || (v->cls->tp_flags & Py_TPFLAGS_MANAGED_DICT);
    if (has) *slot = t.dict();
    if (has) (*slot)->owner = v;
    return *slot;
  }
  PyObject** at = _PyObject_GetDictPtr(v->real);
  if (!at) return nullptr;
  Ref dict = Ref::steal(PyObject_GenericGetDict(v->real, nullptr));
  if (!dict) t.raise_pending();
  return *slot = as<DictValue>(t.wrap(t.keep(dict), t.source(Step::InstanceDict, v->source)));
}

namespace {

// One that is asked before the instance's dict.
bool is_data_descriptor(PyObject* raw) { return Py_TYPE(raw)->tp_descr_set && Py_TYPE(raw)->tp_descr_get; }

// A named result of an op: max(...).values.
V read_struct_field(TupleValue* self, PyObject* name) {
  Ref fields = Ref::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(self->cls), "__match_args__"));
  PyErr_Clear();
  for (Py_ssize_t i = 0; fields && i < PyTuple_GET_SIZE(fields.get()); ++i)
    if (PyUnicode_Compare(PyTuple_GET_ITEM(fields.get(), i), name) == 0) return self->items[static_cast<size_t>(i)];
  cut(Reason::native_object, self->cls->tp_name, ".", py::utf8(name));
}

V read_slot(Tracer& t, V self, PyObject* raw) {
  if (self->is == Is::Tuple)
    return read_struct_field(as<TupleValue>(self), reinterpret_cast<PyMemberDescrObject*>(raw)->d_common.d_name);
  if (self->is == Is::Object) {
    auto* o = as<ObjectValue>(self);
    for (auto& [descr, value] : o->slots)
      if (descr == raw) return value;
    if (!o->outside()) return nullptr;
    const SourceId source = t.source(Step::Slot, o->source, 0, raw);
    Ref real = Ref::steal(Py_TYPE(raw)->tp_descr_get(raw, o->real, reinterpret_cast<PyObject*>(o->cls)));
    V value = nullptr;
    if (real) {
      t.guard(Kind::Absent, source, nullptr, {1});  // it is there
      value = t.wrap(t.keep(real), source);
    } else {
      PyErr_Clear();
      t.guard(Kind::Absent, source);
    }
    o->slots.push_back({raw, value});
    return value;
  }
  if (self->is == Is::Dict && as<DictValue>(self)->default_factory) return as<DictValue>(self)->default_factory;
  if (!self->outside()) cut(Reason::native_object, self->cls->tp_name);
  Ref real = Ref::steal(PyObject_GetAttr(self->real, reinterpret_cast<PyMemberDescrObject*>(raw)->d_common.d_name));
  if (!real) t.raise_pending();
  return t.wrap(t.keep(real), t.source(Step::Slot, self->source, 0, raw));
}

V read_getset(Tracer& t, V self, PyObject* raw, PyObject* name) {
  if (is_text(name, "__dict__")) {
    DictValue* d = instance_dict(t, self);
    return d;
  }
  if (is_deque(self) && is_text(name, "maxlen"))
    return as<ListValue>(self)->maxlen < 0 ? t.none() : t.integer(as<ListValue>(self)->maxlen);
  if (self->is == Is::Object && is_exception_type(self->cls)) return exception_attr(t, as<ObjectValue>(self), name);
  if (!self->outside() || is_text(name, "__weakref__")) cut(Reason::native_object, self->cls->tp_name, " attribute");
  Ref real = Ref::steal(Py_TYPE(raw)->tp_descr_get(raw, self->real, reinterpret_cast<PyObject*>(self->cls)));
  if (!real) t.raise_pending();
  return t.wrap(t.keep(real), t.source(Step::Getter, self->source, 0, raw));
}

PyTypeObject* tuplegetter_type() {
  static constinit py::Imported type{"_collections", "_tuplegetter"};
  return type.type();
}

V read_tuple_field(V self, PyObject* raw) {
  Ref parts = Ref::steal(PyObject_CallMethod(raw, "__reduce__", nullptr));
  if (!parts || self->is != Is::Tuple) cut(Reason::native_object, "a namedtuple field");
  PyObject* index = PyTuple_GET_ITEM(PyTuple_GET_ITEM(parts.get(), 1), 0);
  return as<TupleValue>(self)->items[PyLong_AsSize_t(index)];
}

V property_getter(Tracer& t, PyObject* raw) {
  Ref fget = Ref::steal(PyObject_GetAttrString(raw, "fget"));
  if (!fget || fget.get() == Py_None) t.raise(PyExc_AttributeError, "property has no getter");
  return t.wrap_known(fget.get());
}

}  // namespace

// `raw` has been looked up as a guarded fact, so its identity needs no further guard.
V bind(Tracer& t, PyObject* raw, V self, PyTypeObject* type, PyObject* name) {
  PyTypeObject* kind = Py_TYPE(raw);
  if (PyFunction_Check(raw)) return self ? t.method(t.wrap_known(raw), self) : t.wrap_known(raw);
  if (kind == &PyStaticMethod_Type || kind == &PyClassMethod_Type) {
    Ref func = Ref::steal(PyObject_GetAttrString(raw, "__func__"));
    V f = t.wrap_known(func.get());
    if (kind == &PyStaticMethod_Type) return f;
    V cls = t.constant(reinterpret_cast<PyObject*>(type));
    if (f->is == Is::Function) return t.method(f, cls);
    if (f->is != Is::Native && f->is != Is::Const) cut(Reason::native_object, "a classmethod of ", f->cls->tp_name);
    return PY_VERSION_HEX < 0x030D0000 ? bind(t, func.get(), cls, type, name) : t.method(f, cls);
  }
  if (kind == &PyClassMethodDescr_Type) {
    Ref bound = Ref::steal(kind->tp_descr_get(raw, nullptr, reinterpret_cast<PyObject*>(type)));
    V cls = t.made(reinterpret_cast<PyObject*>(type));
    if (!cls) return t.constant(bound);
    Ref get = Ref::steal(PyObject_GetAttr(raw, FJ_NAME("__get__")));
    return t.made_constant(std::move(bound), t.keep(std::move(get)), {t.none(), cls});
  }
  if (!self && (kind->tp_flags & Py_TPFLAGS_HEAPTYPE) && kind->tp_descr_get && kind != tuplegetter_type()) {
    V descriptor = t.wrap_known(raw);  // seen through the class
    if (descriptor->is != Is::Object) return nullptr;
    V get = special(t, descriptor, FJ_NAME("__get__"));
    return get ? call_values(t, get, {t.none(), t.constant(reinterpret_cast<PyObject*>(type))}) : descriptor;
  }
  if (!self) return is_identity_constant(raw) || !kind->tp_descr_get ? t.wrap_known(raw) : nullptr;
  if (is_compiled_function(raw)) return t.method(t.wrap_known(raw), self);
  if (kind == &PyProperty_Type) return call_values(t, property_getter(t, raw), {self});
  if (kind == &PyMethodDescr_Type || kind == &PyWrapperDescr_Type) return t.native(raw, name, self);
  if (self->is == Is::Function && (kind == &PyMemberDescr_Type || kind == &PyGetSetDescr_Type) &&
      !is_text(name, "__dict__"))
    if (V found = function_attr(t, as<FunctionValue>(self), name)) return found;
  if (self->is == Is::Iterator && as<IteratorValue>(self)->how == Iter::Generator && self->cls == &PyGen_Type &&
      (kind == &PyMemberDescr_Type || kind == &PyGetSetDescr_Type))
    return generator_attr(t, as<IteratorValue>(self), name);
  if (kind == &PyMemberDescr_Type) {
    if (self->is == Is::Object && is_exception_type(self->cls) && !_PyType_Lookup(self->cls, FJ_NAME("__slots__")))
      return exception_attr(t, as<ObjectValue>(self), name);
    if (is_text(name, "__dict__"))  // SimpleNamespace has a member of this name
      if (DictValue* d = instance_dict(t, self)) return d;
    return read_slot(t, self, raw);
  }
  if (kind == &PyGetSetDescr_Type) return read_getset(t, self, raw, name);
  if (kind == tuplegetter_type()) return read_tuple_field(self, raw);
  if (kind->tp_descr_get && !PyCFunction_Check(raw)) {
    V descriptor = t.wrap_known(raw);
    if (descriptor->is == Is::Object)
      if (V get = special(t, descriptor, FJ_NAME("__get__")))
        return call_values(t, get, {self, t.constant(reinterpret_cast<PyObject*>(type))});
    cut(Reason::native_object, "a descriptor of type ", kind->tp_name);
  }
  return t.wrap_known(raw);
}

V generic_get_attr(Tracer& t, V v, PyObject* name) {
  PyTypeObject* type = t.type_of(v);
  PyObject* raw = t.type_lookup(type, name);
  if (is_text(name, "__class__") && raw == _PyType_Lookup(&PyBaseObject_Type, name))
    return t.constant(reinterpret_cast<PyObject*>(type));
  if (raw && is_data_descriptor(raw)) return bind(t, raw, v, type, name);
  if (DictValue* d = instance_dict(t, v))
    if (V value = dict_get(t, d, name)) return value;
  return raw ? bind(t, raw, v, type, name) : nullptr;
}

namespace {

// A class that says `__iter__ = None` refuses the protocol.
[[noreturn]] void blocked(Tracer& t, PyTypeObject* type, PyObject* name) {
  static constexpr std::pair<const char*, const char*> kWords[] = {
      {"__iter__", "iterable"}, {"__reversed__", "reversible"}, {"__contains__", "a container"}};
  for (auto& [method, words] : kWords)
    if (is_text(name, method)) t.raise(PyExc_TypeError, cat("'", type->tp_name, "' object is not ", words));
  if (is_text(name, "__hash__")) t.raise(PyExc_TypeError, cat("unhashable type: '", type->tp_name, "'"));
  t.raise(PyExc_TypeError, "'NoneType' object is not callable");
}

}  // namespace

V special_or_none(Tracer& t, V self, PyObject* name) {
  PyTypeObject* type = t.type_of(self);
  PyObject* raw = t.type_lookup(type, name);
  return raw ? bind(t, raw, self, type, name) : nullptr;
}

V special(Tracer& t, V self, PyObject* name) {
  PyTypeObject* type = t.type_of(self);
  PyObject* raw = t.type_lookup(type, name);
  if (raw == Py_None) blocked(t, type, name);
  return raw ? bind(t, raw, self, type, name) : nullptr;
}

// What the class says instead of the type written in C that it comes from: most often a function, but any object may
// stand there.
PyObject* overridden(Tracer& t, PyTypeObject* type, PyObject* name) {
  PyObject* raw = t.type_lookup(type, name);
  if (!raw || PyFunction_Check(raw)) return raw;
  return is_python_class(type) && raw != _PyType_Lookup(native_base(type), name) ? raw : nullptr;
}

bool has_python_special(Tracer& t, V v, PyObject* name) {
  PyObject* raw = overridden(t, t.type_of(v), name);
  if (raw == Py_None) blocked(t, v->cls, name);
  return raw != nullptr;
}

namespace {

// __dict__ of a class from outside, and __annotations__ of one that has none: CPython makes an empty dict then.
V class_dict_attr(Tracer& t, PyTypeObject* type, PyObject* name) {
  if (!is_python_class(type) || t.made(reinterpret_cast<PyObject*>(type)) || !type->tp_dict) return nullptr;
  for (auto& w : t.class_writes)
    if (w.cls->real == reinterpret_cast<PyObject*>(type)) return nullptr;
  if (is_text(name, "__annotations__") && !PyDict_GetItemWithError(type->tp_dict, name)) {
    t.type_lookup(type, name);
    return t.dict();
  }
  if (!is_text(name, "__dict__")) return nullptr;
  auto* v = t.make<ViewValue>(&PyDictProxy_Type);
  v->what = ViewValue::Proxy;
  v->dict = t.known_dict(type->tp_dict);
  return v;
}

}  // namespace

V type_attr(Tracer& t, PyTypeObject* type, PyObject* name) {
  PyTypeObject* meta = Py_TYPE(reinterpret_cast<PyObject*>(type));
  PyObject* meta_raw = t.type_lookup(meta, name);
  V self = t.constant(reinterpret_cast<PyObject*>(type));
  if (is_text(name, "__class__")) return t.constant(reinterpret_cast<PyObject*>(meta));
  if (meta_raw && is_data_descriptor(meta_raw)) {
    if (Py_TYPE(meta_raw) == &PyProperty_Type || (Py_TYPE(meta_raw)->tp_flags & Py_TPFLAGS_HEAPTYPE))
      return bind(t, meta_raw, self, meta, name);
    if (PyObject* own = is_text(name, "__annotations__") && !t.made(reinterpret_cast<PyObject*>(type)) && type->tp_dict
                            ? PyDict_GetItemWithError(type->tp_dict, name)
                            : nullptr;
        own && PyDict_CheckExact(own) && t.type_lookup(type, name) == own)
      return t.known_dict(own);
    if (V found = class_dict_attr(t, type, name)) return found;
    Ref real = Ref::steal(PyObject_GetAttr(reinterpret_cast<PyObject*>(type), name));
    if (!real) t.raise_pending();
    if (!is_plain_constant(real.get()) && !is_identity_constant(real.get()) && !PyTuple_Check(real.get()))
      cut(Reason::native_object, "a class's ", py::utf8(name));
    return t.from_real(real.get());
  }
  if (PyObject* raw = t.type_lookup(type, name)) return bind(t, raw, nullptr, type, name);
  return meta_raw ? bind(t, meta_raw, self, meta, name) : nullptr;
}

namespace {

V module_attr(Tracer& t, PyObject* module, PyObject* name) {
  PyObject* dict = PyModule_GetDict(module);
  if (PyModule_CheckExact(module) && is_text(name, "__dict__")) return t.known_dict(dict);
  if (!PyModule_CheckExact(module)) {  // its class may have a say
    PyTypeObject* type = Py_TYPE(module);
    PyObject* raw = t.type_lookup(type, name);
    if (overridden(t, type, FJ_NAME("__getattribute__")) || (raw && raw != _PyType_Lookup(&PyModule_Type, name)))
      cut(Reason::native_object, type->tp_name, ".", py::utf8(name));
  }
  // A module's __getattr__ may import a part of its package and leave the name in the module: asked before a guard says
  // that the name is not there.
  Ref real;
  if (PyModule_CheckExact(module) && !PyDict_GetItemWithError(dict, name)) {
    real = Ref::steal(PyObject_GetAttr(module, name));
    PyErr_Clear();
  }
  if (V v = t.global_lookup(dict, name)) return v;
  if (!PyModule_CheckExact(module)) cut(Reason::native_object, "an attribute that a module does not have");
  if (!real) return nullptr;
  if (PyDict_GetItemWithError(dict, name) != real.get() && !is_plain_constant(real.get()) &&
      !is_identity_constant(real.get()))
    cut(Reason::native_object, "a module's computed attribute ", py::utf8(name));
  return t.wrap_known(real.get());
}

bool is_wrapper(PyObject* o) {
  return Py_TYPE(o) == &PyStaticMethod_Type || Py_TYPE(o) == &PyClassMethod_Type || Py_TYPE(o) == &PyProperty_Type;
}

// Attributes of a staticmethod, classmethod or property that do not change; of one that the trace has made, those that
// do not come from the stand-in of its function.
V wrapper_attr(Tracer& t, V v, PyObject* name) {
  static constexpr const char* kFixed[] = {"__func__", "__wrapped__", "fget",    "fset",      "fdel",
                                           "getter",   "setter",      "deleter", "__class__", "__get__"};
  static constexpr const char* kCopied[] = {"__name__", "__qualname__", "__module__", "__doc__"};
  auto among = [&](auto& names) {
    return std::any_of(std::begin(names), std::end(names), [&](const char* known) { return is_text(name, known); });
  };
  if (!among(kFixed) && (!among(kCopied) || t.maker_of(v)))
    cut(Reason::native_object, v->cls->tp_name, ".", py::utf8(name));
  Ref real = Ref::steal(PyObject_GetAttr(v->real, name));
  if (!real) PyErr_Clear();
  return real ? t.wrap_known(real.get()) : nullptr;
}

V constant_attr(Tracer& t, V v, PyObject* name) {
  PyObject* o = v->real;
  if (is_wrapper(o)) return wrapper_attr(t, v, name);
  if (PyType_Check(o)) return type_attr(t, reinterpret_cast<PyTypeObject*>(o), name);
  if (PyModule_Check(o)) return module_attr(t, o, name);
  if (t.maker_of(v) && std::string_view(Py_TYPE(o)->tp_name) == "RemovableHandle") {
    if (is_text(name, "remove")) return t.method(t.wrap_known(t.type_lookup(Py_TYPE(o), name)), v);
    cut(Reason::native_object, "the handle of a hook of an input");
  }
  if (t.maker_of(v) && is_plain_instance(o)) {
    PyObject* raw = t.type_lookup(Py_TYPE(o), name);
    if (raw && (PyFunction_Check(raw) || Py_TYPE(raw) == &PyProperty_Type || Py_TYPE(raw) == &PyClassMethod_Type))
      return bind(t, raw, v, Py_TYPE(o), name);
  }
  Ref real = Ref::steal(PyObject_GetAttr(o, name));
  if (!real) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) t.raise_pending();
    PyErr_Clear();
    return nullptr;
  }
  if (is_plain_constant(real.get()) || is_identity_constant(real.get())) return t.constant(real);
  if (PyMethod_Check(real.get()) && PyMethod_GET_SELF(real.get()) == o)
    return t.method(t.wrap_known(PyMethod_GET_FUNCTION(real.get())), v);
  if (PyTuple_CheckExact(real.get())) return t.from_real(real.get());
  return t.wrap_known(real.get());
}

V tensor_attr(Tracer& t, TensorValue* v, PyObject* name) {
  PyTypeObject* type = t.type_of(v);
  if (is_text(name, "__class__")) return t.constant(reinterpret_cast<PyObject*>(type));
  PyObject* raw = t.type_lookup(type, name);
  if (raw && is_tensor_method(raw)) return t.native(raw, name, v);
  if (raw && Py_TYPE(raw) != &PyGetSetDescr_Type && Py_TYPE(raw) != &PyMemberDescr_Type)
    return bind(t, raw, v, type, name);
  if (!raw) {
    if (!v->outside()) return nullptr;
    PyObject** dict = _PyObject_GetDictPtr(v->real);
    const SourceId source = t.source(Step::InstanceAttr, v->source, 0, name);
    PyObject* found = dict && *dict ? PyDict_GetItemWithError(*dict, name) : nullptr;
    t.guard(Kind::Absent, source, nullptr, found ? std::vector<int64_t>{1} : std::vector<int64_t>{});
    if (found) return t.wrap(found, source);
    return nullptr;
  }
  if (is_text(name, "grad")) return tensor_grad(t, v);
  // Without a history `.data` is detach(): the version counters that tell them apart are a derivative's matter.
  if (is_text(name, "data")) t.use(v);
  if (is_text(name, "data") && !needs_grad(v->fake)) {
    Args none;
    return call_leaf_method(t, _PyType_Lookup(tensor_type, FJ_NAME("detach")), v, none);
  }
  check_tensor_attribute(name);
  return t.leaf(leaf_attribute, 0, {t.leaf_of(v, Reason::unsupported_op, "an attribute"), Leaf::constant(name)});
}

V method_attr(Tracer& t, MethodValue* m, PyObject* name) {
  if (is_text(name, "__self__")) return m->self;
  if (is_text(name, "__func__")) return m->func;
  if (is_text(name, "__class__")) return t.constant(reinterpret_cast<PyObject*>(&PyMethod_Type));
  if (is_text(name, "__get__") || is_text(name, "__call__"))  // the method's own; before 3.13 it has no __get__
    if (PyObject* own = _PyType_Lookup(&PyMethod_Type, name)) return t.native(own, name, m);
  return find_attr(t, m->func, name);
}

V super_attr(Tracer& t, SuperValue* s, PyObject* name) {
  if (is_text(name, "__class__")) return t.constant(reinterpret_cast<PyObject*>(&PySuper_Type));
  PyObject* mro = s->start->tp_mro;
  Py_ssize_t i = 0;
  const Py_ssize_t n = PyTuple_GET_SIZE(mro);
  while (i < n && PyTuple_GET_ITEM(mro, i) != reinterpret_cast<PyObject*>(s->after)) ++i;
  for (++i; i < n; ++i) {
    auto* base = reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i));
    PyObject* here = t.type_lookup(base, name);
    Ref dict = Ref::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(base), "__dict__"));
    Ref found = Ref::steal(PyObject_GetItem(dict.get(), name));
    if (!found) {
      PyErr_Clear();
      continue;
    }
    PyObject* raw = here ? here : found.get();
    const bool on_class = s->self->is == Is::Const && s->self->real == reinterpret_cast<PyObject*>(s->start);
    return bind(t, raw, on_class ? nullptr : s->self, s->start, name);
  }
  return nullptr;
}

V partial_attr(Tracer& t, PartialValue* p, PyObject* name) {
  t.use(p);
  if (is_text(name, "func")) return p->func;
  if (is_text(name, "args")) return t.tuple(p->args);
  if (is_text(name, "keywords")) {
    auto* d = t.dict();
    for (auto& [k, v] : p->keywords) dict_set(t, d, t.constant(k), v);
    return d;
  }
  return generic_get_attr(t, p, name);
}

V object_attr(Tracer& t, V v, PyObject* name) {
  PyObject* hook = overridden(t, t.type_of(v), FJ_NAME("__getattribute__"));
  PyObject* fallback = t.type_lookup(v->cls, FJ_NAME("__getattr__"));
  if (hook && !PyFunction_Check(hook)) cut(Reason::native_object, v->cls->tp_name, ".__getattribute__");
  if (!hook && !fallback) return generic_get_attr(t, v, name);
  V handled = t.handled;
  try {
    V found = hook ? call_values(t, t.wrap_known(hook), {v, t.constant(name)}) : generic_get_attr(t, v, name);
    if (found) return found;
  } catch (Raised& r) {
    if (!PyType_IsSubtype(r.exception->cls, reinterpret_cast<PyTypeObject*>(PyExc_AttributeError)) || !fallback) throw;
    t.handled = handled;
  }
  return fallback ? call_values(t, bind(t, fallback, v, v->cls, FJ_NAME("__getattr__")), {t.constant(name)}) : nullptr;
}

// A list from outside that only grows is not looked into (append_unread): each round of a long loop would see another.
V append_of_unread(Tracer& t, V v, PyObject* name) {
  if (v->is != Is::List || v->touched || !v->outside() || v->cls != &PyList_Type || !is_text(name, "append"))
    return nullptr;
  t.guard(Kind::TypeIs, v->source, reinterpret_cast<PyObject*>(v->cls));
  return t.native(_PyType_Lookup(&PyList_Type, name), name, v);
}

V find_attr_raw(Tracer& t, V v, PyObject* name) {
  if (V append = append_of_unread(t, v, name)) return append;
  t.use(v);
  switch (v->is) {
    case Is::Const: return constant_attr(t, v, name);
    case Is::Tensor: return tensor_attr(t, as<TensorValue>(v), name);
    case Is::Array: return array_attr(t, as<ArrayValue>(v), name);
    case Is::Method: return method_attr(t, as<MethodValue>(v), name);
    case Is::Super: return super_attr(t, as<SuperValue>(v), name);
    case Is::Partial: return partial_attr(t, as<PartialValue>(v), name);
    case Is::Slice: {
      auto* s = as<SliceValue>(v);
      if (is_text(name, "start")) return s->start;
      if (is_text(name, "stop")) return s->stop;
      if (is_text(name, "step")) return s->step;
      return constant_attr(t, t.constant(t.need_real(v, Reason::native_object, "a slice")), name);
    }
    case Is::Native:
      if (is_text(name, "__name__")) return t.constant(as<NativeValue>(v)->name);
      if (is_text(name, "__self__")) return as<NativeValue>(v)->self;
      cut(Reason::native_object, "a built-in method's attribute");
    case Is::Cell:
      if (is_text(name, "cell_contents")) {
        if (V contents = cell_contents(t, as<CellValue>(v))) return contents;
        t.raise(PyExc_ValueError, "Cell is empty");
      }
      cut(Reason::native_object, "cell");
    case Is::Opaque:
      if (is_owned(v)) return owned_attr(t, v, name);
      if (is_thread_state(v)) return thread_state_attr(t, v, name);
      cut(Reason::native_object, v->cls->tp_name, ".", py::utf8(name));
    default:
      if (v->is == Is::Object)
        if (V found = overriding_attr(t, as<ObjectValue>(v), name)) return found;
      return object_attr(t, v, name);
  }
}

}  // namespace

// AttributeError counts as "absent" here; every other exception goes on.
V find_attr(Tracer& t, V v, PyObject* name) {
  V handled = t.handled;
  try {
    return find_attr_raw(t, v, name);
  } catch (Raised& r) {
    if (!PyType_IsSubtype(r.exception->cls, reinterpret_cast<PyTypeObject*>(PyExc_AttributeError))) throw;
    t.handled = handled;
    return nullptr;
  }
}

V get_attr(Tracer& t, V v, PyObject* name) {
  if (V found = find_attr_raw(t, v, name)) return found;
  if (PyObject* o = const_object(v)) {
    if (PyType_Check(o))
      t.raise(PyExc_AttributeError, cat("type object '", reinterpret_cast<PyTypeObject*>(o)->tp_name,
                                        "' has no attribute '", py::utf8(name), "'"));
    if (PyModule_Check(o))
      t.raise(PyExc_AttributeError, cat(module_text(PyModule_GetDict(o)), " has no attribute '", py::utf8(name), "'"));
  }
  std::string type = v->cls == tensor_type ? "Tensor" : v->cls->tp_name;
  if (PyObject* raw = t.type_lookup(v->cls, name); raw && Py_TYPE(raw) == &PyMemberDescr_Type)
    type = py::name_in_slot_error(v->cls);
  t.raise(PyExc_AttributeError, cat("'", type, "' object has no attribute '", py::utf8(name), "'"));
}

}  // namespace fj::capture
