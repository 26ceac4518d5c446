// Dicts: reads, writes, and the journal of writes to outside ones.
#include "capture/asks.h"
#include "capture/protocol.h"
#include "py/dict.h"

namespace fj::capture {

namespace {

DictValue::Entry* find_entry(DictValue* d, PyObject* stand) {
  PyObject* at = PyDict_GetItemWithError(d->index.get(), stand);
  return at ? &d->entries[PyLong_AsSize_t(at)] : nullptr;
}

V key_at(Value* owner, size_t i) {
  auto& e = as<DictValue>(owner)->entries[i];
  return e.value ? e.key : nullptr;
}

// The stand-in under which the dict holds an equal key, if it does.
PyObject* resolve(Tracer& t, DictValue* d, V key, PyObject* stand) {
  if (!t.custom_key(stand)) return t.resolve({d->index.get(), d, key_at}, key, stand);
  if (native_base(d->cls) == &PyODict_Type) cut(Reason::custom_key, "an OrderedDict");  // asks for hashes again
  dict_fill(t, d);
  return t.resolve({d->index.get(), d, key_at}, key, stand);
}

void add_entry(DictValue* d, V key, PyObject* stand, V value) {
  ++d->key_writes;
  Ref at = Ref::steal(PyLong_FromSize_t(d->entries.size()));
  d->entries.push_back({key, stand, value});
  PyDict_SetItem(d->index.get(), stand, at.get());
}

void set_entry(DictValue* d, V key, PyObject* stand, V value) {
  if (auto* e = find_entry(d, stand))
    e->value = value;
  else
    add_entry(d, key, stand, value);
}

// In a full dict a deleted key leaves the index, so that setting it again puts it last.
void delete_entry(DictValue* d, V key, PyObject* stand) {
  if (!d->full) return set_entry(d, key, stand, nullptr);
  if (auto* e = find_entry(d, stand)) {
    ++d->key_writes;
    e->value = nullptr;
    PyDict_DelItem(d->index.get(), stand);
  }
}

void journal(Tracer& t, DictValue* d, V key, V value, bool clear = false) {
  check_write(t, d->owner ? d->owner : d);
  if (!d->outside()) return;
  if (key && t.type_of(key) && key->is != Is::Const && has_python_special(t, key, FJ_NAME("__hash__")))
    cut(Reason::custom_key, "a write to a dict from outside");
  d->changed = true;
  if (clear) d->writes.clear();
  for (auto w = d->writes.rbegin(); !clear && w != d->writes.rend(); ++w) {
    if (!w->key || (w->key != key && !(w->key->is == Is::Const && key->is == Is::Const && w->key->real == key->real)))
      continue;
    if (!w->value || !value) break;
    w->value = value;
    return;
  }
  d->writes.push_back({clear ? nullptr : key, value});
}

// No look-up in a real dict may run the __eq__ of a key that has the same hash.
void check_strangers(Tracer& t, DictValue* d, PyObject* stand) {
  if (d->strangers < 0) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    d->strangers = 0;
    while (!d->strangers && PyDict_Next(d->real, &at, &key, &value))
      d->strangers = !PyUnicode_CheckExact(key) && !is_plain_constant(key) && !is_identity_constant(key);
  }
  if (!d->strangers) return;
  const Py_hash_t h = PyObject_Hash(stand);
  if (h == -1) t.raise_pending();
  if (py::dict_has_hash(d->real, h, stand)) cut(Reason::custom_key, "a dict from outside");
}

// Is it found by its identity alone?
bool is_identity_key(Tracer& t, V key) {
  if (!key->outside()) return false;
  if (key->is != Is::Object || plain_tensor(key)) return key->is == Is::Tensor;
  if (key->cls->tp_hash != PyBaseObject_Type.tp_hash || key->cls->tp_richcompare != PyBaseObject_Type.tp_richcompare)
    return false;  // made from a type in C that compares by value: a tuple, a number
  return !has_python_special(t, key, FJ_NAME("__hash__")) && !has_python_special(t, key, FJ_NAME("__eq__"));
}

V read_outside(Tracer& t, DictValue* d, V key, PyObject* stand) {
  if (is_identity_key(t, key)) {  // the segment is for this very object
    t.guard(Kind::Same, key->source, key->real);
    t.keep(Ref::borrow(key->real));
  } else if (key->is != Is::Const) {
    dict_fill(t, d);
    if (key->is == Is::Opaque)  // id(…) is not known while tracing
      for (auto& e : d->entries)
        if (PyLong_Check(e.stand)) cut(Reason::custom_key, "an id looked up among numbers");
    auto* e = find_entry(d, stand);
    return e ? e->value : nullptr;
  }
  check_strangers(t, d, stand);
  PyObject* found = PyDict_GetItemWithError(d->real, stand);
  if (!found && PyErr_Occurred()) t.raise_pending();
  const SourceId source = t.source(Step::Key, d->source, 0, stand);
  V value = nullptr;
  if (found) {
    t.guard(Kind::Absent, source, nullptr, {1});  // it is there
    value = t.wrap(found, source);
  } else {
    t.guard(Kind::Absent, source);
  }
  add_entry(d, key, stand, value);
  return value;
}

}  // namespace

