// Methods of object, exceptions and strings, and the dispatch of native methods by receiver.
#include "capture/arrays.h"
#include "capture/asks.h"
#include "capture/builtins.h"
#include "capture/hooks.h"
#include "capture/owned.h"
#include "capture/substitute.h"
#include "capture/sym_frame.h"
#include "capture/tensors.h"

namespace fj::capture {

namespace {

V o_getattribute(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  PyObject* name = name_of(t, a.pos[0], "__getattribute__");
  if (V v = generic_get_attr(t, self, name)) return v;
  t.raise(PyExc_AttributeError, cat("'", self->cls->tp_name, "' object has no attribute '", py::utf8(name), "'"));
}
V o_setattr(Tracer& t, V self, Args& a) {
  want(a, 2, 2);
  generic_set_attr(t, self, name_of(t, a.pos[0], "__setattr__"), a.pos[1]);
  return t.none();
}
V o_delattr(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  generic_set_attr(t, self, name_of(t, a.pos[0], "__delattr__"), nullptr);
  return t.none();
}
V o_init(Tracer& t, V self, Args& a) {
  if (self->is == Is::Object && as<ObjectValue>(self)->args) {
    if (!a.named.empty()) cut(Reason::argument_form, "an exception with keyword arguments");
    as<ObjectValue>(self)->args = t.tuple(a.pos);
    return t.none();
  }
  if (self->is != Is::Object && self->is != Is::Tuple) cut(Reason::native_method, self->cls->tp_name, ".__init__");
  // Arguments that __new__ took and __init__ does not know are left alone; others are an error.
  PyObject* own_new = t.type_lookup(self->cls, FJ_NAME("__new__"));
  const bool by_new = own_new && own_new != _PyType_Lookup(&PyBaseObject_Type, FJ_NAME("__new__"));
  if (a.size() > 0 && (has_python_special(t, self, FJ_NAME("__init__")) || !by_new))
    cut(Reason::raises, "object.__init__() takes no arguments");
  return t.none();
}
V o_eq(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  return same(t, self, a.pos[0]) ? t.boolean(true) : t.constant(Py_NotImplemented);
}
V o_ne(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  return t.boolean(!equal(t, self, a.pos[0]));
}
V o_str(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  if (self->is == Is::Object && as<ObjectValue>(self)->args) {
    auto* plain = t.exception(
        reinterpret_cast<PyTypeObject*>(PyType_IsSubtype(self->cls, reinterpret_cast<PyTypeObject*>(PyExc_KeyError))
                                            ? PyExc_KeyError
                                            : PyExc_Exception),
        as<ObjectValue>(self)->args->items);
    return to_str(t, plain);
  }
  return to_repr(t, self);
}
V o_init_subclass(Tracer& t, V, Args&) { return t.none(); }
V o_with_traceback(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  generic_set_attr(t, self, FJ_NAME("__traceback__"), a.pos[0]);
  return self;
}

V o_add_note(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  if (self->is != Is::Object || !is_exception_type(self->cls)) cut(Reason::native_method, "add_note");
  PyObject* note = const_object(a.pos[0]);
  if (!note || !PyUnicode_Check(note))
    t.raise(PyExc_TypeError, cat("note must be a str, not '", t.type_of(a.pos[0])->tp_name, "'"));
  PyObject* name = FJ_NAME("__notes__");
  V notes = find_attr(t, self, name);
  if (!notes) set_attr(t, self, name, notes = t.list());
  if (notes->is != Is::List) cut(Reason::native_method, "add_note");
  list_changed(t, as<ListValue>(notes));
  as<ListValue>(notes)->items.push_back(a.pos[0]);
  return t.none();
}

// What copy asks for: how an instance without state of its own C type is made again.
V o_reduce_ex(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  const bool plain = self->is == Is::Object && native_base(self->cls) == &PyBaseObject_Type;
  for (const char* name : {"__reduce__", "__getstate__", "__getnewargs__", "__getnewargs_ex__", "__slots__"})
    if (!plain || _PyType_Lookup(self->cls, intern(name)) != _PyType_Lookup(&PyBaseObject_Type, intern(name)))
      cut(Reason::native_method, self->cls->tp_name, ".__reduce_ex__");
  PyObject* slots = _PyType_Lookup(self->cls, FJ_NAME("__slotnames__"));
  if (slots && !(PyList_CheckExact(slots) && PyList_GET_SIZE(slots) == 0)) cut(Reason::native_method, "__slotnames__");
  PyObject* copyreg = PyImport_ImportModule("copyreg");
  Ref maker = Ref::steal(copyreg ? PyObject_GetAttrString(copyreg, "__newobj__") : nullptr);
  if (!maker || to_index(t, a.pos[0], "__reduce_ex__") < 2) cut(Reason::native_method, "__reduce_ex__");
  DictValue* d = instance_dict(t, self);
  V state = d && dict_length(t, d) ? static_cast<V>(d) : t.none();
  return t.tuple({t.wrap_known(maker.get()), t.tuple({t.constant(reinterpret_cast<PyObject*>(self->cls))}), state,
                  t.none(), t.none()});
}

constexpr MethodRow kObject[] = {
    {"__reduce_ex__", o_reduce_ex},
    {"add_note", o_add_note},
    {"__getattribute__", o_getattribute},
    {"__setattr__", o_setattr},
    {"__delattr__", o_delattr},
    {"__init__", o_init},
    {"__eq__", o_eq},
    {"__ne__", o_ne},
    {"__str__", o_str},
    {"__init_subclass__", o_init_subclass},
    {"with_traceback", o_with_traceback},
};

V x_join(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  Values parts = unpack_hinted(t, a.pos[0]);
  Args real;
  real.pos = {t.list(std::move(parts))};
  return call_pure(t, Ref::steal(PyObject_GetAttrString(self->real, "join")).get(), real);
}
V x_format(Tracer& t, V self, Args& a) {
  for (V& v : a.pos)
    if (v->is == Is::Object) return brace_format(t, self, a);
  for (auto& [name, v] : a.named)
    if (v->is == Is::Object) return brace_format(t, self, a);
  return call_pure(t, Ref::steal(PyObject_GetAttrString(self->real, "format")).get(), a);
}
constexpr MethodRow kText[] = {{"join", x_join}, {"format", x_format}};

MethodRule rule_for(V self, std::string_view name) {
  MethodRule rule = nullptr;
  switch (self->is) {
    case Is::List: rule = is_deque(self) ? deque_method(name) : list_method(name); break;
    case Is::Tuple: rule = tuple_method(name); break;
    case Is::Dict: rule = dict_method(name); break;
    case Is::Set: rule = set_method(name); break;
    case Is::Iterator: rule = iterator_method(name); break;
    default: break;
  }
  return rule;
}

// Is it object's method, or that of an exception, and not the type's own of this name?
bool is_general(PyObject* descr) {
  auto* owner = reinterpret_cast<PyDescrObject*>(descr)->d_type;
  return owner == &PyBaseObject_Type || is_exception_type(owner);
}

V call_on_view(Tracer& t, ViewValue* v, std::string_view name, Args& a) {
  if (is_proxy(v) && name == "__getitem__" && a.pos.size() == 1) return get_item(t, v, a.pos[0]);
  if (is_proxy(v) && (name == "get" || name == "keys" || name == "items" || name == "values" || name == "copy"))
    return dict_method(name)(t, v->dict, a);
  if (name == "__len__") return t.integer(dict_length(t, v->dict));
  if (name == "__iter__") return iterate(t, v);
  if (name == "__contains__" && a.pos.size() == 1) return t.boolean(contains(t, v, a.pos[0]));
  cut(Reason::native_method, v->cls->tp_name, ".", name);
}

V call_on_function(Tracer& t, V self, std::string_view name, Args& a) {
  if (name == "__call__") return call(t, self, std::move(a));
  if (name == "__get__" && self->is == Is::Method) return self;
  if (name == "__get__" && !a.pos.empty()) return is_const(t, a.pos[0], Py_None) ? self : t.method(self, a.pos[0]);
  cut(Reason::native_method, self->cls->tp_name, ".", name);
}

// Methods of type, called on a class: object.__new__ and friends have been bound otherwise.
V call_on_constant(Tracer& t, NativeValue* n, std::string_view name, Args& a) {
  PyObject* self = n->self->real;
  if (PyType_Check(self)) {
    auto* type = reinterpret_cast<PyTypeObject*>(self);
    if (name == "__call__") return instantiate(t, type, std::move(a));
    if (name == "mro" && a.size() == 0 && (type->tp_flags & Py_TPFLAGS_READY) && type->tp_mro &&
        !overridden(t, Py_TYPE(self), FJ_NAME("mro"))) {
      Values bases;
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type->tp_mro); ++i)
        bases.push_back(t.constant(PyTuple_GET_ITEM(type->tp_mro, i)));
      return t.list(std::move(bases));
    }
    if (name == "__subclasscheck__" || name == "__instancecheck__") {
      want(a, 1, 1);
      PyTypeObject* other =
          name == "__instancecheck__" ? t.type_of(a.pos[0]) : reinterpret_cast<PyTypeObject*>(const_object(a.pos[0]));
      return t.boolean(other && PyType_IsSubtype(other, type));
    }
    cut(Reason::native_method, "type.", name);
  }
  if (MethodRule rule = PyUnicode_CheckExact(self) ? text_method(name) : nullptr) return rule(t, n->self, a);
  // Not getattr(), which may be the program's.
  Ref bound = Ref::steal(Py_TYPE(n->descr)->tp_descr_get(n->descr, self, reinterpret_cast<PyObject*>(Py_TYPE(self))));
  if (!bound) t.raise_pending();
  if (!is_plain_constant(self) && !PyCFunction_Check(bound.get()) && !is_method_wrapper(bound.get()))
    cut(Reason::native_method, Py_TYPE(self)->tp_name, ".", name);
  return call_pure(t, bound.get(), a);
}

