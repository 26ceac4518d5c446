// Iteration: iter(), next() and whole-iterable reads.
#include <algorithm>

#include "capture/arrays.h"
#include "capture/asks.h"
#include "capture/builtins.h"
#include "capture/number.h"
#include "capture/owned.h"
#include "capture/sym_frame.h"
#include "capture/tensors.h"
#include "py/iterators.h"
#include "tensor/overrides.h"

namespace fj::capture {

Values* sequence_items(V v) {
  if (v->is == Is::Tuple) return &as<TupleValue>(v)->items;
  if (v->is == Is::List) return &as<ListValue>(v)->items;
  return nullptr;
}

bool has_tensor(V v) {
  if (!sequence_items(v)) return v->is == Is::Tensor;
  Values containers{v};  // each once: a list may hold itself
  for (size_t i = 0; i < containers.size(); ++i)
    for (V item : *sequence_items(containers[i])) {
      if (item->is == Is::Tensor) return true;
      if (sequence_items(item) && std::find(containers.begin(), containers.end(), item) == containers.end())
        containers.push_back(item);
    }
  return false;
}

namespace {

IteratorValue* over(Tracer& t, V v, Iter how, PyTypeObject* cls) {
  auto* it = t.iterator(how, cls);
  it->over = v;
  return it;
}

// What PyIter_Check says of instances: it knows the slot of a __next__ that is None, which 3.13 does not export.
bool has_next(PyTypeObject* type) {
  PyObject instance{};
  Py_SET_TYPE(&instance, type);
  return PyIter_Check(&instance) != 0;
}

// An iterator that nothing outside waits for: what __iter__ has returned has to have a __next__.
V checked_iterator(Tracer& t, V it) {
  t.use(it);
  if (it->is != Is::Iterator && !has_next(it->cls))
    t.raise(PyExc_TypeError, cat("iter() returned non-iterator of type '", it->cls->tp_name, "'"));
  return it;
}

}  // namespace

// The elements of a set in the order in which CPython would give them: a real set with the same history is asked.
Values ordered_set(Tracer& t, SetValue* s) {
  Values items = set_items(s);
  if (items.size() < 2 || (s->outside() && !s->changed)) return items;
  Ref real = Ref::steal(PySet_New(nullptr));
  for (V v : items) {
    if (v->is != Is::Const) cut(Reason::custom_key, "the order of a set of objects");
    PySet_Add(real.get(), v->real);
  }
  Ref list = Ref::steal(PySequence_List(real.get()));
  Values ordered;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.get()); ++i)
    ordered.push_back(t.constant(PyList_GET_ITEM(list.get(), i)));
  return ordered;
}

