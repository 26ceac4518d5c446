// Making plans: which sources lead along paths whose every step can be watched (*fixed* ones; all others are *live*),
// and what the checks about fixed sources say now.
#include <unordered_map>
#include <unordered_set>

#include "guard/nothing.h"
#include "guard/plan.h"
#include "py/iterators.h"
#include "py/watch.h"
#include "tensor/facts.h"

namespace fj::guard {

namespace {

constexpr size_t kWorthwhile = 8;  // checks to be saved, at least

// A root that calls are likely to bring again. What is made afresh for each call is checked faster than planned for.
bool lasting(PyObject* v) {
  if (PyFunction_Check(v) || PyMethod_Check(v) || PyModule_Check(v) || PyCell_Check(v) || PyType_Check(v)) return true;
  if (is_tensor(v) || PyTuple_Check(v) || PyList_Check(v) || PyDict_Check(v) || PyAnySet_Check(v)) return false;
  return (Py_TYPE(v)->tp_flags & Py_TPFLAGS_HEAPTYPE) && PyObject_IS_GC(v);
}

bool on_tensor(const Check& c) { return c.kind == Kind::Tensor || c.kind == Kind::Sizes || c.kind == Kind::SomeSizes; }

}  // namespace

class Planner {
 public:
  Planner(const PlanInput& in, const Entry& entry)
      : in_(in), entry_(entry), fetched_(in.sources, entry), state_(static_cast<size_t>(in.sources.size())) {}

  std::unique_ptr<Plan> run();

 private:
  enum class State : uint8_t { Unknown, Fixed, Live };
  enum class Known : uint8_t { Passes, Fails, Live };

  bool fixed(SourceId id);
  bool walk(SourceId id, const Source& s);
  bool walk_root(SourceId id, const Source& s);
  bool walk_from(SourceId id, const Source& s, PyObject* from);
  bool walk_item(SourceId id, const Source& s, PyObject* from);
  bool walk_function(SourceId id, const Source& s, PyObject* from);

  Known known(const Check& c);
  Known known_one(const Check& c);
  Known known_two(const Check& c);
  Known known_storages(const Check& c);
  Known known_truth(const Check& c, PyObject* v);
  bool watch_facts(const Check& c, bool is_type);
  void preset(SourceId id);
  void preset_for(const Check& c);
  void preset_inputs(int segment, bool only);

  // Each adds what says that this stays so; false if nothing can.
  bool word(SourceId id, const void* at) {
    if (seen_.insert(at).second) add_word(id, at, Plan::Of::Value, 0);
    return true;
  }
  void add_word(SourceId id, const void* at, Plan::Of of, int32_t facts) {
    plan_->words_.push_back({at, py::word_at(at)});
    plan_->origins_.push_back({of, facts, id});
  }
  bool type_of(SourceId id, PyObject* v) { return typed_.count(v) || word(id, &v->ob_type); }
  bool key(SourceId id, PyObject* dict, PyObject* name, PyObject* value);
  bool owner_fact(SourceId id, PyObject* owner, PyObject* name, PyObject* value, bool is_type);
  bool keys_exactly(SourceId id, PyObject* dict);
  void tensor(SourceId id, PyObject* v, bool storage);

