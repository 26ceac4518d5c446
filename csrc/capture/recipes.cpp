#include "capture/arrays.h"
#include "capture/asks.h"
#include "capture/recipes.h"

#include <unordered_set>

#include "capture/builtins.h"
#include "capture/owned.h"
#include "capture/substitute.h"
#include "capture/tensors.h"
#include "py/imported.h"

namespace fj::capture {

namespace {

[[noreturn]] void cannot(V v) { throw CannotRebuild{v->born, v->cls->tp_name}; }

template <class T>
PyObject* obj(T* type) {
  return reinterpret_cast<PyObject*>(type);
}

}  // namespace

RecipeId RecipeWriter::add(Make make, PyObject* object) {
  s_.recipes.push_back({});
  s_.recipes.back().make = make;
  s_.recipes.back().object = Ref::borrow(object);
  return static_cast<RecipeId>(s_.recipes.size()) - 1;
}

RecipeId RecipeWriter::constant(PyObject* object) {
  if (V made = t_.made(object)) return of(made);
  for (size_t i = 0; i < s_.recipes.size(); ++i)
    if (s_.recipes[i].make == Make::Const && s_.recipes[i].object.get() == object) return static_cast<RecipeId>(i);
  return add(Make::Const, object);
}

RecipeId RecipeWriter::source(guard::SourceId id) {
  const auto& row = t_.tree.sources()[id];
  if (row.step == Step::Const) return constant(row.key.get());
  for (size_t i = 0; i < s_.recipes.size(); ++i)
    if (s_.recipes[i].make == Make::Source && s_.recipes[i].index == id) return static_cast<RecipeId>(i);
  const RecipeId r = add(Make::Source);
  s_.recipes[static_cast<size_t>(r)].index = id;
  return r;
}

RecipeId RecipeWriter::call(PyObject* callable, std::vector<RecipeId> args) {
  const RecipeId id = add(Make::Call, callable);
  row(id).parts = std::move(args);
  return id;
}

RecipeId RecipeWriter::of(V v) {
  if (!v) return kNoRecipe;
  if (v->recipe == kBeingWritten) cannot(v);  // it is needed to make itself
  if (v->recipe != kNoRecipe) return v->recipe;
  written_.push_back(v);
  if (v->outside()) return v->recipe = source(v->source);
  v->recipe = kBeingWritten;
  return v->recipe = write(v);
}

RecipeId RecipeWriter::of_if_possible(V v) {
  const size_t recipes = s_.recipes.size(), outputs = outputs_.size(), written = written_.size();
  try {
    return of(v);
  } catch (CannotRebuild&) {  // what was half written must not be found again
    for (size_t i = written; i < written_.size(); ++i) written_[i]->recipe = kNoRecipe;
    written_.resize(written);
    s_.recipes.resize(recipes);
    outputs_.resize(outputs);
    return kNoRecipe;
  }
}

RecipeId RecipeWriter::parts(Make make, const Values& items, PyObject* object) {
  const RecipeId id = add(make, object);
  std::vector<RecipeId> ids;
  for (V v : items) ids.push_back(of(v));
  row(id).parts = std::move(ids);
  return id;
}

void RecipeWriter::attributes(RecipeId id, DictValue* d) {
  if (!d) return;
  for (auto& [k, v] : dict_items(t_, d)) {
    if (k->is != Is::Const || !PyUnicode_Check(k->real)) cannot(d);
    const RecipeId value = of(v);
    row(id).attrs.push_back({Ref::borrow(k->real), value});
  }
}

// The hashes of keys whose __hash__ is the program's, that it is not run again; empty if there are none.
Ref RecipeWriter::hashes(DictValue* d) {
  const auto entries = dict_entries(t_, d);
  Ref known;
  std::unordered_set<Py_hash_t> seen;
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto* custom = t_.custom_key(entries[i].stand);
    PyTypeObject* cls = entries[i].key->cls;
    if (entries[i].key->is == Is::Tuple && cls != &PyTuple_Type && !is_size_type(cls)) cannot(d);
    if (!custom) continue;
    if (native_base(d->cls) != &PyDict_Type) cannot(d);
    if (!known) {
      known = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(entries.size())));
      for (size_t k = 0; k < entries.size(); ++k)
        PyTuple_SET_ITEM(known.get(), static_cast<Py_ssize_t>(k), Py_NewRef(Py_None));
    }
    PyObject* hash = PyLong_FromSsize_t(custom->hash);
    PyObject* none = PyTuple_GET_ITEM(known.get(), static_cast<Py_ssize_t>(i));
    PyTuple_SET_ITEM(known.get(), static_cast<Py_ssize_t>(i), hash);
    Py_DECREF(none);
  }
  for (auto& e : known ? entries : std::vector<DictValue::Entry>{}) {  // equal hashes would be compared again
    const auto* custom = t_.custom_key(e.stand);
    if (!seen.insert(custom ? custom->hash : PyObject_Hash(e.stand)).second) cannot(d);
  }
  PyErr_Clear();
  return known;
}

