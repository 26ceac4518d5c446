// Functions that ask before those of a table. A PyMethodDef carries nothing but a C function, so each entry gets an
// instance of a template that knows its number.
#include <array>
#include <utility>

#include "base/error.h"
#include "bind/overrides.h"

namespace fj::bind {
namespace {

constexpr size_t kMost = 192;

struct Entry {
  const PyMethodDef* method = nullptr;
  PyObject* module = nullptr;  // of a function
  bool objects = true;         // false: only modes are asked

  bool asks(PyObject* const* args, Py_ssize_t n) const {
    return overrides::mode_answers() || (objects && overrides::any_answers(args, n));
  }
};
Entry entries[kMost];
size_t used = 0;

PyObject* pass_on(const Entry& e, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  PyObject* home = e.module ? e.module : reinterpret_cast<PyObject*>(tensor_type);
  py::Ref function = py::Ref::steal(PyObject_GetAttrString(home, e.method->ml_name));
  return function ? ask(function.get(), args, n, kwnames) : nullptr;
}

// self, if the entry is a method, before the positional arguments; then the values of the named ones.
struct Gathered {
  SmallVec<PyObject*, 8> values;
  Py_ssize_t positional = 0;
  py::Ref names;

  Gathered(const Entry& e, PyObject* self) {
    if (!e.module) values.push_back(self);
  }
  void tuple(PyObject* args) {
    for (Py_ssize_t i = 0; args && i < PyTuple_GET_SIZE(args); ++i) values.push_back(PyTuple_GET_ITEM(args, i));
    positional = static_cast<Py_ssize_t>(values.size());
  }
  bool dict(PyObject* kwargs) {
    if (!kwargs || !PyDict_GET_SIZE(kwargs)) return true;
    names = py::Ref::steal(PyTuple_New(PyDict_GET_SIZE(kwargs)));
    PyObject *key, *value;
    for (Py_ssize_t at = 0, i = 0; names && PyDict_Next(kwargs, &at, &key, &value); ++i) {
      PyTuple_SET_ITEM(names.get(), i, Py_NewRef(key));
      values.push_back(value);
    }
    return static_cast<bool>(names);
  }
  Py_ssize_t size() const { return static_cast<Py_ssize_t>(values.size()); }
};

template <size_t I>
PyObject* with_one(PyObject* self, PyObject* other) {
  const Entry& e = entries[I];
  const bool is_method = !e.module;
  if (__builtin_expect((is_method && overrides::answers(self)) || e.asks(&other, other ? 1 : 0), 0)) {
    PyObject* both[] = {self, other};
    const Py_ssize_t n = (is_method ? 1 : 0) + (e.method->ml_flags & METH_O ? 1 : 0);
    return pass_on(e, is_method ? both : both + 1, n, nullptr);
  }
  return e.method->ml_meth(self, other);
}

template <size_t I>
PyObject* with_tuple(PyObject* self, PyObject* args, PyObject* kwargs) {
  const Entry& e = entries[I];
  const bool plain = e.module == nullptr && Py_TYPE(self) == tensor_type && !overrides::modes_anywhere;
  if (!plain) {
    Gathered all(e, self);
    all.tuple(args);
    if (!all.dict(kwargs)) return nullptr;
    if (e.asks(all.values.data(), all.size())) return pass_on(e, all.values.data(), all.positional, all.names.get());
  }
  if (e.method->ml_flags & METH_KEYWORDS)
    return reinterpret_cast<PyCFunctionWithKeywords>(reinterpret_cast<void (*)()>(e.method->ml_meth))(self, args,
                                                                                                      kwargs);
  return e.method->ml_meth(self, args);
}
template <size_t I>
PyObject* with_tuple_only(PyObject* self, PyObject* args) {
  return with_tuple<I>(self, args, nullptr);
}

template <size_t I>
PyObject* with_vector(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  const Entry& e = entries[I];
  const Py_ssize_t all = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
  if (__builtin_expect((!e.module && overrides::answers(self)) || e.asks(args, all), 0)) {
    Gathered shifted(e, self);
    for (Py_ssize_t i = 0; i < all; ++i) shifted.values.push_back(args[i]);
    return pass_on(e, shifted.values.data(), n + (e.module ? 0 : 1), kwnames);
  }
  using Fast = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);
  return reinterpret_cast<Fast>(reinterpret_cast<void (*)()>(e.method->ml_meth))(self, args, n, kwnames);
}

struct Forms {
  PyCFunction one, tuple, tuple_keywords, vector;
};
template <class F>
PyCFunction plain(F f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}
template <size_t... I>
constexpr std::array<Forms (*)(), kMost> make_forms(std::index_sequence<I...>) {
  return {[]() -> Forms { return {with_one<I>, with_tuple_only<I>, plain(with_tuple<I>), plain(with_vector<I>)}; }...};
}
constexpr auto forms = make_forms(std::make_index_sequence<kMost>());

PyMethodDef asking_one(PyMethodDef* m, PyObject* module, bool objects) {
  PyMethodDef out = *m;
  FJ_CHECK(used < kMost, "more functions than ask");
  const Forms f = forms[used]();
  entries[used++] = {m, module, objects};
  switch (m->ml_flags & (METH_VARARGS | METH_KEYWORDS | METH_NOARGS | METH_O | METH_FASTCALL)) {
    case METH_NOARGS:
    case METH_O: out.ml_meth = f.one; break;
    case METH_VARARGS: out.ml_meth = f.tuple; break;
    case METH_VARARGS | METH_KEYWORDS: out.ml_meth = f.tuple_keywords; break;
    case METH_FASTCALL | METH_KEYWORDS: out.ml_meth = f.vector; break;
    default: FJ_CHECK(false, "a calling convention that cannot ask: ", m->ml_name);
  }
  return out;
}

PyMethodDef* asking_table(PyMethodDef* table, PyObject* module, bool objects) {
  auto* out = new std::vector<PyMethodDef>();
  for (; table->ml_name; ++table)
    out->push_back(table->ml_flags & (METH_STATIC | METH_CLASS) ? *table : asking_one(table, module, objects));
  out->push_back(*table);
  return out->data();
}

// --- attributes ---

PyObject* accessor(const PyGetSetDef* d, const char* what) {
  py::Ref descriptor = py::Ref::borrow(PyDict_GetItemString(tensor_type->tp_dict, d->name));
  return descriptor ? PyObject_GetAttrString(descriptor.get(), what) : nullptr;
}

PyObject* get(PyObject* self, void* closure) {
  auto* d = static_cast<const PyGetSetDef*>(closure);
  if (__builtin_expect(asked(self), 0)) {
    py::Ref function = py::Ref::steal(accessor(d, "__get__"));
    return function ? ask(function.get(), &self, 1, nullptr) : nullptr;
  }
  return d->get(self, d->closure);
}

int set(PyObject* self, PyObject* value, void* closure) {
  auto* d = static_cast<const PyGetSetDef*>(closure);
  if (__builtin_expect(asked(self), 0)) {
    py::Ref function = py::Ref::steal(accessor(d, value ? "__set__" : "__delete__"));
    PyObject* args[] = {self, value};
    py::Ref result = py::Ref::steal(function ? ask(function.get(), args, value ? 2 : 1, nullptr) : nullptr);
    return result ? 0 : -1;
  }
  return d->set(self, value, d->closure);
}

}  // namespace

PyMethodDef* asking(PyMethodDef* methods) { return asking_table(methods, nullptr, true); }
PyMethodDef* asking_functions(PyObject* module, PyMethodDef* functions, bool objects) {
  return asking_table(functions, module, objects);
}

PyGetSetDef* asking(PyGetSetDef* table) {
  auto* out = new std::vector<PyGetSetDef>();
  for (; table->name; ++table) out->push_back({table->name, get, table->set ? set : nullptr, table->doc, table});
  out->push_back(*table);
  return out->data();
}

}  // namespace fj::bind
