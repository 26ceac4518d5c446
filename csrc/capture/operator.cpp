// Arithmetic: constants are computed, tensors recorded, everything else goes through the operator methods.
#include "capture/arrays.h"
#include "capture/asks.h"
#include "capture/builtins.h"
#include "capture/leaf.h"
#include "capture/number.h"
#include "capture/owned.h"
#include "capture/reflected.h"
#include "capture/tensors.h"

namespace fj::capture {

namespace {

using BinaryFn = PyObject* (*)(PyObject*, PyObject*);

// By BINARY_OP's argument; the second half is in place.
struct Row {
  BinaryFn fn;
  const char* name;
  const char* reflected;
};
constexpr Row kRows[] = {
    {PyNumber_Add, "__add__", "__radd__"},
    {PyNumber_And, "__and__", "__rand__"},
    {PyNumber_FloorDivide, "__floordiv__", "__rfloordiv__"},
    {PyNumber_Lshift, "__lshift__", "__rlshift__"},
    {PyNumber_MatrixMultiply, "__matmul__", "__rmatmul__"},
    {PyNumber_Multiply, "__mul__", "__rmul__"},
    {PyNumber_Remainder, "__mod__", "__rmod__"},
    {PyNumber_Or, "__or__", "__ror__"},
    {leaf_power, "__pow__", "__rpow__"},
    {PyNumber_Rshift, "__rshift__", "__rrshift__"},
    {PyNumber_Subtract, "__sub__", "__rsub__"},
    {PyNumber_TrueDivide, "__truediv__", "__rtruediv__"},
    {PyNumber_Xor, "__xor__", "__rxor__"},
    {PyNumber_InPlaceAdd, "__iadd__", nullptr},
    {PyNumber_InPlaceAnd, "__iand__", nullptr},
    {PyNumber_InPlaceFloorDivide, "__ifloordiv__", nullptr},
    {PyNumber_InPlaceLshift, "__ilshift__", nullptr},
    {PyNumber_InPlaceMatrixMultiply, "__imatmul__", nullptr},
    {PyNumber_InPlaceMultiply, "__imul__", nullptr},
    {PyNumber_InPlaceRemainder, "__imod__", nullptr},
    {PyNumber_InPlaceOr, "__ior__", nullptr},
    {leaf_in_place_power, "__ipow__", nullptr},
    {PyNumber_InPlaceRshift, "__irshift__", nullptr},
    {PyNumber_InPlaceSubtract, "__isub__", nullptr},
    {PyNumber_InPlaceTrueDivide, "__itruediv__", nullptr},
    {PyNumber_InPlaceXor, "__ixor__", nullptr},
};
constexpr int kInPlace = 13, kAdd = 0, kMul = 5, kMod = 6, kPow = 8;

bool plain(V v) { return v->is == Is::Const; }

// Guards against constants that explode: 10 ** 10 ** 10.
void check_size(Tracer&, int op, PyObject* a, PyObject* b) {
  if (PyLong_CheckExact(a) && PyLong_CheckExact(b) && (op % kInPlace == 8 || op % kInPlace == 3)) {
    const double bits = static_cast<double>(_PyLong_NumBits(a)) * PyLong_AsDouble(b);
    PyErr_Clear();
    if (bits > 100000) cut(Reason::too_long, "a number of more than 100,000 bits");
  }
}

V concatenate(Tracer& t, V a, V b) {
  Values items = *sequence_items(a);
  Values& more = *sequence_items(b);
  items.insert(items.end(), more.begin(), more.end());
  return a->is == Is::Tuple ? static_cast<V>(t.tuple(std::move(items), is_size_type(a->cls) ? a->cls : &PyTuple_Type))
                            : t.list(std::move(items));
}

Values repeated(const Values& items, int64_t times) {
  if (times > 0 && times > 100000 / static_cast<int64_t>(items.size() + 1))
    cut(Reason::too_long, "a sequence of more than 100,000 elements");
  Values out;
  for (int64_t i = 0; i < times; ++i) out.insert(out.end(), items.begin(), items.end());
  return out;
}

// list + list, tuple * int, and their in-place forms; NULL if this is not one.
V sequence_operator(Tracer& t, int op, V a, V b) {
  const bool in_place = op >= kInPlace;
  const int base = op % kInPlace;
  if (is_deque(a) || is_deque(b)) {
    if (!in_place || base != kAdd || !is_deque(a)) cut(Reason::native_object, "an operator on a deque");
    Args more;
    more.pos = {b};
    deque_method("extend")(t, a, more);
    return a;
  }
  if (base == kMul && sequence_items(b) && plain(a) && !in_place) std::swap(a, b);
  if (!sequence_items(a)) return nullptr;
  if (in_place && a->is == Is::List && base == kAdd) {
    Values more = unpack_hinted(t, b);
    auto* l = as<ListValue>(a);
    l->items.insert(l->items.end(), more.begin(), more.end());
    list_changed(t, l);
    return a;
  }
  if (base == kAdd && a->is == Is::Tuple && b->is == Is::Tuple && !is_size_type(a->cls)) {
    if (a->cls == &PyTuple_Type && sequence_items(b)->empty()) return a;
    if (b->cls == &PyTuple_Type && sequence_items(a)->empty()) return b;
  }
  if (base == kAdd && a->is == b->is) return concatenate(t, a, b);
  PyObject* times;
  if (base == kMul && b->is == Is::Object && special(t, b, FJ_NAME("__index__")))
    b = t.integer(to_index(t, b, "a number of repeats"));
  if (base != kMul || !t.constant_of(b, &times) || !PyLong_Check(times)) return nullptr;
  const Py_ssize_t count = PyNumber_AsSsize_t(times, PyExc_OverflowError);
  if (count == -1 && PyErr_Occurred()) t.raise_pending();
  if (a->is == Is::Tuple && a->cls == &PyTuple_Type && (count == 1 || sequence_items(a)->empty())) return a;
  Values items = repeated(*sequence_items(a), count);
  if (in_place && a->is == Is::List) {
    as<ListValue>(a)->items = std::move(items);
    list_changed(t, as<ListValue>(a));
    return a;
  }
  if (a->is != Is::Tuple) return t.list(std::move(items));
  return t.tuple(std::move(items), is_size_type(a->cls) ? a->cls : &PyTuple_Type);
}

V set_operator(Tracer& t, int op, V a, V b) {
  if (a->is != Is::Set && a->is != Is::View) return nullptr;
  if (b->is != Is::Set && b->is != Is::View) return nullptr;
  const int base = op % kInPlace;
  for (V v : {a, b})
    if (v->is == Is::Set) no_custom_elements(t, as<SetValue>(v));
  SetValue* left = t.set(a->is == Is::Set ? a->cls : &PySet_Type);
  for (V v : unpack(t, a)) set_add(t, left, v);
  SetValue* right = t.set();
  for (V v : unpack(t, b)) set_add(t, right, v);
  SetValue* out = t.set(left->cls);
  for (V v : set_items(left)) {
    const bool both = set_has(t, right, v);
    if (base == 7 || (base == 1 && both) || ((base == 10 || base == 12) && !both)) set_add(t, out, v);
  }
  if (base == 7 || base == 12)
    for (V v : set_items(right))
      if (base == 7 || !set_has(t, left, v)) set_add(t, out, v);
  if (base != 7 && base != 1 && base != 10 && base != 12) return nullptr;
  if (op < kInPlace || a->is != Is::Set || a->cls != &PySet_Type) return out;
  auto* target = as<SetValue>(a);
  check_write(t, target);
  target->items = out->items;
  target->index = out->index;
  target->changed = target->outside();
  return a;
}

V dict_operator(Tracer& t, int op, V a, V b) {
  if (a->is != Is::Dict || b->is != Is::Dict || op % kInPlace != 7) return nullptr;
  DictValue* out = as<DictValue>(a);
  for (V v : {a, b})
    if (native_base(v->cls) != &PyDict_Type) cut(Reason::native_object, "an operator on ", v->cls->tp_name);
  if (op < kInPlace) {
    out = t.dict();
    dict_update(t, out, a);
  }
  dict_update(t, out, b);
  return out;
}

V try_method(Tracer& t, V self, const char* name, V other) {
  if (!name || self->is == Is::Const) return nullptr;
  PyObject* raw = t.type_lookup(t.type_of(self), intern(name));
  if (!raw) return nullptr;
  if (!plain_tensor(self) && raw == _PyType_Lookup(native_base(self->cls), intern(name))) return nullptr;
  V m = special(t, self, intern(name));
  if (!m) return nullptr;
  V r = call_values(t, m, {other});
  return is_const(t, r, Py_NotImplemented) ? nullptr : r;
}

// Does the subclass have another method of this name than the class?
bool overrides(Tracer& t, PyTypeObject* subclass, PyTypeObject* cls, const char* name) {
  return name && t.type_lookup(subclass, intern(name)) != t.type_lookup(cls, intern(name));
}

}  // namespace

V by_methods(Tracer& t, const char* name, const char* reflected, V a, V b) {
  const bool reflected_first = a->cls != b->cls && PyType_IsSubtype(b->cls, a->cls) && b->is != Is::Const &&
                               overrides(t, b->cls, a->cls, reflected);
  if (reflected_first)
    if (V r = try_method(t, b, reflected, a)) return r;
  if (V r = try_method(t, a, name, b)) return r;
  if (!reflected_first && a->cls != b->cls)
    if (V r = try_method(t, b, reflected, a)) return r;
  return nullptr;
}

namespace {

V by_methods(Tracer& t, int op, V a, V b) {
  const Row& base = kRows[op % kInPlace];
  if (op >= kInPlace)
    if (V r = try_method(t, a, kRows[op].name, b)) return r;
  return by_methods(t, base.name, base.reflected, a, b);
}

V compute(Tracer& t, int op, V a, V b) {
  Leaf x = t.leaf_of(a, Reason::native_object, "an operator"), y = t.leaf_of(b, Reason::native_object, "an operator");
  check_size(t, op, x.object.get(), y.object.get());
  return t.leaf(leaf_binary, reinterpret_cast<intptr_t>(kRows[op].fn), {x, y});
}

}  // namespace

namespace {

// A number that may vary is not looked at before it is known what meets it.
void use_operand(Tracer& t, V v, V other) {
  if (!(plain(v) && (is_symbolic(v) || other->is == Is::Tensor))) t.use(v);
}

}  // namespace

namespace {

// An empty object of the same built-in type: what an operator says about types does not depend on more.
Ref sample(V v) {
  if (v->is == Is::Const) return Ref::borrow(v->real);
  if (v->cls == &PyList_Type) return Ref::steal(PyList_New(0));
  if (v->cls == &PyTuple_Type) return Ref::steal(PyTuple_New(0));
  if (v->cls == &PyDict_Type) return Ref::steal(PyDict_New());
  if (v->cls == &PySet_Type) return Ref::steal(PySet_New(nullptr));
  return {};
}

[[noreturn]] void unsupported(Tracer& t, int op, V a, V b) {
  static constexpr const char* kSymbols[] = {"+", "&",           "//", "<<", "@", "*", "%",
                                             "|", "** or pow()", ">>", "-",  "/", "^"};
  Ref x = sample(a), y = sample(b);
  if (x && y) {
    Ref result = Ref::steal(kRows[op].fn(x.get(), y.get()));
    if (result) cut(Reason::native_object, "an operator on ", a->cls->tp_name, " and ", b->cls->tp_name);
    t.raise_pending();
  }
  if (op == kAdd && (a->cls->tp_flags & (Py_TPFLAGS_LIST_SUBCLASS | Py_TPFLAGS_TUPLE_SUBCLASS))) {
    const char* of = a->cls->tp_flags & Py_TPFLAGS_LIST_SUBCLASS ? "list" : "tuple";
    t.raise(PyExc_TypeError, cat("can only concatenate ", of, " (not \"", b->cls->tp_name, "\") to ", of));
  }
  std::string symbol = kSymbols[op % kInPlace];
  if (op >= kInPlace) symbol = op % kInPlace == kPow ? "**=" : symbol + "=";
  t.raise(PyExc_TypeError,
          cat("unsupported operand type(s) for ", symbol, ": '", a->cls->tp_name, "' and '", b->cls->tp_name, "'"));
}

bool plain_class(PyObject* o) {
  return PyType_Check(o) && !PyFunction_Check(_PyType_Lookup(Py_TYPE(o), FJ_NAME("__or__")));
}

}  // namespace

V binary(Tracer& t, int op, V a, V b) {
  number_beside_tensor(t, &a, &b, op % kInPlace != kPow);
  if (a->is == Is::Array || b->is == Is::Array) {
    const Row& base = kRows[op % kInPlace];
    return array_binary(t, base.name, base.reflected, op >= kInPlace ? kRows[op].name : nullptr, a, b);
  }
  if (V v = computed_binary(t, op, a, b)) return v;
  if (op % kInPlace != kPow) {  // powers have kernels of their own for some exponents
    t.tensors->number_as_input(t, &b, a);
    t.tensors->number_as_input(t, &a, b);
  }
  if (plain(a) && plain(b) && (is_symbolic(a) || is_symbolic(b))) return compute(t, op, a, b);
  use_operand(t, a, b);
  use_operand(t, b, a);
  if (plain(a) && plain(b)) {
    const bool classes = PyType_Check(a->real) || PyType_Check(b->real);
    if (classes && !(op == 7 && plain_class(a->real) && (plain_class(b->real) || b->real == Py_None)))
      cut(Reason::native_object, "an operator on classes");
    return compute(t, op, a, b);
  }
  if (a->is == Is::Tensor || b->is == Is::Tensor) {
    if (V r = a->is == Is::Object || b->is == Is::Object ? by_methods(t, op, a, b) : nullptr) return r;
    return compute(t, op, a, b);
  }
  if (op % kInPlace == kMod && a->is == Is::Const && PyUnicode_CheckExact(a->real) && b->is == Is::Object)
    if (V text = percent_format(t, a, b)) return text;
  if (V r = by_methods(t, op, a, b)) return r;
  if (V r = sequence_operator(t, op, a, b)) return r;
  if (V r = set_operator(t, op, a, b)) return r;
  if (V r = dict_operator(t, op, a, b)) return r;
  if (op % kInPlace == kMod && a->is == Is::Const && PyUnicode_CheckExact(a->real))
    if (V text = percent_format(t, a, b)) return text;
  if (op % kInPlace == kMod && a->is == Is::Const && !has_tensor(b)) return compute(t, op, a, b);  // "%s" % (…)
  if (is_owned(a) || is_owned(b)) return owned_operator(t, kRows[op].fn, a, b);
  if (a->is == Is::Opaque || b->is == Is::Opaque)
    cut(Reason::native_object, "an operator on ", a->cls->tp_name, " and ", b->cls->tp_name);
  unsupported(t, op, a, b);
}

V unary(Tracer& t, char op, V v) {
  const Arith row = op == '-' ? Arith::Negative : op == '+' ? Arith::Positive : Arith::Invert;
  if (V computed = computed_number(t, row, v)) return computed;
  if (!is_symbolic(v)) t.use(v);
  if (v->is == Is::Array) return array_method(t, v, op == '-' ? "__neg__" : op == '+' ? "__pos__" : "__invert__", {});
  if (v->is == Is::Object) {
    V m = special(t, v, intern(op == '-' ? "__neg__" : op == '+' ? "__pos__" : "__invert__"));
    if (m) return call_values(t, m, {});
    t.raise(PyExc_TypeError, cat("bad operand type for unary ", std::string(1, op), ": '", v->cls->tp_name, "'"));
  }
  const unaryfunc fn = op == '-' ? PyNumber_Negative : op == '+' ? PyNumber_Positive : PyNumber_Invert;
  return t.leaf(leaf_unary, reinterpret_cast<intptr_t>(fn), {t.leaf_of(v, Reason::native_object, "an operator")});
}

}  // namespace fj::capture
