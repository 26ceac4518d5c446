// Using an outside object: the guard that its kind needs, and what may be read from it then.
#include <algorithm>

#include "base/hash.h"
#include "capture/arrays.h"
#include "capture/builtins.h"
#include "capture/tensors.h"
#include "capture/tracer.h"
#include "guard/nothing.h"
#include "py/iterators.h"
#include "py/watch.h"

namespace fj::capture {

void Tracer::guard(Kind kind, SourceId source, PyObject* object, std::vector<int64_t> numbers, PyObject* extra,
                   SourceId other) {
  if (source != guard::kNoSource && tree.sources()[source].step == Step::Const && kind != Kind::SameObject) {
    if (kind == Kind::TypeIs || kind == Kind::Same) return;  // an object that is held does not become another
  }
  if (source != guard::kNoSource && is_own_source(tree.sources(), source)) return;  // our own code stays as it is
  if (tree.is_loose(kind, source))
    cut(Reason::varying, tree.sources().describe(source, entry.code), " differs from call to call");
  guard::Check check;
  check.kind = kind;
  check.source = source;
  check.other = other;
  check.object = Ref::borrow(object);
  check.extra = Ref::borrow(extra);
  check.numbers = std::move(numbers);
  const int64_t first = check.numbers.empty() ? 0 : check.numbers[0];  // an iterator has one check for each round
  auto& same = guard_index_[Hasher()
                                .add(static_cast<uint64_t>(kind))
                                .add(static_cast<uint64_t>(source))
                                .add(static_cast<uint64_t>(first))
                                .value()];
  for (size_t i : same)
    if (guards_[i].same_as(check)) return;
  same.push_back(guards_.size());
  guards_.push_back(std::move(check));
}

void Tracer::check_size(Py_ssize_t elements) {
  constexpr Py_ssize_t kMost = 5000;
  if (elements > kMost) cut(Reason::too_long, "a container of more than ", kMost, " elements");
}

void Tracer::touch_const(V v) {
  PyObject* o = v->real;
  if (v->slot != kNoSlot) return specialise(v);
  const bool by_identity = o == Py_None || PyBool_Check(o) || o == Py_Ellipsis || o == Py_NotImplemented ||
                           is_identity_constant(o) || !is_plain_constant(o);
  guard(by_identity ? Kind::Same : Kind::Equal, v->source, o);
  keep(Ref::borrow(o));
}

namespace {

void read_deque(Tracer& t, ListValue* v) {
  const Py_ssize_t n = Py_SIZE(v->real);
  t.guard(Kind::Length, v->source, reinterpret_cast<PyObject*>(v->cls), {n});
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref item = Ref::steal(PySequence_GetItem(v->real, i));
    v->items.push_back(t.wrap(t.keep(std::move(item)), t.source(Step::Item, v->source, static_cast<int>(i))));
  }
  PyObject* member = _PyType_Lookup(v->cls, FJ_NAME("maxlen"));
  Ref bound = Ref::steal(PyObject_GetAttrString(v->real, "maxlen"));
  if (!bound || !member) cut(Reason::native_object, "a deque without maxlen");
  t.use(t.wrap(t.keep(bound), t.source(Step::Getter, v->source, 0, member)));
  if (bound.get() != Py_None) v->maxlen = PyLong_AsLongLong(bound.get());
}

void read_items(Tracer& t, V v, Values& items) {
  const Py_ssize_t n = PyTuple_Check(v->real) ? PyTuple_GET_SIZE(v->real) : PyList_GET_SIZE(v->real);
  t.check_size(n);
  const Values appended = std::exchange(items, {});
  t.guard(Kind::Length, v->source, reinterpret_cast<PyObject*>(v->cls), {n});
  items.reserve(static_cast<size_t>(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = PyTuple_Check(v->real) ? PyTuple_GET_ITEM(v->real, i) : PyList_GET_ITEM(v->real, i);
    items.push_back(t.wrap(item, t.source(Step::Item, v->source, static_cast<int>(i))));
  }
  items.insert(items.end(), appended.begin(), appended.end());
}

void read_set(Tracer& t, SetValue* v) {
  t.check_size(PySet_GET_SIZE(v->real));
  v->index = Ref::steal(PyDict_New());
  Ref elements = Ref::steal(PySequence_List(v->real)), ordered = Ref::steal(PySequence_Tuple(elements.get()));
  t.guard(Kind::TypeIs, v->source, reinterpret_cast<PyObject*>(v->cls));
  t.guard(Kind::SetItems, v->source, ordered.get());
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(elements.get()); ++i) {
    PyObject* e = PyList_GET_ITEM(elements.get(), i);
    if (!is_constant_key(e)) cut(Reason::custom_key, "a set of ", Py_TYPE(e)->tp_name);
    Ref at = Ref::steal(PyLong_FromSize_t(v->items.size()));
    v->items.push_back(t.wrap_known(e));
    PyDict_SetItem(v->index.get(), e, at.get());
  }
}

void read_function(Tracer& t, FunctionValue* v) {
  auto* f = reinterpret_cast<PyFunctionObject*>(v->real);
  if (!py::is_called_as_usual(v->real)) cut(Reason::native_call, "a function with a vectorcall of its own");
  v->code = reinterpret_cast<PyCodeObject*>(f->func_code);
  v->globals = f->func_globals;
  t.guard(Kind::Code, v->source, f->func_code, {}, f->func_globals);
  if (!f->func_closure) return;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(f->func_closure); ++i)
    v->closure.push_back(
        t.wrap(PyTuple_GET_ITEM(f->func_closure, i), t.source(Step::Closure, v->source, static_cast<int>(i))));
}