RecipeId RecipeWriter::write_dict(DictValue* d) {
  if (d->default_factory) {  // collections.defaultdict(factory, {…})
    auto* plain = t_.dict();
    for (auto& [k, v] : dict_items(t_, d)) dict_set(t_, plain, k, v);
    return call(obj(d->cls), {of(d->default_factory), write_dict(plain)});
  }
  if (d->owner) {  // the object makes it
    PyObject* raw = _PyType_Lookup(d->owner->cls, FJ_NAME("__dict__"));
    Ref get = Ref::steal(raw ? PyObject_GetAttr(raw, FJ_NAME("__get__")) : nullptr);
    if (!get) PyErr_Clear();
    if (!get) cannot(d);
    return call(t_.keep(std::move(get)), {of(d->owner)});
  }
  const RecipeId id = d->recipe = add(Make::Dict, d->cls == &PyDict_Type ? nullptr : obj(d->cls));
  std::vector<RecipeId> ids;
  for (auto& e : dict_entries(t_, d)) {
    ids.push_back(of(e.key));
    ids.push_back(of(e.value));
  }
  Ref known = hashes(d);
  row(id).names = std::move(known);
  row(id).parts = std::move(ids);
  attributes(id, d->attrs);
  return id;
}

RecipeId RecipeWriter::write_object(ObjectValue* o) {
  if (!o->made_with.empty()) {
    static constinit py::Imported maker{"framejit._C", "_make_wrapper_subclass"};
    if (o->recorded) return o->recipe = of(o->recorded);
    if (needs_grad(o->tensor->fake) && !o->before_history) cannot(o);
    std::vector<RecipeId> ids;
    for (V v : o->made_with) ids.push_back(of(v));
    const RecipeId id = o->recipe = call(maker.get(), std::move(ids));
    row(id).names = Ref::borrow(o->made_names);
    attributes(id, o->dict);
    return id;
  }
  if (o->tensor) {
    if (o->dict && !o->dict->entries.empty()) cannot(o);
    V made = t_.made(obj(o->cls));
    const RecipeId tensor = of(o->tensor), cls = made ? of(made) : constant(obj(o->cls));
    return o->recipe = call(PyDict_GetItemString(tensor_type->tp_dict, "as_subclass"), {tensor, cls});
  }
  if (o->raised || is_substitute_class(o->cls)) cannot(o);
  if (o->args) {
    if (t_.made(obj(o->cls))) cannot(o);
    const RecipeId id = o->recipe = add(Make::Exception, obj(o->cls));
    std::vector<RecipeId> ids;
    for (V v : o->args->items) ids.push_back(of(v));
    row(id).parts = std::move(ids);
    if (o->has_cause && o->cause) {
      const RecipeId cause = of(o->cause);
      row(id).attrs.push_back({Ref::borrow(FJ_NAME("__cause__")), cause});
    }
    if (o->context) {
      const RecipeId context = of(o->context);
      row(id).attrs.push_back({Ref::borrow(FJ_NAME("__context__")), context});
    }
    attributes(id, o->dict);
    return id;
  }
  V made = t_.made(obj(o->cls));
  const RecipeId id = o->recipe = add(Make::Object, made ? nullptr : obj(o->cls));
  if (made) {
    const RecipeId cls = of(made);
    row(id).parts = {cls};
  }
  attributes(id, o->dict);
  for (auto& [descr, value] : o->slots) {
    if (!value) continue;
    const RecipeId part = of(value);
    row(id).attrs.push_back({Ref::borrow(reinterpret_cast<PyMemberDescrObject*>(descr)->d_common.d_name), part});
  }
  return id;
}

