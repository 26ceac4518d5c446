// Operators: each is the row of that name, called with both operands; what does not fit gives NotImplemented.
#include "bind/op_call.h"
#include "bind/overrides.h"
#include "bind/read.h"
#include "bind/tensor_type.h"

namespace fj::bind {
namespace {

enum Operator {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kFloorDiv,
  kRem,
  kPow,
  kMatMul,
  kAnd,
  kOr,
  kXor,
  kShl,
  kShr,
  kIAdd,
  kISub,
  kIMul,
  kIDiv,
  kIFloorDiv,
  kIRem,
  kIPow,
  kIAnd,
  kIOr,
  kIXor,
  kIShl,
  kIShr,
  kLt,
  kLe,
  kEq,
  kNe,
  kGt,
  kGe,
  kNeg,
  kAbs,
  kInvert,
  kOperators
};
constexpr const char* kRowNames[kOperators] = {"add",
                                               "sub",
                                               "mul",
                                               "div",
                                               "floor_divide",
                                               "remainder",
                                               "pow",
                                               "matmul",
                                               "bitwise_and",
                                               "bitwise_or",
                                               "bitwise_xor",
                                               "bitwise_left_shift",
                                               "bitwise_right_shift",
                                               "add_",
                                               "sub_",
                                               "mul_",
                                               "div_",
                                               "floor_divide_",
                                               "remainder_",
                                               "pow_",
                                               "bitwise_and_",
                                               "bitwise_or_",
                                               "bitwise_xor_",
                                               "bitwise_left_shift_",
                                               "bitwise_right_shift_",
                                               "lt",
                                               "le",
                                               "eq",
                                               "ne",
                                               "gt",
                                               "ge",
                                               "neg",
                                               "abs",
                                               "bitwise_not"};
std::span<const OpDef* const> rows[kOperators];

// Tries the overloads; a null result without an exception means that none fits.
PyObject* try_call(std::span<const OpDef* const> overloads, PyObject* const* operands, Py_ssize_t n) {
  ArgVec args;
  CallArgs call{operands, n, nullptr, false};
  for (const OpDef* op : overloads) {
    CallExtras extras;
    if (parse_call(*op, call, &args, &extras, nullptr) == Match::No) {
      args.clear();
      continue;
    }
    Outs outs;
    call_op(*op, args, outs);
    return to_python(*op, outs);
  }
  return nullptr;
}

// As what an operator asks its operands, and as what the same with the operands exchanged.
struct AskedAs {
  const char *name, *reflected;
};
constexpr AskedAs kAskedAs[] = {
    {"add", "add"},
    {"sub", "__rsub__"},
    {"mul", "mul"},
    {"div", "__rdiv__"},
    {"__floordiv__", "__rfloordiv__"},
    {"remainder", "__rmod__"},
    {"pow", "__rpow__"},
    {"matmul", "__rmatmul__"},
    {"__and__", "__rand__"},
    {"__or__", "__ror__"},
    {"__xor__", "__rxor__"},
    {"__lshift__", "__rlshift__"},
    {"__rshift__", "__rrshift__"},
};
static_assert(std::size(kAskedAs) == kIAdd);

// An operator gives way where a function raises TypeError.
PyObject* not_implemented(PyObject* answer) {
  if (answer || !PyErr_ExceptionMatches(PyExc_TypeError)) return answer;
  PyErr_Clear();
  return Py_NewRef(Py_NotImplemented);
}

PyObject* ask_operator(int op, PyObject* a, PyObject* b) {
  PyObject* operands[] = {a, b};
  if (op >= kIAdd) return not_implemented(ask_method(kRowNames[op], operands, 2));
  if (is_tensor(a)) return not_implemented(ask_method(kAskedAs[op].name, operands, 2));
  std::swap(operands[0], operands[1]);
  return not_implemented(ask_method(kAskedAs[op].reflected, operands, 2));
}

template <int kOp>
PyObject* binary(PyObject* a, PyObject* b) {
  if (__builtin_expect(asked(a, b), 0)) return ask_operator(kOp, a, b);
  return py::guarded<PyObject*>(nullptr, [&] {
    PyObject* operands[] = {a, b};
    PyObject* r = try_call(rows[kOp], operands, 2);
    return r ? r : Py_NewRef(Py_NotImplemented);
  });
}
template <int kOp>
PyObject* unary(PyObject* a) {
  if (__builtin_expect(asked(a), 0)) return ask_method(kOp == kInvert ? "__invert__" : kRowNames[kOp], &a, 1);
  if (kOp == kInvert && is_differentiable(as_tensor(a)->meta.dtype))
    return PyErr_SetString(PyExc_TypeError,
                           "~ (operator.invert) is only implemented on integer and Boolean-type tensors"),
           nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    PyObject* r = try_call(rows[kOp], &a, 1);
    FJ_USER_CHECK(r, ErrorKind::Type, "bad operand type for unary ", kRowNames[kOp]);
    return r;
  });
}
template <int kOp>
PyObject* power(PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
  return binary<kOp>(a, b);
}

PyObject* positive(PyObject* a) { return asked(a) ? ask_method("positive", &a, 1) : Py_NewRef(a); }

