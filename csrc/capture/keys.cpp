// Keys of dicts and elements of sets: the stand-ins by which they are found, and who is compared with whom.
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

// An object with a __hash__ of its own: asked once for each look-up, as CPython does.
PyObject* Tracer::custom_stand(V key) {
  PyObject* hash;
  if (!constant_of(call_values(*this, special(*this, key, FJ_NAME("__hash__")), {}), &hash) || !PyLong_Check(hash))
    cut(Reason::custom_key, key->cls->tp_name);
  Py_hash_t h = PyLong_AsSsize_t(hash);  // as it is, where it fits: hash() of a large int is another number
  if (PyErr_Occurred()) {
    PyErr_Clear();
    h = PyObject_Hash(hash);
  }
  if (h == -1) h = -2;
  for (auto& known : custom_keys_) {
    if (known.key != key) continue;
    if (known.hash != h) cut(Reason::custom_key, "a hash that changes");
    return known.stand;
  }
  PyObject* stand = keep(Ref::steal(PyObject_CallNoArgs(reinterpret_cast<PyObject*>(&PyBaseObject_Type))));
  custom_keys_.push_back({h, key, stand});
  return stand;
}

const Tracer::CustomKey* Tracer::custom_key(PyObject* stand) const {
  for (auto& known : custom_keys_)
    if (known.stand == stand) return &known;
  return nullptr;
}

// The stand-in of the key in the table that is equal to this one, or the key's own. Keys of the same hash are compared,
// in the order in which they came, where one of the two may have something to say.
PyObject* Tracer::resolve(const Table& table, V key, PyObject* stand) {
  if (custom_keys_.empty()) return stand;
  const CustomKey* own = custom_key(stand);
  const Py_hash_t h = own ? own->hash : PyObject_Hash(stand);
  if (h == -1) {
    PyErr_Clear();
    return stand;
  }
  std::vector<std::pair<PyObject*, V>> alike;
  PyObject *other, *at;
  Py_ssize_t pos = 0;
  while (PyDict_Next(table.index, &pos, &other, &at)) {
    const CustomKey* theirs = custom_key(other);
    if (!own && !theirs && other != stand) continue;
    V held =
        (theirs ? theirs->hash : PyObject_Hash(other)) == h ? table.key_at(table.owner, PyLong_AsSize_t(at)) : nullptr;
    if (held) alike.push_back({other, held});
  }
  PyErr_Clear();
  const Py_ssize_t size = PyDict_GET_SIZE(table.index);
  for (auto& [known, held] : alike) {
    if (known == stand) return stand;
    const bool found = equal(*this, held, key);
    if (PyDict_GET_SIZE(table.index) != size) cut(Reason::custom_key, "a table that is changed while it is searched");
    if (found) return known;
  }
  return stand;
}

}  // namespace fj::capture