V call_on_tensor(Tracer& t, NativeValue* n, Args& a) {
  auto* self = as<TensorValue>(n->self);
  if (self->outer && !self->outside() && (is_text(n->name, "register_hook") || is_text(n->name, "retain_grad")))
    cut(Reason::unsupported_op, "Tensor.", n->name, "() of a ", self->outer->cls->tp_name, " made here");
  if (is_text(n->name, "register_hook") && !self->outside()) return register_hook(t, n->descr, self, a);
  if ((is_text(n->name, "register_hook") || is_text(n->name, "register_post_accumulate_grad_hook")) && self->outside())
    return register_input_hook(t, n->descr, self, a);
  if (is_text(n->name, "as_subclass")) {
    want(a, 1, 1);
    PyObject* type = const_object(a.pos[0]);
    if (type && PyType_Check(type) && is_overriding(reinterpret_cast<PyTypeObject*>(type)))
      return as_subclass(t, self, reinterpret_cast<PyTypeObject*>(type));
  }
  if (is_text(n->name, "numpy")) return array_of_tensor(t, self, a);
  check_tensor_method(n->name, self->outside());
  if (is_text(n->name, "requires_grad_") || is_text(n->name, "retain_grad")) t.tensors->leaf_made(t);
  return call_leaf_method(t, n->descr, self, a);
}

}  // namespace

