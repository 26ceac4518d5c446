// v[key], v[key] = value, del v[key].
#include <string_view>

#include "capture/arrays.h"
#include "capture/builtins.h"
#include "capture/leaf.h"
#include "capture/look.h"
#include "capture/owned.h"
#include "capture/tensors.h"

namespace fj::capture {

void list_changed(Tracer& t, ListValue* l) {
  check_write(t, l);
  l->changed = l->outside();
  ++l->writes;
}

bool slice_bounds(Tracer& t, V key, int64_t length, int64_t* start, int64_t* stop, int64_t* step) {
  if (key->is != Is::Slice && !(key->is == Is::Const && PySlice_Check(key->real))) return false;
  Ref real = t.need_real(key, Reason::native_object, "a slice");
  Py_ssize_t a, b, c;
  if (PySlice_Unpack(real.get(), &a, &b, &c) < 0) t.raise_pending();
  PySlice_AdjustIndices(length, &a, &b, c);
  *start = a;
  *stop = b;
  // A longer step than the sequence changes nothing, but may not overflow.
  const Py_ssize_t most = static_cast<Py_ssize_t>(length) + 2;
  *step = c > most ? most : c < -most ? -most : c;
  return true;
}

namespace {

V python_method(Tracer& t, V v, PyObject* name) {
  if (v->is == Is::Const && !PyType_Check(v->real)) return nullptr;
  return has_python_special(t, v, name) ? special(t, v, name) : nullptr;
}

size_t checked_index(Tracer& t, V key, size_t n, const char* what) {
  if (key->is != Is::Const && key->is != Is::Object)
    cut(key->is == Is::Tensor ? Reason::data_dependent : Reason::raises, what);
  t.use(key);
  if (key->is == Is::Const && !PyIndex_Check(key->real)) {
    if (std::string_view(what) == "deque")
      t.raise(PyExc_TypeError, cat("sequence index must be integer, not '", key->cls->tp_name, "'"));
    t.raise(PyExc_TypeError, cat(std::string_view(what).substr(0, 4) == "list" ? "list" : what,
                                 " indices must be integers or slices, not ", key->cls->tp_name));
  }
  int64_t i = to_index(t, key, what);
  if (i < 0) i += static_cast<int64_t>(n);
  if (i < 0 || i >= static_cast<int64_t>(n)) t.raise(PyExc_IndexError, cat(what, " index out of range"));
  return static_cast<size_t>(i);
}

// A slice of a Size is a Size; of every other tuple a tuple.
PyTypeObject* slice_type(V v) { return is_size_type(v->cls) ? v->cls : &PyTuple_Type; }

V sequence_get(Tracer& t, V v, V key) {
  Values& items = *sequence_items(v);
  int64_t start, stop, step;
  if (!slice_bounds(t, key, static_cast<int64_t>(items.size()), &start, &stop, &step))
    return items[checked_index(t, key, items.size(), v->is == Is::Tuple ? "tuple" : is_deque(v) ? "deque" : "list")];
  if (is_deque(v)) t.raise(PyExc_TypeError, "sequence index must be integer, not 'slice'");
  Values part;
  for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step) part.push_back(items[static_cast<size_t>(i)]);
  return v->is == Is::Tuple ? static_cast<V>(t.tuple(std::move(part), slice_type(v))) : t.list(std::move(part));
}

void list_set(Tracer& t, ListValue* l, V key, V value) {
  if (is_deque(l) && key->is == Is::Slice) cut(Reason::raises, "a slice of a deque");
  int64_t start, stop, step;
  if (is_deque(l))
    l->changed = l->outside();  // an iterator over it does not mind that an element is another one
  else
    list_changed(t, l);
  if (!slice_bounds(t, key, static_cast<int64_t>(l->items.size()), &start, &stop, &step)) {
    V& item = l->items[checked_index(t, key, l->items.size(), is_deque(l) ? "deque" : "list assignment")];
    if (l->outside() && item->outside()) check_let_go(t, item->real);
    item = value;
    return;
  }
  const size_t length = l->items.size();
  need_iterable(t, value, "a slice made");
  Values more = unpack(t, value);
  if (l->items.size() != length) cut(Reason::raises, "a list that changes while a slice of it is replaced");
  if (step == 1) {
    stop = std::max(start, stop);
    l->items.erase(l->items.begin() + start, l->items.begin() + stop);
    l->items.insert(l->items.begin() + start, more.begin(), more.end());
    return;
  }
  size_t n = 0;
  for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step) ++n;
  if (n != more.size()) cut(Reason::raises, "an extended slice of another length");
  n = 0;
  for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step) l->items[static_cast<size_t>(i)] = more[n++];
}

void list_del(Tracer& t, ListValue* l, V key) {
  if (is_deque(l) && key->is == Is::Slice) cut(Reason::raises, "a slice of a deque");
  int64_t start, stop, step;
  list_changed(t, l);
  if (!slice_bounds(t, key, static_cast<int64_t>(l->items.size()), &start, &stop, &step)) {
    l->items.erase(l->items.begin() + static_cast<long>(checked_index(t, key, l->items.size(),
                                                                      is_deque(l) ? "deque" : "list assignment")));
    return;
  }
  Values left;
  std::vector<bool> drop(l->items.size());
  for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step) drop[static_cast<size_t>(i)] = true;
  for (size_t i = 0; i < drop.size(); ++i)
    if (!drop[i]) left.push_back(l->items[i]);
  l->items = std::move(left);
}

