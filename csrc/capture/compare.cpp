// Comparison, identity, truth, length, membership.
#include <string_view>

#include "capture/arrays.h"
#include "capture/asks.h"
#include "capture/builtins.h"
#include "capture/leaf.h"
#include "capture/look.h"
#include "capture/number.h"
#include "capture/owned.h"
#include "capture/tensors.h"

namespace fj::capture {

namespace {

constexpr const char* kNames[] = {"__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"};
constexpr int kSwapped[] = {Py_GT, Py_GE, Py_EQ, Py_NE, Py_LT, Py_LE};

V compare_real(Tracer& t, int op, V a, V b) {
  Leaf x = t.leaf_of(a, Reason::native_object, "a comparison"), y = t.leaf_of(b, Reason::native_object, "a comparison");
  return t.leaf(leaf_compare, op, {x, y});
}

// Comparing elements may change the sequences: their lengths are looked at anew.
V compare_sequences(Tracer& t, int op, V left, V right) {
  const Values &a = *sequence_items(left), &b = *sequence_items(right);
  if (left->is == Is::List && !is_deque(left) && a.size() != b.size() && (op == Py_EQ || op == Py_NE))
    return t.boolean(op == Py_NE);
  size_t i = 0;
  while (i < a.size() && i < b.size() && equal(t, a[i], b[i])) ++i;
  if (i < a.size() && i < b.size()) {
    if (op == Py_EQ) return t.boolean(false);
    if (op == Py_NE) return t.boolean(true);
    return compare(t, op, a[i], b[i]);
  }
  const auto x = a.size(), y = b.size();
  const bool r[] = {x<y, x <= y, x == y, x != y, x> y, x >= y};
  return t.boolean(r[op]);
}

}  // namespace

bool equal_dicts(Tracer& t, DictValue* a, DictValue* b) {
  if (dict_length(t, a) != dict_length(t, b)) return false;
  for (auto& e : dict_entries(t, a)) {
    V other = dict_find(t, b, e);
    if (!other || !equal(t, e.value, other)) return false;
  }
  if (native_base(a->cls) != &PyODict_Type || native_base(b->cls) != &PyODict_Type) return true;
  const auto first = dict_entries(t, a), second = dict_entries(t, b);  // two OrderedDicts: in the same order
  for (size_t i = 0; i < first.size() && i < second.size(); ++i)
    if (first[i].stand != second[i].stand && !equal(t, first[i].key, second[i].key)) return false;
  return first.size() == second.size();
}

namespace {

bool subset(Tracer& t, SetValue* a, SetValue* b) {
  for (V v : set_items(a))
    if (!set_has(t, b, v)) return false;
  return true;
}

V compare_sets(Tracer& t, int op, SetValue* a, SetValue* b) {
  no_custom_elements(t, a);
  no_custom_elements(t, b);
  const bool le = subset(t, a, b), ge = subset(t, b, a);
  const bool r[] = {le && !ge, le, le && ge, !(le && ge), ge && !le, ge};
  return t.boolean(r[op]);
}

bool set_like(V v) {
  return v->is == Is::Set || (v->is == Is::View && !is_proxy(v) && as<ViewValue>(v)->what != ViewValue::Values_);
}

SetValue* as_elements(Tracer& t, V v) {
  if (v->is == Is::Set) return as<SetValue>(v);
  auto* s = t.set();
  for (V item : unpack(t, v)) set_add(t, s, item);
  return s;
}

V try_compare(Tracer& t, int op, V self, V other) {
  if (self->is == Is::Const) return nullptr;
  PyObject* name = intern(kNames[op]);
  PyObject* raw = t.type_lookup(t.type_of(self), name);
  if (!raw || (!plain_tensor(self) && raw == _PyType_Lookup(native_base(self->cls), name))) return nullptr;
  V r = call_values(t, special(t, self, name), {other});
  return is_const(t, r, Py_NotImplemented) ? nullptr : r;
}

// object.__ne__ asks __eq__.
V try_either(Tracer& t, int op, V self, V other) {
  PyObject* name = FJ_NAME("__ne__");
  const bool by_eq = op == Py_NE && self->is != Is::Const &&
                     t.type_lookup(t.type_of(self), name) == _PyType_Lookup(&PyBaseObject_Type, name);
  V r = try_compare(t, by_eq ? Py_EQ : op, self, other);
  return r && by_eq ? t.boolean(!truth(t, r)) : r;
}

bool is_namespace(PyTypeObject* type) { return std::string_view(type->tp_name) == "types.SimpleNamespace"; }

bool both(V a, V b, Is kind) { return a->is == kind && b->is == kind; }

}  // namespace

V compare(Tracer& t, int op, V a, V b) {
  Nested deeper(t);
  number_beside_tensor(t, &a, &b);
  if (a->is == Is::Array || b->is == Is::Array) {
    static constexpr const char* kNames[] = {"__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"};
    static constexpr int kReversed[] = {4, 5, 2, 3, 0, 1};
    return array_binary(t, kNames[op], kNames[kReversed[op]], nullptr, a, b);
  }
  if (V v = computed_compare(t, op, a, b)) return v;
  t.tensors->number_as_input(t, &b, a);
  if (both(a, b, Is::Const) && (is_symbolic(a) || is_symbolic(b))) return compare_real(t, op, a, b);
  if (!(a->is == Is::Const && b->is == Is::Tensor)) t.use(a);
  if (!(b->is == Is::Const && a->is == Is::Tensor)) t.use(b);
  if (both(a, b, Is::Const)) return compare_real(t, op, a, b);
  if (is_proxy(a)) a = as<ViewValue>(a)->dict;
  if (is_proxy(b)) b = as<ViewValue>(b)->dict;
  const bool swap = a->cls != b->cls && PyType_IsSubtype(b->cls, a->cls);
  if (swap)
    if (V r = try_either(t, kSwapped[op], b, a)) return r;
  if (V r = try_either(t, op, a, b)) return r;
  if (!swap)
    if (V r = try_either(t, kSwapped[op], b, a)) return r;
  if (a->is == Is::Tensor || b->is == Is::Tensor) {
    if (a->is == Is::Object || b->is == Is::Object || a->is == Is::Dict || b->is == Is::Dict) goto identity;
    return compare_real(t, op, a, b);
  }
  if (both(a, b, Is::Tuple) || (both(a, b, Is::List) && is_deque(a) == is_deque(b)))
    return compare_sequences(t, op, a, b);
  if (both(a, b, Is::Dict) && (op == Py_EQ || op == Py_NE))
    return t.boolean(equal_dicts(t, as<DictValue>(a), as<DictValue>(b)) == (op == Py_EQ));
  if (both(a, b, Is::Set)) return compare_sets(t, op, as<SetValue>(a), as<SetValue>(b));
  if (both(a, b, Is::Slice)) return compare_real(t, op, a, b);
  if (both(a, b, Is::Object) && a->cls == b->cls && is_namespace(a->cls) && (op == Py_EQ || op == Py_NE)) {
    DictValue *x = instance_dict(t, a), *y = instance_dict(t, b);
    return t.boolean(equal_dicts(t, x, y) == (op == Py_EQ));
  }
  if (both(a, b, Is::Native)) {
    auto *x = as<NativeValue>(a), *y = as<NativeValue>(b);
    if (op == Py_EQ || op == Py_NE)
      return t.boolean((x->descr == y->descr && same(t, x->self, y->self)) == (op == Py_EQ));
  }
  if (both(a, b, Is::Cell)) cut(Reason::native_object, "a comparison of cells");
  if (both(a, b, Is::Method)) {
    const bool eq = same(t, as<MethodValue>(a)->func, as<MethodValue>(b)->func) &&
                    same(t, as<MethodValue>(a)->self, as<MethodValue>(b)->self);
    if (op == Py_EQ || op == Py_NE) return t.boolean(eq == (op == Py_EQ));
  }
  if (set_like(a) && set_like(b)) return compare_sets(t, op, as_elements(t, a), as_elements(t, b));
  if (is_owned(a) || is_owned(b)) {
    static constexpr PyObject* (*kFunctions[])(PyObject*, PyObject*) = {
        [](PyObject* x, PyObject* y) { return PyObject_RichCompare(x, y, Py_LT); },
        [](PyObject* x, PyObject* y) { return PyObject_RichCompare(x, y, Py_LE); },
        [](PyObject* x, PyObject* y) { return PyObject_RichCompare(x, y, Py_EQ); },
        [](PyObject* x, PyObject* y) { return PyObject_RichCompare(x, y, Py_NE); },
        [](PyObject* x, PyObject* y) { return PyObject_RichCompare(x, y, Py_GT); },
        [](PyObject* x, PyObject* y) { return PyObject_RichCompare(x, y, Py_GE); }};
    return owned_operator(t, kFunctions[op], a, b);
  }
  if (both(a, b, Is::Opaque) && !a->outside() && !b->outside() && a->real && b->real) goto identity;  // id(…)
  for (auto [x, y] : {std::pair{a, b}, std::pair{b, a}})  // a member of an enumeration of tuples, and a tuple
    if (x->is == Is::Const && y->is != Is::Const && y->is != Is::Object && !is_plain_constant(x->real) &&
        Py_TYPE(x->real)->tp_richcompare != PyBaseObject_Type.tp_richcompare && !PyType_Check(x->real))
      return compare_real(t, op, a, b);
  if (a->is == Is::View || b->is == Is::View || a->is == Is::Opaque || b->is == Is::Opaque)
    if (!(a->is == Is::Const && is_const(t, a, Py_None)) && !(b->is == Is::Const && is_const(t, b, Py_None)))
      cut(Reason::native_object, "a comparison of ", a->cls->tp_name, " and ", b->cls->tp_name);
identity:
  if (op == Py_EQ) return t.boolean(same(t, a, b));
  if (op == Py_NE) return t.boolean(!same(t, a, b));
  t.raise(PyExc_TypeError,
          cat("'",
              op == Py_LT   ? "<"
              : op == Py_LE ? "<="
              : op == Py_GT ? ">"
                            : ">=",
              "' not supported between instances of '", a->cls->tp_name, "' and '", b->cls->tp_name, "'"));
}

// Tensors in a container are looked at where a graph is to be whole.
bool equal(Tracer& t, V a, V b) {
  if (is_symbolic(a) || is_symbolic(b) ? a == b : same(t, a, b)) return true;
  V answer = compare(t, Py_EQ, a, b);
  if (answer->is == Is::Tensor && may_look(t)) answer = number_in(t, answer, reinterpret_cast<PyObject*>(&PyBool_Type));
  return truth(t, answer);
}

namespace {

bool is_empty_tuple(V v) {  // of the trace
  return v->is == Is::Tuple && !v->outside() && v->cls == &PyTuple_Type && as<TupleValue>(v)->items.empty();
}

}  // namespace

// Outside objects are the same value exactly if they are one object (wrap sees to it), but that they differ is a fact.
bool same(Tracer& t, V a, V b) {
  if (a == b) return true;
  if (a->is == Is::Const && b->is == Is::Const) {
    if (a->cls != b->cls) return t.type_of(a) == t.type_of(b);
    t.use(a);
    t.use(b);
    return a->real == b->real;
  }
  for (auto [x, y] : {std::pair{a, b}, std::pair{b, a}})
    if (x->is == Is::Const && y->is != Is::Const) {
      t.use(y);
      t.use(x);
      return false;
    }
  for (auto [x, y] : {std::pair{a, b}, std::pair{b, a}})  // there is one ()
    if (is_empty_tuple(x) && y->is == Is::Tuple && y->cls == &PyTuple_Type) {
      t.use(y);
      return as<TupleValue>(y)->items.empty();
    }
  if (a->outside() && b->outside()) t.guard(Kind::DifferentObjects, a->source, nullptr, {}, nullptr, b->source);
  if (a->is == Is::Native || (a->is == Is::Iterator && b->is == Is::Native)) return false;
  return false;
}

bool truth(Tracer& t, V v) {
  if (v->is == Is::Dict || v->is == Is::List || v->is == Is::Set) {
    if (!v->touched && !v->changed && v->outside() && !has_python_special(t, v, FJ_NAME("__bool__")) &&
        !has_python_special(t, v, FJ_NAME("__len__"))) {
      const bool full = PyObject_Size(v->real) != 0;
      t.guard(Kind::Truth, v->source, reinterpret_cast<PyObject*>(v->cls), {full});
      return full;
    }
  }
  if (is_symbolic(v))
    return t.leaf(leaf_truth, 0, {t.leaf_of(v, Reason::native_object, "a truth value")})->real == Py_True;
  if (V computed = computed_number(t, Arith::Truth, v)) v = computed;
  t.use(v);
  if (v->is == Is::Const) {
    if (PyType_Check(v->real) && !_PyType_Lookup(Py_TYPE(v->real), FJ_NAME("__bool__")) &&
        !_PyType_Lookup(Py_TYPE(v->real), FJ_NAME("__len__")))
      return true;
    const int r = PyObject_IsTrue(v->real);
    if (r < 0) t.raise_pending();
    return r;
  }
  if (v->is == Is::Tensor || v->is == Is::Array) cut(Reason::data_dependent, "the truth of a tensor");
  if (V m = v->is == Is::Function || v->is == Is::Method ? nullptr : special(t, v, FJ_NAME("__bool__"))) {
    if (m->is != Is::Native) {
      V said = call_values(t, m, {});
      if (t.type_of(said) == &PyBool_Type) return truth(t, said);
      t.raise(PyExc_TypeError, cat("__bool__ should return bool, returned ", said->cls->tp_name));
    }
  }
  switch (v->is) {
    case Is::Tuple:
    case Is::List:
    case Is::Dict:
    case Is::Set:
    case Is::View: return length(t, v) != 0;
    case Is::Object: return special(t, v, FJ_NAME("__len__")) ? length(t, v) != 0 : true;
    case Is::Opaque:
      if (v->cls == &PyTraceBack_Type || v->cls == &PyFrame_Type) return true;
      if (is_owned(v)) return PyObject_IsTrue(v->real) == 1;
      cut(Reason::native_object, "the truth of ", v->cls->tp_name);
    default: return true;
  }
}

int64_t to_index(Tracer& t, V v, const char* what) {
  PyObject* o;
  if (v->is == Is::Object)
    if (V m = special(t, v, FJ_NAME("__index__"))) {
      v = call_values(t, m, {});
      if (t.type_of(v) != &PyLong_Type) cut(Reason::raises, "__index__() returned ", v->cls->tp_name);
    }
  if (!t.constant_of(v, &o)) cut(v->is == Is::Tensor ? Reason::data_dependent : Reason::native_object, what);
  const Py_ssize_t i = PyNumber_AsSsize_t(o, PyExc_IndexError);
  if (i == -1 && PyErr_Occurred()) t.raise_pending();
  return i;
}

V tensor_length(Tracer& t, V v) { return t.leaf(leaf_length, 0, {t.leaf_of(v, Reason::native_object, "len()")}); }

static int64_t checked_length(Tracer& t, V v) {
  const int64_t n = to_index(t, v, "__len__");
  if (n < 0) t.raise(PyExc_ValueError, "__len__() should return >= 0");
  return n;
}

int64_t length(Tracer& t, V v) {
  t.use(v);
  if ((v->cls->tp_flags & Py_TPFLAGS_HEAPTYPE) && has_python_special(t, v, FJ_NAME("__len__")))
    return checked_length(t, call_values(t, special(t, v, FJ_NAME("__len__")), {}));
  switch (v->is) {
    case Is::Tuple:
    case Is::List: return static_cast<int64_t>(sequence_items(v)->size());
    case Is::Dict: return dict_length(t, as<DictValue>(v));
    case Is::View: return dict_length(t, as<ViewValue>(v)->dict);
    case Is::Set: return PyDict_GET_SIZE(as<SetValue>(v)->index.get());
    case Is::Const:
      if (PyType_Check(v->real) && has_python_special(t, v, FJ_NAME("__len__")))
        return checked_length(t, call_values(t, special(t, v, FJ_NAME("__len__")), {}));
      [[fallthrough]];
    case Is::Tensor: {
      if (v->is == Is::Tensor) return to_index(t, tensor_length(t, v), "len()");
      Ref real = t.to_real(v);
      const Py_ssize_t n = PyObject_Size(real.get());
      if (n < 0) t.raise_pending();
      return n;
    }
    case Is::Array: return to_index(t, tensor_length(t, tensor_of_array(t, as<ArrayValue>(v))), "len()");
    case Is::Object: t.raise(PyExc_TypeError, cat("object of type '", v->cls->tp_name, "' has no len()"));
    case Is::Opaque:
      if (is_owned(v)) {
        const Py_ssize_t n = PyObject_Size(v->real);
        if (n < 0) t.raise_pending();
        return n;
      }
      [[fallthrough]];
    default: cut(Reason::native_object, "len() of ", v->cls->tp_name);
  }
}

bool contains(Tracer& t, V container, V v) {
  t.use(container);
  if (Values* items =
          container->cls == &PyList_Type || container->cls == &PyTuple_Type ? sequence_items(container) : nullptr) {
    for (size_t i = 0; i < items->size(); ++i)
      if (equal(t, (*items)[i], v)) return true;
    return false;
  }
  if (container->is != Is::Const && (container->cls->tp_flags & Py_TPFLAGS_HEAPTYPE))
    if (has_python_special(t, container, FJ_NAME("__contains__")))
      return truth(t, call_values(t, special(t, container, FJ_NAME("__contains__")), {v}));
  switch (container->is) {
    case Is::Dict: return dict_get(t, as<DictValue>(container), v) != nullptr;
    case Is::Set: return set_has(t, as<SetValue>(container), v);
    case Is::View:
      if (as<ViewValue>(container)->what == ViewValue::Keys || is_proxy(container))
        return dict_get(t, as<ViewValue>(container)->dict, v) != nullptr;
      break;
    case Is::Const: {
      if (PyType_Check(container->real)) {
        V m = special(t, container, FJ_NAME("__contains__"));
        if (m) return truth(t, call_values(t, m, {v}));
        break;
      }
      Leaf x = t.leaf_of(v, Reason::native_object, "in");
      return t.leaf(leaf_contains, 0, {Leaf::constant(container->real), x})->real == Py_True;
    }
    case Is::Opaque:
      if (is_owned(container))
        return truth(t, owned_operator(
                            t, [](PyObject* x, PyObject* y) { return PyBool_FromLong(PySequence_Contains(x, y) == 1); },
                            container, v));
      break;
    case Is::Array:
    case Is::Tensor: cut(Reason::data_dependent, "in on a tensor");
    default: break;
  }
  need_iterable(t, container, "in");
  V it = iterate(t, container);
  while (V item = next(t, it))
    if (equal(t, item, v)) return true;
  return false;
}

}  // namespace fj::capture
