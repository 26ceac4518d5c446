// Calls of functions that functools.lru_cache keeps results of.
//
// What the cache holds for constant arguments is known as long as it holds it: the guard is that the cache's dict has
// the same entry. The first call is made for real, outside the trace, as CPython would make it. Each run of the segment
// asks the cache once more, as an effect: so its counters and its order of use are what they would be.
#include <algorithm>

#include "capture/builtins.h"
#include "capture/look.h"
#include "capture/protocol.h"
#include "py/lru.h"
#include "tensor/layer.h"

namespace fj::capture {

namespace {

int note_dict(PyObject* o, void* found) {
  auto* dicts = static_cast<std::vector<PyObject*>*>(found);
  if (PyDict_CheckExact(o)) dicts->push_back(o);
  return 0;
}

// The dict in which the wrapper keeps results; NULL where it cannot be told.
PyObject* dict_of_results(PyObject* wrapper) {
  std::vector<PyObject*> dicts;
  Py_TYPE(wrapper)->tp_traverse(wrapper, note_dict, &dicts);
  PyObject** own = _PyObject_GetDictPtr(wrapper);
  std::erase_if(dicts, [&](PyObject* d) { return own && d == *own; });
  return dicts.size() == 1 ? dicts[0] : nullptr;
}

// maxsize=0: every call is a real one.
bool keeps_results(PyObject* wrapper) {
  Ref info = Ref::steal(PyObject_CallMethod(wrapper, "cache_info", nullptr));
  if (!info) PyErr_Clear();
  if (!info || !PyTuple_Check(info.get()) || PyTuple_GET_SIZE(info.get()) != 4) return false;
  PyObject* most = PyTuple_GET_ITEM(info.get(), 2);
  return most == Py_None || PyObject_IsTrue(most) == 1;
}

bool same_constant(PyObject* a, PyObject* b) {
  return a == b || (Py_TYPE(a) == Py_TYPE(b) && is_plain_constant(a) && PyObject_RichCompareBool(a, b, Py_EQ) == 1);
}

// As functools makes keys: a single int or str stands for itself; else a tuple of the arguments, a mark, names and
// values.
bool is_key_of(PyObject* key, PyObject* pos, PyObject* named) {
  const Py_ssize_t n = PyTuple_GET_SIZE(pos), names = PyDict_GET_SIZE(named);
  if (!PyTuple_Check(key)) return n == 1 && names == 0 && same_constant(key, PyTuple_GET_ITEM(pos, 0));
  const Py_ssize_t size = n + (names ? 1 + 2 * names : 0);
  if (PyTuple_GET_SIZE(key) != size) return false;  // a longer one tells types apart, too
  for (Py_ssize_t i = 0; i < n; ++i)
    if (!same_constant(PyTuple_GET_ITEM(key, i), PyTuple_GET_ITEM(pos, i))) return false;
  PyObject *name, *value;
  Py_ssize_t at = 0, i = n + 1;
  for (; PyDict_Next(named, &at, &name, &value); i += 2)
    if (!same_constant(PyTuple_GET_ITEM(key, i), name) || !same_constant(PyTuple_GET_ITEM(key, i + 1), value))
      return false;
  return true;
}

PyObject* find_key(PyObject* results, PyObject* pos, PyObject* named) {
  constexpr Py_ssize_t kMost = 4096;
  PyObject *key, *value;
  Py_ssize_t at = 0;
  if (PyDict_GET_SIZE(results) > kMost) return nullptr;
  while (PyDict_Next(results, &at, &key, &value))
    if (is_key_of(key, pos, named)) return key;
  return nullptr;
}

// The arguments, if all are constants.
bool constants(Tracer& t, const Args& args, Ref* pos, Ref* named) {
  *pos = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(args.pos.size())));
  *named = Ref::steal(PyDict_New());
  auto constant = [&](V v) {
    t.use(v);
    return v->is == Is::Const && v->slot < 0 && (is_plain_constant(v->real) || is_identity_constant(v->real));
  };
  for (size_t i = 0; i < args.pos.size(); ++i) {
    if (!constant(args.pos[i])) return false;
    PyTuple_SET_ITEM(pos->get(), static_cast<Py_ssize_t>(i), Py_NewRef(args.pos[i]->real));
  }
  for (auto& [name, v] : args.named) {
    if (!constant(v)) return false;
    PyDict_SetItem(named->get(), name, v->real);
  }
  return true;
}

bool has_written(Tracer& t) {
  for (V v : t.outside_values())
    if (v->changed) return true;
  return !t.class_writes.empty();
}

// functools.partial(wrapper, *pos, **named)
PyObject* bound_call(PyObject* wrapper, PyObject* pos, PyObject* named) {
  Ref first = Ref::steal(PyTuple_Pack(1, wrapper)), all = Ref::steal(PySequence_Concat(first.get(), pos));
  PyObject* made = all ? PyObject_Call(reinterpret_cast<PyObject*>(partial_type()), all.get(), named) : nullptr;
  if (!made) PyErr_Clear();
  return made;
}

}  // namespace

V call_cached(Tracer& t, V callable, const Args& args) {
  if (!callable->outside() || std::string_view(callable->cls->tp_name) != "functools._lru_cache_wrapper")
    return nullptr;
  // Results for tensors are not kept in a whole graph, as in PyTorch: what is computed from them is part of it.
  const bool of_tensors = std::any_of(args.pos.begin(), args.pos.end(), [](V v) { return v->is == Is::Tensor; });
  if (of_tensors && wants_whole(t)) {
    Ref wrapped = Ref::steal(PyObject_GetAttr(callable->real, FJ_NAME("__wrapped__")));
    if (!wrapped) t.raise_pending();
    t.guard(Kind::Same, callable->source, callable->real);
    return call(t, t.wrap_known(t.keep(std::move(wrapped))), args);
  }
  PyObject* wrapper = callable->real;
  PyObject* results = dict_of_results(wrapper);
  Ref pos, named;
  if (!results || !keeps_results(wrapper) || !constants(t, args, &pos, &named)) return nullptr;
  Py_ssize_t* hits = py::lru_hits(wrapper, results);
  PyObject* key = find_key(results, pos.get(), named.get());
  if (!hits || (!key && has_written(t))) return nullptr;
  Ref result;
  {
    LayerPause outside;
    result = Ref::steal(PyObject_Call(wrapper, pos.get(), named.get()));
  }
  --*hits;  // the call is the program's, which the effect counts as a hit
  if (!result) PyErr_Clear();
  if (!key && result) key = find_key(results, pos.get(), named.get());
  PyObject* held = key && result ? PyDict_GetItemWithError(results, key) : nullptr;
  if (!held) return nullptr;  // raised, or nothing is kept: CPython's matter
  t.guard(Kind::Same, callable->source, wrapper);
  SourceId entry = t.source(Step::Key, t.const_source(t.keep(Ref::borrow(results))), 0, t.keep(Ref::borrow(key)));
  if (held != result.get()) {  // a bounded cache's entry
    if (py::lru_result(held, key) != result.get()) return nullptr;
    entry = t.source(Step::Getter, entry, 0, py::lru_getter(held));
  }
  t.guard(Kind::Same, entry, result.get());
  if (PyObject* again = bound_call(wrapper, pos.get(), named.get()))
    t.late_calls.push_back(t.wrap_known(t.keep(Ref::steal(again))));
  return t.wrap_known(t.keep(result));
}

}  // namespace fj::capture