RecipeId RecipeWriter::write_function(FunctionValue* f) {
  if (is_substitute_part(f->globals) || is_array_part(f->globals)) cannot(f);
  const RecipeId id = f->recipe = add(Make::Function, obj(f->code));
  std::vector<RecipeId> ids{constant(f->globals), f->qualname ? of(f->qualname) : kNoRecipe, of(f->defaults),
                            of(f->kwdefaults)};
  if (f->closure.empty())
    ids.push_back(kNoRecipe);
  else
    ids.push_back(parts(Make::Tuple, f->closure));
  ids.push_back(of(f->annotations));
  row(id).parts = std::move(ids);
  for (auto& [name, v] : f->members) {
    const RecipeId value = of(v);
    row(id).attrs.push_back({Ref::borrow(name), value});
  }
  attributes(id, f->attrs);
  return id;
}

RecipeId RecipeWriter::write_generator(IteratorValue* g) {
  SymFrame& f = *g->frame;
  for (auto& [name, value] : f.function->members)  // it has its names from when it was made
    if (is_text(name, "__name__") || is_text(name, "__qualname__")) cannot(g);
  // Running, or waiting inside an except or finally clause, whose exception is kept outside the frame.
  if (f.started && !g->done && (f.state != SymFrame::Yielded || f.code.in_handler(f.pc))) cannot(g);
  const RecipeId id = g->recipe = add(Make::Generator);
  row(id).index = g->done ? kFinished : f.started ? f.pc : kFresh;
  std::vector<RecipeId> ids{of(f.function)};
  if (!g->done) {
    for (V v : f.locals) ids.push_back(of(v));
    if (f.started)
      for (V v : f.stack) ids.push_back(of(v));
  }
  row(id).parts = std::move(ids);
  return id;
}

namespace {

// Something of the same type that has no elements, for an iterator that is exhausted and has let its own go.
V emptied(Tracer& t, IteratorValue* it) {
  if (it->over->is == Is::List) return t.list();
  if (it->over->is == Is::Tuple) return t.tuple({});
  if (it->cls == &PyRangeIter_Type) return t.constant(Ref::steal(PyObject_CallFunction(obj(&PyRange_Type), "i", 0)));
  if (it->over->cls != &PyUnicode_Type && it->over->cls != &PyBytes_Type) cannot(it);
  return t.constant(Ref::steal(PyObject_CallNoArgs(obj(it->over->cls))));
}

bool has_keys_in_order(Tracer& t, DictValue* d, const Values& keys) {
  const auto items = dict_items(t, d);
  if (items.size() != keys.size()) return false;
  for (size_t i = 0; i < keys.size(); ++i)
    if (items[i].first != keys[i]) return false;
  return true;
}

}  // namespace

// A real iterator over a dict or set looks at its size and goes on at its own place: what it goes over must be as it
// was.
RecipeId RecipeWriter::write_live(IteratorValue* it) {
  V over = it->live ? static_cast<V>(it->live) : it->live_set;
  if (it->done || (over->outside() && over->changed)) cannot(it);
  const RecipeId id = add(Make::Iterator);
  RecipeId of_what;
  if (it->live) {
    if (it->live_writes != it->live->key_writes) cannot(it);
    if (native_base(over->cls) != &PyDict_Type || !has_keys_in_order(t_, it->live, it->parts)) cannot(it);
    if (it->cls == reversed_dict_type()) cannot(it);
    static constexpr const char* kNames[] = {"keys", "items", "values"};
    of_what = call(_PyType_Lookup(&PyDict_Type, intern(kNames[it->live_what])), {of(over)});
  } else {
    if (ordered_set(t_, it->live_set) != it->parts) cannot(it);
    of_what = of(over);
  }
  row(id).parts = {of_what};
  row(id).index = static_cast<int32_t>(it->at);
  return id;
}

