// What of CPython's dicts and sets, and of the dicts of classes, has no public function.
#pragma once
#include <Python.h>

namespace fj::py {

// dict[key] = value with the key's hash at hand: its __hash__ is not called.
int dict_set_known_hash(PyObject* dict, PyObject* key, PyObject* value, Py_hash_t hash);

// May the dict have a key of this hash other than `apart`? Runs no method of the program's.
bool dict_has_hash(PyObject* dict, Py_hash_t hash, PyObject* apart);

// A dict's keys in its own order, an OrderedDict's by the list that it keeps. NULL with an error.
PyObject* keys_in_order(PyObject* dict);

// Steps through a set in its order, *at from 0; false at the end.
bool set_next(PyObject* set, Py_ssize_t* at, PyObject** element);

// Takes a class out of what its bases' __subclasses__() gives.
void forget_subclass(PyTypeObject* type);

}  // namespace fj::py