namespace {

V live_iterator(Tracer& t, DictValue* d, ViewValue::What what) {
  static PyTypeObject* const kTypes[] = {&PyDictIterKey_Type, &PyDictIterItem_Type, &PyDictIterValue_Type};
  Values keys;
  for (auto& [k, v] : dict_items(t, d)) keys.push_back(k);
  auto* it = t.items_iterator(std::move(keys), kTypes[what]);
  it->live = d;
  it->live_size = static_cast<int64_t>(it->parts.size());
  it->live_writes = d->key_writes;
  it->live_what = what;
  return it;
}

PyTypeObject* iterator_type(Tracer& t, PyTypeObject* of) {
  Ref empty = Ref::steal(PyObject_CallNoArgs(reinterpret_cast<PyObject*>(of)));
  Ref it = empty ? Ref::steal(PyObject_GetIter(empty.get())) : Ref();
  if (!it) t.raise_pending();
  return Py_TYPE(it.get());
}

V iterate_constant(Tracer& t, V v) {
  PyObject* o = v->real;
  if (PyUnicode_CheckExact(o) || PyBytes_CheckExact(o) || Py_TYPE(o) == &PyRange_Type || is_tensor_constant(o)) {
    if (!PySequence_Check(o)) t.raise(PyExc_TypeError, cat("'", Py_TYPE(o)->tp_name, "' object is not iterable"));
    return over(t, v, Iter::Sequence, Py_TYPE(o) == &PyRange_Type ? &PyRangeIter_Type : iterator_type(t, Py_TYPE(o)));
  }
  PyObject* raw = t.type_lookup(Py_TYPE(o), FJ_NAME("__iter__"));
  if (raw && raw != Py_None && (PyType_Check(o) || PyFunction_Check(raw)))  // a class, a flag of an enumeration
    return checked_iterator(t, call_values(t, bind(t, raw, v, Py_TYPE(o), FJ_NAME("__iter__")), {}));
  if ((raw && raw != Py_None) || PySequence_Check(o)) cut(Reason::native_object, "iteration over ", v->cls->tp_name);
  t.raise(PyExc_TypeError, cat("'", Py_TYPE(o)->tp_name, "' object is not iterable"));
}

// An object that has __getitem__ only.
V iterate_by_index(Tracer& t, V v) {
  if (special(t, v, FJ_NAME("__getitem__"))) return over(t, v, Iter::Count, &PySeqIter_Type);
  t.raise(PyExc_TypeError, cat("'", v->cls->tp_name, "' object is not iterable"));
}

bool can_iterate(Tracer& t, V v) {
  if (v->is == Is::Const) {
    PyObject* iter = t.type_lookup(Py_TYPE(v->real), FJ_NAME("__iter__"));
    return (iter && iter != Py_None) || PySequence_Check(v->real);
  }
  return v->is != Is::Object || special(t, v, FJ_NAME("__iter__")) || special(t, v, FJ_NAME("__getitem__"));
}

bool own_iter(Tracer& t, V v) { return has_python_special(t, v, FJ_NAME("__iter__")); }

// A tensor whose class answers ops, and has nothing to say of how it is gone over.
bool has_own_rows(Tracer& t, V v) {
  TensorValue* plain = plain_tensor(v);
  if (!plain || !plain->outer) return false;
  auto own = [&](PyObject* name) { return t.type_lookup(v->cls, name) != _PyType_Lookup(tensor_type, name); };
  return !own(FJ_NAME("__iter__")) && (!own(FJ_NAME("__torch_function__")) || !overrides::type_answers(v->cls));
}

}  // namespace

void need_iterable(Tracer& t, V v, const char* what) {
  if ((v->is != Is::Const && v->is != Is::Object) || v->cls == &PyRange_Type) return;
  t.type_of(v);
  if (!can_iterate(t, v)) cut(Reason::raises, what, " of ", v->cls->tp_name, ", which cannot be gone over");
}

V iterate(Tracer& t, V v) {
  if (is_computed(t, v) && Py_TYPE(v->real) == &PyRange_Type)  // its length varies: used when the first element is
    return over(t, v, Iter::Sequence, &PyRangeIter_Type);
  t.use(v);
  if ((v->is == Is::Tuple || v->is == Is::List || v->is == Is::Dict) && own_iter(t, v))
    return checked_iterator(t, call_values(t, special(t, v, FJ_NAME("__iter__")), {}));
  switch (v->is) {
    case Is::Tuple: return over(t, v, Iter::Sequence, &PyTupleIter_Type);
    case Is::List: {
      auto* it = over(t, v, Iter::Sequence, is_deque(v) ? &PySeqIter_Type : &PyListIter_Type);
      it->live_writes = as<ListValue>(v)->writes;
      return it;
    }
    case Is::Dict: return live_iterator(t, as<DictValue>(v), ViewValue::Keys);
    case Is::View:
      return live_iterator(t, as<ViewValue>(v)->dict, is_proxy(v) ? ViewValue::Keys : as<ViewValue>(v)->what);
    case Is::Set: {
      auto* it = t.items_iterator(ordered_set(t, as<SetValue>(v)), &PySetIter_Type);
      it->live_set = as<SetValue>(v);
      it->live_size = static_cast<int64_t>(it->parts.size());
      return it;
    }
    case Is::Iterator: return v;
    case Is::Opaque:
      if (is_owned(v) && PySequence_Check(v->real)) {
        Ref real = Ref::steal(PyObject_GetIter(v->real));
        if (real) return over(t, v, Iter::Sequence, Py_TYPE(real.get()));
        t.raise_pending();
      }
      cut(Reason::native_object, "iteration over ", v->cls->tp_name);
    case Is::Const: return iterate_constant(t, v);
    case Is::Tensor: {
      const TensorMeta& meta = as_tensor(as<TensorValue>(v)->fake)->meta;
      if (!meta.sizes.empty()) t.check_size(meta.sizes[0]);
      Args none;
      return iterate(t, call_leaf_method(t, _PyType_Lookup(t.type_of(v), FJ_NAME("unbind")), v, none));
    }
    case Is::Array: return iterate_array(t, v);
    case Is::Object: {
      if (has_own_rows(t, v)) return iterate(t, call_values(t, get_attr(t, v, FJ_NAME("unbind")), {}));
      V it = special(t, v, FJ_NAME("__iter__"));
      return it ? checked_iterator(t, call_values(t, it, {})) : iterate_by_index(t, v);
    }
    default: cut(Reason::native_object, "iteration over ", v->cls->tp_name);
  }
}

