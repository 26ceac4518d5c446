// NumPy's arrays and scalars made of tensors: what recipes call for those that leave a segment.
#include "tensor/ndarray.h"

#include "bind/module.h"
#include "bind/tensor_type.h"

namespace fj::bind {
namespace {

template <class Make>
PyObject* from_tensor(PyObject* tensor, Make&& make) {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    if (!is_tensor(tensor)) return PyErr_Format(PyExc_TypeError, "expected Tensor, got %s", Py_TYPE(tensor)->tp_name);
    return make(as_tensor(tensor)).release();
  });
}

PyObject* tensor_array(PyObject*, PyObject* tensor) {
  return from_tensor(tensor, [](TensorObj* t) { return ndarray::array_over(t); });
}
PyObject* tensor_fixed(PyObject*, PyObject* tensor) {
  return from_tensor(tensor, [](TensorObj* t) { return ndarray::array_over(t, false); });
}
PyObject* tensor_scalar(PyObject*, PyObject* tensor) { return from_tensor(tensor, ndarray::scalar_of); }

PyMethodDef functions[] = {
    {"_tensor_array", tensor_array, METH_O, "A NumPy array over a tensor's memory."},
    {"_tensor_fixed", tensor_fixed, METH_O, "The same, which cannot be written to."},
    {"_tensor_scalar", tensor_scalar, METH_O, "The value of a 0-d tensor as a NumPy scalar."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_ndarray(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace fj::bind
