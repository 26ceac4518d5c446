// Guards on Python objects. Tensors and modes are in checks_tensor.cpp, the checks of the most frequent kinds in
// checks_hot.h.
#include <cstring>

#include "base/str.h"
#include "guard/checks_hot.h"
#include "guard/nothing.h"
#include "py/dict.h"
#include "py/iterators.h"

namespace fj::guard {

std::string TypeIsCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  return cat("type(", path, ") is ", reinterpret_cast<PyTypeObject*>(c.object.get())->tp_name);
}

std::string SameCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  return cat(path, " is ", short_repr(c.object.get()));
}

namespace {

// Equality of constants, where 1, 1.0 and True differ, 0.0 and -0.0 differ, and nan equals itself.
Outcome constant_equal(PyObject* v, PyObject* want) {
  if (v == want) return Outcome::Pass;
  if (!v || Py_TYPE(v) != Py_TYPE(want)) return Outcome::Fail;
  if (PyFloat_CheckExact(v)) {
    const double a = PyFloat_AS_DOUBLE(v), b = PyFloat_AS_DOUBLE(want);
    return pass_if(std::memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b));
  }
  if (PyTuple_CheckExact(v)) {
    if (PyTuple_GET_SIZE(v) != PyTuple_GET_SIZE(want)) return Outcome::Fail;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(v); ++i) {
      const Outcome same = constant_equal(PyTuple_GET_ITEM(v, i), PyTuple_GET_ITEM(want, i));
      if (same != Outcome::Pass) return same;
    }
    return Outcome::Pass;
  }
  const int same = PyObject_RichCompareBool(v, want, Py_EQ);
  return same < 0 ? Outcome::Error : pass_if(same);
}

}  // namespace

Outcome EqualCheck::check(const Check& c, Fetched& f) { return constant_equal(f.get(c.source), c.object.get()); }
std::string EqualCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  return cat(path, " == ", short_repr(c.object.get()));
}

std::string AbsentCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  return cat(path, c.numbers.empty() ? " does not exist" : " exists");
}

// numbers: which next() from now; whether it gives something.
Outcome HasNextCheck::check(const Check& c, Fetched& f) {
  PyObject* it = f.get(c.source);
  if (!it || reinterpret_cast<PyObject*>(Py_TYPE(it)) != c.object.get()) return Outcome::Fail;
  bool broken = false;
  const bool some = static_cast<bool>(py::peek(it, c.numbers[0], &broken));
  return pass_if(!broken && some == (c.numbers[1] != 0));
}
std::string HasNextCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  return cat(path, c.numbers[1] ? " has" : " does not have", " an element ", c.numbers[0] + 1, " from here");
}

Outcome LengthCheck::check(const Check& c, Fetched& f) {
  PyObject* v = f.get(c.source);
  if (!v || reinterpret_cast<PyObject*>(Py_TYPE(v)) != c.object.get()) return Outcome::Fail;
  return pass_if(Py_SIZE(v) == c.numbers[0]);
}
std::string LengthCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  return cat(path, " is a ", reinterpret_cast<PyTypeObject*>(c.object.get())->tp_name, " of length ", c.numbers[0]);
}

Outcome KeysCheck::check(const Check& c, Fetched& f) {
  PyObject* v = f.get(c.source);
  if (!v || !PyDict_Check(v) || PyDict_GET_SIZE(v) != PyTuple_GET_SIZE(c.object.get())) return Outcome::Fail;
  PyObject *key, *value;
  Py_ssize_t pos = 0, i = 0;
  if (PyODict_Check(v)) {
    py::Ref keys = py::Ref::steal(py::keys_in_order(v));
    if (!keys || PyTuple_GET_SIZE(keys.get()) != PyTuple_GET_SIZE(c.object.get())) return PyErr_Clear(), Outcome::Fail;
    for (; i < PyTuple_GET_SIZE(keys.get()); ++i) {
      const Outcome same = constant_equal(PyTuple_GET_ITEM(keys.get(), i), PyTuple_GET_ITEM(c.object.get(), i));
      if (same != Outcome::Pass) return same;
    }
    return Outcome::Pass;
  }
  while (PyDict_Next(v, &pos, &key, &value)) {
    const Outcome same = constant_equal(key, PyTuple_GET_ITEM(c.object.get(), i++));
    if (same != Outcome::Pass) return same;
  }
  return Outcome::Pass;
}
std::string KeysCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  return cat("the keys of ", path, " are ", short_repr(c.object.get()));
}

