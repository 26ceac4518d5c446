// What functools.lru_cache's C code keeps, which has no public function.
#pragma once
#include <Python.h>

namespace fj::py {

// The result that a bounded cache keeps under `key`, of the entry that its dict holds there; borrowed. NULL: the entry
// is none of these.
PyObject* lru_result(PyObject* entry, PyObject* key);
// A descriptor that gives an entry's result at any later time: entries are used again for other keys. Borrowed.
PyObject* lru_getter(PyObject* entry);

}  // namespace fj::py