// Of a collections.defaultdict, else NULL.
V default_factory(Tracer& t, DictValue* d) {
  if (d->default_factory || !d->outside() || std::string_view(d->cls->tp_name) != "collections.defaultdict")
    return d->default_factory;
  Ref real = Ref::steal(PyObject_GetAttrString(d->real, "default_factory"));
  PyObject* member = _PyType_Lookup(d->cls, FJ_NAME("default_factory"));
  return d->default_factory = t.wrap(t.keep(real), t.source(Step::Slot, d->source, 0, member));
}

V dict_item(Tracer& t, DictValue* d, V key) {
  if (V v = dict_get(t, d, key)) return v;
  if (V factory = default_factory(t, d)) {
    if (is_const(t, factory, Py_None)) t.raise(PyExc_KeyError, key);
    V made = call_values(t, factory, {});
    dict_set(t, d, key, made);
    return made;
  }
  if (d->cls != &PyDict_Type && d->cls != &PyODict_Type) {
    if (V m = special(t, d, FJ_NAME("__missing__"))) {
      if (m->is == Is::Native) cut(Reason::native_method, d->cls->tp_name, ".__missing__");
      return call_values(t, m, {key});
    }
  }
  t.raise(PyExc_KeyError, key);
}

V real_item(Tracer& t, V v, V key) {
  Leaf object = t.leaf_of(v, Reason::native_object, "a subscript"),
       k = t.leaf_of(key, Reason::native_object, "a subscript");
  return t.leaf(leaf_item, 0, {object, k});
}

V class_item(Tracer& t, V cls, V key) {
  PyTypeObject* meta = Py_TYPE(cls->real);
  if (V m = python_method(t, cls, FJ_NAME("__getitem__"))) return call_values(t, m, {key});
  (void)meta;
  if (V m = type_attr(t, reinterpret_cast<PyTypeObject*>(cls->real), FJ_NAME("__class_getitem__")))
    if (m->is != Is::Const) return call_values(t, m, {key});
  return real_item(t, cls, key);
}

}  // namespace

V get_item(Tracer& t, V v, V key) {
  const CallRule rule = t.take_rule();
  t.use(v);
  if (v->is == Is::Array) return array_method(t, v, "__getitem__", {key});
  if (v->is != Is::Tensor) t.use(key);
  const bool sequence = v->is == Is::Tuple || v->is == Is::List || (v->is == Is::Const && PySequence_Check(v->real));
  if (key->is == Is::Tensor && sequence && may_look(t)) key = index_in(t, key);
  if (v->is == Is::Const && PyType_Check(v->real)) return class_item(t, v, key);
  if (V m = python_method(t, v, FJ_NAME("__getitem__"))) {
    t.call_rule = rule;
    return call_values(t, m, {key});
  }
  switch (v->is) {
    case Is::Tuple:
    case Is::List: return sequence_get(t, v, key);
    case Is::Dict: return dict_item(t, as<DictValue>(v), key);
    case Is::Const:
      if (key->is == Is::Tensor) cut(Reason::data_dependent, "a tensor as an index");
      [[fallthrough]];
    case Is::Tensor: return real_item(t, v, key);
    case Is::Object: t.raise(PyExc_TypeError, cat("'", v->cls->tp_name, "' object is not subscriptable"));
    case Is::Opaque:
      if (is_owned(v)) return owned_item(t, v, key);
      [[fallthrough]];
    case Is::View:
      if (is_proxy(v)) return get_item(t, as<ViewValue>(v)->dict, key);
      [[fallthrough]];
    default: cut(Reason::native_object, "a subscript of ", v->cls->tp_name);
  }
}

void set_item(Tracer& t, V v, V key, V value) {
  const CallRule rule = t.take_rule();
  t.use(v);
  if (v->is == Is::Array) {
    array_method(t, v, "__setitem__", {key, value});
    return;
  }
  if (v->is != Is::Tensor) t.use(key);
  if (V m = python_method(t, v, FJ_NAME("__setitem__"))) {
    t.call_rule = rule;
    call_values(t, m, {key, value});
    return;
  }
  switch (v->is) {
    case Is::List: return list_set(t, as<ListValue>(v), key, value);
    case Is::Dict: return dict_set(t, as<DictValue>(v), key, value);
    case Is::Tensor: {
      Leaf k = t.leaf_of(key, Reason::native_object, "a subscript"),
           x = t.leaf_of(value, Reason::native_object, "a subscript");
      t.leaf(leaf_set_item, 0, {t.leaf_of(v, Reason::native_object, "a subscript"), k, x});
      return;
    }
    case Is::Tuple:
    case Is::Const:
    case Is::Object: t.raise(PyExc_TypeError, cat("'", v->cls->tp_name, "' object does not support item assignment"));
    case Is::Opaque:
      if (is_owned(v)) return set_owned_item(t, v, key, value);
      [[fallthrough]];
    default: cut(Reason::native_object, "item assignment to ", v->cls->tp_name);
  }
}

void del_item(Tracer& t, V v, V key) {
  t.use(v);
  t.use(key);
  if (V m = python_method(t, v, FJ_NAME("__delitem__"))) {
    call_values(t, m, {key});
    return;
  }
  switch (v->is) {
    case Is::List: return list_del(t, as<ListValue>(v), key);
    case Is::Dict:
      if (!dict_del(t, as<DictValue>(v), key)) t.raise(PyExc_KeyError, key);
      return;
    case Is::Object:
    case Is::Tuple: t.raise(PyExc_TypeError, cat("'", v->cls->tp_name, "' object doesn't support item deletion"));
    case Is::Opaque:
      if (is_owned(v)) return set_owned_item(t, v, key, nullptr);
      [[fallthrough]];
    default: cut(Reason::native_object, "del of an item of ", v->cls->tp_name);
  }
}

}  // namespace fj::capture