// object: a tuple of the elements, in the order in which the set gives them.
Outcome SetItemsCheck::check(const Check& c, Fetched& f) {
  PyObject* v = f.get(c.source);
  if (!v || !PyAnySet_Check(v) || PySet_GET_SIZE(v) != PyTuple_GET_SIZE(c.object.get())) return Outcome::Fail;
  PyObject* element;
  Py_ssize_t pos = 0, i = 0;
  while (py::set_next(v, &pos, &element)) {
    const Outcome same = constant_equal(element, PyTuple_GET_ITEM(c.object.get(), i++));
    if (same != Outcome::Pass) return same;
  }
  return Outcome::Pass;
}
Outcome NotHandlingCheck::check(const Check&, Fetched&) {
  PyObject* handled = PyErr_GetHandledException();
  Py_XDECREF(handled);
  return pass_if(!handled);
}
std::string NotHandlingCheck::describe(const Check&, const std::string&, const SourceTable&, PyCodeObject*) {
  return "no exception is being handled";
}

std::string SetItemsCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  return cat("the elements of ", path, " are ", short_repr(c.object.get()));
}

bool type_facts_hold(const Check& c) {
  auto* type = reinterpret_cast<PyTypeObject*>(c.object.get());
  PyObject *name, *want;
  Py_ssize_t pos = 0;
  while (PyDict_Next(c.extra.get(), &pos, &name, &want)) {
    PyObject* have = _PyType_Lookup(type, name);
    if (have != (want == nothing() ? nullptr : want)) return false;
  }
  c.seen = type->tp_version_tag;
  return true;
}
std::string TypeFactsCheck::describe(const Check& c, const std::string&, const SourceTable&, PyCodeObject*) {
  py::Ref names = py::Ref::steal(PyDict_Keys(c.extra.get()));
  return cat("class ", reinterpret_cast<PyTypeObject*>(c.object.get())->tp_name, " is unchanged under ",
             short_repr(names.get()));
}

// object: the dict; extra: a dict name → value (or nothing()).
Outcome DictFactsCheck::check(const Check& c, Fetched&) {
  PyObject* dict = c.object.get();
#if PY_VERSION_HEX < 0x030C0000
  const uint64_t version = reinterpret_cast<PyDictObject*>(dict)->ma_version_tag;
  if (c.seen == version) return Outcome::Pass;
#endif
  PyObject *name, *want;
  Py_ssize_t pos = 0;
  while (PyDict_Next(c.extra.get(), &pos, &name, &want)) {
    PyObject* have = PyDict_GetItemWithError(dict, name);
    if (!have && PyErr_Occurred()) return Outcome::Error;
    if (have != (want == nothing() ? nullptr : want)) return Outcome::Fail;
  }
#if PY_VERSION_HEX < 0x030C0000
  c.seen = version;
#endif
  return Outcome::Pass;
}
std::string DictFactsCheck::describe(const Check& c, const std::string&, const SourceTable&, PyCodeObject*) {
  py::Ref names = py::Ref::steal(PyDict_Keys(c.extra.get()));
  return cat("globals are unchanged under ", short_repr(names.get()));
}

std::string CodeCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  return cat(path, ".__code__ is ", short_repr(c.object.get()));
}

std::string SameObjectCheck::describe(const Check& c, const std::string& path, const SourceTable& s,
                                      PyCodeObject* code) {
  return cat(path, " is ", s.describe(c.other, code));
}

Outcome DifferentObjectsCheck::check(const Check& c, Fetched& f) { return pass_if(f.get(c.source) != f.get(c.other)); }
std::string DifferentObjectsCheck::describe(const Check& c, const std::string& path, const SourceTable& s,
                                            PyCodeObject* code) {
  return cat(path, " is not ", s.describe(c.other, code));
}

Outcome TruthCheck::check(const Check& c, Fetched& f) {
  PyObject* v = f.get(c.source);
  if (!v || reinterpret_cast<PyObject*>(Py_TYPE(v)) != c.object.get()) return Outcome::Fail;
  const Py_ssize_t n = PyDict_Check(v) ? PyDict_GET_SIZE(v) : PyAnySet_Check(v) ? PySet_GET_SIZE(v) : Py_SIZE(v);
  return pass_if((n != 0) == (c.numbers[0] != 0));
}
std::string TruthCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  return cat(path, c.numbers[0] ? " is not empty" : " is empty");
}

}  // namespace fj::guard
