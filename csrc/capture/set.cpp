// Sets and frozensets: elements by stand-in, in order of insertion.
#include "capture/protocol.h"

namespace fj::capture {

namespace {

V element_at(Value* owner, size_t i) { return as<SetValue>(owner)->items[i]; }

// Of an equal element where the set has one; *found says whether.
PyObject* resolve(Tracer& t, SetValue* s, V v, bool* found) {
  t.use(s);
  PyObject* stand = t.resolve({s->index.get(), s, element_at}, v, stand_for(t, v));
  *found = PyDict_GetItemWithError(s->index.get(), stand) != nullptr;
  if (!*found && PyErr_Occurred()) t.raise_pending();
  return stand;
}

}  // namespace

bool set_has(Tracer& t, SetValue* s, V v) {
  bool found;
  resolve(t, s, v, &found);
  return found;
}

void set_add(Tracer& t, SetValue* s, V v) {
  bool found;
  PyObject* stand = resolve(t, s, v, &found);
  if (found) return;
  check_write(t, s);
  Ref at = Ref::steal(PyLong_FromSize_t(s->items.size()));
  PyDict_SetItem(s->index.get(), stand, at.get());
  s->items.push_back(v);
  s->changed = s->outside();
}

bool set_remove(Tracer& t, SetValue* s, V v) {
  bool found;
  PyObject* stand = resolve(t, s, v, &found);
  if (!found) return false;
  check_write(t, s);
  s->items[PyLong_AsSize_t(PyDict_GetItemWithError(s->index.get(), stand))] = nullptr;
  PyDict_DelItem(s->index.get(), stand);
  s->changed = s->outside();
  return true;
}

// What is done with whole sets asks no element for its hash again.
void no_custom_elements(Tracer& t, SetValue* s) {
  t.use(s);
  PyObject *stand, *at;
  Py_ssize_t pos = 0;
  while (PyDict_Next(s->index.get(), &pos, &stand, &at))
    if (t.custom_key(stand)) cut(Reason::custom_key, "a set of objects with their own __hash__");
}

// In the order in which a real set of the same elements would give them, where that can be told: a set's order is
// visible, and depends on hashes and history. Sets of at most one element have only one order.
Values set_items(SetValue* s) {
  Values items;
  for (V v : s->items)
    if (v) items.push_back(v);
  return items;
}

}  // namespace fj::capture