namespace {

// itertools.repeat(x): it is the same however often it was asked.
bool is_endless_repeat(const IteratorValue* it) {
  return it->maker_args.size() == 1 && std::string_view(it->cls->tp_name) == "itertools.repeat";
}

// The arguments with which a count that has begun would be made: what it gave last, and a step more.
Values rest_of_count(Tracer& t, const IteratorValue* it) {
  if (std::string_view(it->cls->tp_name) != "itertools.count" || it->maker_args.size() > 2 || !it->frame) return {};
  V last = nullptr;
  for (int i = 0; i < it->frame->code.locals_count(); ++i)
    if (is_text(it->frame->code.local_name(i), "n")) last = it->frame->locals[static_cast<size_t>(i)];
  V step = it->maker_args.size() == 2 ? it->maker_args[1] : t.integer(1);
  auto known = [](V v) { return v && v->is == Is::Const && v->slot < 0 && (v->touched || !v->outside()); };
  if (!known(last) || !known(step)) return {};
  Ref next = Ref::steal(PyNumber_Add(last->real, step->real));
  if (!next) PyErr_Clear();
  return next ? Values{t.constant(std::move(next)), step} : Values{};
}

}  // namespace

RecipeId RecipeWriter::write_iterator(IteratorValue* it) {
  auto iterator = [&](RecipeId over, int64_t at) {
    const RecipeId id = add(Make::Iterator);
    row(id).parts = {over};
    row(id).index = static_cast<int32_t>(at);
    return id;
  };
  auto with = [&](PyObject* callable, std::vector<RecipeId> args) {
    for (V v : it->parts) args.push_back(of(v));
    return call(callable, std::move(args));
  };
  if (it->substitute) {
    Values given = it->maker_args;
    if (!it->maker || !it->frame) cannot(it);
    if (it->frame->started && !is_endless_repeat(it) && (given = rest_of_count(t_, it)).empty()) cannot(it);
    std::vector<RecipeId> args;
    for (V v : given) args.push_back(of(v));
    return call(it->maker, std::move(args));
  }
  if (it->how == Iter::Generator) return write_generator(it);
  switch (it->how) {
    case Iter::Sequence:
      if (is_deque(it->over)) cannot(it);
      return it->done ? iterator(of(emptied(t_, it)), 0) : iterator(of(it->over), it->at);
    case Iter::Reversed: {
      if (it->done || !sequence_items(it->over)) cannot(it);
      const RecipeId id = iterator(of(it->over), it->at);
      row(id).object = Ref::borrow(obj(&PyReversed_Type));
      return id;
    }
    case Iter::Items:
      if (it->live || it->live_set) return write_live(it);
      if (it->cls != &PyTupleIter_Type) cannot(it);
      return iterator(parts(Make::Tuple, it->parts), it->at);
    case Iter::Zip:
      if (it->strict && !it->parts.empty()) {
        const RecipeId id = with(obj(&PyZip_Type), {});
        const RecipeId yes = constant(Py_True);
        row(id).parts.push_back(yes);
        row(id).names = Ref::steal(PyTuple_Pack(1, FJ_NAME("strict")));
        return id;
      }
      return with(obj(&PyZip_Type), {});
    case Iter::Map: return with(obj(&PyMap_Type), {of(it->over)});
    case Iter::Filter: return with(obj(&PyFilter_Type), {of(it->over)});
    case Iter::Enumerate: return call(obj(&PyEnum_Type), {of(it->parts[0]), of(it->count)});
    default: cannot(it);
  }
}