PyObject* compare(PyObject* a, PyObject* b, int op) {
  if (__builtin_expect(asked(a, b), 0)) {
    PyObject* operands[] = {a, b};
    return not_implemented(ask_method(op == Py_EQ ? "__eq__" : kRowNames[kLt + op], operands, 2));
  }
  static_assert(Py_LT == 0 && Py_LE == 1 && Py_EQ == 2 && Py_NE == 3 && Py_GT == 4 && Py_GE == 5);
  return py::guarded<PyObject*>(nullptr, [&] {
    PyObject* operands[] = {a, b};
    PyObject* r = try_call(rows[kLt + op], operands, 2);
    return r ? r : Py_NewRef(Py_NotImplemented);
  });
}

// What a slot that must give a certain type asks for by its method's name.
py::Ref ask_slot(const char* name, PyObject* self) { return py::Ref::steal(ask_method(name, &self, 1)); }

int truth(PyObject* self) {
  if (__builtin_expect(asked(self), 0)) {
    py::Ref answer = ask_slot("__bool__", self);
    return answer ? PyObject_IsTrue(answer.get()) : -1;
  }
  return py::guarded<int>(-1, [&] {
    TensorObj* t = as_tensor(self);
    FJ_USER_CHECK(t->meta.numel() != 0, ErrorKind::Runtime, "Boolean value of Tensor with no values is ambiguous");
    FJ_USER_CHECK(t->meta.numel() == 1, ErrorKind::Runtime,
                  "Boolean value of Tensor with more than one value is ambiguous");
    Arg n = read_item(t, "bool");
    if (n.is_complex()) return static_cast<int>(n.real() != 0 || n.imag() != 0);
    return static_cast<int>(n.tag() == ArgTag::Float ? n.as_double() != 0 : n.as_int() != 0);
  });
}

// int(t) and float(t) of a complex tensor.
Arg read_real(PyObject* self, const char* what) {
  Arg n = read_item(as_tensor(self), what);
  FJ_USER_CHECK(!n.is_complex(), ErrorKind::Runtime, "value cannot be converted to type ", what, " without overflow");
  return n;
}

PyObject* to_int(PyObject* self) {
  if (__builtin_expect(asked(self), 0)) return ask_slot("__int__", self).release();
  return py::guarded<PyObject*>(nullptr, [&] {
    if (is_complex(as_tensor(self)->meta.dtype)) read_real(self, "int");
    py::Ref n = py::check(item_object(as_tensor(self), "int"));
    return PyNumber_Long(n.get());
  });
}
PyObject* to_float(PyObject* self) {
  if (__builtin_expect(asked(self), 0)) return ask_slot("__float__", self).release();
  return py::guarded<PyObject*>(nullptr, [&] { return PyFloat_FromDouble(read_real(self, "float").as_double()); });
}
PyObject* to_index(PyObject* self) {
  if (__builtin_expect(asked(self), 0)) return ask_slot("__index__", self).release();
  return py::guarded<PyObject*>(nullptr, [&] {
    FJ_USER_CHECK(!is_differentiable(as_tensor(self)->meta.dtype) && as_tensor(self)->meta.numel() == 1,
                  ErrorKind::Type, "only integer tensors of a single element can be converted to an index");
    py::Ref n = py::check(item_object(as_tensor(self), "an index"));
    return PyNumber_Long(n.get());
  });
}

}  // namespace

void add_number_slots(PyType_Slot*& at) {
  auto slot = [&](int id, auto* f) { *at++ = {id, reinterpret_cast<void*>(f)}; };
  slot(Py_nb_add, binary<kAdd>);
  slot(Py_nb_subtract, binary<kSub>);
  slot(Py_nb_multiply, binary<kMul>);
  slot(Py_nb_true_divide, binary<kDiv>);
  slot(Py_nb_floor_divide, binary<kFloorDiv>);
  slot(Py_nb_remainder, binary<kRem>);
  slot(Py_nb_power, power<kPow>);
  slot(Py_nb_matrix_multiply, binary<kMatMul>);
  slot(Py_nb_and, binary<kAnd>);
  slot(Py_nb_or, binary<kOr>);
  slot(Py_nb_xor, binary<kXor>);
  slot(Py_nb_lshift, binary<kShl>);
  slot(Py_nb_rshift, binary<kShr>);
  slot(Py_nb_inplace_add, binary<kIAdd>);
  slot(Py_nb_inplace_subtract, binary<kISub>);
  slot(Py_nb_inplace_multiply, binary<kIMul>);
  slot(Py_nb_inplace_true_divide, binary<kIDiv>);
  slot(Py_nb_inplace_floor_divide, binary<kIFloorDiv>);
  slot(Py_nb_inplace_remainder, binary<kIRem>);
  slot(Py_nb_inplace_power, power<kIPow>);
  slot(Py_nb_inplace_and, binary<kIAnd>);
  slot(Py_nb_inplace_or, binary<kIOr>);
  slot(Py_nb_inplace_xor, binary<kIXor>);
  slot(Py_nb_inplace_lshift, binary<kIShl>);
  slot(Py_nb_inplace_rshift, binary<kIShr>);
  slot(Py_nb_negative, unary<kNeg>);
  slot(Py_nb_absolute, unary<kAbs>);
  slot(Py_nb_invert, unary<kInvert>);
  slot(Py_nb_positive, positive);
  slot(Py_nb_bool, truth);
  slot(Py_nb_int, to_int);
  slot(Py_nb_float, to_float);
  slot(Py_nb_index, to_index);
  slot(Py_tp_richcompare, compare);
}

bool link_number_ops() {
  for (int i = 0; i < kOperators; ++i) rows[i] = rows_named(kRowNames[i]);
  return true;
}

}  // namespace fj::bind
