// Methods of dict and set.
#include "capture/builtins.h"

namespace fj::capture {

namespace {

DictValue* dict_of(V self) { return as<DictValue>(self); }

// A subclass of OrderedDict, whose methods go through the subclass's own __getitem__, __setitem__ and so on.
bool is_ordered_subclass(V self) { return self->cls != &PyODict_Type && native_base(self->cls) == &PyODict_Type; }
void check_ordered(Tracer& t, V self, const char* what) {
  if (!is_ordered_subclass(self)) return;
  for (PyObject* name : {FJ_NAME("__getitem__"), FJ_NAME("__setitem__"), FJ_NAME("__delitem__"),
                         FJ_NAME("__contains__"), FJ_NAME("__missing__")})
    if (has_python_special(t, self, name)) cut(Reason::native_method, self->cls->tp_name, ".", what);
}

V view(Tracer& t, V self, ViewValue::What what, PyTypeObject* cls) {
  auto* v = t.make<ViewValue>(cls);
  v->what = what;
  v->dict = dict_of(self);
  return v;
}
bool is_ordered(V self) { return native_base(dict_of(self)->cls) == &PyODict_Type; }
V m_keys(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  return view(t, self, ViewValue::Keys, is_ordered(self) ? &PyODictKeys_Type : &PyDictKeys_Type);
}
V m_values(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  return view(t, self, ViewValue::Values_, is_ordered(self) ? &PyODictValues_Type : &PyDictValues_Type);
}
V m_items(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  return view(t, self, ViewValue::Items_, is_ordered(self) ? &PyODictItems_Type : &PyDictItems_Type);
}
V m_get(Tracer& t, V self, Args& a) {
  want(a, 1, 2);
  V v = dict_get(t, dict_of(self), a.pos[0]);
  return v ? v : a.pos.size() > 1 ? a.pos[1] : t.none();
}
V m_setdefault(Tracer& t, V self, Args& a) {
  want(a, 1, 2);
  check_ordered(t, self, "setdefault");
  return dict_setdefault(t, dict_of(self), a.pos[0], a.pos.size() > 1 ? a.pos[1] : t.none());
}
V m_pop(Tracer& t, V self, Args& a) {
  want(a, 1, 2);
  check_ordered(t, self, "pop");
  if (V v = dict_pop(t, dict_of(self), a.pos[0])) return v;
  if (a.pos.size() > 1) return a.pos[1];
  t.raise(PyExc_KeyError, a.pos[0]);
}
V m_popitem(Tracer& t, V self, Args& a) {
  if (self->outside()) cut(Reason::native_method, "popitem()");
  check_ordered(t, self, "popitem");
  const bool ordered = native_base(self->cls) == &PyODict_Type;
  V last = ordered ? arg(a, 0, "last") : nullptr;
  want(a, 0, last ? 1 : 0);
  auto items = dict_items(t, dict_of(self));
  if (items.empty()) t.raise(PyExc_KeyError, ordered ? "dictionary is empty" : "popitem(): dictionary is empty");
  auto& item = last && !truth(t, last) ? items.front() : items.back();
  dict_del(t, dict_of(self), item.first);
  return t.tuple({item.first, item.second});
}
// OrderedDict.update() and __init__() of a subclass with a __setitem__ of its own.
V set_each(Tracer& t, V self, Args& a) {
  if (!a.pos.empty()) {
    t.use(a.pos[0]);
    if (a.pos[0]->is != Is::Dict || a.pos[0]->cls != &PyDict_Type)
      cut(Reason::native_method, self->cls->tp_name, ".update");
    for (auto& [k, v] : dict_items(t, dict_of(a.pos[0]))) set_item(t, self, k, v);
  }
  for (auto& [k, v] : a.named) set_item(t, self, t.constant(k), v);
  return t.none();
}
V m_update(Tracer& t, V self, Args& a) {
  if (a.pos.size() > 1) cut(Reason::raises, "update() with two arguments");
  if (is_ordered_subclass(self) && has_python_special(t, self, FJ_NAME("__setitem__"))) return set_each(t, self, a);
  if (!a.pos.empty()) {
    t.use(a.pos[0]);
    dict_update(t, dict_of(self), a.pos[0]);
  }
  for (auto& [k, v] : a.named) dict_set(t, dict_of(self), t.constant(k), v);
  return t.none();
}
V m_clear(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  dict_clear(t, dict_of(self));
  return t.none();
}
V m_copy(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  if (self->cls != &PyDict_Type && self->cls != &PyODict_Type) cut(Reason::native_method, self->cls->tp_name, ".copy");
  auto* d = t.dict(self->cls == &PyODict_Type ? &PyODict_Type : &PyDict_Type);
  dict_update(t, d, self);
  return d;
}
V m_getitem(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  if (V v = dict_get(t, dict_of(self), a.pos[0])) return v;
  t.raise(PyExc_KeyError, a.pos[0]);
}
V m_setitem(Tracer& t, V self, Args& a) {
  want(a, 2, 2);
  dict_set(t, dict_of(self), a.pos[0], a.pos[1]);
  return t.none();
}
V m_delitem(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  if (!dict_del(t, dict_of(self), a.pos[0])) t.raise(PyExc_KeyError, a.pos[0]);
  return t.none();
}
V m_contains(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  return t.boolean(dict_get(t, dict_of(self), a.pos[0]));
}
V m_len(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  return t.integer(dict_length(t, dict_of(self)));
}
V m_iter(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  return iterate(t, view(t, self, ViewValue::Keys, &PyDictKeys_Type));
}
V m_move_to_end(Tracer& t, V self, Args& a) {
  V last = a.pos.size() > 1 ? a.pos[1] : a.take("last");
  want(a, 1, 2);
  if (self->outside()) cut(Reason::native_method, "move_to_end()");
  V key = a.pos[0], v = dict_get(t, dict_of(self), key);
  if (!v) t.raise(PyExc_KeyError, key);
  dict_del(t, dict_of(self), key);
  auto rest = dict_items(t, dict_of(self));
  const bool first = last && !truth(t, last);
  if (first) dict_clear(t, dict_of(self));
  dict_set(t, dict_of(self), key, v);
  if (first)
    for (auto& [k, value] : rest) dict_set(t, dict_of(self), k, value);
  return t.none();
}

template <bool wanted>
V m_compare(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  if (native_base(self->cls) != &PyDict_Type) cut(Reason::native_method, self->cls->tp_name, ".__eq__");
  t.use(a.pos[0]);
  if (a.pos[0]->is != Is::Dict) return t.constant(Py_NotImplemented);
  return t.boolean(equal_dicts(t, dict_of(self), dict_of(a.pos[0])) == wanted);
}

constexpr MethodRow kDict[] = {
    {"__eq__", m_compare<true>},
    {"__ne__", m_compare<false>},
    {"keys", m_keys},
    {"values", m_values},
    {"items", m_items},
    {"get", m_get},
    {"setdefault", m_setdefault},
    {"pop", m_pop},
    {"popitem", m_popitem},
    {"update", m_update},
    {"clear", m_clear},
    {"copy", m_copy},
    {"__getitem__", m_getitem},
    {"__setitem__", m_setitem},
    {"__delitem__", m_delitem},
    {"__contains__", m_contains},
    {"__len__", m_len},
    {"__iter__", m_iter},
    {"__init__", m_update},
    {"move_to_end", m_move_to_end},
};

SetValue* set_of(V self) { return as<SetValue>(self); }

V s_add(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  set_add(t, set_of(self), a.pos[0]);
  return t.none();
}
V s_discard(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  set_remove(t, set_of(self), a.pos[0]);
  return t.none();
}
V s_remove(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  if (!set_remove(t, set_of(self), a.pos[0])) t.raise(PyExc_KeyError, a.pos[0]);
  return t.none();
}
void s_clear_all(Tracer& t, SetValue* s) {
  t.use(s);
  check_write(t, s);
  s->items.clear();
  s->index = Ref::steal(PyDict_New());
  s->changed = s->outside();
}
V s_clear(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  s_clear_all(t, set_of(self));
  return t.none();
}
SetValue* as_set(Tracer& t, V v) {
  t.use(v);
  if (v->is == Is::Set) {
    no_custom_elements(t, as<SetValue>(v));
    return as<SetValue>(v);
  }
  auto* s = t.set();
  for (V item : unpack(t, v)) set_add(t, s, item);
  return s;
}
V s_update(Tracer& t, V self, Args& a) {
  want(a, 0, SIZE_MAX);
  for (V& more : a.pos)
    if (t.type_of(more); more->is == Is::Set) more = as_set(t, more);
  for (V more : a.pos)
    for (V v : unpack(t, more)) set_add(t, set_of(self), v);
  return t.none();
}
V copy_of(Tracer& t, SetValue* set) {
  no_custom_elements(t, set);
  auto* s = t.set(set->cls);
  for (V v : set_items(set)) set_add(t, s, v);
  return s;
}
V s_copy(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  return self->cls == &PyFrozenSet_Type ? self : copy_of(t, set_of(self));
}
template <int op>
V s_binary(Tracer& t, V self, Args& a) {
  if (op == 12)
    want(a, 1, 1);
  else
    want(a, 0, SIZE_MAX);
  V out = self;
  for (V other : a.pos) out = binary(t, op, out, as_set(t, other));
  return a.pos.empty() ? copy_of(t, set_of(self)) : out;
}
V s_issubset(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  return compare(t, Py_LE, self, as_set(t, a.pos[0]));
}
V s_issuperset(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  return compare(t, Py_GE, self, as_set(t, a.pos[0]));
}
V s_isdisjoint(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  for (V v : set_items(as_set(t, a.pos[0])))
    if (set_has(t, set_of(self), v)) return t.boolean(false);
  return t.boolean(true);
}
V s_contains(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  return t.boolean(set_has(t, set_of(self), a.pos[0]));
}
V s_len(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  return t.integer(length(t, self));
}

V s_pop(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  Values items = set_items(set_of(self));
  if (items.empty()) t.raise(PyExc_KeyError, "pop from an empty set");
  if (items.size() > 1) cut(Reason::native_method, "set.pop() with a choice");
  set_remove(t, set_of(self), items[0]);
  return items[0];
}
template <int op>
V s_in_place(Tracer& t, V self, Args& a) {
  if (op == 25)
    want(a, 1, 1);
  else
    want(a, 0, SIZE_MAX);
  for (V other : a.pos) binary(t, op, self, as_set(t, other));
  return t.none();
}

V s_init(Tracer& t, V self, Args& a) {
  want(a, 0, 1);
  if (self->cls != &PySet_Type) cut(Reason::native_method, self->cls->tp_name, ".__init__");
  s_clear_all(t, set_of(self));
  if (!a.pos.empty()) s_update(t, self, a);
  return t.none();
}

constexpr MethodRow kSet[] = {
    {"__init__", s_init},
    {"pop", s_pop},
    {"intersection_update", s_in_place<14>},
    {"difference_update", s_in_place<23>},
    {"symmetric_difference_update", s_in_place<25>},
    {"add", s_add},
    {"discard", s_discard},
    {"remove", s_remove},
    {"clear", s_clear},
    {"update", s_update},
    {"copy", s_copy},
    {"union", s_binary<7>},
    {"intersection", s_binary<1>},
    {"difference", s_binary<10>},
    {"symmetric_difference", s_binary<12>},
    {"issubset", s_issubset},
    {"issuperset", s_issuperset},
    {"isdisjoint", s_isdisjoint},
    {"__contains__", s_contains},
    {"__len__", s_len},
};

}  // namespace

MethodRule dict_method(std::string_view name) { return find_rule(kDict, name); }
MethodRule set_method(std::string_view name) { return find_rule(kSet, name); }

}  // namespace fj::capture
