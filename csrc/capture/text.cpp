// str(), repr() and format() of values.
#include <algorithm>

#include "capture/builtins.h"
#include "capture/leaf.h"
#include "capture/number.h"
#include "capture/owned.h"
#include "capture/tensors.h"

namespace fj::capture {

PyObject* name_of(Tracer& t, V v, const char* what) {
  PyObject* o;
  if (!t.constant_of(v, &o) || !PyUnicode_Check(o)) cut(Reason::raises, what, " that is not a string");
  return o;
}

namespace {

bool has_object(V v, int depth = 0) {
  if (depth > 20) cut(Reason::native_object, "the text of a deeply nested container");
  auto any = [&](const Values& items) {
    for (V item : items)
      if (item && has_object(item, depth + 1)) return true;
    return false;
  };
  switch (v->is) {
    case Is::Tuple: return any(as<TupleValue>(v)->items);
    case Is::List: return any(as<ListValue>(v)->items) || v->cls != &PyList_Type;
    case Is::Dict:
      for (auto& e : as<DictValue>(v)->entries)
        if (e.value && (has_object(e.key, depth + 1) || has_object(e.value, depth + 1))) return true;
      return false;
    case Is::Set: return any(as<SetValue>(v)->items);
    default: return v->is != Is::Const;
  }
}

std::string utf8(Tracer& t, V text) { return py::utf8(name_of(t, text, "a text")); }

std::string joined(Tracer& t, const Values& items) {
  std::string out;
  for (V item : items) out += (out.empty() ? "" : ", ") + utf8(t, to_repr(t, item));
  return out;
}

// repr() of lists, tuples, dicts and deques that hold objects, part by part; NULL for others.
V container_text(Tracer& t, V v) {
  const bool deque = is_deque(v);
  const bool known = deque || v->cls == &PyList_Type || v->cls == &PyTuple_Type || v->cls == &PyDict_Type;
  if (!known) return nullptr;
  if (v->is == Is::Dict) dict_fill(t, as<DictValue>(v));
  if (!has_object(v)) return nullptr;
  if (v->is == Is::Dict) {
    std::string out;
    for (auto& [k, value] : dict_items(t, as<DictValue>(v)))
      out += (out.empty() ? "" : ", ") + utf8(t, to_repr(t, k)) + ": " + utf8(t, to_repr(t, value));
    return t.string("{" + out + "}");
  }
  const Values items = *sequence_items(v);
  std::string inner = joined(t, items);
  if (v->is == Is::Tuple) return t.string("(" + inner + (items.size() == 1 ? ",)" : ")"));
  if (!deque) return t.string("[" + inner + "]");
  const int64_t bound = as<ListValue>(v)->maxlen;
  return t.string("deque([" + inner + "]" + (bound < 0 ? std::string(")") : cat(", maxlen=", bound, ")")));
}

// Text of what has only one: constants, and containers of constants.
// What takes time that grows with the square of the length is done where it stands, at each call.
constexpr size_t kSlowBits = 100000;

V real_text(Tracer& t, V v, PyObject* (*how)(PyObject*)) {
  if (v->is == Is::Tensor) cut(Reason::data_dependent, "the text of a tensor");
  if (v->is == Is::Const && !is_plain_constant(v->real) && !PyType_Check(v->real)) {
    PyTypeObject* type = v->cls;
    PyObject* raw = _PyType_Lookup(type, how == PyObject_Str ? FJ_NAME("__str__") : FJ_NAME("__repr__"));
    if (raw && PyFunction_Check(raw)) return call_values(t, t.method(t.wrap_known(raw), v), {});
  }
  if (v->is == Is::Const && v->real && PyLong_Check(v->real) && _PyLong_NumBits(v->real) > kSlowBits)
    cut(Reason::too_long, "the digits of a number of more than ", kSlowBits, " bits");
  if (v->is == Is::Dict || v->is == Is::List || v->is == Is::Tuple || v->is == Is::Set || v->is == Is::Const ||
      v->is == Is::Slice) {
    if (V text = container_text(t, v)) return text;
    Ref real = t.to_real(v);
    if (!real) cut(Reason::native_object, "the text of a container of objects");
    return t.constant(Ref::steal(how(real.get())));
  }
  if (is_owned(v)) return t.constant(Ref::steal(how(v->real)));
  cut(Reason::native_object, "the text of ", v->cls->tp_name);
}

V exception_text(Tracer& t, ObjectValue* e, bool repr) {
  Values& args = e->args->items;
  if (!repr && is_group_type(e->cls)) {
    const auto n = unpack(t, exception_attr(t, e, FJ_NAME("exceptions"))).size();
    return t.string(cat(utf8(t, args[0]), " (", n, " sub-exception", n == 1 ? ")" : "s)"));
  }
  if (!repr) {
    if (args.empty()) return t.string("");
    if (PyType_IsSubtype(e->cls, reinterpret_cast<PyTypeObject*>(PyExc_OSError)))
      cut(Reason::native_object, "the text of an OSError");
    if (PyType_IsSubtype(e->cls, reinterpret_cast<PyTypeObject*>(PyExc_KeyError)) && args.size() == 1)
      return to_repr(t, args[0]);
    return args.size() == 1 ? to_str(t, args[0]) : to_str(t, e->args);
  }
  std::string out = e->cls->tp_name;
  if (const char* dot = __builtin_strrchr(e->cls->tp_name, '.')) out = dot + 1;
  V inner = args.size() == 1 ? to_repr(t, args[0]) : nullptr;
  if (inner) return t.string(cat(out, "(", utf8(t, inner), ")"));
  return t.string(cat(out, utf8(t, to_repr(t, e->args))));
}

// What a method that has to give a text gave.
V checked_text(Tracer& t, V text, PyObject* name) {
  if (!PyType_IsSubtype(t.type_of(text), &PyUnicode_Type))
    t.raise(PyExc_TypeError, cat(py::utf8(name), " returned non-string (type ", text->cls->tp_name, ")"));
  if (text->is != Is::Const) cut(Reason::native_object, "a text of type ", text->cls->tp_name);
  return text;
}

V object_text(Tracer& t, V v, bool repr) {
  if (v->is != Is::Const && (v->cls->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
    for (PyObject* name : {repr ? nullptr : FJ_NAME("__str__"), FJ_NAME("__repr__")}) {
      if (!name || !has_python_special(t, v, name)) continue;
      if (v->is == Is::Object && as<ObjectValue>(v)->args && is_text(name, "__repr__") && !repr) continue;
      return checked_text(t, call_values(t, special(t, v, name), {}), name);
    }
  }
  if (v->is == Is::Object && as<ObjectValue>(v)->args) return exception_text(t, as<ObjectValue>(v), repr);
  return nullptr;
}

bool has_short_text(PyObject* o) { return !PyLong_Check(o) || _PyLong_NumBits(o) <= kSlowBits; }

// A number that depends on sizes, or a plain sequence with one.
bool has_symbol(V v) {
  if (v->is == Is::Const)
    return is_symbolic(v) && (PyFloat_CheckExact(v->real) || PyLong_CheckExact(v->real)) && has_short_text(v->real);
  const bool tuple = v->is == Is::Tuple && (v->cls == &PyTuple_Type || is_size_type(v->cls));
  if (v->outside() || !(tuple || (v->is == Is::List && v->cls == &PyList_Type))) return false;
  const Values& items = tuple ? as<TupleValue>(v)->items : as<ListValue>(v)->items;
  auto plain = [](V i) { return i->is == Is::Const && is_plain_constant(i->real) && has_short_text(i->real); };
  return std::all_of(items.begin(), items.end(), plain) && std::any_of(items.begin(), items.end(), is_symbolic);
}

// The text of such a value: not looked at before its own value matters. NULL for other values.
V symbolic_text(Tracer& t, V v, V spec) {
  if (!has_symbol(v)) return nullptr;
  Args args;
  args.pos = {v, spec ? spec : t.string("")};
  return call_pure(t, PyDict_GetItemString(PyEval_GetBuiltins(), "format"), args);
}

bool is_symbolic_text(V v) { return is_symbolic(v) && v->cls == &PyUnicode_Type; }

}  // namespace

V concat(Tracer& t, V a, V b) {
  if (V text = computed_number(t, Arith::Concat, a, b)) return text;
  if (is_symbolic(a) || is_symbolic(b)) {
    const Reason why = Reason::native_object;
    return t.leaf(leaf_binary, reinterpret_cast<intptr_t>(PyNumber_Add),
                  {t.leaf_of(a, why, "a text"), t.leaf_of(b, why, "a text")});
  }
  t.use(a);
  t.use(b);
  return t.constant(Ref::steal(PyUnicode_Concat(a->real, b->real)));
}

V to_str(Tracer& t, V v) {
  if (is_symbolic_text(v)) return v;
  if (V text = symbolic_text(t, v, nullptr)) return text;
  if (V text = computed_number(t, Arith::Format, v, t.string(""))) return text;
  t.use(v);
  if (V r = object_text(t, v, false)) return r;
  return real_text(t, v, PyObject_Str);
}

V to_repr(Tracer& t, V v) {
  Nested deeper(t);
  if (V text = symbolic_text(t, v, nullptr)) return text;
  if (V text = computed_number(t, Arith::Format, v, t.string(""))) return text;
  t.use(v);
  if (V r = object_text(t, v, true)) return r;
  return real_text(t, v, PyObject_Repr);
}

V to_format(Tracer& t, V v, V spec) {
  if (spec && !PyType_IsSubtype(spec->cls, &PyUnicode_Type))
    cut(Reason::raises, "a format specification that is no text");
  if (is_symbolic_text(v) && !spec) return v;
  if (V text = symbolic_text(t, v, spec)) return text;
  if (V text =
          !spec || spec->is == Is::Const ? computed_number(t, Arith::Format, v, spec ? spec : t.string("")) : nullptr)
    return text;
  t.use(v);
  if (v->is == Is::Tensor) cut(Reason::data_dependent, "the text of a tensor");
  if (v->is == Is::Object) {
    if (has_python_special(t, v, FJ_NAME("__format__")))
      return call_values(t, special(t, v, FJ_NAME("__format__")), {spec ? spec : t.string("")});
    if (spec && length(t, spec) > 0) cut(Reason::raises, "a format specification for an object");
    return to_str(t, v);
  }
  if (v->is != Is::Const) {
    if (spec && length(t, spec) > 0) cut(Reason::raises, "a format specification for a container");
    return to_str(t, v);
  }
  if (V m = !is_plain_constant(v->real) && has_python_special(t, v, FJ_NAME("__format__"))
                ? special(t, v, FJ_NAME("__format__"))
                : nullptr)
    return call_values(t, m, {spec ? spec : t.string("")});
  return t.constant(Ref::steal(PyObject_Format(v->real, spec ? name_of(t, spec, "a format specification") : nullptr)));
}

}  // namespace fj::capture
