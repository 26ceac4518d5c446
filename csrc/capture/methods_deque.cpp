// collections.deque, as a list value with a bound. Deques from outside are left to CPython.
#include <algorithm>

#include "capture/builtins.h"
#include "py/imported.h"

namespace fj::capture {

namespace {

// For what changes it.
ListValue* deque_of(Tracer& t, V self) {
  list_changed(t, as<ListValue>(self));
  return as<ListValue>(self);
}

void trim(ListValue* d, bool left) {
  if (d->maxlen < 0 || static_cast<int64_t>(d->items.size()) <= d->maxlen) return;
  if (left)
    d->items.erase(d->items.begin(), d->items.end() - d->maxlen);
  else
    d->items.resize(static_cast<size_t>(d->maxlen));
}

V d_append(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  deque_of(t, self)->items.push_back(a.pos[0]);
  trim(deque_of(t, self), true);
  return t.none();
}
V d_appendleft(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  auto& items = deque_of(t, self)->items;
  items.insert(items.begin(), a.pos[0]);
  trim(deque_of(t, self), false);
  return t.none();
}
V d_pop(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  auto& items = deque_of(t, self)->items;
  if (items.empty()) t.raise(PyExc_IndexError, "pop from an empty deque");
  V v = items.back();
  items.pop_back();
  return v;
}
V d_popleft(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  auto& items = deque_of(t, self)->items;
  if (items.empty()) t.raise(PyExc_IndexError, "pop from an empty deque");
  V v = items.front();
  items.erase(items.begin());
  return v;
}
V d_extend(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  t.use(a.pos[0]);
  V it = iterate(t, a.pos[0] == self ? t.list(as<ListValue>(self)->items) : a.pos[0]);
  while (V v = next(t, it)) {
    deque_of(t, self)->items.push_back(v);
    trim(deque_of(t, self), true);
  }
  return t.none();
}
V d_extendleft(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  t.use(a.pos[0]);
  V it = iterate(t, a.pos[0] == self ? t.list(as<ListValue>(self)->items) : a.pos[0]);
  while (V v = next(t, it)) {
    auto& items = deque_of(t, self)->items;
    items.insert(items.begin(), v);
    trim(deque_of(t, self), false);
  }
  return t.none();
}
V d_rotate(Tracer& t, V self, Args& a) {
  want(a, 0, 1);
  auto& items = deque_of(t, self)->items;
  const auto size = static_cast<int64_t>(items.size());
  int64_t n = a.pos.empty() ? 1 : to_index(t, a.pos[0], "rotate()");
  if (size < 2) return t.none();
  n = ((n % size) + size) % size;
  std::rotate(items.begin(), items.end() - n, items.end());
  return t.none();
}
V d_copy(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  auto* copy = t.list(as<ListValue>(self)->items, self->cls);
  copy->maxlen = as<ListValue>(self)->maxlen;
  return copy;
}
V d_insert(Tracer& t, V self, Args& a) {
  want(a, 2, 2);
  auto* d = deque_of(t, self);
  const auto n = static_cast<int64_t>(d->items.size());
  if (n == d->maxlen) t.raise(PyExc_IndexError, "deque already at its maximum size");
  int64_t i = to_index(t, a.pos[0], "insert()");
  if (i < 0) i = std::max<int64_t>(0, i + n);
  d->items.insert(d->items.begin() + std::min(i, n), a.pos[1]);
  return t.none();
}
V d_remove(Tracer& t, V self, Args& a) {
  want(a, 1, 1);
  auto* d = as<ListValue>(self);
  const uint32_t writes = d->writes;
  for (size_t i = 0; i < d->items.size(); ++i) {
    const bool found = equal(t, d->items[i], a.pos[0]);
    if (d->writes != writes) t.raise(PyExc_IndexError, "deque mutated during remove().");
    if (!found) continue;
    d->items.erase(d->items.begin() + static_cast<long>(i));
    list_changed(t, d);
    return t.none();
  }
  t.raise(PyExc_ValueError, "deque.remove(x): x not in deque");
}
V d_iter(Tracer& t, V self, Args& a) {
  want(a, 0, 0);
  return iterate(t, self);
}

constexpr MethodRow kDeque[] = {
    {"append", d_append}, {"appendleft", d_appendleft}, {"pop", d_pop},       {"popleft", d_popleft},
    {"extend", d_extend}, {"extendleft", d_extendleft}, {"rotate", d_rotate}, {"copy", d_copy},
    {"__copy__", d_copy}, {"insert", d_insert},         {"remove", d_remove}, {"__iter__", d_iter},
};
constexpr std::string_view kAsList[] = {"count", "clear", "reverse", "__len__", "__contains__"};

}  // namespace

PyTypeObject* deque_type() {
  static constinit py::Imported deque{"collections", "deque"};
  return deque.type();
}

MethodRule deque_method(std::string_view name) {
  if (MethodRule rule = find_rule(kDeque, name)) return rule;
  for (std::string_view shared : kAsList)
    if (shared == name) return list_method(name);
  return nullptr;
}

V make_deque(Tracer& t, Args& a) {
  V bound = a.pos.size() > 1 ? a.pos[1] : a.take("maxlen");
  V from = !a.pos.empty() ? a.pos[0] : a.take("iterable");
  if (!a.named.empty() || a.pos.size() > 2) cut(Reason::argument_form, "deque()");
  auto* d = t.list({}, deque_type());
  if (bound && !is_const(t, bound, Py_None)) {
    d->maxlen = to_index(t, bound, "deque()");
    if (d->maxlen < 0) t.raise(PyExc_ValueError, "maxlen must be non-negative");
  }
  if (!from) return d;
  Args given;
  given.pos = {from};
  d_extend(t, d, given);
  return d;
}

}  // namespace fj::capture
