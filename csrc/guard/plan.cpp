// Does a plan still hold? This is what a call of a large model spends its time on.
#include "guard/plan.h"

#include <cstddef>
#include <cstring>

#include "py/watch.h"
#include "base/error.h"
#include "tensor/facts.h"

namespace fj::guard {

bool Plan::same_roots(const Entry& e) const {
  for (const Root& r : roots_) {
    PyObject* now = nullptr;
    if (r.step == Step::Local)
      now = e.locals[r.index];
    else if (r.step == Step::Stack)
      now = e.stack[r.index];
    else
      now = e.function;
    if (now != r.object) return false;
  }
  return true;
}

bool Plan::holds() {
  if (words_hold() && tensors_hold()) {
    if (hits < kGood) ++hits;
    misses = 0;
    return true;
  }
  hits = 0;
  ++misses;
  return false;
}

const uint64_t Plan::kEnd = 0;

namespace {

// The first that differs; the last one always does. They are looked at in order.
template <class Word>
const Word* first_changed(const Word* w) {
  for (;; w += 8) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i)
      if (py::word_at(w[i].at) != w[i].want) [[unlikely]]
        return w + i;
  }
}

}  // namespace

bool Plan::words_hold() {
  for (const Word* w = words_.data();; ++w) {
    w = first_changed(w);
    if (w->at == &kEnd) return true;
    if (!recheck(static_cast<size_t>(w - words_.data()))) return false;
  }
}

bool Plan::recheck(size_t word) {
  const Origin& origin = origins_[word];
  failed_ = origin.source;
  if (origin.of == Of::Value) return false;
  Word& w = words_[word];
  if (origin.of == Of::Tensor) {
    const Snapshot& s = snapshots_[static_cast<size_t>(origin.facts)];
    if (!still(s) || !stamp_facts(s.tensor)) return false;
    w.want = py::word_at(w.at);
    return true;
  }
  if (!still(facts_[static_cast<size_t>(origin.facts)], origin.of == Of::Type)) return false;
  if (origin.of == Of::Dict || *static_cast<const uint32_t*>(w.at)) w.want = py::word_at(w.at);  // 0: no class version
  return true;
}

// The owner has changed: perhaps nothing that was asked of it.
bool Plan::still(const Facts& f, bool is_type) {
  if (f.exact_keys != kNoSource) {
    failed_ = f.exact_keys;
    return false;
  }
  for (const Fact& row : f.rows) {
    PyObject* now = is_type ? _PyType_Lookup(reinterpret_cast<PyTypeObject*>(f.owner), row.name)
                            : PyDict_GetItemWithError(f.owner, row.name);
    if (!now && PyErr_Occurred()) PyErr_Clear();
    if (now == row.value && (!row.type || Py_TYPE(now) == row.type)) continue;
    failed_ = row.source;
    return false;
  }
  return true;
}

bool Plan::tensors_hold() {
#ifdef FJ_DEBUG
  for (const Snapshot& s : snapshots_) FJ_CHECK(s.tensor->stamp == 0 || s.tensor->base || still(s));
#endif
  for (int32_t i : unstamped_) {
    const Snapshot& s = snapshots_[static_cast<size_t>(i)];
    if (still(s)) continue;
    failed_ = s.source;
    return false;
  }
  return true;
}

uint32_t Plan::kind_of(const TensorMeta& m) {
  static_assert(offsetof(TensorMeta, requires_grad) == offsetof(TensorMeta, dtype) + 3 && sizeof(m.device) == 2 &&
                sizeof(m.dtype) == 1);
  uint32_t kind;
  std::memcpy(&kind, &m.dtype, sizeof kind);
  return kind;
}

bool Plan::still(const Snapshot& s) const {
  const TensorObj* t = s.tensor;
  const TensorMeta& m = t->meta;
  if (Py_TYPE(t) != s.type || kind_of(m) != s.kind || t->flags != s.flags || t->wrapper || t->base != s.base ||
      (s.storage && t->storage != s.storage))
    return false;
  if (t->base && tape_needs(t) != s.needs_grad) return false;
  const size_t n = s.ndim;
  if (m.sizes.size() != n) return false;
  const int64_t *dims = dims_.data() + s.dims, *sizes = m.sizes.data(), *strides = m.strides.data();
  for (size_t i = 0; i < n; ++i)
    if (sizes[i] != dims[i] || strides[i] != dims[n + i]) return false;
  return is_hooked_leaf(t) == s.hooked && (!m.requires_grad || is_non_leaf(t) == s.non_leaf);
}

}  // namespace fj::guard
