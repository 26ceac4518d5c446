// The one list of functions that are really called while tracing, because they only look at immutable arguments and
// make a fresh result. Everything else written in C has a rule, is a tensor operation, or breaks the graph.
#include <unordered_set>

#include "capture/asks.h"
#include "capture/builtins.h"
#include "capture/number.h"
#include "capture/owned.h"
#include "capture/substitute.h"
#include "capture/tensors.h"
#include "py/once.h"

namespace fj::capture {

namespace {

struct PureModule {
  const char* module;
  const char* names;  // space-separated; NULL: all its C functions
};
constexpr PureModule kPure[] = {
    {"math", nullptr},
    {"cmath", nullptr},
    {"_operator", nullptr},
    {"builtins", "ascii bin chr hex oct ord divmod pow round abs"},
    {"binascii", "a2b_base64 b2a_base64 crc32 hexlify unhexlify"},
    {"_struct", "calcsize pack unpack"},
    {"unicodedata", nullptr},
    {"sys", "intern"},
    {"posix", "fspath _path_splitroot_ex"},
};

void add_all(PyObject* module, std::unordered_set<PyObject*>& into) {
  PyObject *name, *value;
  Py_ssize_t pos = 0;
  while (PyDict_Next(PyModule_GetDict(module), &pos, &name, &value))
    if (PyCFunction_Check(value)) into.insert(value);
}

std::unordered_set<PyObject*>& pure_set() {
  static std::unordered_set<PyObject*>* set = nullptr;
  py::once(set, [] {
    auto* s = new std::unordered_set<PyObject*>;
    for (const auto& row : kPure) {
      PyObject* module = PyImport_ImportModule(row.module);
      if (!module) {
        PyErr_Clear();
        continue;
      }
      if (!row.names) {
        add_all(module, *s);
        continue;
      }
      Ref names = Ref::steal(PyUnicode_Split(Ref::steal(PyUnicode_FromString(row.names)).get(), nullptr, -1));
      for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names.get()); ++i) {
        PyObject* f = PyObject_GetAttr(module, PyList_GET_ITEM(names.get(), i));
        if (f) s->insert(f);
        PyErr_Clear();
      }
    }
    for (PyTypeObject* type : {&PyUnicode_Type, &PyBytes_Type})
      if (PyObject* f = PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "maketrans")) s->insert(f);
    return s;
  });
  return *set;
}

bool all_real(Tracer& t, Args& args) {
  for (V v : args.pos)
    if (!t.known_real(v)) return false;
  for (auto& [name, v] : args.named)
    if (!t.known_real(v)) return false;
  return true;
}

