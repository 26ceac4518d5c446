// Attributes of Python functions, read and written: __name__, __doc__, __defaults__, __closure__ and the like.
#include <algorithm>

#include "capture/protocol.h"

namespace fj::capture {

namespace {

V doc_of(Tracer& t, FunctionValue* f) {
  PyObject* consts = f->code->co_consts;
#ifdef CO_HAS_DOCSTRING
  const bool has = f->code->co_flags & CO_HAS_DOCSTRING;
#else
  const bool has = PyTuple_GET_SIZE(consts) > 0 && PyUnicode_Check(PyTuple_GET_ITEM(consts, 0));
#endif
  return has ? t.constant(PyTuple_GET_ITEM(consts, 0)) : t.none();
}

V module_of(Tracer& t, FunctionValue* f) {
  V name = t.global_lookup(f->globals, FJ_NAME("__name__"));
  return name ? name : t.none();
}

// The tuple of names and values that MAKE_FUNCTION gets becomes a dict when it is asked for.
V annotations_of(Tracer& t, FunctionValue* f) {
  if (f->annotations && f->annotations->is == Is::Dict) return f->annotations;
  auto* d = t.dict();
  if (f->annotations) {
    Values flat = unpack(t, f->annotations);
    for (size_t i = 0; i + 1 < flat.size(); i += 2) dict_set(t, d, flat[i], flat[i + 1]);
  }
  return f->annotations = d;
}

}  // namespace

// Of a function that the trace made, or of what it wrote to one from outside; NULL if this is neither.
V function_attr(Tracer& t, FunctionValue* f, PyObject* name) {
  for (auto& [known, value] : f->members)
    if (PyUnicode_Compare(known, name) == 0) return value;
  if (f->outside()) return nullptr;
  if (is_text(name, "__code__")) return t.constant(reinterpret_cast<PyObject*>(f->code));
  if (is_text(name, "__name__")) return t.constant(f->code->co_name);
  if (is_text(name, "__qualname__")) return f->qualname ? f->qualname : t.constant(f->code->co_qualname);
  if (is_text(name, "__defaults__")) return f->defaults ? f->defaults : t.none();
  if (is_text(name, "__kwdefaults__")) return f->kwdefaults ? f->kwdefaults : t.none();
  if (is_text(name, "__doc__")) return doc_of(t, f);
  if (is_text(name, "__module__")) return module_of(t, f);
  if (is_text(name, "__globals__")) return t.known_dict(f->globals);
  if (is_text(name, "__annotations__")) return annotations_of(t, f);
  if (is_text(name, "__closure__")) return f->closure.empty() ? t.none() : t.tuple(f->closure);
  if (is_text(name, "__type_params__")) return t.tuple({});
  cut(Reason::native_object, "a function's ", py::utf8(name));
}

bool write_function_attr(Tracer& t, FunctionValue* f, PyObject* name, V value) {
  static constexpr const char* kWritable[] = {"__name__",     "__qualname__",   "__doc__",         "__module__",
                                              "__defaults__", "__kwdefaults__", "__annotations__", "__type_params__"};
  if (!value || std::none_of(std::begin(kWritable), std::end(kWritable), [&](auto* s) { return is_text(name, s); }))
    return false;
  if (is_text(name, "__type_params__") && value->is != Is::Tuple) return false;
  const bool text = is_text(name, "__name__") || is_text(name, "__qualname__");
  PyObject* o = const_object(value);
  if (text && (!o || !PyUnicode_Check(o))) return false;
  if (is_text(name, "__defaults__")) {
    if (value->is != Is::Tuple && !is_const(t, value, Py_None)) return false;
    f->defaults = value;
  } else if (is_text(name, "__kwdefaults__")) {
    if (value->is != Is::Dict && !is_const(t, value, Py_None)) return false;
    f->kwdefaults = value;
  } else if (is_text(name, "__annotations__") && value->is != Is::Dict) {
    return false;
  }
  f->changed = f->outside();
  for (auto& [known, old] : f->members)
    if (PyUnicode_Compare(known, name) == 0) {
      old = value;
      return true;
    }
  f->members.push_back({t.keep(Ref::borrow(name)), value});
  return true;
}

}  // namespace fj::capture
