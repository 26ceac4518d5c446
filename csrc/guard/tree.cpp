// The tree of an entry point: its segments' checks, the decision tree made of them, and the plans above it.
#include "base/hash.h"
#include "base/str.h"
#include "guard/nothing.h"
#include "guard/plan.h"

namespace fj::guard {

namespace {

constexpr size_t kMaxPlans = 64;
constexpr int kPlansForRoots = 4;  // of the same objects: a model in training and in evaluation, say
constexpr uint8_t kMaxStrikes = 3;
constexpr int kMaxEvictions = 64;

// Facts dicts of two traces are the same when they hold the same objects under the same names.
bool same_facts(PyObject* a, PyObject* b) {
  if (a == b) return true;
  if (!a || !b || !PyDict_CheckExact(a) || !PyDict_CheckExact(b) || PyDict_GET_SIZE(a) != PyDict_GET_SIZE(b))
    return false;
  PyObject *name, *value;
  Py_ssize_t pos = 0;
  while (PyDict_Next(a, &pos, &name, &value)) {
    PyObject* other = PyDict_GetItemWithError(b, name);
    if (other != value) return false;
  }
  return true;
}

bool has_facts(const Check& c) { return c.kind == Kind::TypeFacts || c.kind == Kind::DictFacts; }

// The kinds whose objects are the program's.
bool names_found(Kind kind) {
  switch (kind) {
    case Kind::TypeIs:
    case Kind::Same:
    case Kind::HasNext:
    case Kind::Length:
    case Kind::TypeFacts:
    case Kind::DictFacts:
    case Kind::Code:
    case Kind::Truth: return true;
    default: return false;
  }
}

template <class F>
int each_fact(const Check& c, F&& f) {
  PyObject *name, *value;
  Py_ssize_t pos = 0;
  while (PyDict_Next(c.extra.get(), &pos, &name, &value))
    if (value != nothing())
      if (const int stop = f(value)) return stop;
  return 0;
}

}  // namespace

int visit_check(const Check& c, visitproc visit, void* arg, Held held, bool facts) {
  const bool found = names_found(c.kind);
  if (found ? held.found : held.own) Py_VISIT(c.object.get());
  if (!c.extra) return 0;
  // The collector does not know of the dict of facts.
  if (has_facts(c) && !PyObject_GC_IsTracked(c.extra.get()))
    return facts && held.found ? each_fact(c, [&](PyObject* value) { return visit(value, arg); }) : 0;
  if (found && !has_facts(c) ? held.found : held.own) Py_VISIT(c.extra.get());
  return 0;
}

PyObject* nothing() {
  static PyObject* const one = PyObject_CallNoArgs(reinterpret_cast<PyObject*>(&PyBaseObject_Type));
  return one;
}

bool Check::same_as(const Check& o) const {
  return kind == o.kind && source == o.source && other == o.other && object == o.object && numbers == o.numbers &&
         same_facts(extra.get(), o.extra.get());
}

PlanCounts& plan_counts() {
  static PlanCounts counts;
  return counts;
}

Tree::Tree() : decision_(new Decision) {}
Tree::~Tree() = default;

bool Tree::empty() const { return segments_.empty(); }

const Check* Tree::intern(const Check& check) {
  const uint64_t hash = Hasher()
                            .add(static_cast<uint64_t>(check.kind))
                            .add(static_cast<uint64_t>(check.source))
                            .add(static_cast<uint64_t>(check.other))
                            .value();
  const auto range = by_hash_.equal_range(hash);
  for (auto it = range.first; it != range.second; ++it)
    if (it->second->same_as(check)) return it->second;
  checks_.push_back(std::make_unique<Check>(check));
  by_hash_.emplace(hash, checks_.back().get());
  if (names_found(check.kind)) found_.insert(check.object.get());
  if (has_facts(check)) each_fact(check, [&](PyObject* value) { return found_.insert(value), 0; });
  return checks_.back().get();
}

void Tree::insert(std::vector<Check>& checks, int segment, Needed needed) {
  Candidate added{segment, {}};
  added.checks.reserve(checks.size());
  for (Check& c : checks) {
    added.checks.push_back(intern(c));
    c = *added.checks.back();
  }
  segments_.push_back(std::move(added));
  needed_.push_back(std::move(needed));
  auto fresh = std::make_unique<Decision>(segments_);
  if (running_) old_decisions_.push_back(std::move(decision_));
  decision_ = std::move(fresh);
  plannable_ = true;
  drop_plans();
}

void Tree::drop_plans() {
  if (running_)
    for (auto& plan : plans_) old_plans_.push_back(std::move(plan));
  plans_.clear();
}

int Tree::find(Fetched& fetched) {
  ++running_;
  bool planned = false;
  int found = plans_.empty() ? -1 : find_planned(fetched, &planned);
  if (!planned) {
    found = decision_->find(fetched);
    if (found >= 0 && plannable_) plan(fetched.entry());
  }
  if (--running_ == 0 && !(old_plans_.empty() && old_decisions_.empty())) {
    old_plans_.clear();
    old_decisions_.clear();
  }
  return found;
}

int Tree::find_planned(Fetched& fetched, bool* planned) {
  for (size_t i = 0; i < plans_.size(); ++i) {
    Plan& plan = *plans_[i];
    if (!plan.same_roots(fetched.entry())) continue;
    const bool was_good = plan.hits >= Plan::kGood;
    if (!plan.holds()) {
      ++plan_counts().changed;
      if (!was_good && plan.misses == 1) blame(plan);
      if (plans_.empty()) return -1;  // what it relied on will not be relied on again
      continue;
    }
    if (i > 0 && i < plans_.size()) std::swap(plans_[i], plans_[i - 1]);
    ++plan_counts().held;
    *planned = true;
    return plan.find(fetched);
  }
  return -1;
}

void Tree::blame(const Plan& plan) {
  const SourceId source = plan.failed();
  if (source == kNoSource) return;
  const auto i = static_cast<size_t>(source);
  strikes_.resize(static_cast<size_t>(sources_.size()));
  if (++strikes_[i] < kMaxStrikes) return;
  changeable_.resize(strikes_.size());
  changeable_[i] = 1;
  drop_plans();
}

void Tree::plan(const Entry& entry) {
  auto made = make_plan({sources_, segments_, needed_, changeable_}, entry);
  if (!made) {
    plannable_ = false;
    return;
  }
  int alike = 0;
  for (size_t i = 0; i < plans_.size(); ++i) {
    if (!plans_[i]->same_roots(entry) || ++alike < kPlansForRoots) continue;
    old_plans_.push_back(std::move(plans_[i]));
    plans_.erase(plans_.begin() + static_cast<long>(i));
    --i;
  }
  if (plans_.size() >= kMaxPlans) {
    old_plans_.push_back(std::move(plans_.back()));
    plans_.pop_back();
    // Objects that are new at every call are no ground for plans.
    if (++evictions_ >= kMaxEvictions) {
      evictions_ = 0;
      changeable_.resize(static_cast<size_t>(sources_.size()));
      for (SourceId id = 0; id < sources_.size(); ++id)
        if (sources_[id].step == Step::Local || sources_[id].step == Step::Stack)
          changeable_[static_cast<size_t>(id)] = 1;
      return drop_plans();
    }
  }
  plans_.insert(plans_.begin(), std::move(made));
}

bool Tree::is_found(PyObject* object) const {
  if (!object || found_.count(object) != 0) return object;
  return PyType_SUPPORTS_WEAKREFS(Py_TYPE(object)) && !PyAnySet_Check(object);
}

int Tree::traverse(visitproc visit, void* arg, Held held) const {
  for (SourceId id = 0; id < sources_.size(); ++id) {
    PyObject* key = sources_[id].key.get();
    if (is_found(key) ? held.found : held.own) Py_VISIT(key);
  }
  for (const auto& c : checks_)
    if (int r = visit_check(*c, visit, arg, held, true)) return r;
  return 0;
}

bool Tree::varies(SourceId source, PyObject* now) const {
  for (const auto& c : checks_)
    if (c->kind == Kind::Equal && c->source == source && c->object.get() != now &&
        Py_TYPE(c->object.get()) == Py_TYPE(now))
      return true;
  return false;
}

namespace {

// Facts of Python values that one instruction needs: without them CPython executes it.
bool may_be_loose(Kind kind) {
  switch (kind) {
    case Kind::TypeIs:
    case Kind::Same:
    case Kind::Equal:
    case Kind::HasNext:
    case Kind::Length:
    case Kind::Keys:
    case Kind::SetItems:
    case Kind::Code:
    case Kind::Truth: return true;
    default: return false;
  }
}

}  // namespace

bool Tree::loosen(Fetched& fetched) {
  bool any = false;
  for (const Candidate& candidate : segments_)
    for (const Check* c : candidate.checks) {
      const Outcome outcome = run_check(*c, fetched);
      if (outcome == Outcome::Pass) continue;
      if (outcome == Outcome::Error) PyErr_Clear();
      if (c->source != kNoSource && may_be_loose(c->kind)) any |= loose_.insert({c->kind, c->source}).second;
      break;
    }
  return any;
}

bool Tree::sizes_vary(SourceId source, const std::vector<int64_t>& now, size_t i) const {
  for (const auto& c : checks_) {
    if (c->source != source || (c->kind != Kind::Sizes && c->kind != Kind::SomeSizes)) continue;
    const bool same_rank = c->numbers.size() == now.size() || c->numbers.size() * 2 == now.size();
    if (same_rank && i < c->numbers.size() && c->numbers[i] != now[i]) return true;
  }
  return false;
}

namespace {

struct Advice {
  Kind kind;
  const char* words;
};

// What to change so that a guard of the kind does not fail at every other call.
constexpr Advice kAdvice[] = {
    {Kind::Sizes, "sizes differ: dynamic=True or mark_dynamic() compiles once for all of them"},
    {Kind::Tensor, "keep dtype, rank and requires_grad of an argument the same"},
    {Kind::Equal, "a Python value differs: pass it as a tensor if it changes often"},
    {Kind::Same, "another object: pass the same one, or what differs in it as a tensor"},
    {Kind::TypeIs, "another type: keep the types of arguments the same"},
    {Kind::Length, "another length: pad it, or pass a tensor"},
    {Kind::Keys, "other keys: keep the keys of a dict and their order the same"},
    {Kind::SetItems, "other elements of a set"},
    {Kind::NotHandling, "called while an exception is being handled"},
    {Kind::Code, "another function: make it once, outside of what calls this one"},
    {Kind::DictFacts, "a global was changed: pass it as an argument"},
    {Kind::TypeFacts, "a class was changed after compiling"},
    {Kind::Modes, "another grad mode or default dtype: call in the same modes"},
    {Kind::SameObject, "arguments were one object and are not now"},
    {Kind::SomeSizes, "a size that must be a constant differs: dynamic=True or mark_dynamic() if it should not be one"},
    {Kind::Storages, "arguments share memory in another way"},
    {Kind::DifferentObjects, "arguments are one object and were not before"},
};

const char* advice_for(Kind kind) {
  for (const Advice& row : kAdvice)
    if (row.kind == kind) return row.words;
  return nullptr;
}

}  // namespace

std::string Tree::explain(int segment, Fetched& fetched, PyCodeObject* code) const {
  for (const Check* c : segments_[static_cast<size_t>(segment)].checks) {
    const Outcome outcome = run_check(*c, fetched);
    if (outcome == Outcome::Pass) continue;
    if (outcome == Outcome::Error) PyErr_Clear();
    const char* advice = advice_for(c->kind);
    return advice ? cat(describe(*c, sources_, code), " (", advice, ")") : describe(*c, sources_, code);
  }
  return "";
}

}  // namespace fj::guard
