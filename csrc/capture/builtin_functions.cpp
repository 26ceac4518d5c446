// Rules for functions of the builtins module (and functools.reduce).
#include <algorithm>

#include "capture/arrays.h"
#include "capture/asks.h"
#include "capture/builtins.h"
#include "capture/class_body.h"
#include "capture/function_grad.h"
#include "capture/grads.h"
#include "capture/hooks.h"
#include "capture/leaf.h"
#include "capture/look.h"
#include "capture/number.h"
#include "capture/owned.h"
#include "capture/reflected.h"
#include "capture/sym_frame.h"
#include "capture/tensors.h"
#include "capture/wrappers.h"
#include "py/imported.h"
#include "py/once.h"
#include "tensor/batched.h"

namespace fj::capture {

namespace {

// A number from outside is not specialised on by asking for its type.
PyTypeObject* type_alone(Tracer& t, V v) {
  if (v->is != Is::Const || v->touched || !v->outside() || !(PyFloat_CheckExact(v->real) || PyLong_CheckExact(v->real)))
    return t.type_of(v);
  t.guard(Kind::TypeIs, v->source, reinterpret_cast<PyObject*>(v->cls));
  return v->cls;
}

// By its __class__, where that is not its type.
bool claims_class(Tracer& t, V v, PyObject* cls) {
  PyObject* name = FJ_NAME("__class__");
  const bool plain = !overridden(t, v->cls, FJ_NAME("__getattribute__")) && !overridden(t, v->cls, name);
  V claimed = plain ? nullptr : find_attr(t, v, name);
  PyObject* o = claimed ? const_object(claimed) : nullptr;
  if (!o || !PyType_Check(o) || o == reinterpret_cast<PyObject*>(v->cls)) return false;
  t.use(claimed);
  const int r = PyObject_IsSubclass(o, cls);
  if (r < 0) t.raise_pending();
  return r;
}

}  // namespace

bool is_instance(Tracer& t, V v, V cls) {
  t.use(cls);
  if (cls->is == Is::Tuple) {
    for (V c : as<TupleValue>(cls)->items)
      if (is_instance(t, v, c)) return true;
    return false;
  }
  PyObject* o = const_object(cls);
  if (!o) cut(Reason::argument_form, "isinstance of ", cls->cls->tp_name);
  PyTypeObject* type = type_alone(t, v);
  if (PyType_Check(o)) {
    PyObject* check = t.type_lookup(Py_TYPE(o), FJ_NAME("__instancecheck__"));
    static PyObject* abc_check = nullptr;
    py::once(abc_check, [] {
      PyObject* abc = PyImport_ImportModule("abc");
      PyObject* meta = abc ? PyObject_GetAttrString(abc, "ABCMeta") : nullptr;
      return meta ? _PyType_Lookup(reinterpret_cast<PyTypeObject*>(meta), FJ_NAME("__instancecheck__")) : nullptr;
    });
    if (check && PyFunction_Check(check) && check != abc_check)
      return truth(t, call_values(t, t.method(t.wrap_known(check), cls), {v}));
  }
  if (!PyType_Check(o)) {
    Ref parts = Ref::steal(PyObject_GetAttrString(o, "__args__"));
    PyErr_Clear();
    if (!is_union(o) || !parts) cut(Reason::argument_form, "isinstance of ", cls->cls->tp_name);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parts.get()); ++i) {
      PyObject* part = PyTuple_GET_ITEM(parts.get(), i);
      if (!PyType_Check(part) && part != Py_None) cut(Reason::argument_form, "isinstance of ", cls->cls->tp_name);
      if (part == Py_None ? type == Py_TYPE(Py_None) : is_instance(t, v, t.wrap_known(part))) return true;
    }
    return false;
  }
  const int r = PyObject_IsSubclass(reinterpret_cast<PyObject*>(type), o);
  if (r < 0) t.raise_pending();
  if (!r && v->is == Is::Opaque && v->real && PyWeakref_CheckProxy(v->real))
    cut(Reason::native_object, "the class of what a proxy stands for");
  return r || (v->is == Is::Object && claims_class(t, v, o));
}

bool is_callable(Tracer& t, V v) { return t.type_of(v)->tp_call != nullptr; }