// tuple.__new__(cls, iterable) and its like, called by name.
V call_new(Tracer& t, PyTypeObject* base, Args& a) {
  PyObject* cls;
  if (a.pos.empty() || !t.constant_of(a.pos[0], &cls) || !PyType_Check(cls)) cut(Reason::argument_form, "__new__");
  auto* type = reinterpret_cast<PyTypeObject*>(cls);
  if (!PyType_IsSubtype(type, base)) cut(Reason::raises, base->tp_name, ".__new__");
  if (base == &PyTuple_Type) {
    want(a, 1, 2);
    return t.tuple(a.pos.size() > 1 ? unpack(t, a.pos[1]) : Values{}, type);
  }
  // The arguments are __init__'s, if there is one and __new__ is object's own.
  if (base == &PyBaseObject_Type && a.size() > 1 &&
      (type->tp_new != PyBaseObject_Type.tp_new || type->tp_init == PyBaseObject_Type.tp_init))
    cut(Reason::raises, "object.__new__() takes one argument");
  if (is_exception_type(base)) check_exception(type, a.pos.size() - 1);
  if (is_exception_type(base)) return new_exception(t, type, Values(a.pos.begin() + 1, a.pos.end()));
  if (base == &PyBaseObject_Type || base == &PyList_Type || base == &PyDict_Type) return new_object(t, type);
  if (is_overriding(type)) {
    Args data = a;
    data.pos.erase(data.pos.begin());
    return new_overriding(t, type, data);
  }
  if (type == base && !(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
    Args rest = a;
    rest.pos.erase(rest.pos.begin());
    return call_builtin_type(t, type, std::move(rest));
  }
  cut(Reason::native_call, base->tp_name, ".__new__");
}

V call_fromkeys(Tracer& t, PyTypeObject* type, Args& a) {
  V value = native_base(type) == &PyODict_Type ? a.take("value") : nullptr;
  want(a, 1, value ? 1 : 2);
  if (value) a.pos.push_back(value);
  V d = call_values(t, t.constant(reinterpret_cast<PyObject*>(type)), {});
  for (V k : unpack(t, a.pos[0])) set_item(t, d, k, a.pos.size() > 1 ? a.pos[1] : t.none());
  return d;
}

const char* text_of(PyObject* f) {
  return PyCFunction_Check(f) ? reinterpret_cast<PyCFunctionObject*>(f)->m_ml->ml_name : Py_TYPE(f)->tp_name;
}

[[noreturn]] void unknown(PyObject* f) {
  Ref module = Ref::steal(PyObject_GetAttrString(f, "__module__"));
  PyErr_Clear();
  const bool named = module && PyUnicode_Check(module.get()) && !is_text(module.get(), "builtins");
  cut(Reason::native_call, named ? py::utf8(module.get()) : "", named ? "." : "", text_of(f), "()");
}

// Methods of compiled patterns and of matches, with constants.
V call_on_match(Tracer& t, PyObject* f, std::string_view name, Args& args) {
  if ((name == "sub" || name == "subn") && args.pos.size() >= 2 && args.pos[0]->is != Is::Const) {
    args.pos.insert(args.pos.begin(), t.constant(PyCFunction_GET_SELF(f)));
    if (name == "subn") args.named.push_back({FJ_NAME("with_count"), t.boolean(true)});
    return call_helper(t, "sub_function", std::move(args));
  }
  if (name == "scanner" || name == "__reduce__" || !all_real(t, args)) unknown(f);
  Ref pos = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(args.pos.size())));
  for (size_t i = 0; i < args.pos.size(); ++i)
    PyTuple_SET_ITEM(pos.get(), static_cast<Py_ssize_t>(i), t.to_real(args.pos[i]).release());
  Ref named = Ref::steal(PyDict_New());
  for (auto& [key, v] : args.named) PyDict_SetItem(named.get(), key, t.to_real(v).get());
  Ref result = Ref::steal(PyObject_Call(f, pos.get(), named.get()));
  if (!result) t.raise_pending();
  if (name != "finditer") return t.from_real(result.get());
  Values matches;
  while (Ref match = Ref::steal(PyIter_Next(result.get()))) matches.push_back(t.from_real(match.get()));
  if (PyErr_Occurred()) t.raise_pending();
  return t.items_iterator(std::move(matches), Py_TYPE(result.get()));
}

// A built-in method that has its instance: "abc".upper, int.from_bytes, math.sin (whose instance is the module).
V call_bound(Tracer& t, PyObject* f, PyObject* self, Args& args) {
  const std::string_view name = text_of(f);
  if (PyType_Check(self)) {
    auto* type = reinterpret_cast<PyTypeObject*>(self);
    if (name == "__new__") return call_new(t, type, args);
    if (name == "__torch_function__" && is_tensor_type(type)) {
      args.pos.insert(args.pos.begin(), t.constant(self));
      return call_helper(t, "tensor_torch_function", std::move(args));
    }
    if (PyObject* python = substitute_of_method(type, name)) return call_substitute(t, f, python, std::move(args));
    if (name == "fromkeys" && PyType_IsSubtype(type, &PyDict_Type)) return call_fromkeys(t, type, args);
    for (PyTypeObject* known : {&PyLong_Type, &PyFloat_Type, &PyUnicode_Type, &PyBytes_Type, &PyComplex_Type})
      if (type == known && all_real(t, args)) return call_pure(t, f, args);
    unknown(f);
  }
  if (is_text_match(self)) return call_on_match(t, f, name, args);
  if (PyFrozenSet_CheckExact(self)) {  // keyword.iskeyword
    PyObject* method = _PyType_Lookup(Py_TYPE(self), intern(text_of(f)));
    if (method) return call_native(t, t.native(method, intern(text_of(f)), t.wrap_known(self)), std::move(args));
  }
  if (!is_plain_constant(self) && !is_date_method(self, name) && !is_plain_instance(self)) unknown(f);
  if (MethodRule rule = PyUnicode_CheckExact(self) ? text_method(name) : nullptr)
    return rule(t, t.constant(self), args);
  return call_pure(t, f, args);
}

}  // namespace

bool is_pure(PyObject* callable) { return pure_set().count(callable) != 0; }

