// Sets and frozensets: elements by stand-in, in order of insertion.
#include "capture/protocol.h"

namespace fj::capture {

bool set_has(Tracer& t, SetValue* s, V v) {
  t.use(s);
  PyObject* stand = stand_for(t, v);
  t.check_key(s->index.get(), stand);
  PyObject* at = PyDict_GetItemWithError(s->index.get(), stand);
  if (!at && PyErr_Occurred()) t.raise_pending();
  return at != nullptr;
}

void set_add(Tracer& t, SetValue* s, V v) {
  if (set_has(t, s, v)) return;
  Ref at = Ref::steal(PyLong_FromSize_t(s->items.size()));
  PyDict_SetItem(s->index.get(), stand_for(t, v), at.get());
  s->items.push_back(v);
  s->changed = s->outside();
}

bool set_remove(Tracer& t, SetValue* s, V v) {
  if (!set_has(t, s, v)) return false;
  PyObject* stand = stand_for(t, v);
  s->items[PyLong_AsSize_t(PyDict_GetItemWithError(s->index.get(), stand))] = nullptr;
  PyDict_DelItem(s->index.get(), stand);
  s->changed = s->outside();
  return true;
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
