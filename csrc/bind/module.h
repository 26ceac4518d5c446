// The parts of framejit._C: one init function a part, called in the order of the table in module.cpp.
//
// An init function adds its names to the module and returns false with a Python exception set when it fails.
// To add a part: declare its function here, add one line to the table.
#pragma once
#include <Python.h>

namespace fj::bind {

struct ModulePart {
  const char* name;
  bool (*init)(PyObject* module);
};

bool init_debug_kernel(PyObject* module);

bool init_dtypes(PyObject* module);
bool init_devices(PyObject* module);
bool init_size(PyObject* module);
bool init_autograd(PyObject* module);
bool init_func(PyObject* module);
bool init_bodies(PyObject* module);
bool init_record(PyObject* module);
bool init_tensor(PyObject* module);  // the type; "ops" adds the rows' methods to it
bool init_overrides(PyObject* module);
bool init_torch_dispatch(PyObject* module);
bool init_storage(PyObject* module);
bool init_generator(PyObject* module);
bool init_create(PyObject* module);
bool init_buffer(PyObject* module);
bool init_exchange(PyObject* module);
bool init_ndarray(PyObject* module);
bool init_lazy(PyObject* module);
bool init_profile(PyObject* module);
bool init_aot(PyObject* module);
bool init_dtype_functions(PyObject* module);
bool init_ops(PyObject* module);
bool init_compile_stats(PyObject* module);
bool init_frame(PyObject* module);
bool init_config(PyObject* module);  // switches and counters of the compiler

}  // namespace fj::bind
