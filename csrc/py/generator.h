// Generators rebuilt in the middle of their code: a fresh one of the same function whose frame is filled.
#pragma once
#include <Python.h>

#include <vector>

#include "py/ref.h"

struct _PyInterpreterFrame;

namespace fj::py {

// What a function is called with when its frame is to be filled afterwards: None for each parameter, after one free
// slot, and the names of those that have to be named. Throws PythonError.
std::vector<PyObject*> blank_arguments(PyCodeObject* code, Ref* names);

// A generator of the function (a Python generator function) that has not started, its parameters None. Runs no Python
// code. NULL with an error set.
PyObject* blank_generator(PyObject* function);

enum class GeneratorState { Fresh, Suspended, Finished };

// Fills it: `locals` is localsplus, `stack` what lies on the value stack without the value that is sent next; both
// borrowed, NULL allowed. `offset`: of the instruction after the yield. A fresh one keeps the cells it has.
bool fill_generator(PyObject* generator, GeneratorState state, PyObject* const* locals, PyObject* const* stack,
                    int depth, int offset);

// A frame that belongs to a generator: has it yielded?
bool is_suspended(_PyInterpreterFrame* frame);

}  // namespace fj::py