MethodRule object_method(std::string_view name) { return find_rule(kObject, name); }
MethodRule text_method(std::string_view name) { return find_rule(kText, name); }

V call_native(Tracer& t, NativeValue* n, Args args) {
  if (is_text(n->name, "append") && args.size() == 1 && args.pos.size() == 1 && append_unread(t, n->self, args.pos[0]))
    return t.none();
  t.use(n->self);
  const std::string_view name = py::name_view(n->name);
  if (plain_tensor(n->self) && (is_tensor_identity_constant(n->descr) || !is_general(n->descr)))
    return call_on_overriding(t, n, args);
  switch (n->self->is) {
    case Is::Tensor: return call_on_tensor(t, n, args);
    case Is::Const: return call_on_constant(t, n, name, args);
    case Is::View: return call_on_view(t, as<ViewValue>(n->self), name, args);
    case Is::Function:
    case Is::Method:
    case Is::Partial: return call_on_function(t, n->self, name, args);
    case Is::Opaque:
      if (is_owned(n->self)) return call_owned(t, n->self, n->name, args);
      if (is_thread_state(n->self) && name == "get") return context_get(t, n->self, args);
      [[fallthrough]];
    case Is::Slice:
    case Is::Super: cut(Reason::native_method, n->self->cls->tp_name, ".", name);
    default: break;
  }
  if (n->self->is != Is::Object && n->self->is != Is::Iterator &&
      _PyType_Lookup(native_base(n->self->cls), n->name) != n->descr)  // dict's method of an OrderedDict
    cut(Reason::native_method, Py_TYPE(n->descr)->tp_name, " ", name, " of ", n->self->cls->tp_name);
  if (n->self->is == Is::Object && is_group_type(n->self->cls) &&
      (name == "split" || name == "subgroup" || name == "derive")) {
    args.pos.insert(args.pos.begin(), n->self);
    return call_helper(t, name.data(), std::move(args));
  }
  if (MethodRule rule = is_general(n->descr) ? object_method(name) : rule_for(n->self, name))
    return rule(t, n->self, args);
  if (n->self->is == Is::Tuple && !is_python_class(n->self->cls)) {  // Size.numel()
    Ref real = t.to_real(n->self);
    Ref bound = real ? Ref::steal(PyObject_GetAttr(real.get(), n->name)) : Ref();
    PyErr_Clear();
    if (bound) return call_pure(t, bound.get(), args);
  }
  if (name == "__repr__" && args.size() == 0 && n->self->is != Is::Object) return to_repr(t, n->self);
  if (name == "__format__" && args.size() == 1) return to_format(t, n->self, args.pos[0]);
  cut(Reason::native_method, n->self->cls->tp_name, ".", name);
}

}  // namespace fj::capture
