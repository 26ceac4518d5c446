// What of CPython's dicts has no public function.
#pragma once
#include <Python.h>

namespace fj::py {

// dict[key] = value with the key's hash at hand: its __hash__ is not called.
int dict_set_known_hash(PyObject* dict, PyObject* key, PyObject* value, Py_hash_t hash);

}  // namespace fj::py
