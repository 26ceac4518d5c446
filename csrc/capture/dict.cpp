// Dicts: reads, writes, the journal of writes to outside ones, and the stand-ins by which keys are found.
#include "capture/protocol.h"

namespace fj::capture {

PyObject* stand_for(Tracer& t, V key) {
  t.use(key);
  switch (key->is) {
    case Is::Const: return key->real;
    case Is::Tensor: return key->outside() ? key->real : as<TensorValue>(key)->fake;
    case Is::Tuple: {
      auto& items = as<TupleValue>(key)->items;
      if (key->cls != &PyTuple_Type && has_python_special(t, key, FJ_NAME("__hash__")))
        cut(Reason::custom_key, key->cls->tp_name);
      PyObject* tuple = t.keep(Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(items.size()))));
      for (size_t i = 0; i < items.size(); ++i) {
        PyObject* part = stand_for(t, items[i]);
        Py_INCREF(part);
        PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), part);
      }
      return tuple;
    }
    case Is::Set:
      if (key->cls == &PyFrozenSet_Type) {
        Ref real = t.need_real(key, Reason::custom_key, "a frozenset");
        return t.keep(real);
      }
      t.raise(PyExc_TypeError, cat("unhashable type: '", key->cls->tp_name, "'"));
    case Is::List:
    case Is::Dict:
      if (!has_python_special(t, key, FJ_NAME("__hash__")))
        t.raise(PyExc_TypeError, cat("unhashable type: '", key->cls->tp_name, "'"));
      cut(Reason::custom_key, key->cls->tp_name);
    case Is::Object:
      if (has_python_special(t, key, FJ_NAME("__hash__"))) return t.custom_stand(key);
      if (has_python_special(t, key, FJ_NAME("__eq__"))) cut(Reason::custom_key, key->cls->tp_name);
      [[fallthrough]];
    case Is::Function:
      if (!key->real)
        key->real = t.keep(Ref::steal(PyObject_CallNoArgs(reinterpret_cast<PyObject*>(&PyBaseObject_Type))));
      return key->real;
    case Is::Opaque:
      if (!key->outside() && key->real) return key->real;  // id(…)
      [[fallthrough]];
    default: cut(Reason::custom_key, key->cls->tp_name);
  }
}

// Objects with their own __hash__ that are equal share one stand-in. CPython compares an object only with keys of the
// same hash in the same table.
PyObject* Tracer::custom_stand(V key) {
  PyObject* hash;
  if (!constant_of(call_values(*this, special(*this, key, FJ_NAME("__hash__")), {}), &hash) || !PyLong_Check(hash))
    cut(Reason::custom_key, key->cls->tp_name);
  const Py_hash_t h = PyObject_Hash(hash);
  for (auto& known : custom_keys_)
    if (known.hash == h && (known.key == key || (known.key->cls == key->cls && equal(*this, known.key, key))))
      return known.stand;
  PyObject* stand = keep(Ref::steal(PyObject_CallNoArgs(reinterpret_cast<PyObject*>(&PyBaseObject_Type))));
  custom_keys_.push_back({h, key, stand});
  return stand;
}

// An object with its own __hash__ next to a key of another kind with that hash: who is equal to whom is not known here.
void Tracer::check_key(PyObject* index, PyObject* stand) {
  if (custom_keys_.empty()) return;
  auto custom = [&](PyObject* s) -> const CustomKey* {
    for (auto& known : custom_keys_)
      if (known.stand == s) return &known;
    return nullptr;
  };
  const CustomKey* own = custom(stand);
  const Py_hash_t h = own ? own->hash : PyObject_Hash(stand);
  if (h == -1) PyErr_Clear();
  PyObject *other, *at;
  Py_ssize_t pos = 0;
  while (PyDict_Next(index, &pos, &other, &at)) {
    const CustomKey* theirs = custom(other);
    if (other == stand || (!own && !theirs)) continue;
    if ((theirs ? theirs->hash : PyObject_Hash(other)) == h) cut(Reason::custom_key, "keys of two kinds with one hash");
  }
  PyErr_Clear();
}