// How next() ended: by the exception of the iterator's own, by what a generator returned, or just so.
[[noreturn]] void raise_stop(Tracer& t, V iterator) {
  if (t.stop) t.throw_value(std::exchange(t.stop, nullptr));
  V result = nullptr;
  if (iterator->is == Is::Iterator && as<IteratorValue>(iterator)->how == Iter::Generator)
    result = as<IteratorValue>(iterator)->frame->result;
  const bool some = result && !is_const(t, result, Py_None);
  if (some && result->is == Is::Tuple) cut(Reason::raises, "a generator that returns a tuple");
  t.throw_value(t.exception(reinterpret_cast<PyTypeObject*>(PyExc_StopIteration), some ? Values{result} : Values{}));
}

namespace {

V b_len(Tracer& t, Args& a) {
  want(a, 1, 1);
  if (a.pos[0]->is == Is::Tensor && !has_python_special(t, a.pos[0], FJ_NAME("__len__")))
    return tensor_length(t, a.pos[0]);
  return t.integer(length(t, a.pos[0]));
}
V b_isinstance(Tracer& t, Args& a) {
  want(a, 2, 2);
  return t.boolean(is_instance(t, a.pos[0], a.pos[1]));
}

V b_issubclass(Tracer& t, Args& a) {
  want(a, 2, 2);
  Ref c = t.need_real(a.pos[0], Reason::native_call, "issubclass"),
      b = t.need_real(a.pos[1], Reason::native_call, "issubclass");
  const int r = PyObject_IsSubclass(c.get(), b.get());
  if (r < 0) t.raise_pending();
  return t.boolean(r);
}

V b_getattr(Tracer& t, Args& a) {
  want(a, 2, 3);
  PyObject* name = name_of(t, a.pos[1], "getattr");
  if (a.pos.size() == 2) return get_attr(t, a.pos[0], name);
  V v = find_attr(t, a.pos[0], name);
  return v ? v : a.pos[2];
}
V b_hasattr(Tracer& t, Args& a) {
  want(a, 2, 2);
  return t.boolean(find_attr(t, a.pos[0], name_of(t, a.pos[1], "hasattr")));
}
V b_setattr(Tracer& t, Args& a) {
  want(a, 3, 3);
  set_attr(t, a.pos[0], name_of(t, a.pos[1], "setattr"), a.pos[2]);
  return t.none();
}
V b_delattr(Tracer& t, Args& a) {
  want(a, 2, 2);
  del_attr(t, a.pos[0], name_of(t, a.pos[1], "delattr"));
  return t.none();
}

V b_callable(Tracer& t, Args& a) {
  want(a, 1, 1);
  return t.boolean(is_callable(t, a.pos[0]));
}

V b_iter(Tracer& t, Args& a) {
  want(a, 1, 2);
  if (a.pos.size() == 1) return iterate(t, a.pos[0]);
  if (!is_callable(t, a.pos[0]))
    cut(Reason::native_call, "iter() of what cannot be called");  // the text varies by version
  auto* it = t.iterator(Iter::Sentinel, &PyCallIter_Type);
  it->over = a.pos[0];
  it->parts = {a.pos[1]};
  return it;
}
V b_next(Tracer& t, Args& a) {
  want(a, 1, 2);
  if (V v = next(t, a.pos[0])) return v;
  if (a.pos.size() == 2) return a.pos[1];
  raise_stop(t, a.pos[0]);
}

V b_sum(Tracer& t, Args& a) {
  V start = a.take("start");
  if (start && a.pos.size() > 1) cut(Reason::argument_form, "sum()");
  want(a, 1, 2);
  if (a.pos.size() > 1) start = a.pos[1];
  V it = iterate(t, a.pos[0]);
  V total = start ? start : t.integer(0);
  if (PyObject* text = start ? const_object(start) : nullptr)
    if (PyUnicode_Check(text) || PyBytes_Check(text)) cut(Reason::raises, "sum() of texts");
  while (V v = next(t, it)) total = binary(t, 0, total, v);
  return total;
}
V b_any(Tracer& t, Args& a) {
  want(a, 1, 1);
  V it = iterate(t, a.pos[0]);
  while (V v = next(t, it))
    if (truth(t, v)) return t.boolean(true);
  return t.boolean(false);
}
V b_all(Tracer& t, Args& a) {
  want(a, 1, 1);
  V it = iterate(t, a.pos[0]);
  while (V v = next(t, it))
    if (!truth(t, v)) return t.boolean(false);
  return t.boolean(true);
}

// Of tensors in a whole graph: the larger, or smaller, of two numbers is chosen when the graph runs. NULL: not of
// these.
V chosen(Tracer& t, V holds, V a, V b) {
  static constinit py::Imported where{"framejit._C", "where"};
  auto is_value = [](V v) { return v->is == Is::Tensor || (v->is == Is::Const && v->real && PyNumber_Check(v->real)); };
  if (holds->is != Is::Tensor || !wants_whole(t) || !is_value(a) || !is_value(b)) return nullptr;
  if (as_tensor(as<TensorValue>(holds)->fake)->meta.numel() != 1) return nullptr;
  for (V v : {a, b})  // of other sizes it would be another tensor than Python gives
    if (v->is == Is::Tensor &&
        as_tensor(as<TensorValue>(v)->fake)->meta.sizes != as_tensor(as<TensorValue>(holds)->fake)->meta.sizes)
      return nullptr;
  Args args;
  args.pos = {holds, a, b};
  return call_leaf(t, where.get(), args);
}

V extreme(Tracer& t, Args& a, int op) {
  V key = a.take("key"), fallback = a.take("default");
  if (!a.named.empty() || a.pos.empty()) cut(Reason::argument_form, "min or max");
  if (key && is_const(t, key, Py_None)) key = nullptr;
  Values items = a.pos.size() == 1 ? unpack(t, a.pos[0]) : a.pos;
  if (items.empty()) {
    if (fallback) return fallback;
    t.raise(PyExc_ValueError,
            cat(op == Py_LT ? "min" : "max", "() ",
                PY_VERSION_HEX >= 0x030C0000 ? "iterable argument is empty" : "arg is an empty sequence"));
  }
  V best = items[0], best_key = key ? call_values(t, key, {best}) : best;
  for (size_t i = 1; i < items.size(); ++i) {
    V k = key ? call_values(t, key, {items[i]}) : items[i];
    V exceeds = compare(t, op, k, best_key);
    if (V number = key ? nullptr : chosen(t, exceeds, k, best)) {
      best = best_key = number;
      continue;
    }
    if (!truth(t, exceeds)) continue;
    best = items[i];
    best_key = k;
  }
  return best;
}
V b_min(Tracer& t, Args& a) { return extreme(t, a, Py_LT); }
V b_max(Tracer& t, Args& a) { return extreme(t, a, Py_GT); }

V b_repr(Tracer& t, Args& a) {
  want(a, 1, 1);
  return to_repr(t, a.pos[0]);
}
V b_format(Tracer& t, Args& a) {
  want(a, 1, 2);
  V spec = a.pos.size() > 1 ? a.pos[1] : nullptr;
  if (PyTypeObject* type = spec ? t.type_of(spec) : nullptr; type && !PyType_IsSubtype(type, &PyUnicode_Type))
    t.raise(PyExc_TypeError,
            cat("format() argument 2 must be str, not ", type == Py_TYPE(Py_None) ? "None" : type->tp_name));
  return to_format(t, a.pos[0], spec);
}

// hash() gives it as it is.
bool fits_hash(PyObject* n) {
  const Py_ssize_t h = PyLong_AsSsize_t(n);
  const bool fits = !PyErr_Occurred() && h != -1;
  PyErr_Clear();
  return fits;
}

// Is its hash, or that of something in it, the address of an object that only the trace has?
bool hash_is_of_trace(Tracer& t, PyObject* o) {
  if (is_tensor(o) || t.made(o)) return true;
  if (!PyTuple_Check(o) && !PyFrozenSet_Check(o)) return false;
  Ref parts = Ref::steal(PySequence_Tuple(o));
  for (Py_ssize_t i = 0; parts && i < PyTuple_GET_SIZE(parts.get()); ++i)
    if (hash_is_of_trace(t, PyTuple_GET_ITEM(parts.get(), i))) return true;
  return false;
}

V b_hash(Tracer& t, Args& a) {
  want(a, 1, 1);
  if (a.pos[0]->is != Is::Const && has_python_special(t, a.pos[0], FJ_NAME("__hash__"))) {
    V hash = call_values(t, special(t, a.pos[0], FJ_NAME("__hash__")), {});
    if (hash->is != Is::Const || !PyLong_CheckExact(hash->real) || !fits_hash(hash->real))
      cut(Reason::raises, "__hash__() that gives no plain number");
    return hash;
  }
  Ref real = t.to_real(a.pos[0]);
  if (!real || hash_is_of_trace(t, real.get())) cut(Reason::native_call, "hash() by identity");
  const Py_hash_t h = PyObject_Hash(real.get());
  if (h == -1) t.raise_pending();
  return t.integer(h);
}

V b_vars(Tracer& t, Args& a) {
  want(a, 1, 1);
  return get_attr(t, a.pos[0], FJ_NAME("__dict__"));
}

V through_special(Tracer& t, Args& a, const char* name, PyObject* function) {
  if (a.pos.size() == 1 && a.pos[0]->is == Is::Object)
    if (V m = special(t, a.pos[0], intern(name))) return call_values(t, m, {});
  return call_leaf(t, function, a);
}
PyObject* builtin(const char* name) { return PyDict_GetItemString(PyEval_GetBuiltins(), name); }
V b_abs(Tracer& t, Args& a) {
  if (V v = a.pos.size() == 1 ? computed_number(t, Arith::Abs, a.pos[0]) : nullptr) return v;
  if (a.pos.size() == 1 && a.pos[0]->is == Is::Array) return array_method(t, a.pos[0], "__abs__", {});
  return through_special(t, a, "__abs__", builtin("abs"));
}
V b_round(Tracer& t, Args& a) {
  if (!a.pos.empty() && a.pos[0]->is == Is::Object) {
    V m = special(t, a.pos[0], FJ_NAME("__round__"));
    if (m) return call_values(t, m, Values(a.pos.begin() + 1, a.pos.end()));
  }
  return call_leaf(t, builtin("round"), a);
}
V b_pow(Tracer& t, Args& a) {
  if (a.pos.size() == 2 && a.named.empty()) return binary(t, 8, a.pos[0], a.pos[1]);
  return call_pure(t, builtin("pow"), a);
}
V b_divmod(Tracer& t, Args& a) {
  want(a, 2, 2);
  if (a.pos[0]->is == Is::Const && a.pos[1]->is == Is::Const) return call_pure(t, builtin("divmod"), a);
  if (a.pos[0]->is != Is::Object && a.pos[1]->is != Is::Object) cut(Reason::native_call, "divmod()");
  for (V v : a.pos) t.use(v);
  if (V r = by_methods(t, "__divmod__", "__rdivmod__", a.pos[0], a.pos[1])) return r;
  for (V v : a.pos)
    if (v->is == Is::Object && native_base(v->cls) == &PyBaseObject_Type)
      t.raise(PyExc_TypeError, cat("unsupported operand type(s) for divmod(): '", a.pos[0]->cls->tp_name, "' and '",
                                   a.pos[1]->cls->tp_name, "'"));
  cut(Reason::native_call, "divmod()");
}

V b_sorted(Tracer& t, Args& a) {
  V key = a.take("key"), reverse = a.take("reverse");
  want(a, 1, 1);
  auto* l = t.list(unpack_hinted(t, a.pos[0]));
  sort_values(t, l->items, key, reverse && truth(t, reverse));
  return l;
}

V b_globals(Tracer& t, Args& a) {
  want(a, 0, 0);
  return t.known_dict(t.frame->globals);
}

V b_reduce(Tracer& t, Args& a) {
  want(a, 2, 3);
  V it = iterate(t, a.pos[1]);
  V total = a.pos.size() == 3 ? a.pos[2] : next(t, it);
  if (!total) t.raise(PyExc_TypeError, "reduce() of empty iterable with no initial value");
  while (V v = next(t, it)) total = call_values(t, a.pos[0], {total, v});
  return total;
}

// The address of an object is no constant: it may be kept and compared, but does not leave the trace.
V b_id(Tracer& t, Args& a) {
  want(a, 1, 1);
  if (a.pos[0]->is == Is::Tuple && as<TupleValue>(a.pos[0])->reused)
    cut(Reason::native_call, "id() of a passing tuple");
  return t.identity_of(a.pos[0]);
}

V handled_or_none(Tracer& t) {
  if (t.handled) return t.handled;
  nothing_handled(t);
  return t.none();
}
V f_exception(Tracer& t, Args& a) {
  want(a, 0, 0);
  return handled_or_none(t);
}
V f_exc_info(Tracer& t, Args& a) {
  want(a, 0, 0);
  if (is_const(t, handled_or_none(t), Py_None)) return t.tuple({t.none(), t.none(), t.none()});
  V type = t.constant(reinterpret_cast<PyObject*>(t.handled->cls));
  return t.tuple({type, t.handled, traceback_of(t, t.handled)});
}
V f_get_ident(Tracer& t, Args& a) {
  want(a, 0, 0);
  return t.identity_of(t.boolean(true));
}

V f_filters_mutated(Tracer& t, Args& a) {
  want(a, 0, 0);
  static constinit py::Imported mutated{"_warnings", "_filters_mutated"};
  if (t.late_calls.empty() || t.late_calls.back()->real != mutated.get())
    t.late_calls.push_back(t.constant(mutated.get()));
  return t.none();
}

// eval() of a text, with the names of the function that calls it.
V b_eval(Tracer& t, Args& a) {
  PyObject* source;
  if (a.size() != 1 || a.pos.size() != 1 || !t.constant_of(a.pos[0], &source) || !PyUnicode_CheckExact(source) ||
      !t.frame->function)
    cut(Reason::native_call, "eval()");
  const std::string_view text = py::name_view(source);
  if (text.empty() || text.find(":=") != text.npos || text.find('\0') != text.npos) cut(Reason::native_call, "eval()");
  const size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  Ref code = Ref::steal(Py_CompileString(text.data() + begin, "<string>", Py_eval_input));
  if (!code) t.raise_pending();
  SymFrame& f = *t.frame;
  auto* space = f.space ? f.space : t.dict();
  for (int i = 0; !f.space && i < f.code.locals_count(); ++i) {
    V v = f.locals[static_cast<size_t>(i)];
    if (v && v->is == Is::Cell) v = cell_contents(t, as<CellValue>(v));
    if (v) dict_set(t, space, t.constant(f.code.local_name(i)), v);
  }
  return run_in_namespace(t, reinterpret_cast<PyCodeObject*>(t.keep(std::move(code))), f.globals, space, nullptr);
}

// What ABCMeta's own checks come down to; they keep caches, which nobody sees.
V f_abc_check(Tracer& t, Args& a, bool of_instance) {
  want(a, 2, 2);
  PyObject *cls, *other;
  if (!t.constant_of(a.pos[0], &cls) || t.made(cls)) cut(Reason::native_call, "_abc");
  if (of_instance)
    other = reinterpret_cast<PyObject*>(t.type_of(a.pos[1]));
  else if (!t.constant_of(a.pos[1], &other))
    cut(Reason::native_call, "_abc._abc_subclasscheck()");
  Ref module = Ref::steal(PyImport_ImportModule("_abc"));
  Ref answer = Ref::steal(module ? PyObject_CallMethod(module.get(), "_abc_subclasscheck", "OO", cls, other) : nullptr);
  return t.constant(answer);
}
V f_abc_instance(Tracer& t, Args& a) { return f_abc_check(t, a, true); }
V f_abc_subclass(Tracer& t, Args& a) { return f_abc_check(t, a, false); }

// print() to a text buffer of the trace, or to an object whose write() is written in Python.
V b_print(Tracer& t, Args& a) {
  V file = a.take("file"), sep = a.take("sep"), end = a.take("end"), flush = a.take("flush");
  if (!a.named.empty()) cut(Reason::native_call, "print()");
  if (!file || is_const(t, file, Py_None))
    file = t.global_lookup(PyModule_GetDict(PyImport_AddModule("sys")), FJ_NAME("stdout"));
  if (!file || (!is_owned(file) && !(file->is == Is::Object && has_python_special(t, file, FJ_NAME("write")))))
    cut(Reason::native_call, "print()");
  V write = get_attr(t, file, FJ_NAME("write"));
  for (size_t i = 0; i < a.pos.size(); ++i) {
    if (i > 0) call_values(t, write, {sep && !is_const(t, sep, Py_None) ? sep : t.constant(FJ_NAME(" "))});
    V text = to_str(t, a.pos[i]);
    t.use(text);
    call_values(t, write, {text});
  }
  call_values(t, write, {end && !is_const(t, end, Py_None) ? end : t.constant(FJ_NAME("\n"))});
  if (flush && truth(t, flush)) call_values(t, get_attr(t, file, FJ_NAME("flush")), {});
  return t.none();
}

// Is a tensor batched by a layer of vmap? The trace knows for good.
V vmap_batched(Tracer& t, Args& a) {
  want(a, 1, 1);
  t.use(a.pos[0]);
  return t.boolean(a.pos[0]->is == Is::Tensor && is_batched(as_tensor(as<TensorValue>(a.pos[0])->fake)));
}

struct FunctionRow {
  const char* module;
  const char* name;
  Rule rule;
};
constexpr FunctionRow kFunctions[] = {
    {"framejit._C", "_run_backward", run_backward},
    {"framejit._C", "_asks", asks_any},
    {"framejit._C", "_has_override", has_override},
    {"framejit._C", "_ask", ask_any},
    {"framejit._C", "_set_overrides", set_overrides},
    {"framejit._C", "_make_wrapper_subclass", make_wrapper},
    {"framejit._C", "_func_input", func_input},
    {"framejit._C", "_vmap_batched", vmap_batched},
    {"framejit._C", "_enter_region", enter_region},
    {"framejit._C", "_exit_region", exit_region},
    {"framejit._C", "_takes_branches", takes_branches},
    {"framejit._C", "_begin_body", begin_body},
    {"framejit._C", "_end_body", end_body},
    {"framejit._C", "_drop_body", drop_body},
    {"framejit._C", "_refuse", refuse},
    {"framejit._C", "_drop_traced_hook", drop_traced_hook},
    {"framejit._C", "_function_apply", function_apply},
    {"functools", "reduce", b_reduce},
    {"_abc", "_abc_instancecheck", f_abc_instance},
    {"_abc", "_abc_subclasscheck", f_abc_subclass},
    {"_warnings", "_filters_mutated", f_filters_mutated},
    {"sys", "exc_info", f_exc_info},
    {"sys", "exception", f_exception},
    {"_thread", "get_ident", f_get_ident},
};

constexpr RuleRow kBuiltins[] = {
    {"id", b_id},
    {"__build_class__", build_class},
    {"eval", b_eval},
    {"print", b_print},
    {"len", b_len},
    {"isinstance", b_isinstance},
    {"issubclass", b_issubclass},
    {"getattr", b_getattr},
    {"hasattr", b_hasattr},
    {"setattr", b_setattr},
    {"delattr", b_delattr},
    {"callable", b_callable},
    {"iter", b_iter},
    {"next", b_next},
    {"sum", b_sum},
    {"any", b_any},
    {"all", b_all},
    {"min", b_min},
    {"max", b_max},
    {"repr", b_repr},
    {"format", b_format},
    {"hash", b_hash},
    {"vars", b_vars},
    {"abs", b_abs},
    {"round", b_round},
    {"pow", b_pow},
    {"divmod", b_divmod},
    {"sorted", b_sorted},
    {"globals", b_globals},
};

}  // namespace

Rule builtin_rule(PyObject* function) {
  static std::unordered_map<PyObject*, Rule>* rules = nullptr;
  py::once(rules, [] {
    auto* map = new std::unordered_map<PyObject*, Rule>;
    for (const auto& row : kBuiltins) (*map)[builtin(row.name)] = row.rule;
    for (const auto& row : kFunctions) {
      PyObject* module = PyImport_ImportModule(row.module);
      if (PyObject* f = module ? PyObject_GetAttrString(module, row.name) : nullptr) (*map)[f] = row.rule;
      PyErr_Clear();
    }
    return map;
  });
  auto it = rules->find(function);
  return it == rules->end() ? nullptr : it->second;
}

}  // namespace fj::capture
