// The module part "autograd": gradient modes, hooks' helpers, and putting the parts together.
#include "bind/autograd.h"
#include "bind/module.h"

namespace fj::bind {
namespace {

PyObject* is_grad_enabled(PyObject*, PyObject*) { return PyBool_FromLong(thread_state().grad_mode); }
PyObject* is_inference_enabled(PyObject*, PyObject*) { return PyBool_FromLong(thread_state().inference_mode); }

PyObject* set_mode(PyObject* value, bool Modes::*mode) {
  int on = PyObject_IsTrue(value);
  if (on < 0) return nullptr;
  thread_state().*mode = on != 0;
  Py_RETURN_NONE;
}
PyObject* set_grad_enabled(PyObject*, PyObject* value) { return set_mode(value, &Modes::grad_mode); }
PyObject* set_inference_mode(PyObject*, PyObject* value) { return set_mode(value, &Modes::inference_mode); }

}  // namespace

PyMethodDef kModeFunctions[] = {
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "Are operations being recorded in this thread?"},
    {"_set_grad_enabled", set_grad_enabled, METH_O, nullptr},
    {"is_inference_mode_enabled", is_inference_enabled, METH_NOARGS, "Is inference mode on in this thread?"},
    {"_set_inference_mode", set_inference_mode, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyObject* new_hook_dict() {
  static PyObject* type = nullptr;
  if (!type) {
    py::Ref module = py::check(PyImport_ImportModule("collections"));
    type = py::check(PyObject_GetAttrString(module.get(), "OrderedDict")).release();
  }
  return py::check(PyObject_CallNoArgs(type)).release();
}

PyObject* add_hook(PyObject* dict, PyObject* function) {
  static PyObject* type = nullptr;
  if (!type) {
    py::Ref module = py::check(PyImport_ImportModule("framejit.utils.hooks"));
    type = py::check(PyObject_GetAttrString(module.get(), "RemovableHandle")).release();
  }
  py::Ref handle = py::check(PyObject_CallOneArg(type, dict)),
          id = py::check(PyObject_GetAttrString(handle.get(), "id"));
  py::check(PyObject_SetItem(dict, id.get(), function));
  return handle.release();
}

bool init_autograd(PyObject* module) {
  tape::install();
  return init_node_type(module) && add_tensor_methods(kAutogradTensorMethods) &&
         add_tensor_getset(kAutogradTensorGetset) && PyModule_AddFunctions(module, kModeFunctions) == 0 &&
         PyModule_AddFunctions(module, kAutocastFunctions) == 0 &&
         PyModule_AddFunctions(module, kBackwardFunctions) == 0 &&
         PyModule_AddFunctions(module, kFunctionFunctions) == 0;
}

}  // namespace fj::bind