// Python functions that compute from constants, but over C objects or caches of their own.
bool is_pure_by_name(PyObject* callable) {
  static constexpr struct {
    const char *module, *name;
  } kRows[] = {
      {"json", "loads"},
      {"json", "dumps"},
      {"urllib.parse", "urlsplit"},
      {"urllib.parse", "quote_from_bytes"},
      {"urllib.parse", "unquote_to_bytes"},
      {"fnmatch", "_compile_pattern"},
  };
  auto read = [&](PyObject* attribute) {
    Ref found = Ref::steal(PyObject_GetAttr(callable, attribute));
    if (!found || !PyUnicode_Check(found.get())) PyErr_Clear(), found = {};
    return found;
  };
  Ref name = read(FJ_NAME("__name__"));
  for (const auto& row : kRows) {
    if (!name || !is_text(name.get(), row.name)) continue;
    Ref module = read(FJ_NAME("__module__"));
    if (module && is_text(module.get(), row.module)) return true;
  }
  return false;
}

V call_really(Tracer& t, PyObject* callable, const Args& args) {
  Ref pos = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(args.pos.size()))), named = Ref::steal(PyDict_New());
  for (size_t i = 0; i < args.pos.size(); ++i)
    PyTuple_SET_ITEM(pos.get(), static_cast<Py_ssize_t>(i),
                     t.need_real(args.pos[i], Reason::native_call, "a pure function").release());
  for (auto& [name, v] : args.named)
    PyDict_SetItem(named.get(), name, t.need_real(v, Reason::native_call, "a pure function").get());
  Ref result = Ref::steal(PyObject_Call(callable, pos.get(), named.get()));
  if (!result) t.raise_pending();
  if (PyFunction_Check(result.get())) return t.wrap_known(result.get());
  return t.from_real(result.get());
}

V call_builtin(Tracer& t, PyObject* f, Args args) {
  if (Rule rule = builtin_rule(f)) return rule(t, args);
  if (PyObject* python = substitute_of(f)) return call_substitute(t, f, python, std::move(args));
  if (is_pure(f)) {
    // Tensors may pass through operator.add and the like; math functions ask a tensor for its value and break there.
    if (V v = PyCFunction_Check(f) ? computed_call(t, f, args) : nullptr) return v;
    if (V v = call_operator(t, f, args)) return v;
    return call_leaf(t, f, args);
  }
  PyObject* self = PyCFunction_Check(f) ? PyCFunction_GET_SELF(f) : nullptr;
  if (is_method_wrapper(f)) {
    Ref owner = Ref::steal(PyObject_GetAttrString(f, "__self__"));
    if (owner && is_plain_constant(owner.get())) return call_pure(t, f, args);
    Ref called = Ref::steal(PyObject_GetAttrString(f, "__name__"));
    if (owner && Py_TYPE(owner.get()) == &PyGetSetDescr_Type && is_text(called.get(), "__get__") && !args.pos.empty())
      return get_attr(t, args.pos[0], reinterpret_cast<PyDescrObject*>(owner.get())->d_name);
    cut(Reason::native_call, "a method wrapper");
  }
  if (self && !PyModule_Check(self)) return call_bound(t, f, self, args);
  if (V v = make_owned(t, f, args)) return v;
  unknown(f);
}

// operator.* on values that are neither constants nor tensors: by the protocol of the same name.
V call_operator(Tracer& t, PyObject* f, Args& a) {
  if (!a.named.empty() || a.pos.empty() || all_real(t, a)) return nullptr;
  const std::string_view name = text_of(f);
  if (a.pos.size() == 2) {
    static constexpr const char* kBinary[] = {"add", "and_", "floordiv", "lshift", "matmul",  "mul", "mod",
                                              "or_", "pow",  "rshift",   "sub",    "truediv", "xor"};
    for (int i = 0; i < 13; ++i)
      if (name == kBinary[i]) return binary(t, i, a.pos[0], a.pos[1]);
    static constexpr const char* kCompare[] = {"lt", "le", "eq", "ne", "gt", "ge"};
    for (int i = 0; i < 6; ++i)
      if (name == kCompare[i]) return compare(t, i, a.pos[0], a.pos[1]);
    if (name == "getitem") return get_item(t, a.pos[0], a.pos[1]);
    if (name == "contains") return t.boolean(contains(t, a.pos[0], a.pos[1]));
    if (name == "is_") return t.boolean(same(t, a.pos[0], a.pos[1]));
    if (name == "is_not") return t.boolean(!same(t, a.pos[0], a.pos[1]));
  }
  if (name == "truth" && a.pos.size() == 1) return t.boolean(truth(t, a.pos[0]));
  if (name == "not_" && a.pos.size() == 1) return t.boolean(!truth(t, a.pos[0]));
  if (name == "setitem" && a.pos.size() == 3) return set_item(t, a.pos[0], a.pos[1], a.pos[2]), t.none();
  cut(Reason::native_call, text_of(f), "()");
}

}  // namespace fj::capture
