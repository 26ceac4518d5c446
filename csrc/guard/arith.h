// Operations on Python numbers whose result is a source of its own: what a program computes from numbers that vary.
#pragma once
#include <Python.h>

#include <cstdint>

namespace fj::guard {

enum class Arith : uint8_t {
#define FJ_ARITH(name, text) name,
#include "guard/arith.def"
#undef FJ_ARITH
};

const char* arith_text(Arith op);
bool arith_is_unary(Arith op);

// Carried out on exact ints and floats (Format: a number and its format; Concat: strings; Call: a number and a pure C
// function), where it can run no Python
// code of the user's. NULL without an error when the operands are of other types or the operation raises.
PyObject* compute(Arith op, PyObject* a, PyObject* b);

}  // namespace fj::guard