namespace {

DictValue::Entry* find_entry(DictValue* d, PyObject* stand) {
  PyObject* at = PyDict_GetItemWithError(d->index.get(), stand);
  return at ? &d->entries[PyLong_AsSize_t(at)] : nullptr;
}

void add_entry(DictValue* d, V key, PyObject* stand, V value) {
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
    e->value = nullptr;
    PyDict_DelItem(d->index.get(), stand);
  }
}

void journal(DictValue* d, V key, V value, bool clear = false) {
  if (!d->outside()) return;
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

V read_outside(Tracer& t, DictValue* d, V key, PyObject* stand) {
  if (key->is == Is::Tensor && key->outside()) {  // found by identity: the segment is for this very tensor
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
  PyObject* found = PyDict_GetItemWithError(d->real, stand);
  if (!found && PyErr_Occurred()) t.raise_pending();
  const SourceId source = t.source(Step::Key, d->source, 0, stand);
  V value = nullptr;
  if (found)
    value = t.wrap(found, source);
  else
    t.guard(Kind::Absent, source);
  add_entry(d, key, stand, value);
  return value;
}

}  // namespace

V dict_get(Tracer& t, DictValue* d, V key) {
  t.use(d);
  PyObject* stand = stand_for(t, key);
  t.check_key(d->index.get(), stand);
  if (auto* e = find_entry(d, stand)) return e->value;
  if (PyErr_Occurred()) t.raise_pending();
  return d->full ? nullptr : read_outside(t, d, key, stand);
}

V dict_get(Tracer& t, DictValue* d, PyObject* key) { return dict_get(t, d, t.constant(key)); }

void dict_set(Tracer& t, DictValue* d, V key, V value) {
  t.use(d);
  PyObject* stand = stand_for(t, key);
  t.check_key(d->index.get(), stand);
  journal(d, key, value);
  set_entry(d, key, stand, value);
}

bool dict_del(Tracer& t, DictValue* d, V key) {
  if (!dict_get(t, d, key)) return false;
  journal(d, key, nullptr);
  delete_entry(d, key, stand_for(t, key));
  return true;
}

void dict_clear(Tracer& t, DictValue* d) {
  t.use(d);
  journal(d, nullptr, nullptr, true);
  d->full = true;
  d->entries.clear();
  d->index = Ref::steal(PyDict_New());
}

// From now on every key is known: guards the keys of an outside dict and plays the writes again, for their order.
void dict_fill(Tracer& t, DictValue* d) {
  t.use(d);
  if (d->full) return;
  if (native_base(d->cls) == &PyODict_Type && PyDict_GET_SIZE(d->real) > 1)
    cut(Reason::native_object, "the order of an OrderedDict from outside");
  Ref keys = Ref::steal(PySequence_Tuple(d->real));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keys.get()); ++i) {
    PyObject* k = PyTuple_GET_ITEM(keys.get(), i);
    if (!is_plain_constant(k) && !is_identity_constant(k))
      cut(Reason::custom_key, "a dict with keys of ", Py_TYPE(k)->tp_name);
  }
  t.guard(Kind::Keys, d->source, keys.get());
  d->full = true;
  d->entries.clear();
  d->index = Ref::steal(PyDict_New());
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keys.get()); ++i) {
    PyObject* k = PyTuple_GET_ITEM(keys.get(), i);
    add_entry(d, t.constant(k), k, t.wrap(PyDict_GetItemWithError(d->real, k), t.source(Step::Key, d->source, 0, k)));
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
    const auto items = dict_items(t, as<DictValue>(other));
    for (auto& [k, v] : items) {
      dict_set(t, d, k, v);  // may run the keys' methods
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