namespace {

V next_in_sequence(Tracer& t, IteratorValue* it) {
  V s = it->over;
  t.use(s);
  if (is_deque(s) && it->live_writes != as<ListValue>(s)->writes)
    t.raise(PyExc_RuntimeError, "deque mutated during iteration");
  if (Values* items = sequence_items(s))
    return static_cast<size_t>(it->at) < items->size() ? (*items)[static_cast<size_t>(it->at++)] : nullptr;
  if (it->at >= PySequence_Size(s->real)) return nullptr;
  return t.constant(Ref::steal(PySequence_GetItem(s->real, it->at++)));
}

[[noreturn]] void uneven_zip(Tracer& t, size_t at, const char* how) {
  t.raise(PyExc_ValueError, cat("zip() argument ", at + 1, " is ", how, " than argument", at == 1 ? " " : "s 1-", at));
}

// A tuple that CPython gives again when nobody else holds it any more.
V reusable(TupleValue* tuple) {
  tuple->reused = true;
  return tuple;
}

V next_zip(Tracer& t, IteratorValue* it) {
  Values row;
  for (size_t i = 0; i < it->parts.size(); ++i) {
    V v = next(t, it->parts[i]);
    if (v) {
      row.push_back(v);
      continue;
    }
    if (it->strict) {
      if (i > 0) uneven_zip(t, i, "shorter");
      for (size_t j = i + 1; j < it->parts.size(); ++j)
        if (next(t, it->parts[j])) uneven_zip(t, j, "longer");
    }
    return nullptr;
  }
  return it->parts.empty() ? nullptr : reusable(t.tuple(std::move(row)));
}

V next_map(Tracer& t, IteratorValue* it) {
  Values row;
  for (V part : it->parts) {
    V v = next(t, part);
    if (!v) return nullptr;
    row.push_back(v);
  }
  return call_values(t, it->over, std::move(row));
}

V next_filter(Tracer& t, IteratorValue* it) {
  while (V v = next(t, it->parts[0])) {
    const bool keep = is_const(t, it->over, Py_None) ? truth(t, v) : truth(t, call_values(t, it->over, {v}));
    if (keep) return v;
  }
  return nullptr;
}

V next_enumerate(Tracer& t, IteratorValue* it) {
  V v = next(t, it->parts[0]);
  if (!v) return nullptr;
  V pair = reusable(t.tuple({it->count, v}));
  it->count = binary(t, 0, it->count, t.integer(1));
  return pair;
}

V next_item(Tracer& t, IteratorValue* it) {
  if (it->live && it->live_size != dict_length(t, it->live)) {
    it->live_size = -1;
    t.raise(PyExc_RuntimeError, "dictionary changed size during iteration");
  }
  if (it->live && it->live_writes != it->live->key_writes)
    cut(Reason::native_object, "a dict whose keys change while it is iterated over");
  if (it->live_set && it->live_size != length(t, it->live_set)) {
    it->live_size = -1;
    t.raise(PyExc_RuntimeError, "Set changed size during iteration");
  }
  const auto at = static_cast<size_t>(it->at);
  if (at >= it->parts.size()) return nullptr;
  ++it->at;
  return it->live ? live_item(t, it, at) : it->parts[at];
}

// reversed() of an object with __len__ and __getitem__, of a list or of a tuple.
V next_reversed(Tracer& t, IteratorValue* it) {
  if (it->at < 0) return nullptr;
  if (const Values* items = sequence_items(it->over))
    return it->at < static_cast<int64_t>(items->size()) ? (*items)[static_cast<size_t>(it->at--)] : nullptr;
  try {
    return get_item(t, it->over, t.integer(it->at--));
  } catch (Raised& r) {
    if (!PyType_IsSubtype(r.exception->cls, reinterpret_cast<PyTypeObject*>(PyExc_IndexError))) throw;
    return nullptr;
  }
}

// iter(function, sentinel). The function may have exhausted this very iterator meanwhile.
V next_sentinel(Tracer& t, IteratorValue* it) {
  V v = call_values(t, it->over, {});
  if (it->done || equal(t, v, it->parts[0])) return nullptr;
  return v;
}

V next_by_index(Tracer& t, IteratorValue* it) {
  V handled = t.handled;
  try {
    return get_item(t, it->over, t.integer(it->at++));
  } catch (Raised& r) {
    if (!PyType_IsSubtype(r.exception->cls, reinterpret_cast<PyTypeObject*>(PyExc_IndexError)) &&
        !PyType_IsSubtype(r.exception->cls, reinterpret_cast<PyTypeObject*>(PyExc_StopIteration)))
      throw;
    t.handled = handled;
    return nullptr;
  }
}

// What an iterator from outside will give is looked up; that it moves on is an effect.
V next_peek(Tracer& t, IteratorValue* it) {
  PyObject* owner = py::peek_owner(it->real);
  if (V over = owner ? t.seen(owner) : nullptr; over && over->changed)
    cut(Reason::outside_iterator, it->cls->tp_name, " over something that has changed");
  bool broken = false;
  Ref real = py::peek(it->real, it->at, &broken);
  if (broken) cut(Reason::outside_iterator, it->cls->tp_name);
  t.guard(Kind::HasNext, it->source, reinterpret_cast<PyObject*>(it->cls), {it->at, static_cast<bool>(real)});
  const SourceId source = t.source(Step::Peek, it->source, static_cast<int>(it->at++));
  return real ? t.wrap(t.keep(std::move(real)), source) : nullptr;
}

V next_of(Tracer& t, IteratorValue* it) {
  switch (it->how) {
    case Iter::Sequence: return next_in_sequence(t, it);
    case Iter::Items: return next_item(t, it);
    case Iter::Zip: return next_zip(t, it);
    case Iter::Map: return next_map(t, it);
    case Iter::Filter: return next_filter(t, it);
    case Iter::Enumerate: return next_enumerate(t, it);
    case Iter::Peek: return next_peek(t, it);
    case Iter::Generator: return resume_generator(t, it, nullptr, nullptr);
    case Iter::Count: return next_by_index(t, it);
    case Iter::Reversed: return next_reversed(t, it);
    case Iter::Sentinel: return next_sentinel(t, it);
    case Iter::Chain:
      while (static_cast<size_t>(it->at) < it->parts.size()) {
        if (V v = next(t, it->parts[static_cast<size_t>(it->at)])) return v;
        ++it->at;
      }
      return nullptr;
    default: cut(Reason::outside_iterator, it->cls->tp_name);
  }
}

}  // namespace

