// Rules for calling built-in types.
#include <algorithm>

#include "capture/builtins.h"
#include "capture/leaf.h"
#include "capture/look.h"
#include "capture/number.h"
#include "capture/owned.h"
#include "capture/substitute.h"
#include "capture/sym_frame.h"
#include "capture/tensors.h"
#include "py/once.h"

namespace fj::capture {

namespace {

PyObject* obj(PyTypeObject& type) { return reinterpret_cast<PyObject*>(&type); }

// int(x), float(x), …: through the object's own method, or computed.
V number(Tracer& t, Args& a, PyTypeObject& type, const char* method) {
  if (a.pos.size() == 1 && a.named.empty()) {
    V v = a.pos[0];
    if (is_symbolic(v)) return v->cls == &type ? v : call_pure(t, obj(type), a);
    t.use(v);
    if (v->is == Is::Tensor) return number_in(t, v, obj(type));
    if (v->is == Is::Object) {
      if (V m = special(t, v, intern(method))) {
        V found = call_values(t, m, {});
        if (t.type_of(found) != &type) cut(Reason::raises, method, "() returned ", found->cls->tp_name);
        return found;
      }
      if (V m = special(t, v, FJ_NAME("__index__"))) {
        V index = call_values(t, m, {});
        if (t.type_of(index) != &PyLong_Type) cut(Reason::raises, "__index__() returned ", index->cls->tp_name);
        return call_values(t, t.constant(obj(type)), {index});
      }
    }
  }
  return call_pure(t, obj(type), a);
}
V y_int(Tracer& t, Args& a) {
  constexpr Py_ssize_t kSlowDigits = 30000;  // the time grows with their square: it is spent where it stands
  if (!a.pos.empty() && a.pos[0]->is == Is::Const && a.pos[0]->real && PyUnicode_Check(a.pos[0]->real) &&
      PyUnicode_GET_LENGTH(a.pos[0]->real) > kSlowDigits)
    cut(Reason::too_long, "a number of more than ", kSlowDigits, " digits");
  if (V v = a.size() == 1 && !a.pos.empty() ? computed_number(t, Arith::Int, a.pos[0]) : nullptr) return v;
  return number(t, a, PyLong_Type, "__int__");
}
V y_float(Tracer& t, Args& a) {
  if (V v = a.size() == 1 && !a.pos.empty() ? computed_number(t, Arith::Float, a.pos[0]) : nullptr) return v;
  return number(t, a, PyFloat_Type, "__float__");
}
V y_complex(Tracer& t, Args& a) { return number(t, a, PyComplex_Type, "__complex__"); }
V y_bool(Tracer& t, Args& a) {
  want(a, 0, 1);
  if (!a.pos.empty() && may_look(t)) t.use(a.pos[0]);
  if (!a.pos.empty() && a.pos[0]->is == Is::Tensor && may_look(t)) return number_in(t, a.pos[0], obj(PyBool_Type));
  return t.boolean(!a.pos.empty() && truth(t, a.pos[0]));
}
V y_str(Tracer& t, Args& a) {
  if (a.pos.size() == 1 && a.named.empty()) return to_str(t, a.pos[0]);
  return call_pure(t, obj(PyUnicode_Type), a);
}
V y_bytes(Tracer& t, Args& a) { return call_pure(t, obj(PyBytes_Type), a); }
V y_range(Tracer& t, Args& a) {
  if (a.named.empty() && (a.pos.size() == 1 || a.pos.size() == 2)) {
    V v = a.pos.size() == 1 ? computed_number(t, Arith::RangeTo, a.pos[0])
                            : computed_number(t, Arith::Range, a.pos[0], a.pos[1]);
    if (v) return v;
  }
  for (V& v : a.pos) {
    t.use(v);
    if (v->is == Is::Tensor) v = index_in(t, v);
    if (v->is == Is::Object) v = t.integer(to_index(t, v, "range()"));
  }
  return call_pure(t, obj(PyRange_Type), a);
}
V y_slice(Tracer& t, Args& a) {
  want(a, 1, 3);
  auto* s = t.make<SliceValue>(&PySlice_Type);
  s->start = a.pos.size() > 1 ? a.pos[0] : t.none();
  s->stop = a.pos.size() > 1 ? a.pos[1] : a.pos[0];
  s->step = a.pos.size() > 2 ? a.pos[2] : t.none();
  return s;
}
V y_tuple(Tracer& t, Args& a) {
  want(a, 0, 1);
  if (a.pos.empty()) return t.tuple({});
  if (a.pos[0]->is == Is::Tuple && t.type_of(a.pos[0]) == &PyTuple_Type) return a.pos[0];
  return t.tuple(unpack_hinted(t, a.pos[0]));
}
V y_list(Tracer& t, Args& a) {
  want(a, 0, 1);
  return t.list(a.pos.empty() ? Values{} : unpack_hinted(t, a.pos[0]));
}
V fill_dict(Tracer& t, DictValue* d, Args& a) {
  if (a.pos.size() > 1) cut(Reason::raises, "dict() with two arguments");
  if (!a.pos.empty()) {
    t.use(a.pos[0]);
    dict_update(t, d, a.pos[0]);
  }
  for (auto& [k, v] : a.named) dict_set(t, d, t.constant(k), v);
  return d;
}
V y_dict(Tracer& t, Args& a) { return fill_dict(t, t.dict(), a); }
V y_ordered_dict(Tracer& t, Args& a) { return fill_dict(t, t.dict(&PyODict_Type), a); }
V fill_set(Tracer& t, SetValue* s, Args& a) {
  want(a, 0, 1);
  if (!a.pos.empty()) t.use(a.pos[0]);
  if (!a.pos.empty())
    for (V v : unpack(t, a.pos[0])) set_add(t, s, v);
  return s;
}
V y_set(Tracer& t, Args& a) { return fill_set(t, t.set(), a); }
V y_frozenset(Tracer& t, Args& a) {
  want(a, 0, 1);
  if (!a.pos.empty() && t.type_of(a.pos[0]) == &PyFrozenSet_Type) return a.pos[0];
  return fill_set(t, t.set(&PyFrozenSet_Type), a);
}

V y_enumerate(Tracer& t, Args& a) {
  V start = a.take("start");
  if (V iterable = a.pos.empty() ? a.take("iterable") : nullptr) a.pos.push_back(iterable);
  if (start) a.pos.push_back(start);
  want(a, 1, 2);
  V count = a.pos.size() > 1 ? a.pos[1] : t.integer(0);
  if (count->is != Is::Const || !PyLong_CheckExact(count->real)) cut(Reason::argument_form, "enumerate()");
  auto* it = t.iterator(Iter::Enumerate, &PyEnum_Type);
  it->count = count;
  it->parts = {iterate(t, a.pos[0])};
  return it;
}
V y_zip(Tracer& t, Args& a) {
  V strict = a.take("strict");
  want(a, 0, SIZE_MAX);
  auto* it = t.iterator(Iter::Zip, &PyZip_Type);
  for (V v : a.pos) it->parts.push_back(iterate(t, v));
  it->strict = strict && truth(t, strict);
  return it;
}
V y_map(Tracer& t, Args& a) {
  want(a, 2, SIZE_MAX);
  auto* it = t.iterator(Iter::Map, &PyMap_Type);
  it->over = a.pos[0];
  for (size_t i = 1; i < a.pos.size(); ++i) it->parts.push_back(iterate(t, a.pos[i]));
  return it;
}
V y_filter(Tracer& t, Args& a) {
  want(a, 2, 2);
  auto* it = t.iterator(Iter::Filter, &PyFilter_Type);
  it->over = a.pos[0];
  it->parts = {iterate(t, a.pos[1])};
  return it;
}
V backwards(Tracer& t, V over, int64_t length, PyTypeObject* cls) {
  auto* it = t.iterator(Iter::Reversed, cls);
  it->over = over;
  it->at = length - 1;
  return it;
}

V backwards(Tracer& t, DictValue* d, ViewValue::What what) {
  if (native_base(d->cls) != &PyDict_Type) cut(Reason::native_call, "reversed() of ", d->cls->tp_name);
  Values keys;
  for (auto& [k, v] : dict_items(t, d)) keys.insert(keys.begin(), k);
  auto* it = t.items_iterator(std::move(keys), reversed_dict_type());
  it->live = d;
  it->live_size = static_cast<int64_t>(it->parts.size());
  it->live_writes = d->key_writes;
  it->live_what = what;
  return it;
}

// A constant: a range turned round, a text read from its end.
V backwards(Tracer& t, V constant) {
  PyObject* o = constant->real;
  if (Py_TYPE(o) == &PyRange_Type) {
    Ref slice = Ref::steal(PySlice_New(Py_None, Py_None, t.integer(-1)->real));
    return iterate(t, t.constant(Ref::steal(PyObject_GetItem(o, slice.get()))));
  }
  if (PyType_Check(o)) cut(Reason::native_call, "reversed() of a class");
  Ref made = Ref::steal(PyObject_CallOneArg(obj(PyReversed_Type), o));
  if (!made) t.raise_pending();
  Values items;
  while (Ref item = Ref::steal(PyIter_Next(made.get()))) items.push_back(t.constant(item));
  return t.items_iterator(std::move(items), &PyReversed_Type);
}

V y_reversed(Tracer& t, Args& a) {
  want(a, 1, 1);
  t.use(a.pos[0]);
  V v = a.pos[0];
  if (has_python_special(t, v, FJ_NAME("__reversed__")))
    return call_values(t, special(t, v, FJ_NAME("__reversed__")), {});
  if (has_python_special(t, v, FJ_NAME("__getitem__")) || has_python_special(t, v, FJ_NAME("__len__"))) {
    if (v->is != Is::Object || !has_python_special(t, v, FJ_NAME("__getitem__")))
      cut(Reason::native_call, "reversed()");
    return backwards(t, v, length(t, v), &PyReversed_Type);
  }
  switch (v->is) {
    case Is::List:
      if (is_deque(v)) cut(Reason::native_call, "reversed() of a deque");
      return backwards(t, v, length(t, v), &PyListRevIter_Type);
    case Is::Tuple: return backwards(t, v, length(t, v), &PyReversed_Type);
    case Is::Dict: return backwards(t, as<DictValue>(v), ViewValue::Keys);
    case Is::View: return backwards(t, as<ViewValue>(v)->dict, as<ViewValue>(v)->what);
    case Is::Const: return backwards(t, v);
    case Is::Set:
    case Is::Iterator:
    case Is::Object: t.raise(PyExc_TypeError, cat("'", v->cls->tp_name, "' object is not reversible"));
    default: cut(Reason::native_call, "reversed() of ", v->cls->tp_name);
  }
}

// super() without arguments: the class from the __class__ cell, the instance from the first local.
V y_super(Tracer& t, Args& a) {
  auto* s = t.make<SuperValue>(&PySuper_Type);
  V cls = nullptr;
  if (a.pos.empty()) {
    SymFrame& f = *t.frame;
    for (int i = 0; i < f.code.locals_count(); ++i) {
      if (!is_text(f.code.local_name(i), "__class__")) continue;
      auto* cell = as<CellValue>(f.locals[static_cast<size_t>(i)]);
      cls = cell && cell->is == Is::Cell && cell->known ? cell->contents
            : cell && cell->is == Is::Cell && cell->outside()
                ? t.wrap(PyCell_GET(cell->real), t.source(Step::Cell, cell->source))
                : nullptr;
    }
    s->self = f.locals.empty() ? nullptr : f.locals[0];
    const bool in_cell = s->self && s->self->is == Is::Cell && PyTuple_GET_SIZE(f.object()->co_localsplusnames) > 0 &&
                         (PyBytes_AS_STRING(f.object()->co_localspluskinds)[0] & 0x40);  // CO_FAST_CELL
    if (in_cell) s->self = cell_contents(t, as<CellValue>(s->self));
  } else {
    want(a, 2, 2);
    cls = a.pos[0];
    s->self = a.pos[1];
  }
  PyObject* type;
  if (!cls || !s->self || !t.constant_of(cls, &type) || !PyType_Check(type)) cut(Reason::argument_form, "super()");
  s->after = reinterpret_cast<PyTypeObject*>(type);
  t.use(s->self);
  const bool on_class = s->self->is == Is::Const && PyType_Check(s->self->real) &&
                        PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(s->self->real), s->after);
  if (!on_class && !PyType_IsSubtype(s->self->cls, s->after))
    t.raise(PyExc_TypeError, "super(type, obj): obj must be an instance or subtype of type");
  s->start = on_class ? reinterpret_cast<PyTypeObject*>(s->self->real) : s->self->cls;
  return s;
}

// property(…), classmethod(…) and staticmethod(…) of functions: real ones, of stand-ins.
V wrapper(Tracer& t, Args& a, PyTypeObject& type) {
  if (&type == &PyProperty_Type) {
    for (const char* name : {"fget", "fset", "fdel", "doc"}) {
      V v = a.take(name);
      if (!v) continue;
      const size_t at = name[1] == 'g' ? 0 : name[1] == 's' ? 1 : name[1] == 'd' ? 2 : 3;
      while (a.pos.size() <= at) a.pos.push_back(t.none());
      a.pos[at] = v;
    }
  }
  want(a, 0, &type == &PyProperty_Type ? 4 : 1);
  Ref args = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(a.pos.size())));
  for (size_t i = 0; i < a.pos.size(); ++i)
    PyTuple_SET_ITEM(args.get(), static_cast<Py_ssize_t>(i), Py_NewRef(t.stand_in(a.pos[i])));
  return t.made_constant(Ref::steal(PyObject_Call(obj(type), args.get(), nullptr)), obj(type), a.pos);
}
V y_property(Tracer& t, Args& a) { return wrapper(t, a, PyProperty_Type); }
V y_classmethod(Tracer& t, Args& a) { return wrapper(t, a, PyClassMethod_Type); }
V y_staticmethod(Tracer& t, Args& a) { return wrapper(t, a, PyStaticMethod_Type); }

