// Descriptors that read state of a thread, for paths that guards follow: they run no Python code.
#pragma once
#include <Python.h>

#include <string>

namespace fj::py {

bool is_thread_local(PyObject* object);  // a threading.local() itself; a subclass may run code

// __get__ gives the attribute of that name of an object; a new reference. NULL with an error.
PyObject* attribute_reader(PyObject* name);
// __get__ gives a ContextVar's value; where it has none its default, if `or_default`; nothing there: LookupError.
PyObject* context_reader(bool or_default);

// What the error of reading a slot with nothing in it calls the type: with its module from 3.13 on.
std::string name_in_slot_error(PyTypeObject* type);

}  // namespace fj::py