  const PlanInput& in_;
  const Entry& entry_;
  Fetched fetched_;
  std::vector<State> state_;
  std::unique_ptr<Plan> plan_ = std::make_unique<Plan>();
  std::unordered_set<const void*> seen_;
  std::unordered_set<PyObject*> typed_;  // objects whose type follows from the dict that holds them
  std::unordered_map<PyObject*, int32_t> owners_, tensors_;
  std::vector<uint8_t> preset_;
};

bool Planner::fixed(SourceId id) {
  State& s = state_[static_cast<size_t>(id)];
  if (s == State::Unknown) {
    const bool changeable =
        static_cast<size_t>(id) < in_.changeable.size() && in_.changeable[static_cast<size_t>(id)] != 0;
    const bool ok = !changeable && walk(id, in_.sources[id]);
    state_[static_cast<size_t>(id)] = ok ? State::Fixed : State::Live;
    return ok;
  }
  return s == State::Fixed;
}

bool Planner::walk(SourceId id, const Source& s) {
  if (s.step == Step::Const) return true;
  if (s.parent == kNoSource) return walk_root(id, s);
  if (!fixed(s.parent)) return false;
  PyObject* from = fetched_.get(s.parent);
  return !from || walk_from(id, s, from);  // nothing hangs on nothing
}

bool Planner::walk_root(SourceId id, const Source& s) {
  if (s.step != Step::Local && s.step != Step::Stack && s.step != Step::Function) return false;
  PyObject* v = fetched_.get(id);
  if (!v || !lasting(v)) return false;
  plan_->roots_.push_back({s.step, s.index, v, id});
  return true;
}

// The type of what a step is taken from is part of the path: nearly every step depends on it.
bool Planner::walk_from(SourceId id, const Source& s, PyObject* from) {
  type_of(s.parent, from);
  switch (s.step) {
    case Step::TypeOf: return true;
    case Step::Item: return walk_item(id, s, from);
    case Step::Key: return !PyDict_Check(from) || key(id, from, s.key.get(), fetched_.get(id));
    case Step::InstanceDict: {
      const void* at = py::dict_pointer(from);
      return at && word(id, at);
    }
    case Step::InstanceAttr: {
      const void* at = py::dict_pointer(from);
      if (!at) return false;
      word(id, at);
      return key(id, *static_cast<PyObject* const*>(at), s.key.get(), fetched_.get(id));
    }
    case Step::TypeAttr: return PyType_Check(from) && owner_fact(id, from, s.key.get(), fetched_.get(id), true);
    case Step::Slot: {
      const void* at = py::member_word(from, s.key.get());
      return at && word(id, at);
    }
    case Step::Cell: return !PyCell_Check(from) || word(id, &reinterpret_cast<PyCellObject*>(from)->ob_ref);
    case Step::Closure:
    case Step::Defaults:
    case Step::KwDefaults: return !PyFunction_Check(from) || walk_function(id, s, from);
    case Step::MethodFunc: return !PyMethod_Check(from) || word(id, &reinterpret_cast<PyMethodObject*>(from)->im_func);
    case Step::MethodSelf: return !PyMethod_Check(from) || word(id, &reinterpret_cast<PyMethodObject*>(from)->im_self);
    default: return false;
  }
}

bool Planner::walk_item(SourceId id, const Source& s, PyObject* from) {
  if (py::is_deque(from)) return false;
  if (!PyList_Check(from) && !PyTuple_Check(from)) return true;
  word(id, &reinterpret_cast<PyVarObject*>(from)->ob_size);
  if (s.index >= Py_SIZE(from)) return true;
  if (PyTuple_Check(from)) return word(id, &reinterpret_cast<PyTupleObject*>(from)->ob_item[s.index]);
  auto* list = reinterpret_cast<PyListObject*>(from);
  return word(id, &list->ob_item) && word(id, &list->ob_item[s.index]);
}

bool Planner::walk_function(SourceId id, const Source& s, PyObject* from) {
  auto* f = reinterpret_cast<PyFunctionObject*>(from);
  if (s.step == Step::Defaults) return word(id, &f->func_defaults);
  if (s.step == Step::KwDefaults) return word(id, &f->func_kwdefaults);
  word(id, &f->func_closure);
  if (!f->func_closure || s.index >= PyTuple_GET_SIZE(f->func_closure)) return true;
  return word(id, &reinterpret_cast<PyTupleObject*>(f->func_closure)->ob_item[s.index]);
}

bool Planner::key(SourceId id, PyObject* dict, PyObject* name, PyObject* value) {
  if (!py::values_inside(dict)) return owner_fact(id, dict, name, value, false);
  const py::InsideWords words = py::inside_words(dict);
  if (owners_.emplace(dict, -1).second) word(id, words.keys), word(id, words.values);
  return word(id, py::inside_value(dict, name));
}

bool Planner::owner_fact(SourceId id, PyObject* owner, PyObject* name, PyObject* value, bool is_type) {
  auto [at, fresh] = owners_.emplace(owner, static_cast<int32_t>(plan_->facts_.size()));
  if (fresh) {
    plan_->facts_.push_back({owner, kNoSource, {}});
    if (is_type) {
      const void* version = py::type_version(reinterpret_cast<PyTypeObject*>(owner));
      add_word(id, version, Plan::Of::Type, at->second);
      if (!*static_cast<const uint32_t*>(version)) plan_->words_.back().want ^= ~uint64_t{0};  // asked at each call
    } else {
      add_word(id, py::dict_version(owner), Plan::Of::Dict, at->second);
    }
  }
  // What a dict has held since its version was seen is the same object, and only instances of classes made by Python
  // code can become of another class.
  PyTypeObject* type =
      value && !is_type && !(Py_TYPE(value)->tp_flags & Py_TPFLAGS_HEAPTYPE) ? Py_TYPE(value) : nullptr;
  if (type) typed_.insert(value);
  plan_->facts_[static_cast<size_t>(at->second)].rows.push_back({name, value, type, id});
  return true;
}

bool Planner::keys_exactly(SourceId id, PyObject* dict) {
  if (py::values_inside(dict)) return false;
  owner_fact(id, dict, nullptr, nullptr, false);
  Plan::Facts& facts = plan_->facts_[static_cast<size_t>(owners_[dict])];
  facts.rows.pop_back();
  facts.exact_keys = id;
  return true;
}

void Planner::tensor(SourceId id, PyObject* v, bool storage) {
  TensorObj* t = as_tensor(v);
  auto [at, fresh] = tensors_.emplace(v, static_cast<int32_t>(plan_->snapshots_.size()));
  if (fresh) {
    const TensorMeta& m = t->meta;
    plan_->snapshots_.push_back({t, Py_TYPE(v), nullptr, t->base, Plan::kind_of(m), t->flags,
                                 static_cast<int32_t>(plan_->dims_.size()), static_cast<uint8_t>(m.dim()),
                                 tape_needs(t), is_non_leaf(t), is_hooked_leaf(t), id});
    plan_->dims_.insert(plan_->dims_.end(), m.sizes.begin(), m.sizes.end());
    plan_->dims_.insert(plan_->dims_.end(), m.strides.begin(), m.strides.end());
    static_assert(offsetof(TensorObj, stamp) == offsetof(TensorObj, flags) + 4 && offsetof(TensorObj, flags) % 8 == 0);
    if (!t->base && !t->wrapper && stamp_facts(t)) {
      type_of(id, v);
      add_word(id, &t->flags, Plan::Of::Tensor, at->second);
    } else {
      plan_->unstamped_.push_back(at->second);
    }
  }
  if (storage) plan_->snapshots_[static_cast<size_t>(at->second)].storage = t->storage;
}

Planner::Known Planner::known(const Check& c) {
  switch (c.kind) {
    case Kind::TypeFacts: return watch_facts(c, true) ? Known::Passes : Known::Live;
    case Kind::DictFacts: return watch_facts(c, false) ? Known::Passes : Known::Live;
    case Kind::TypeIs:
    case Kind::Same:
    case Kind::Equal:
    case Kind::Absent:
    case Kind::Length:
    case Kind::Keys:
    case Kind::Tensor:
    case Kind::Sizes:
    case Kind::SomeSizes:
    case Kind::Code:
    case Kind::Truth: return known_one(c);
    case Kind::SameObject:
    case Kind::DifferentObjects: return known_two(c);
    case Kind::Storages: return known_storages(c);
    default: return Known::Live;
  }
}

Planner::Known Planner::known_one(const Check& c) {
  if (!fixed(c.source)) return Known::Live;
  PyObject* v = fetched_.get(c.source);
  if (!v) return c.kind == Kind::Absent && c.numbers.empty() ? Known::Passes : Known::Fails;
  if (c.kind != Kind::Same && c.kind != Kind::Absent && !(is_tensor(v) && on_tensor(c))) type_of(c.source, v);
  bool watched = true;
  switch (c.kind) {
    case Kind::Equal:
      if (Py_TYPE(v) == Py_TYPE(c.object.get())) plan_->constants_.push_back(py::Ref::borrow(v));
      break;
    case Kind::Length:
      if (py::is_deque(v)) return Known::Live;
      if (PyList_Check(v) || PyTuple_Check(v)) word(c.source, &reinterpret_cast<PyVarObject*>(v)->ob_size);
      break;
    case Kind::Keys:
      if (PyODict_Check(v)) return Known::Live;  // its order may change without the dict's version
      watched = !PyDict_Check(v) || keys_exactly(c.source, v);
      break;
    case Kind::Tensor:
    case Kind::Sizes:
    case Kind::SomeSizes:
      if (is_tensor(v)) tensor(c.source, v, false);
      break;
    case Kind::Code:
      if (!PyFunction_Check(v)) break;
      word(c.source, &reinterpret_cast<PyFunctionObject*>(v)->func_code);
      word(c.source, &reinterpret_cast<PyFunctionObject*>(v)->func_globals);
      word(c.source, &reinterpret_cast<PyFunctionObject*>(v)->vectorcall);
      break;
    case Kind::Truth: return known_truth(c, v);
    default: break;
  }
  if (!watched) return Known::Live;
  const Outcome now = run_check(c, fetched_);
  if (now != Outcome::Error) return now == Outcome::Pass ? Known::Passes : Known::Fails;
  PyErr_Clear();
  return Known::Live;
}

// Only emptiness has a word: a length that is not zero may become another one.
Planner::Known Planner::known_truth(const Check& c, PyObject* v) {
  const void* size = PyDict_Check(v)                       ? py::dict_used(v)
                     : PyList_Check(v) || PyTuple_Check(v) ? &reinterpret_cast<PyVarObject*>(v)->ob_size
                                                           : nullptr;
  if (!size || py::word_at(size) != 0) return Known::Live;
  word(c.source, size);
  return run_check(c, fetched_) == Outcome::Pass ? Known::Passes : Known::Fails;
}

Planner::Known Planner::known_two(const Check& c) {
  if (!fixed(c.source) || !fixed(c.other)) return Known::Live;
  return run_check(c, fetched_) == Outcome::Pass ? Known::Passes : Known::Fails;
}

Planner::Known Planner::known_storages(const Check& c) {
  const size_t n = c.numbers.size() / 2;
  for (size_t i = 0; i < n; ++i) {
    const auto id = static_cast<SourceId>(c.numbers[i]);
    PyObject* v = fixed(id) ? fetched_.get(id) : nullptr;
    if (!v || !is_tensor(v)) return Known::Live;
    tensor(id, v, true);
  }
  return run_check(c, fetched_) == Outcome::Pass ? Known::Passes : Known::Fails;
}

bool Planner::watch_facts(const Check& c, bool is_type) {
  if (run_check(c, fetched_) != Outcome::Pass) return PyErr_Clear(), false;
  PyObject *name, *want;
  Py_ssize_t pos = 0;
  while (PyDict_Next(c.extra.get(), &pos, &name, &want)) {
    PyObject* value = want == nothing() ? nullptr : want;
    if (is_type)
      owner_fact(kNoSource, c.object.get(), name, value, true);
    else
      key(kNoSource, c.object.get(), name, value);
  }
  return true;
}

// The nearest fixed sources on the way are handed to whoever fetches.
void Planner::preset(SourceId id) {
  for (; id != kNoSource; id = in_.sources[id].parent) {
    const auto i = static_cast<size_t>(id);
    if (preset_[i]) return;
    preset_[i] = 1;
    if (state_[i] == State::Live || !fixed(id)) continue;
    if (PyObject* v = fetched_.get(id)) plan_->presets_.push_back({id, v});
    return;
  }
}

void Planner::preset_for(const Check& c) {
  preset(c.source);
  preset(c.other);
  if (c.kind == Kind::Storages)
    for (size_t i = 0; i < c.numbers.size() / 2; ++i) preset(static_cast<SourceId>(c.numbers[i]));
}

// Of the one segment that is left the inputs are laid out as its program takes them.
void Planner::preset_inputs(int segment, bool only) {
  const std::vector<SourceId>& inputs = in_.needed[static_cast<size_t>(segment)].inputs;
  if (only && !inputs.empty()) plan_->only_ = segment;
  for (size_t i = 0; i < inputs.size(); ++i) {
    PyObject* known = only && fixed(inputs[i]) ? fetched_.get(inputs[i]) : nullptr;
    if (only) plan_->inputs_.push_back(known);
    if (known) continue;
    if (only) plan_->live_.push_back(static_cast<int32_t>(i));
    preset(inputs[i]);
  }
}

std::unique_ptr<Plan> Planner::run() {
  preset_.resize(state_.size());
  std::unordered_map<const Check*, Known> all;
  std::vector<Candidate> left;
  size_t saved = 0;
  for (const Candidate& segment : in_.segments) {
    Candidate rest{segment.segment, {}};
    bool fails = false;
    for (const Check* c : segment.checks) {
      auto [at, fresh] = all.emplace(c, Known::Live);
      if (fresh) at->second = known(*c);
      if (at->second == Known::Live) rest.checks.push_back(c);
      saved += at->second != Known::Live;
      if ((fails = at->second == Known::Fails)) break;
    }
    if (!fails) left.push_back(std::move(rest));
  }
  if (saved < kWorthwhile) return nullptr;
  for (const Candidate& segment : left) {
    preset_inputs(segment.segment, left.size() == 1);
    for (SourceId id : in_.needed[static_cast<size_t>(segment.segment)].others) preset(id);
    for (const Check* c : segment.checks) preset_for(*c);
  }
  plan_->words_.push_back({&Plan::kEnd, ~Plan::kEnd});
  plan_->decision_ = Decision(std::move(left));
  ++plan_counts().made;
  return std::move(plan_);
}

std::unique_ptr<Plan> make_plan(const PlanInput& input, const Entry& entry) { return Planner(input, entry).run(); }

}  // namespace fj::guard