namespace {

V get_at(Tracer& t, DictValue* d, V key, PyObject* stand) {
  if (auto* e = find_entry(d, stand)) return e->value;
  if (PyErr_Occurred()) t.raise_pending();
  return d->full ? nullptr : read_outside(t, d, key, stand);
}

// What an outside dict holds there stays until the end of the segment.
void check_old(Tracer& t, DictValue* d, V key, PyObject* stand) {
  if (!d->outside() || key->is != Is::Const) return;
  auto* e = find_entry(d, stand);
  if (e && !e->value) return;
  check_let_go(t, e ? e->value->real : PyDict_GetItemWithError(d->real, stand));
  PyErr_Clear();
}

void set_at(Tracer& t, DictValue* d, V key, PyObject* stand, V value) {
  check_old(t, d, key, stand);
  journal(t, d, key, value);
  set_entry(d, key, stand, value);
}

void delete_at(Tracer& t, DictValue* d, V key, PyObject* stand) {
  check_old(t, d, key, stand);
  journal(t, d, key, nullptr);
  delete_entry(d, key, stand);
}

PyObject* stand_in(Tracer& t, DictValue* d, V key) {
  t.use(d);
  return resolve(t, d, key, stand_for(t, key));
}

}  // namespace

V dict_get(Tracer& t, DictValue* d, V key) { return get_at(t, d, key, stand_in(t, d, key)); }
V dict_get(Tracer& t, DictValue* d, PyObject* key) { return dict_get(t, d, t.constant(key)); }

V dict_find(Tracer& t, DictValue* d, const DictValue::Entry& key) {
  t.use(d);
  return get_at(t, d, key.key, resolve(t, d, key.key, key.stand));
}

void dict_set(Tracer& t, DictValue* d, V key, V value) { set_at(t, d, key, stand_in(t, d, key), value); }

V dict_setdefault(Tracer& t, DictValue* d, V key, V value) {
  PyObject* stand = stand_in(t, d, key);
  if (V held = get_at(t, d, key, stand)) return held;
  set_at(t, d, key, stand, value);
  return value;
}

V dict_pop(Tracer& t, DictValue* d, V key) {
  PyObject* stand = stand_in(t, d, key);
  V held = get_at(t, d, key, stand);
  if (held) delete_at(t, d, key, stand);
  return held;
}

bool dict_del(Tracer& t, DictValue* d, V key) { return dict_pop(t, d, key) != nullptr; }

void dict_clear(Tracer& t, DictValue* d) {
  t.use(d);
  PyObject *name, *held;
  Py_ssize_t pos = 0;
  while (d->outside() && PyDict_Next(d->real, &pos, &name, &held)) check_let_go(t, held);
  journal(t, d, nullptr, nullptr, true);
  d->full = true;
  ++d->key_writes;
  d->entries.clear();
  d->index = Ref::steal(PyDict_New());
}