V y_namespace(Tracer& t, Args& a) {
  if (!a.pos.empty()) cut(Reason::argument_form, "SimpleNamespace() of a mapping");
  auto* o = t.make<ObjectValue>(Py_TYPE(PySys_GetObject("implementation")));
  (o->dict = t.dict())->owner = o;
  for (auto& [name, v] : a.named) dict_set(t, o->dict, t.constant(name), v);
  return o;
}

V y_mapping_proxy(Tracer& t, Args& a) {
  want(a, 1, 1);
  t.use(a.pos[0]);
  if (a.pos[0]->is != Is::Dict || a.pos[0]->cls != &PyDict_Type) cut(Reason::argument_form, "MappingProxyType()");
  auto* v = t.make<ViewValue>(&PyDictProxy_Type);
  v->what = ViewValue::Proxy;
  v->dict = as<DictValue>(a.pos[0]);
  return v;
}

V y_bound_method(Tracer& t, Args& a) {
  want(a, 2, 2);
  return t.method(a.pos[0], a.pos[1]);
}

V y_object(Tracer& t, Args& a) {
  want(a, 0, 0);
  return t.make<ObjectValue>(&PyBaseObject_Type);
}

V y_partial(Tracer& t, Args& a) {
  if (a.pos.empty()) cut(Reason::raises, "partial()");
  PyObject* functools = PyDict_GetItemString(PyImport_GetModuleDict(), "functools");
  Ref type = Ref::steal(PyObject_GetAttrString(functools, "partial"));
  auto* p = t.make<PartialValue>(reinterpret_cast<PyTypeObject*>(type.get()));
  p->func = a.pos[0];
  p->args.assign(a.pos.begin() + 1, a.pos.end());
  p->keywords = a.named;
  if (a.pos[0]->is == Is::Partial) {
    auto* inner = as<PartialValue>(a.pos[0]);
    t.use(inner);
    p->func = inner->func;
    p->args.insert(p->args.begin(), inner->args.begin(), inner->args.end());
    for (auto& kw : inner->keywords) {
      bool replaced = false;
      for (auto& own : p->keywords) replaced |= PyUnicode_Compare(own.first, kw.first) == 0;
      if (!replaced) p->keywords.insert(p->keywords.begin(), kw);
    }
  }
  return p;
}

