// NumPy's arrays and scalars as tensors over the same memory, and the other way, by NumPy's C interface.
//
// NumPy is never imported here: before the program has done so there is no array to ask about. Its headers are not
// needed for building; ndarray.cpp says which few fields and functions of its stable ABI are used.
#pragma once
#include "py/ref.h"
#include "tensor/tensor.h"

namespace fj::ndarray {

bool is_array(PyObject* o);  // an instance of numpy.ndarray itself
bool is_scalar_type(PyTypeObject* type);
bool is_scalar(PyObject* o);    // a NumPy scalar of a type that tensors have
bool is_dtype(PyObject* o);     // a numpy.dtype
bool is_function(PyObject* o);  // a ufunc, or a function that other libraries' arrays may answer
bool is_writeable(PyObject* array);
PyTypeObject* array_type();  // NULL without NumPy
PyTypeObject* scalar_type(DType dtype);

// A tensor over an array's memory, or a 0-d one that holds a scalar's value. Arrays that overlap share one Storage as
// long as one of their tensors lives. NULL (without an error) where no tensor can be: of another byte order, with
// negative strides, of a type that tensors do not have. Of an array that must not be written to, neither must be the
// tensor.
TensorRef tensor_over(PyObject* array_or_scalar);

// An array over the tensor's memory, which keeps it alive; the value of a 0-d tensor as a NumPy scalar. NULL with a
// Python error for a tensor that requires a gradient or is bfloat16, and without NumPy.
py::Ref array_over(TensorObj* tensor, bool writeable = true);
py::Ref scalar_of(TensorObj* tensor);

}  // namespace fj::ndarray
