// Making and changing Python objects past their Python-level overrides: those have been traced, so what is left to do
// is what the built-in base would have done.
#pragma once
#include <Python.h>

namespace fj::frame {

// base.__new__(type); type may be NULL for base itself.
PyObject* new_empty(PyTypeObject* base, PyObject* type);
PyObject* new_object(PyTypeObject* type);

// dict's own methods, and OrderedDict's where it is one. -1 with an error set.
int dict_set(PyObject* dict, PyObject* key, PyObject* value);
int dict_del(PyObject* dict, PyObject* key);
void dict_clear(PyObject* dict);

// object.__setattr__ (type's for a class); value NULL deletes.
int set_attr(PyObject* object, PyObject* name, PyObject* value);

}  // namespace fj::frame