void read_method(Tracer& t, MethodValue* v) {
  t.guard(Kind::TypeIs, v->source, reinterpret_cast<PyObject*>(v->cls));
  v->func = t.wrap(PyMethod_GET_FUNCTION(v->real), t.source(Step::MethodFunc, v->source));
  v->self = t.wrap(PyMethod_GET_SELF(v->real), t.source(Step::MethodSelf, v->source));
}

PyObject* member(PyTypeObject* type, const char* name) { return _PyType_Lookup(type, intern(name)); }

// A partial's parts never change; each is reached through its C member.
void read_partial(Tracer& t, PartialValue* v) {
  t.guard(Kind::TypeIs, v->source, reinterpret_cast<PyObject*>(v->cls));
  auto part = [&](const char* name) {
    Ref value = Ref::steal(PyObject_GetAttrString(v->real, name));
    return t.wrap(t.keep(value), t.source(Step::Slot, v->source, 0, member(v->cls, name)));
  };
  v->func = part("func");
  V args = part("args"), keywords = part("keywords");
  t.use(args);
  v->args = as<TupleValue>(args)->items;
  t.use(keywords);
  PyObject *key, *value;
  Py_ssize_t pos = 0;
  Ref keys = Ref::steal(PySequence_Tuple(keywords->real));
  t.guard(Kind::Keys, keywords->source, keys.get());
  while (PyDict_Next(keywords->real, &pos, &key, &value))
    v->keywords.push_back({key, t.wrap(value, t.source(Step::Key, keywords->source, 0, key))});
}

// What a zip or an enumerate is made of; the others hold nothing that can be seen.
void read_iterator(Tracer& t, IteratorValue* v) {
  t.guard(Kind::TypeIs, v->source, reinterpret_cast<PyObject*>(v->cls));
  if (v->how != Iter::Zip && v->how != Iter::Enumerate) return;
  Py_ssize_t n = 0;
  for (; PyObject* part = py::part_of(v->real, n); ++n)
    v->parts.push_back(t.wrap(part, t.source(Step::IterPart, v->source, static_cast<int>(n))));
  t.guard(Kind::Absent, t.source(Step::IterPart, v->source, static_cast<int>(n)));
  if (v->how == Iter::Enumerate) v->count = t.wrap(t.keep(py::count_of(v->real)), t.source(Step::IterCount, v->source));
}

}  // namespace