RecipeId RecipeWriter::write_tensor(TensorValue* v) {
  if (!t_.tensors->value_of(v->fake)) cannot(v);  // batched, of a vmap that the trace was in
  size_t i = 0;
  while (i < outputs_.size() && outputs_[i] != v->fake) ++i;
  if (i == outputs_.size()) outputs_.push_back(v->fake);
  const RecipeId id = add(Make::Output);
  row(id).index = static_cast<int32_t>(i);
  return id;
}

RecipeId RecipeWriter::write(V v) {
  if (v->cls && v->is != Is::Object && v->is != Is::Const && v->is != Is::Tuple && t_.made(obj(v->cls))) cannot(v);
  switch (v->is) {
    case Is::Const: {
      if (const auto* maker = t_.maker_of(v)) {
        const RecipeId id = v->recipe = add(Make::Call, maker->callable);
        std::vector<RecipeId> ids;
        for (V a : maker->args) ids.push_back(of(a));
        row(id).parts = std::move(ids);
        return id;
      }
      if (v->slot == kNoSlot) return constant(v->real);
      const RecipeId id = add(Make::Number);
      row(id).index = t_.tape->number(v->slot);
      return id;
    }
    case Is::Array: return write_array(*this, t_, as<ArrayValue>(v));
    case Is::Tensor: return write_tensor(as<TensorValue>(v));
    case Is::Tuple: {
      if (V made = t_.made(obj(v->cls))) {
        if (as<TupleValue>(v)->attrs) cannot(v);
        static PyObject* const make = PyObject_GetAttrString(obj(&PyTuple_Type), "__new__");
        return v->recipe = call(make, {of(made), parts(Make::Tuple, as<TupleValue>(v)->items)});
      }
      if (v->cls != &PyTuple_Type && !is_python_class(v->cls))  // Size, named results of ops
        return call(obj(v->cls), {parts(Make::Tuple, as<TupleValue>(v)->items)});
      const RecipeId id = v->recipe = add(Make::Tuple, v->cls == &PyTuple_Type ? nullptr : obj(v->cls));
      std::vector<RecipeId> ids;
      for (V item : as<TupleValue>(v)->items) ids.push_back(of(item));
      row(id).parts = std::move(ids);
      attributes(id, as<TupleValue>(v)->attrs);
      return id;
    }
    case Is::List: {
      if (is_deque(v)) {
        for (V item : as<ListValue>(v)->items)
          if (item == v) cannot(v);
        V plain = t_.list(as<ListValue>(v)->items);
        const int64_t bound = as<ListValue>(v)->maxlen;
        return call(obj(v->cls), {of(plain), of(bound < 0 ? t_.none() : t_.integer(bound))});
      }
      const RecipeId id = v->recipe = add(Make::List, v->cls == &PyList_Type ? nullptr : obj(v->cls));
      std::vector<RecipeId> ids;
      for (V item : as<ListValue>(v)->items) ids.push_back(of(item));
      row(id).parts = std::move(ids);
      attributes(id, as<ListValue>(v)->attrs);
      return id;
    }
    case Is::Set:
      for (V item : set_items(as<SetValue>(v)))
        if (item->is == Is::Object && has_python_special(t_, item, FJ_NAME("__hash__"))) cannot(v);
      return parts(v->cls == &PySet_Type ? Make::Set : Make::FrozenSet, set_items(as<SetValue>(v)));
    case Is::Dict: return write_dict(as<DictValue>(v));
    case Is::Object: return write_object(as<ObjectValue>(v));
    case Is::Function: return write_function(as<FunctionValue>(v));
    case Is::Method: {
      if (as<MethodValue>(v)->self->is == Is::Array) cannot(v);
      const RecipeId id = v->recipe = add(Make::Method);
      const RecipeId func = of(as<MethodValue>(v)->func), self = of(as<MethodValue>(v)->self);
      row(id).parts = {func, self};
      return id;
    }
    case Is::Native: {  // not getattr: a class further down may have the name too
      auto* n = as<NativeValue>(v);
      Ref get = Ref::steal(PyObject_GetAttr(n->descr, FJ_NAME("__get__")));
      if (!get) PyErr_Clear();
      if (!get) cannot(v);
      // With the class: some of 3.13's descriptors ask it without looking whether there is one.
      return call(t_.keep(std::move(get)), {of(n->self), of(t_.constant(obj(t_.type_of(n->self))))});
    }
    case Is::Cell: {
      const RecipeId id = v->recipe = add(Make::Cell);
      const RecipeId contents = of(as<CellValue>(v)->contents);
      row(id).parts = {contents};
      return id;
    }
    case Is::Slice:
      return parts(Make::Slice, {as<SliceValue>(v)->start, as<SliceValue>(v)->stop, as<SliceValue>(v)->step});
    case Is::Iterator: return write_iterator(as<IteratorValue>(v));
    case Is::Super:
      return call(obj(&PySuper_Type), {constant(obj(as<SuperValue>(v)->after)), of(as<SuperValue>(v)->self)});
    case Is::View: {
      if (is_proxy(v)) return call(obj(&PyDictProxy_Type), {of(as<ViewValue>(v)->dict)});
      static constexpr const char* kNames[] = {"keys", "items", "values"};
      DictValue* dict = as<ViewValue>(v)->dict;  // an OrderedDict has views of its own
      PyObject* method = _PyType_Lookup(native_base(dict->cls), intern(kNames[as<ViewValue>(v)->what]));
      if (!method) cannot(v);
      return call(method, {of(dict)});
    }
    case Is::Partial: {
      auto* p = as<PartialValue>(v);
      std::vector<RecipeId> ids{of(p->func)};
      for (V a : p->args) ids.push_back(of(a));
      if (p->keywords.empty()) {
        const RecipeId made = p->recipe = call(obj(v->cls), std::move(ids));
        attributes(made, p->attrs);
        return made;
      }
      Ref names = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(p->keywords.size())));
      for (size_t i = 0; i < p->keywords.size(); ++i) {
        PyTuple_SET_ITEM(names.get(), static_cast<Py_ssize_t>(i), Py_NewRef(p->keywords[i].first));
        ids.push_back(of(p->keywords[i].second));
      }
      const RecipeId made = call(obj(v->cls), std::move(ids));
      row(made).names = std::move(names);
      attributes(made, p->attrs);
      return made;
    }
    case Is::Opaque: {
      Ref copier = is_owned(v) ? copier_of(v) : Ref();
      if (!copier) cannot(v);
      return call(t_.keep(std::move(copier)), {});
    }
  }
  cannot(v);
}

