#include "guard/arith.h"

namespace fj::guard {

namespace {

bool is_number(PyObject* o) { return PyLong_CheckExact(o) || PyFloat_CheckExact(o) || PyBool_Check(o); }

PyObject* unary(Arith op, PyObject* a) {
  switch (op) {
    case Arith::Negative: return PyNumber_Negative(a);
    case Arith::Positive: return PyNumber_Positive(a);
    case Arith::Invert: return PyBool_Check(a) ? nullptr : PyNumber_Invert(a);  // 3.12 warns
    case Arith::Abs: return PyNumber_Absolute(a);
    case Arith::Truth: return PyBool_FromLong(PyObject_IsTrue(a));
    case Arith::Int: return PyNumber_Long(a);
    case Arith::Float: return PyNumber_Float(a);
    case Arith::RangeTo: return PyObject_CallOneArg(reinterpret_cast<PyObject*>(&PyRange_Type), a);
    default: return nullptr;
  }
}

// Not for results that take long to compute: 10 ** 10 ** 10.
PyObject* power(PyObject* a, PyObject* b) {
  if (PyLong_Check(a) && PyLong_Check(b)) {
    const double bits = static_cast<double>(_PyLong_NumBits(a)) * PyLong_AsDouble(b);
    if (PyErr_Occurred() || bits > 10000) return nullptr;
  }
  return PyNumber_Power(a, b, Py_None);
}

PyObject* binary(Arith op, PyObject* a, PyObject* b) {
  switch (op) {
    case Arith::Add: return PyNumber_Add(a, b);
    case Arith::Subtract: return PyNumber_Subtract(a, b);
    case Arith::Multiply: return PyNumber_Multiply(a, b);
    case Arith::Divide: return PyNumber_TrueDivide(a, b);
    case Arith::FloorDivide: return PyNumber_FloorDivide(a, b);
    case Arith::Remainder: return PyNumber_Remainder(a, b);
    case Arith::And: return PyNumber_And(a, b);
    case Arith::Or: return PyNumber_Or(a, b);
    case Arith::Xor: return PyNumber_Xor(a, b);
    case Arith::Rshift: return PyNumber_Rshift(a, b);
    case Arith::Power: return power(a, b);
    case Arith::Less: return PyObject_RichCompare(a, b, Py_LT);
    case Arith::LessEqual: return PyObject_RichCompare(a, b, Py_LE);
    case Arith::Equal: return PyObject_RichCompare(a, b, Py_EQ);
    case Arith::NotEqual: return PyObject_RichCompare(a, b, Py_NE);
    case Arith::Greater: return PyObject_RichCompare(a, b, Py_GT);
    case Arith::Range: return PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PyRange_Type), a, b, nullptr);
    case Arith::GreaterEqual: return PyObject_RichCompare(a, b, Py_GE);
    default: return nullptr;
  }
}

PyObject* carry_out(Arith op, PyObject* a, PyObject* b) {
  if (op == Arith::Concat) return PyUnicode_CheckExact(a) && PyUnicode_CheckExact(b) ? PyUnicode_Concat(a, b) : nullptr;
  if (!is_number(a)) return nullptr;
  if (op == Arith::Call) return PyObject_CallOneArg(b, a);
  if (op == Arith::Format) return PyObject_Format(a, b);
  if (arith_is_unary(op)) return unary(op, a);
  return is_number(b) ? binary(op, a, b) : nullptr;
}

}  // namespace

const char* arith_text(Arith op) {
  static constexpr const char* kTexts[] = {
#define FJ_ARITH(name, text) text,
#include "guard/arith.def"
#undef FJ_ARITH
  };
  return kTexts[static_cast<int>(op)];
}

bool arith_is_unary(Arith op) { return op >= Arith::Negative; }

PyObject* compute(Arith op, PyObject* a, PyObject* b) {
  PyObject* result = carry_out(op, a, b);
  if (!result) PyErr_Clear();
  return result;
}

}  // namespace fj::guard