V live_item(Tracer& t, IteratorValue* it, size_t at) {
  V key = it->parts[at];
  if (it->live_what == ViewValue::Keys) return key;
  V value = nullptr;
  for (auto& e : it->live->entries)  // found again without asking it for its hash
    if (e.key == key && e.value) value = e.value;
  if (!value) cut(Reason::native_object, "a dict whose keys changed while it was iterated over");
  return it->live_what == ViewValue::Values_ ? value : reusable(t.tuple({key, value}));
}

namespace {

// An iterator that asks others does so again after its end; the others remember that they are exhausted.
bool asks_again(Iter how) {
  return how == Iter::Zip || how == Iter::Map || how == Iter::Filter || how == Iter::Enumerate ||
         how == Iter::Generator;
}

// What ends an iterator by StopIteration: NULL, and the exception in t.stop.
template <class F>
V until_stop(Tracer& t, F&& give) {
  V handled = t.handled;
  t.stop = nullptr;
  try {
    return give();
  } catch (Raised& r) {
    if (!PyType_IsSubtype(r.exception->cls, reinterpret_cast<PyTypeObject*>(PyExc_StopIteration))) throw;
    t.handled = handled;
    t.stop = r.exception;
    return nullptr;
  }
}

}  // namespace

V next(Tracer& t, V v) {
  constexpr int64_t kMostTaken = 200000;  // CPython counts faster than a trace does
  const CallRule rule = t.take_rule();
  if (++t.taken > kMostTaken) cut(Reason::too_long, "more than ", kMostTaken, " elements taken from iterators");
  t.use(v);
  if (v->is == Is::Iterator) {
    auto* it = as<IteratorValue>(v);
    if (it->how == Iter::Outside) cut(Reason::outside_iterator, it->cls->tp_name);
    t.stop = nullptr;
    if (it->done && !asks_again(it->how)) return nullptr;
    V value = it->how == Iter::Generator ? next_of(t, it) : until_stop(t, [&] { return next_of(t, it); });
    it->changed = it->outside();
    if (!value) it->done = true;
    if (value && it->substitute && value->is == Is::Tuple) as<TupleValue>(value)->reused = true;
    return value;
  }
  V method = v->is == Is::Object ? special(t, v, FJ_NAME("__next__")) : nullptr;
  if (!method) t.raise(PyExc_TypeError, cat("'", v->cls->tp_name, "' object is not an iterator"));
  return until_stop(t, [&] {
    t.call_rule = rule;
    return call_values(t, method, {});
  });
}