V y_getter(Tracer& t, Args& a, const char* name) {
  PyObject* module = PyDict_GetItemString(PyImport_GetModuleDict(), "operator");
  return call_pure(t, Ref::steal(PyObject_GetAttrString(module, name)).get(), a);
}
V y_itemgetter(Tracer& t, Args& a) { return y_getter(t, a, "itemgetter"); }
V y_attrgetter(Tracer& t, Args& a) { return y_getter(t, a, "attrgetter"); }

V y_defaultdict(Tracer& t, Args& a) {
  PyObject* module = PyDict_GetItemString(PyImport_GetModuleDict(), "collections");
  Ref type = Ref::steal(PyObject_GetAttrString(module, "defaultdict"));
  auto* d = t.dict(reinterpret_cast<PyTypeObject*>(type.get()));
  d->default_factory = a.pos.empty() ? t.none() : a.pos[0];
  if (!is_const(t, d->default_factory, Py_None) && !is_callable(t, d->default_factory))
    t.raise(PyExc_TypeError, "first argument must be callable or None");
  if (!a.pos.empty()) a.pos.erase(a.pos.begin());
  return fill_dict(t, d, a);
}

struct TypeRow {
  const char* module;
  const char* name;
  Rule rule;
};
constexpr TypeRow kTypes[] = {
    {"builtins", "int", y_int},
    {"builtins", "float", y_float},
    {"builtins", "complex", y_complex},
    {"builtins", "bool", y_bool},
    {"builtins", "str", y_str},
    {"builtins", "bytes", y_bytes},
    {"builtins", "range", y_range},
    {"builtins", "slice", y_slice},
    {"builtins", "tuple", y_tuple},
    {"builtins", "list", y_list},
    {"builtins", "dict", y_dict},
    {"builtins", "set", y_set},
    {"builtins", "frozenset", y_frozenset},
    {"builtins", "enumerate", y_enumerate},
    {"builtins", "zip", y_zip},
    {"builtins", "map", y_map},
    {"builtins", "filter", y_filter},
    {"builtins", "reversed", y_reversed},
    {"builtins", "super", y_super},
    {"builtins", "object", y_object},
    {"builtins", "property", y_property},
    {"builtins", "classmethod", y_classmethod},
    {"builtins", "staticmethod", y_staticmethod},
    {"types", "MethodType", y_bound_method},
    {"types", "MappingProxyType", y_mapping_proxy},
    {"types", "SimpleNamespace", y_namespace},
    {"collections", "deque", make_deque},
    {"collections", "OrderedDict", y_ordered_dict},
    {"functools", "partial", y_partial},
    {"operator", "itemgetter", y_itemgetter},
    {"operator", "attrgetter", y_attrgetter},
    {"collections", "defaultdict", y_defaultdict},
};

}  // namespace

