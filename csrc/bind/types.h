// The small Python types beside Tensor: dtype, device, Size, memory_format, layout.
#pragma once
#include "ops/meta.h"
#include "py/error.h"

namespace fj::bind {

PyObject* dtype_object(DType t);  // borrowed, immortal
// A dtype object, or Python's float, int, bool (as PyTorch takes them).
bool as_dtype(PyObject* o, DType* out);
PyObject* new_device(Device d);
// A device object, a string ("cpu", "cuda:0") or an index. Raises what PyTorch raises for a string that names no
// device.
bool as_device(PyObject* o, Device* out);
PyObject* new_size(const Shape& sizes);
PyObject* new_int_tuple(const Shape& values);
PyObject* memory_format_object(MemoryFormat f);  // borrowed
bool as_memory_format(PyObject* o, MemoryFormat* out);
PyObject* strided_layout();  // borrowed; the only layout
bool is_layout(PyObject* o);

// Reads a Python integer (anything with __index__, no bool check). False with an exception set.
bool as_int64(PyObject* o, int64_t* out);

}  // namespace fj::bind