namespace {

// Looks for a ring through a call: what is made by a call is made with all that it needs.
struct RingSearch {
  const std::vector<Recipe>& recipes;
  const std::vector<V>& values;
  std::vector<char> seen;  // 0: not yet, 1: on the path, 2: done
  std::vector<size_t> path;

  void visit(size_t at) {
    seen[at] = 1;
    path.push_back(at);
    if (recipes[at].make != Make::Cell)
      for (RecipeId part : recipes[at].parts) {
        if (part < 0) continue;
        if (seen[static_cast<size_t>(part)] == 1) close(static_cast<size_t>(part));
        if (!seen[static_cast<size_t>(part)]) visit(static_cast<size_t>(part));
      }
    path.pop_back();
    seen[at] = 2;
  }

  void close(size_t first) {
    bool calls = false;
    V last = nullptr;
    for (size_t i = path.size(); i-- > 0;) {
      calls |= recipes[path[i]].make == Make::Call || recipes[path[i]].make == Make::Iterator;
      V v = values[path[i]];
      if (v && (!last || v->born > last->born)) last = v;
      if (path[i] == first) break;
    }
    if (calls && last) cannot(last);
  }
};

}  // namespace

void RecipeWriter::check_order() {
  std::vector<V> values(s_.recipes.size());
  for (V v : written_)
    if (v->recipe >= 0) values[static_cast<size_t>(v->recipe)] = v;
  RingSearch search{s_.recipes, values, std::vector<char>(s_.recipes.size()), {}};
  for (size_t i = 0; i < s_.recipes.size(); ++i)
    if (!search.seen[i]) search.visit(i);
}

}  // namespace fj::capture