PyTypeObject* reversed_dict_type() {
  static PyTypeObject* const type = [] {
    Ref it = Ref::steal(PyObject_CallOneArg(obj(PyReversed_Type), Ref::steal(PyDict_New()).get()));
    return Py_TYPE(it.get());
  }();
  return type;
}

V call_builtin_type(Tracer& t, PyTypeObject* type, Args args) {
  static std::unordered_map<PyObject*, Rule>* rules = nullptr;
  py::once(rules, [] {
    auto* map = new std::unordered_map<PyObject*, Rule>;
    for (const auto& row : kTypes) {
      PyObject* module = PyImport_ImportModule(row.module);
      PyObject* found = module ? PyObject_GetAttrString(module, row.name) : nullptr;
      if (found) (*map)[found] = row.rule;
      PyErr_Clear();
    }
    return map;
  });
  auto it = rules->find(reinterpret_cast<PyObject*>(type));
  if (it != rules->end()) return it->second(t, args);
  if (PyObject* python = substitute_of(reinterpret_cast<PyObject*>(type)))
    return call_substitute(t, reinterpret_cast<PyObject*>(type), python, std::move(args));
  if (is_tensor_callable(reinterpret_cast<PyObject*>(type)))
    return call_leaf(t, reinterpret_cast<PyObject*>(type), args);
  if (V v = make_owned(t, reinterpret_cast<PyObject*>(type), args)) return v;
  if (std::string_view(type->tp_name).starts_with("framejit.return_types.")) {  // a named result of an op
    want(args, 1, 1);
    Values items = unpack(t, args.pos[0]);
    Ref fields = Ref::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "n_fields"));
    if (!fields || PyLong_AsSize_t(fields.get()) != items.size()) cut(Reason::native_call, type->tp_name, "()");
    return t.tuple(std::move(items), type);
  }
  cut(Reason::native_call, type->tp_name, "()");
}

}  // namespace fj::capture
