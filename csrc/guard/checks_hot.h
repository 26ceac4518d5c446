// The kinds of check that nearly every call meets, for the decision tree to run in place. The others, and what all of
// them say in words, are in checks_objects.cpp and checks_tensor.cpp. Private to the room.
#pragma once
#include "guard/checks.h"
#include "py/watch.h"
#include "tensor/facts.h"
#include "tensor/overrides.h"

namespace fj::guard {

inline Outcome TypeIsCheck::check(const Check& c, Fetched& f) {
  PyObject* v = f.get(c.source);
  return pass_if(v && reinterpret_cast<PyObject*>(Py_TYPE(v)) == c.object.get());
}

inline Outcome SameCheck::check(const Check& c, Fetched& f) { return pass_if(f.get(c.source) == c.object.get()); }

// numbers: empty, or that something is there.
inline Outcome AbsentCheck::check(const Check& c, Fetched& f) {
  return pass_if((f.get(c.source) != nullptr) == !c.numbers.empty());
}

inline Outcome SameObjectCheck::check(const Check& c, Fetched& f) { return pass_if(f.get(c.source) == f.get(c.other)); }

inline Outcome CodeCheck::check(const Check& c, Fetched& f) {
  PyObject* v = f.get(c.source);
  if (!v || !PyFunction_Check(v) || !py::is_called_as_usual(v)) return Outcome::Fail;
  return pass_if(PyFunction_GET_CODE(v) == c.object.get() && PyFunction_GET_GLOBALS(v) == c.extra.get());
}

// object: the class; numbers[0]: the packed word.
inline Outcome TensorCheck::check(const Check& c, Fetched& f) {
  PyObject* v = f.get(c.source);
  if (!v || reinterpret_cast<PyObject*>(Py_TYPE(v)) != c.object.get()) return Outcome::Fail;
  return pass_if(static_cast<int64_t>(facts_word(as_tensor(v))) == c.numbers[0]);
}

// numbers: the sizes, then the strides where the layout class does not imply them.
inline Outcome SizesCheck::check(const Check& c, Fetched& f) {
  PyObject* v = f.get(c.source);
  if (!v || !is_tensor(v)) return Outcome::Fail;
  const TensorMeta& m = as_tensor(v)->meta;
  const size_t n = m.sizes.size(), wanted = c.numbers.size();
  if (wanted != n && wanted != 2 * n) return Outcome::Fail;
  const int64_t *want = c.numbers.data(), *sizes = m.sizes.data(), *strides = m.strides.data();
  for (size_t i = 0; i < n; ++i)
    if (sizes[i] != want[i]) return Outcome::Fail;
  for (size_t i = n; i < wanted; ++i)
    if (strides[i - n] != want[i]) return Outcome::Fail;
  return Outcome::Pass;
}

// object: the type; extra: a dict name → what the MRO holds (or nothing()).
// A type's version tag changes whenever anything in it or its bases does, so an unchanged tag is enough; when it has
// changed, the facts themselves are looked at again.
bool type_facts_hold(const Check& c);
inline Outcome TypeFactsCheck::check(const Check& c, Fetched&) {
  auto* type = reinterpret_cast<PyTypeObject*>(c.object.get());
  return pass_if((c.seen && type->tp_version_tag == c.seen) || type_facts_hold(c));
}

inline Outcome ModesCheck::check(const Check& c, Fetched&) {
  return pass_if(static_cast<int64_t>(overrides::modes_word()) == c.numbers[0]);
}

// As run_check, the frequent kinds without a call.
[[gnu::always_inline]] inline Outcome run_check_here(const Check& c, Fetched& f) {
  switch (c.kind) {
    case Kind::TypeIs: return TypeIsCheck::check(c, f);
    case Kind::Same: return SameCheck::check(c, f);
    case Kind::Absent: return AbsentCheck::check(c, f);
    case Kind::SameObject: return SameObjectCheck::check(c, f);
    case Kind::Code: return CodeCheck::check(c, f);
    case Kind::Tensor: return TensorCheck::check(c, f);
    case Kind::Sizes: return SizesCheck::check(c, f);
    case Kind::TypeFacts: return TypeFactsCheck::check(c, f);
    case Kind::Modes: return ModesCheck::check(c, f);
    default: return run_check(c, f);
  }
}

}  // namespace fj::guard
