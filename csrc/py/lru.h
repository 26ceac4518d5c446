// What functools.lru_cache's C code keeps, which has no public function.
#pragma once
#include <Python.h>

namespace fj::py {

// The result that a bounded cache keeps under `key`, of the entry that its dict holds there; borrowed. NULL: the entry
// is none of these.
PyObject* lru_result(PyObject* entry, PyObject* key);
// Where the function counts how often it found a result; NULL where that cannot be told.
Py_ssize_t* lru_hits(PyObject* function, PyObject* results);
// A descriptor that gives an entry's result at any later time: entries are used again for other keys. Borrowed.
PyObject* lru_getter(PyObject* entry);

}  // namespace fj::py
