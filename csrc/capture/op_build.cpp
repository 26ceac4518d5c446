// Building and filling containers, unpacking.
#include "capture/handlers.h"

namespace fj::capture {

namespace {
size_t n(const Instr& in) { return static_cast<size_t>(in.arg); }

// The list may be from outside: a break may have come while a comprehension or a display was being filled.
void add_to(Tracer& t, V list, const Values& more) {
  if (more.size() == 1 && append_unread(t, list, more[0])) return;
  t.use(list);
  auto* l = as<ListValue>(list);
  list_changed(t, l);
  l->items.insert(l->items.end(), more.begin(), more.end());
}

// No more elements than CPython asks for: one more than there are names.
Values unpack_some(Tracer& t, V v, size_t most) {
  t.use(v);
  if (sequence_items(v) && !has_python_special(t, v, FJ_NAME("__iter__"))) return unpack(t, v);
  need_iterable(t, v, "unpacking");
  Values items;
  V it = iterate(t, v);
  while (items.size() < most) {
    V item = next(t, it);
    if (!item) break;
    items.push_back(item);
  }
  return items;
}

[[noreturn]] void given_twice(Tracer& t, V callable, V name) {
  if (!callable || callable->is != Is::Function) cut(Reason::raises, "a keyword argument is given twice");
  V module = get_attr(t, callable, FJ_NAME("__module__")), qualname = get_attr(t, callable, FJ_NAME("__qualname__"));
  PyObject* text = const_object(module);
  const std::string prefix = text && PyUnicode_Check(text) ? cat(py::utf8(text), ".") : "";
  t.raise(PyExc_TypeError,
          cat(prefix, py::utf8(name_of(t, qualname, "a name")), "() got multiple values for keyword argument '",
              py::utf8(name_of(t, name, "a keyword")), "'"));
}
}  // namespace

FJ_OPCODE(BUILD_TUPLE) { f.push(t.tuple(f.pop_n(n(in)))); }
FJ_OPCODE(BUILD_LIST) { f.push(t.list(f.pop_n(n(in)))); }
FJ_OPCODE(BUILD_SET) {
  auto* s = t.set();
  for (V v : f.pop_n(n(in))) set_add(t, s, v);
  f.push(s);
}
FJ_OPCODE(BUILD_MAP) {
  auto* d = t.dict();
  Values kv = f.pop_n(2 * n(in));
  for (size_t i = 0; i < kv.size(); i += 2) dict_set(t, d, kv[i], kv[i + 1]);
  f.push(d);
}
FJ_OPCODE(BUILD_CONST_KEY_MAP) {
  Values keys = unpack(t, f.pop());
  Values values = f.pop_n(n(in));
  auto* d = t.dict();
  for (size_t i = 0; i < values.size(); ++i) dict_set(t, d, keys[i], values[i]);
  f.push(d);
}
FJ_OPCODE(BUILD_SLICE) {
  auto* s = t.make<SliceValue>(&PySlice_Type);
  s->step = in.arg == 3 ? f.pop() : t.none();
  s->stop = f.pop();
  s->start = f.pop();
  f.push(s);
}
FJ_OPCODE(LIST_TO_TUPLE) {
  V list = f.pop();
  t.use(list);
  f.push(t.tuple(as<ListValue>(list)->items));
}
FJ_OPCODE(LIST_APPEND) {
  V v = f.pop();
  add_to(t, f.top(n(in)), {v});
}
FJ_OPCODE(SET_ADD) {
  V v = f.pop();
  t.use(f.top(n(in)));
  set_add(t, as<SetValue>(f.top(n(in))), v);
}
FJ_OPCODE(MAP_ADD) {
  V v = f.pop(), k = f.pop();
  dict_set(t, as<DictValue>(f.top(n(in))), k, v);
}
FJ_OPCODE(LIST_EXTEND) {
  need_iterable(t, f.top(), "*");
  Values more = unpack_hinted(t, f.pop());
  add_to(t, f.top(n(in)), more);
}
FJ_OPCODE(SET_UPDATE) {
  Values more = unpack(t, f.pop());
  t.use(f.top(n(in)));
  for (V v : more) set_add(t, as<SetValue>(f.top(n(in))), v);
}
FJ_OPCODE(DICT_UPDATE) {
  V other = f.pop();
  t.use(other);
  if (other->is != Is::Dict && !find_attr(t, other, FJ_NAME("keys")))
    cut(Reason::raises, "** of ", other->cls->tp_name);
  dict_update(t, as<DictValue>(f.top(n(in))), other);
}
namespace {

// Of what stands behind **: a dict's own, or what keys() and [] give.
std::vector<std::pair<V, V>> mapping_items(Tracer& t, V mapping) {
  std::vector<std::pair<V, V>> items;
  if (mapping->is == Is::Dict) {
    for (auto& [k, v] : dict_items(t, as<DictValue>(mapping))) items.push_back({k, v});
    return items;
  }
  V keys = mapping->is == Is::Object ? find_attr(t, mapping, FJ_NAME("keys")) : nullptr;
  if (!keys) cut(Reason::argument_form, "** of ", mapping->cls->tp_name);
  for (V k : unpack(t, call_values(t, keys, {}))) items.push_back({k, get_item(t, mapping, k)});
  return items;
}

}  // namespace

FJ_OPCODE(DICT_MERGE) {
  V other = f.pop();
  auto* d = as<DictValue>(f.top(n(in)));
  t.use(other);
  for (auto& [k, v] : mapping_items(t, other)) {
    if (dict_get(t, d, k)) given_twice(t, f.top(n(in) + (kBefore313 ? 2 : 3)), k);
    dict_set(t, d, k, v);
  }
}

FJ_OPCODE(UNPACK_SEQUENCE) {
  Values items = unpack_some(t, f.top(), n(in) + 1);
  if (items.size() != n(in)) {
    f.pop();
    t.raise(PyExc_ValueError, items.size() > n(in)
                                  ? cat("too many values to unpack (expected ", in.arg, ")")
                                  : cat("not enough values to unpack (expected ", in.arg, ", got ", items.size(), ")"));
  }
  f.pop();
  for (auto it = items.rbegin(); it != items.rend(); ++it) f.push(*it);
}
FJ_OPCODE(UNPACK_EX) {
  const size_t before = in.arg & 0xFF, after = static_cast<size_t>(in.arg) >> 8;
  need_iterable(t, f.top(), "unpacking");
  Values items = unpack(t, f.pop());
  if (items.size() < before + after)
    t.raise(PyExc_ValueError,
            cat("not enough values to unpack (expected at least ", before + after, ", got ", items.size(), ")"));
  for (size_t i = 0; i < after; ++i) f.push(items[items.size() - 1 - i]);
  f.push(t.list(Values(items.begin() + static_cast<long>(before), items.end() - static_cast<long>(after))));
  for (size_t i = before; i-- > 0;) f.push(items[i]);
}

}  // namespace fj::capture