void Tracer::touch(V v) {
  v->touched = true;
  switch (v->is) {
    case Is::Const: touch_const(v); break;
    case Is::Tensor: tensors->make_input(*this, as<TensorValue>(v)); break;
    case Is::Tuple: read_items(*this, v, as<TupleValue>(v)->items); break;
    case Is::List:
      if (is_deque(v))
        read_deque(*this, as<ListValue>(v));
      else
        read_items(*this, v, as<ListValue>(v)->items);
      break;
    case Is::Set: read_set(*this, as<SetValue>(v)); break;
    case Is::Function: read_function(*this, as<FunctionValue>(v)); break;
    case Is::Method: read_method(*this, as<MethodValue>(v)); break;
    case Is::Partial: read_partial(*this, as<PartialValue>(v)); break;
    case Is::Iterator: read_iterator(*this, as<IteratorValue>(v)); break;
    case Is::Dict:
      as<DictValue>(v)->index = Ref::steal(PyDict_New());
      if (tree.sources()[v->source].step != Step::InstanceDict)
        guard(Kind::TypeIs, v->source, reinterpret_cast<PyObject*>(v->cls));
      break;
    default: guard(Kind::TypeIs, v->source, reinterpret_cast<PyObject*>(v->cls)); break;
  }
}

// A constant's type alone: its value may vary.
void Tracer::touch_type(V v) {
  if (v->is == Is::Const && v->outside() && v->real != Py_None)
    guard(Kind::TypeIs, v->source, reinterpret_cast<PyObject*>(v->cls));
  else
    touch(v);
}

// A facts dict maps names to objects.
Ref Tracer::facts_of(std::unordered_map<PyObject*, Ref>& facts, PyObject* owner) {
  Ref& slot = facts[owner];
  if (!slot) {
    slot = Ref::steal(PyDict_New());
    keep(Ref::borrow(owner));
  }
  return slot;
}

// No look-up in a class may run the __eq__ of a strange key in its dict.
void Tracer::check_type_keys(PyTypeObject* type) {
  if (!(type->tp_flags & Py_TPFLAGS_READY) || !type->tp_mro) cut(Reason::native_object, "a class that is being made");
  if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || !plain_types_.insert(type).second) return;
  for (Py_ssize_t i = 0; type->tp_mro && i < PyTuple_GET_SIZE(type->tp_mro); ++i) {
    auto* base = reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(type->tp_mro, i));
    if (!(base->tp_flags & Py_TPFLAGS_HEAPTYPE) || (base != type && !plain_types_.insert(base).second)) continue;
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(base->tp_dict, &at, &key, &value))
      if (!PyUnicode_Check(key)) cut(Reason::custom_key, "a class with a name that is no text");
  }
}

PyObject* Tracer::type_lookup(PyTypeObject* type, PyObject* name) {
  if (!class_writes.empty())
    if (PyObject* written = written_class_attr(type, name)) return written;
  if (!makers_.empty() && made(reinterpret_cast<PyObject*>(type))) {
    PyObject* dict = type->tp_dict;
    if (PyObject* own = dict ? PyDict_GetItemWithError(dict, name) : nullptr) return own;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type->tp_bases); ++i)
      type_lookup(reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(type->tp_bases, i)), name);
    return _PyType_Lookup(type, name);
  }
  check_type_keys(type);
  PyObject* found = _PyType_Lookup(type, name);
  Ref facts = facts_of(type_facts_, reinterpret_cast<PyObject*>(type));
  PyDict_SetItem(facts.get(), name, found ? found : guard::nothing());
  return found;
}

PyObject* Tracer::dict_fact(PyObject* dict, PyObject* name) {
  PyObject* found = PyDict_GetItemWithError(dict, name);
  if (!found && PyErr_Occurred()) raise_pending();
  if (is_array_part(dict)) return found;
  Ref facts = facts_of(dict_facts_, dict);
  PyDict_SetItem(facts.get(), name, found ? found : guard::nothing());
  return found;
}

