// Built-in iterators looked into without moving them: what they will give, how much is left, what they are made of.
#pragma once
#include <Python.h>

#include "py/ref.h"

namespace fj::py {

// Iterators over ranges, lists, tuples and dicts: what they give next can be known without running any code.
bool can_peek(PyObject* iterator);
// What the k-th next() from now will give (0 is the next one). Empty when the iterator will be exhausted by then.
// `broken` when next() would raise, as for a dict that has changed its size. Leaves no Python error.
Ref peek(PyObject* iterator, Py_ssize_t k, bool* broken);
// The list, tuple or dict that it goes over, borrowed; NULL when it is exhausted or has none.
PyObject* peek_owner(PyObject* iterator);
// Moves it on by n next()s, the last of which may find it exhausted. -1 with an error set.
int advance(PyObject* iterator, Py_ssize_t n);
// Sets the position of a list's or tuple's iterator; unlike __setstate__, past the end too. False: it is another one.
bool set_position(PyObject* iterator, Py_ssize_t index);
// How many are left, or -1 where that is not known.
Py_ssize_t remaining(PyObject* iterator);

// The iterators below a zip or an enumerate, borrowed: the i-th, or NULL.
PyObject* part_of(PyObject* iterator, Py_ssize_t i);
bool is_strict_zip(PyObject* zip);
// An enumerate's count; empty when it has outgrown a C integer.
Ref count_of(PyObject* enumerate);
int set_count(PyObject* enumerate, PyObject* count);

bool is_deque(PyObject* o);                           // collections.deque itself
PyObject* deque_item(PyObject* deque, Py_ssize_t i);  // borrowed; NULL past the end

}  // namespace fj::py
