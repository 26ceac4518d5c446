#include "guard/source.h"

#include "base/hash.h"
#include "base/str.h"
#include "guard/arith.h"
#include "py/text.h"

namespace fj::guard {

SourceId SourceTable::add(Step step, SourceId parent, int32_t index, PyObject* key, SourceId other) {
  const uint64_t hash = Hasher()
                            .add(static_cast<uint64_t>(step))
                            .add(static_cast<uint64_t>(parent))
                            .add(static_cast<uint64_t>(index))
                            .add(reinterpret_cast<uint64_t>(key))
                            .add(static_cast<uint64_t>(other))
                            .value();
  const auto range = by_hash_.equal_range(hash);
  for (auto it = range.first; it != range.second; ++it) {
    const Source& s = (*this)[it->second];
    if (s.step == step && s.parent == parent && s.index == index && s.key.get() == key && s.other == other)
      return it->second;
  }
  rows_.push_back(std::make_unique<Source>(Source{step, parent, index, py::Ref::borrow(key), other}));
  by_hash_.emplace(hash, size() - 1);
  return size() - 1;
}

namespace {

std::string text_of(PyObject* key) {
  if (!key) return "?";
  if (PyUnicode_Check(key)) return py::utf8(key);
  if (PyType_Check(key)) return reinterpret_cast<PyTypeObject*>(key)->tp_name;
  if (PyModule_Check(key)) {
    PyObject* name = PyDict_GetItemString(PyModule_GetDict(key), "__name__");
    return name && PyUnicode_Check(name) ? py::utf8(name) : "module";
  }
  if (PyFunction_Check(key)) return py::utf8(reinterpret_cast<PyFunctionObject*>(key)->func_qualname);
  if (PyDict_Check(key)) return "globals()";
  return cat("<", Py_TYPE(key)->tp_name, ">");
}

std::string key_text(PyObject* key) {
  py::Ref repr = py::Ref::steal(PyObject_Repr(key));
  if (!repr) PyErr_Clear();
  return repr ? py::utf8(repr.get()) : text_of(key);
}

// The variable whose cell a function's closure holds there.
std::string free_name(PyCodeObject* code, int index) {
  if (!code || index >= code->co_nfreevars) return cat("closure ", index);
  return py::utf8(PyTuple_GET_ITEM(code->co_localsplusnames, code->co_nlocalsplus - code->co_nfreevars + index));
}

std::string local_name(PyCodeObject* code, int index) {
  if (!code || index >= code->co_nlocalsplus) return cat("local ", index);
  return py::utf8(PyTuple_GET_ITEM(code->co_localsplusnames, index));
}

}  // namespace

std::string SourceTable::describe(SourceId id, PyCodeObject* code) const {
  int results = kMostResults;
  return describe(id, code, &results);
}

std::string SourceTable::describe(SourceId id, PyCodeObject* code, int* results) const {
  if (id < 0) return "?";
  const Source& s = (*this)[id];
  if (s.step == Step::Arith && --*results < 0) return "...";
  std::string base = s.parent >= 0 ? describe(s.parent, code, results) : "";
  switch (s.step) {
    case Step::Local: return local_name(code, s.index);
    case Step::Stack: return cat("stack ", s.index);
    case Step::Function: return "the function";
    case Step::Const: return text_of(s.key.get());
    case Step::Item: return cat(base, "[", s.index, "]");
    case Step::Key: return cat(base, "[", key_text(s.key.get()), "]");
    case Step::InstanceDict: return cat(base, ".__dict__");
    case Step::InstanceAttr: return cat(base, ".", text_of(s.key.get()));
    case Step::TypeOf: return cat("type(", base, ")");
    case Step::TypeAttr: return cat(base, ".", text_of(s.key.get()));
    case Step::Slot:
    case Step::Getter: {
      py::Ref name = py::Ref::steal(PyObject_GetAttrString(s.key.get(), "__name__"));
      if (!name) PyErr_Clear();
      return cat(base, ".", text_of(name.get()));
    }
    case Step::Cell: return base;
    case Step::Closure:
      if ((*this)[s.parent].step == Step::Function) return free_name(code, s.index);
      return cat(base, ".__closure__[", s.index, "]");
    case Step::Defaults: return cat(base, ".__defaults__");
    case Step::KwDefaults: return cat(base, ".__kwdefaults__");
    case Step::MethodFunc: return cat(base, ".__func__");
    case Step::MethodSelf: return cat(base, ".__self__");
    case Step::Array:
    case Step::Number: return cat(base, " as a tensor");
    case Step::Arith: {
      const char* op = arith_text(static_cast<Arith>(s.index));
      return s.other < 0 ? cat(op, "(", base, ")")
                         : cat("(", base, " ", op, " ", describe(s.other, code, results), ")");
    }
    case Step::Peek: return cat("next(", base, ")[", s.index, "]");
    case Step::IterPart: return cat(base, ".iterators[", s.index, "]");
    case Step::IterCount: return cat(base, ".count");
  }
  return "?";
}

}  // namespace fj::guard
