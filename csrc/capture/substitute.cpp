#include "capture/substitute.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "capture/sym_frame.h"
#include "py/once.h"

namespace fj::capture {

namespace {

struct Tables {
  std::unordered_map<PyObject*, PyObject*> functions;
  std::unordered_set<PyObject*> globals;
  std::unordered_set<PyObject*> pure;
  Ref methods, helpers;
};

Ref attribute(const Ref& module, const char* name) {
  return module ? Ref::steal(PyObject_GetAttrString(module.get(), name)) : Ref();
}

// Everything is held for the process's life. Without the package (a bare _C) the tables are empty.
const Tables* load() {
  auto* t = new Tables;
  Ref module = Ref::steal(PyImport_ImportModule("framejit._polyfills"));
  Ref functions = attribute(module, "SUBSTITUTES"), globals = attribute(module, "MODULES"),
      pure = attribute(module, "PURE");
  t->methods = attribute(module, "METHODS");
  t->helpers = attribute(module, "HELPERS");
  PyObject *key, *value;
  Py_ssize_t at = 0;
  while (functions && PyDict_Next(functions.get(), &at, &key, &value)) t->functions[Py_NewRef(key)] = Py_NewRef(value);
  for (Py_ssize_t i = 0; globals && i < PyList_GET_SIZE(globals.get()); ++i)
    t->globals.insert(Py_NewRef(PyList_GET_ITEM(globals.get(), i)));
  for (Py_ssize_t i = 0; pure && i < PyList_GET_SIZE(pure.get()); ++i)
    t->pure.insert(Py_NewRef(PyList_GET_ITEM(pure.get(), i)));
  PyErr_Clear();
  return t;
}

const Tables* made = nullptr;

// What the program has added.
std::unordered_map<PyObject*, PyObject*>& added() {
  static std::unordered_map<PyObject*, PyObject*> map;
  return map;
}

// The modules that define what is substituted or pure: importing the package waits for the first use of one of them.
constexpr std::string_view kHomes[] = {"_bisect",   "_collections", "_functools", "_heapq", "_operator",
                                       "functools", "itertools",    "operator",   "re"};

// The tables; NULL where `callable` is none of theirs and nothing has loaded them yet.
const Tables* tables_for(PyObject* callable) {
  if (made) return made;
  Ref module = Ref::steal(PyObject_GetAttrString(callable, "__module__"));
  PyErr_Clear();
  if (std::find(std::begin(kHomes), std::end(kHomes), py::name_view(module.get())) == std::end(kHomes)) return nullptr;
  return py::once(made, load);
}

// The one function whose iterators are of a class that is not itself called.
PyTypeObject* tee_type() {
  static PyTypeObject* const type = [] {
    Ref module = Ref::steal(PyImport_ImportModule("itertools")), name = Ref::steal(PyUnicode_FromString(""));
    Ref parts = Ref::steal(module ? PyObject_CallMethod(module.get(), "tee", "O", name.get()) : nullptr);
    PyErr_Clear();
    return parts ? Py_TYPE(PyTuple_GET_ITEM(parts.get(), 0)) : &PyGen_Type;
  }();
  return type;
}

void mark(V v, PyObject* callable, const Args* args) {
  if (v->is != Is::Iterator) return;
  auto* it = as<IteratorValue>(v);
  it->substitute = true;
  if (PyType_Check(callable)) it->cls = reinterpret_cast<PyTypeObject*>(callable);
  if (PyCFunction_Check(callable)) it->cls = tee_type();
  if (!args || !args->named.empty() || !PyType_Check(callable)) return;
  for (V a : args->pos)
    if (a->is == Is::Object) return;  // its __iter__ has been called already
  it->maker = callable;
  it->maker_args = args->pos;
}

}  // namespace

PyObject* added_substitute_of(PyObject* callable) {
  auto it = added().find(callable);
  return it == added().end() ? nullptr : it->second;
}

PyObject* substitute_of(PyObject* callable) {
  if (PyObject* python = added_substitute_of(callable)) return python;
  const Tables* t = tables_for(callable);
  if (!t) return nullptr;
  auto it = t->functions.find(callable);
  return it == t->functions.end() ? nullptr : it->second;
}

void add_substitute(PyObject* callable, PyObject* function) {
  if (function == Py_None) {
    added().erase(callable);
    return;
  }
  PyObject*& slot = added()[callable];
  if (!slot) Py_INCREF(callable);
  slot = Py_NewRef(function);
}

PyObject* substitute_of_method(PyTypeObject* type, std::string_view name) {
  const Tables* t = tables_for(reinterpret_cast<PyObject*>(type));
  if (!t || !t->methods) return nullptr;
  Ref text = Ref::steal(PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())));
  Ref key = Ref::steal(PyTuple_Pack(2, type, text.get()));
  PyObject* found = key ? PyDict_GetItemWithError(t->methods.get(), key.get()) : nullptr;
  PyErr_Clear();
  return found;
}

namespace {

// These have gone through their arguments when they return: what is made anew later is made of what they found.
void take_pools(Tracer& t, PyObject* callable, Args& args) {
  if (!PyType_Check(callable)) return;
  const std::string_view name = reinterpret_cast<PyTypeObject*>(callable)->tp_name;
  const bool all = name == "itertools.product";
  if (!all && name != "itertools.permutations" && name != "itertools.combinations" &&
      name != "itertools.combinations_with_replacement")
    return;
  V tuple = t.constant(reinterpret_cast<PyObject*>(&PyTuple_Type));
  for (size_t i = 0; i < args.pos.size() && (all || i == 0); ++i) args.pos[i] = call_values(t, tuple, {args.pos[i]});
}

}  // namespace

V call_substitute(Tracer& t, PyObject* callable, PyObject* function, Args args) {
  if (PyCFunction_Check(callable) && !args.named.empty() && !(PyCFunction_GET_FLAGS(callable) & METH_KEYWORDS))
    cut(Reason::argument_form, "keyword arguments of a C function");
  if (PyCFunction_Check(callable) && !args.pos.empty() && args.pos[0]->cls == tee_type())
    cut(Reason::native_call, "a function of C that is given what tee() has made");  // tee() copies it
  take_pools(t, callable, args);
  const Args given = args;
  V result = call(t, t.wrap_known(function), std::move(args));
  if (result->is == Is::Tuple)
    for (V part : as<TupleValue>(result)->items) mark(part, callable, nullptr);
  else
    mark(result, callable, &given);
  return result;
}

V call_helper(Tracer& t, const char* name, Args args) {
  const Tables* tables = py::once(made, load);
  PyObject* function = tables->helpers ? PyDict_GetItemString(tables->helpers.get(), name) : nullptr;
  if (!function) cut(Reason::native_call, name, "()");
  return call(t, t.wrap_known(function), std::move(args));
}

bool is_substitute_part(PyObject* globals) { return made && made->globals.count(globals) != 0; }

bool is_substitute_class(PyTypeObject* type) {
  if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) return false;
  Ref module = Ref::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "__module__"));
  PyErr_Clear();
  return py::name_view(module.get()).starts_with("framejit._polyfills");
}

// Asked after substitute_of() for the function itself, which has loaded the tables if the code is one of theirs.
bool is_pure_code(PyCodeObject* code) { return made && made->pure.count(reinterpret_cast<PyObject*>(code)) != 0; }

}  // namespace fj::capture