// From now on every key is known: guards the keys of an outside dict and plays the writes again, for their order.
void dict_fill(Tracer& t, DictValue* d) {
  t.use(d);
  if (d->full) return;
  t.check_size(PyDict_GET_SIZE(d->real));
  PyObject *key, *value;
  for (Py_ssize_t at = 0; PyDict_Next(d->real, &at, &key, &value);)  // an OrderedDict asks its keys for their hash
    if (!is_constant_key(key)) cut(Reason::custom_key, "a dict with keys of ", Py_TYPE(key)->tp_name);
  Ref keys = Ref::steal(py::keys_in_order(d->real));
  if (!keys || PyTuple_GET_SIZE(keys.get()) != PyDict_GET_SIZE(d->real)) {
    PyErr_Clear();
    cut(Reason::custom_key, "a dict that does not know its order");
  }
  t.guard(Kind::Keys, d->source, keys.get());
  d->full = true;
  d->entries.clear();
  d->index = Ref::steal(PyDict_New());
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keys.get()); ++i) {
    PyObject* k = PyTuple_GET_ITEM(keys.get(), i);
    add_entry(d, t.wrap_known(k), k, t.wrap(PyDict_GetItemWithError(d->real, k), t.source(Step::Key, d->source, 0, k)));
  }
  for (auto& w : d->writes) {
    if (!w.key) continue;
    PyObject* stand = stand_for(t, w.key);
    if (w.value)
      set_entry(d, w.key, stand, w.value);
    else
      delete_entry(d, w.key, stand);
  }
}

std::vector<DictValue::Entry> dict_entries(Tracer& t, DictValue* d) {
  dict_fill(t, d);
  std::vector<DictValue::Entry> held;
  for (auto& e : d->entries)
    if (e.value) held.push_back(e);
  return held;
}

std::vector<std::pair<V, V>> dict_items(Tracer& t, DictValue* d) {
  dict_fill(t, d);
  std::vector<std::pair<V, V>> items;
  for (auto& e : d->entries)
    if (e.value) items.push_back({e.key, e.value});
  return items;
}

int64_t dict_length(Tracer& t, DictValue* d) {
  t.use(d);
  if (!d->full && !d->changed && PyDict_GET_SIZE(d->real) == 0) {
    t.guard(Kind::Truth, d->source, reinterpret_cast<PyObject*>(d->cls), {0});
    return 0;
  }
  dict_fill(t, d);
  return PyDict_GET_SIZE(d->index.get());
}

void dict_update(Tracer& t, DictValue* d, V other) {
  t.use(other);
  const bool own = has_python_special(t, other, FJ_NAME("__iter__")) || native_base(other->cls) == &PyODict_Type;
  if (other->is == Is::Dict && (!own || other->cls == &PyODict_Type)) {
    const auto items = dict_entries(t, as<DictValue>(other));
    t.use(d);
    for (auto& e : items) {
      set_at(t, d, e.key, resolve(t, d, e.key, e.stand), e.value);  // may run the keys' __eq__
      if (other != d && dict_length(t, as<DictValue>(other)) != static_cast<int64_t>(items.size()))
        t.raise(PyExc_RuntimeError, "dict mutated during update");
    }
    return;
  }
  if (V keys = find_attr(t, other, FJ_NAME("keys"))) {
    V it = iterate(t, call_values(t, keys, {}));
    while (V k = next(t, it)) dict_set(t, d, k, get_item(t, other, k));
    return;
  }
  V it = iterate(t, other);
  while (V pair = next(t, it)) {
    need_iterable(t, pair, "an update by an element");
    Values kv = unpack(t, pair);
    if (kv.size() != 2) cut(Reason::raises, "dict update element");
    dict_set(t, d, kv[0], kv[1]);
  }
}

// The dict stands for itself as long as the trace runs: globals and module dicts.
DictValue* Tracer::known_dict(PyObject* dict) {
  V v = wrap(dict, const_source(dict));
  use(v);
  return as<DictValue>(v);
}

V Tracer::global_lookup(PyObject* globals, PyObject* name) {
  DictValue* d = known_dict(globals);
  if (PyObject* at = PyDict_GetItemWithError(d->index.get(), name)) return d->entries[PyLong_AsSize_t(at)].value;
  PyObject* found = PyDict_GetItemWithError(globals, name);
  if (!found || PyFunction_Check(found) || is_identity_constant(found)) {
    dict_fact(globals, name);
    V value = found ? wrap_known(found) : nullptr;
    add_entry(d, constant(name), name, value);
    return value;
  }
  return read_outside(*this, d, constant(name), name);
}

}  // namespace fj::capture
