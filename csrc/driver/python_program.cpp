// See python_program.h.
#include "driver/python_program.h"

#include "tensor/overrides.h"
#include "tensor/tensor.h"

namespace fj::driver {

bool PythonProgram::run(PyObject* const* inputs, size_t n, PyObject** outputs, size_t noutputs) {
  overrides::Pause none;  // the graph is what the program's __torch_function__ has made of it
  PyObject* result = PyObject_Vectorcall(callable_.get(), inputs, n, nullptr);
  if (!result) return false;
  PyObject* items = is_tensor(result) ? PyTuple_Pack(1, result) : PySequence_Tuple(result);
  Py_DECREF(result);
  if (!items) return false;
  if (PyTuple_GET_SIZE(items) != static_cast<Py_ssize_t>(noutputs)) {
    PyErr_Format(PyExc_RuntimeError, "the back end's function returned %zd results instead of %zd",
                 PyTuple_GET_SIZE(items), static_cast<Py_ssize_t>(noutputs));
    Py_DECREF(items);
    return false;
  }
  for (size_t i = 0; i < noutputs; ++i) outputs[i] = Py_NewRef(PyTuple_GET_ITEM(items, static_cast<Py_ssize_t>(i)));
  Py_DECREF(items);
  return true;
}

}  // namespace fj::driver