namespace {

// A cell of the function that is running, if its code has been checked: it has as many as that says.
bool is_own_cell(const guard::SourceTable& sources, SourceId id) {
  return sources[id].step == Step::Closure && sources[sources[id].parent].step == Step::Function;
}

// The frame's local that holds that cell since the frame began.
bool is_own_local(const guard::SourceTable& sources, SourceId cell, SourceId local, const PyCodeObject* code) {
  return is_own_cell(sources, cell) && sources[local].step == Step::Local &&
         sources[local].index == code->co_nlocalsplus - code->co_nfreevars + sources[cell].index;
}

// Whoever checks something about an object has found it, and what it was reached through. A running function has its
// cells.
void drop_implied(const guard::SourceTable& sources, const PyCodeObject* code, std::vector<guard::Check>& checks) {
  std::erase_if(checks, [&](const guard::Check& c) {
    if (c.kind == Kind::Absent) return !c.numbers.empty() && is_own_cell(sources, c.source);
    return c.kind == Kind::SameObject &&
           (is_own_local(sources, c.source, c.other, code) || is_own_local(sources, c.other, c.source, code));
  });
  std::vector<bool> found(static_cast<size_t>(sources.size()));
  auto mark = [&](SourceId id) {
    for (; id != guard::kNoSource && !found[static_cast<size_t>(id)]; id = sources[id].parent)
      found[static_cast<size_t>(id)] = true;
  };
  auto says_present = [](const guard::Check& c) { return c.kind == Kind::Absent && !c.numbers.empty(); };
  for (const auto& c : checks)
    if (says_present(c))
      mark(sources[c.source].parent);
    else if (c.kind != Kind::Absent && c.kind != Kind::SameObject && c.kind != Kind::DifferentObjects)
      mark(c.source);
  // An iterator that has a tenth element has the nine before.
  std::unordered_map<SourceId, int64_t> last;
  auto gives = [](const guard::Check& c) { return c.kind == Kind::HasNext && c.numbers[1]; };
  for (const auto& c : checks)
    if (gives(c)) last[c.source] = std::max(last[c.source], c.numbers[0]);
  std::erase_if(checks, [&](const auto& c) {
    return (says_present(c) && found[static_cast<size_t>(c.source)]) || (gives(c) && c.numbers[0] < last[c.source]);
  });
}

}  // namespace

std::vector<guard::Check> Tracer::finish_guards() {
  // Writes to one outside object must not show in another that was read: those two stay different objects.
  // Of two instance dicts, the instances are compared.
  auto owner = [&](V v) {
    const auto& path = tree.sources()[v->source];
    return path.step == Step::InstanceDict ? path.parent : v->source;
  };
  for (V a : outside_) {
    if (!a->changed) continue;
    for (V b : outside_) {
      const bool alike = b->cls == a->cls && (owner(a) == a->source) == (owner(b) == b->source);
      if (a == b || !alike || !b->touched || (b->changed && b < a) || owner(a) == owner(b)) continue;
      guard(Kind::DifferentObjects, owner(a), nullptr, {}, nullptr, owner(b));
    }
  }
  std::vector<guard::Check> all;
  all.swap(guards_);
  drop_implied(tree.sources(), entry.code, all);
  guard_index_.clear();
  // The check that may compile is the last one.
  std::stable_partition(all.begin(), all.end(), [](const guard::Check& c) { return c.kind != Kind::Admitted; });
  for (auto* facts : {&type_facts_, &dict_facts_})
    for (auto& [owner, rows] : *facts)
      if (PyObject_GC_IsTracked(rows.get())) PyObject_GC_UnTrack(rows.get());  // the tree visits what is in it
  for (auto& [owner, facts] : type_facts_) guard(Kind::TypeFacts, guard::kNoSource, owner, {}, facts.get());
  for (auto& [owner, facts] : dict_facts_) guard(Kind::DictFacts, guard::kNoSource, owner, {}, facts.get());
  all.insert(all.end(), guards_.begin(), guards_.end());
  return all;
}

}  // namespace fj::capture