int64_t remaining(V v) {
  if (v->is != Is::Iterator) return -1;
  auto* it = as<IteratorValue>(v);
  if (it->done) return 0;
  switch (it->how) {
    case Iter::Sequence:
      if (Values* items = sequence_items(it->over)) return static_cast<int64_t>(items->size()) - it->at;
      if (!it->over->touched) return INT64_MAX;  // a range whose length varies
      return it->over->is == Is::Const ? PySequence_Size(it->over->real) - it->at : -1;
    case Iter::Items: return static_cast<int64_t>(it->parts.size()) - it->at;
    case Iter::Peek: return py::remaining(it->real) - it->at;
    case Iter::Reversed: return it->at + 1;
    case Iter::Map:
    case Iter::Filter:
    case Iter::Zip:
    case Iter::Enumerate: {
      int64_t least = -1;
      for (V part : it->parts) {
        const int64_t n = remaining(part);
        if (n >= 0 && (least < 0 || n < least)) least = n;
      }
      return least;
    }
    default: return -1;
  }
}

// list(), tuple(), extend() and * in a display ask how many elements to expect: that may be a method of the program's.
Values unpack_hinted(Tracer& t, V iterable) {
  t.use(iterable);
  if (iterable->is != Is::Object) return unpack(t, iterable);
  Values all;
  V it = iterate(t, iterable);
  if (V len = special(t, iterable, FJ_NAME("__len__"))) {
    V hint = call_values(t, len, {});
    if (hint->is != Is::Const || !PyLong_CheckExact(hint->real)) cut(Reason::raises, "__len__()");
    if (to_index(t, hint, "__len__()") < 0) t.raise(PyExc_ValueError, "__len__() should return >= 0");
  } else if (special(t, iterable, FJ_NAME("__length_hint__"))) {
    cut(Reason::native_call, "__length_hint__()");
  }
  while (V v = next(t, it)) all.push_back(v);
  return all;
}

Values unpack(Tracer& t, V iterable) {
  t.use(iterable);
  if (Values* items = sequence_items(iterable))
    if (!own_iter(t, iterable)) return *items;
  Values all;
  V it = iterate(t, iterable);
  while (V v = next(t, it)) all.push_back(v);
  return all;
}

}  // namespace fj::capture
