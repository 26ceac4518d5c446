// Methods of list and tuple.
#include <algorithm>

#include "capture/builtins.h"

namespace fj::capture {

namespace {

ListValue* list_of(Tracer& t, V self) {
  list_changed(t, as<ListValue>(self));
  return as<ListValue>(self);
}

}  // namespace

bool append_unread(Tracer& t, V list, V item) {
  if (list->is != Is::List || list->touched || !list->outside() || list->cls != &PyList_Type) return false;
  check_write(t, list);
  t.guard(Kind::TypeIs, list->source, reinterpret_cast<PyObject*>(list->cls));
  list->changed = true;
  as<ListValue>(list)->items.push_back(item);
  return true;
}

namespace {

V m_append(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  list_of(t, self)->items.push_back(a.pos[0]);
  return t.none();
}
V m_extend(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  Values more = unpack_hinted(t, a.pos[0]);
  auto& items = list_of(t, self)->items;
  items.insert(items.end(), more.begin(), more.end());
  return t.none();
}
V m_insert(Tracer& t, V self, Args& a) {
  want(a, 2, 2);
  auto& items = list_of(t, self)->items;
  const auto n = static_cast<int64_t>(items.size());
  int64_t i = to_index(t, a.pos[0], "insert()");
  if (i < 0) i = std::max<int64_t>(0, i + n);
  items.insert(items.begin() + std::min(i, n), a.pos[1]);
  return t.none();
}
V m_pop(Tracer& t, V self, Args& a) {
  want(a, 0, 1);
  auto& items = as<ListValue>(self)->items;
  const auto n = static_cast<int64_t>(items.size());
  if (n == 0) t.raise(PyExc_IndexError, "pop from empty list");
  int64_t i = a.pos.empty() ? n - 1 : to_index(t, a.pos[0], "pop()");
  if (i < 0) i += n;
  if (i < 0 || i >= n) t.raise(PyExc_IndexError, "pop index out of range");
  V v = items[static_cast<size_t>(i)];
  list_of(t, self)->items.erase(items.begin() + i);
  return v;
}
V m_clear(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  list_of(t, self)->items.clear();
  return t.none();
}
V m_reverse(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  auto& items = list_of(t, self)->items;
  std::reverse(items.begin(), items.end());
  return t.none();
}
V m_copy(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  return t.list(as<ListValue>(self)->items);
}
V m_sort(Tracer& t, V self, Args& a) {
  V key = a.take("key"), reverse = a.take("reverse");
  want(a, 0, 0);
  const bool backwards = reverse && truth(t, reverse);
  auto* l = list_of(t, self);
  Values items = std::exchange(l->items, {});  // it is empty meanwhile
  const uint32_t writes = l->writes;
  try {
    sort_values(t, items, key, backwards);
  } catch (Raised&) {
    l->items = std::move(items);
    throw;
  }
  if (l->writes != writes) {
    if (l->items.empty()) cut(Reason::raises, "a list modified during sort");
    l->items = std::move(items);
    t.raise(PyExc_ValueError, "list modified during sort");
  }
  l->items = std::move(items);
  return t.none();
}

// Comparing may change the list: its length is looked at anew.
int64_t find(Tracer& t, V self, V wanted, int64_t i, int64_t end) {
  const Values& items = *sequence_items(self);
  const uint32_t writes = self->is == Is::List ? as<ListValue>(self)->writes : 0;
  for (; i < end && i < static_cast<int64_t>(items.size()); ++i) {
    V item = items[static_cast<size_t>(i)];
    const bool found = same(t, item, wanted) || equal(t, item, wanted);
    if (is_deque(self) && as<ListValue>(self)->writes != writes)
      cut(Reason::raises, "a deque mutated while it is searched");
    if (found) return i;
  }
  return -1;
}

int64_t find(Tracer& t, V self, Args& a) {
  want(a, 1, 3);
  const auto n = static_cast<int64_t>(sequence_items(self)->size());
  auto bound = [&](size_t at, int64_t otherwise) {
    if (a.pos.size() <= at) return otherwise;
    int64_t i = to_index(t, a.pos[at], "index()");
    return i < 0 ? std::max<int64_t>(0, i + n) : i;
  };
  const int64_t first = bound(1, 0), end = bound(2, n);
  return find(t, self, a.pos[0], first, a.pos.size() > 2 ? end : INT64_MAX);
}
V m_index(Tracer& t, V self, Args& a) {
  const int64_t i = find(t, self, a);
  if (i >= 0) return t.integer(i);
  if (self->is == Is::Tuple) t.raise(PyExc_ValueError, "tuple.index(x): x not in tuple");
  t.raise(PyExc_ValueError, cat(py::utf8(to_repr(t, a.pos[0])->real), " is not in list"));
}
V m_remove(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  const int64_t i = find(t, self, a.pos[0], 0, INT64_MAX);
  if (i < 0) t.raise(PyExc_ValueError, "list.remove(x): x not in list");
  if (i >= static_cast<int64_t>(as<ListValue>(self)->items.size())) cut(Reason::raises, "a list mutated by remove()");
  auto& items = list_of(t, self)->items;
  items.erase(items.begin() + i);
  return t.none();
}
V m_count(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  int64_t n = 0;
  for (int64_t i = 0; (i = find(t, self, a.pos[0], i, INT64_MAX)) >= 0; ++i) ++n;
  return t.integer(n);
}

// The operator and subscript methods, called by name or through super().
V m_getitem(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  if (self->cls == &PyList_Type || self->cls == &PyTuple_Type) return get_item(t, self, a.pos[0]);
  V plain = self->is == Is::List ? static_cast<V>(t.list(*sequence_items(self))) : t.tuple(*sequence_items(self));
  return get_item(t, plain, a.pos[0]);
}
V m_setitem(Tracer& t, V self, Args& a) {
  want(a, 2, 2);
  auto* copy = t.list(as<ListValue>(self)->items);
  set_item(t, copy, a.pos[0], a.pos[1]);
  list_of(t, self)->items = copy->items;
  return t.none();
}
V m_delitem(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  auto* copy = t.list(as<ListValue>(self)->items);
  del_item(t, copy, a.pos[0]);
  list_of(t, self)->items = copy->items;
  return t.none();
}
V m_len(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  return t.integer(static_cast<int64_t>(sequence_items(self)->size()));
}
V m_iter(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  auto* it = t.iterator(Iter::Sequence, self->is == Is::List ? &PyListIter_Type : &PyTupleIter_Type);
  it->over = self;
  return it;
}
V m_contains(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  return t.boolean(find(t, self, a.pos[0], 0, INT64_MAX) >= 0);
}
V m_list_init(Tracer& t, V self, Args& a) {
  want(a, 0, 1);
  Values items = a.pos.empty() ? Values{} : unpack_hinted(t, a.pos[0]);
  list_of(t, self)->items = std::move(items);
  return t.none();
}
V m_iadd(Tracer& t, V self, Args& a) {
  m_extend(t, self, a);
  return self;
}
template <int op>
V m_binary(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  V left = self->is == Is::List ? static_cast<V>(t.list(*sequence_items(self))) : t.tuple(*sequence_items(self));
  return binary(t, op, left, a.pos[0]);
}
template <int op>
V m_compare(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  if (a.pos[0]->is != self->is) return t.constant(Py_NotImplemented);
  const Values& other = *sequence_items(a.pos[0]);
  return compare(t, op, t.tuple(*sequence_items(self)), t.tuple(other));
}

constexpr MethodRow kList[] = {
    {"append", m_append},
    {"extend", m_extend},
    {"insert", m_insert},
    {"pop", m_pop},
    {"clear", m_clear},
    {"reverse", m_reverse},
    {"copy", m_copy},
    {"sort", m_sort},
    {"index", m_index},
    {"remove", m_remove},
    {"count", m_count},
    {"__getitem__", m_getitem},
    {"__setitem__", m_setitem},
    {"__delitem__", m_delitem},
    {"__len__", m_len},
    {"__iter__", m_iter},
    {"__contains__", m_contains},
    {"__init__", m_list_init},
    {"__iadd__", m_iadd},
    {"__add__", m_binary<0>},
    {"__mul__", m_binary<5>},
    {"__eq__", m_compare<Py_EQ>},
    {"__ne__", m_compare<Py_NE>},
    {"__lt__", m_compare<Py_LT>},
};
constexpr MethodRow kTuple[] = {
    {"index", m_index},           {"count", m_count},           {"__getitem__", m_getitem},   {"__len__", m_len},
    {"__iter__", m_iter},         {"__contains__", m_contains}, {"__add__", m_binary<0>},     {"__mul__", m_binary<5>},
    {"__eq__", m_compare<Py_EQ>}, {"__ne__", m_compare<Py_NE>}, {"__lt__", m_compare<Py_LT>},
};

}  // namespace

MethodRule list_method(std::string_view name) { return find_rule(kList, name); }
MethodRule tuple_method(std::string_view name) { return find_rule(kTuple, name); }

}  // namespace fj::capture
