// framejit._C._debug: small windows into single rooms for the tests. Nothing here is for users.
#pragma once
#include <Python.h>

namespace fj::bind {

// The submodule, made on first use; borrowed. NULL with an exception set on failure.
PyObject* debug_module(PyObject* module);

bool init_debug_frame(PyObject* module);
bool init_debug_graph(PyObject* module);
bool init_debug_capture(PyObject* module);
bool init_debug_segments(PyObject* module);

// What stands for an empty slot; borrowed.
PyObject* null_marker();

}  // namespace fj::bind
