// The module part "autograd": gradient modes, hooks' helpers, and putting the parts together.
#include "bind/autograd.h"
#include "bind/module.h"
#include "py/imported.h"
#include "tensor/batched.h"
#include "tensor/trace.h"

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

// _is_tracing(): is this code being captured?
PyObject* is_tracing(PyObject*, PyObject*) { return PyBool_FromLong(trace::active_session() != nullptr); }

// _error_on_graph_break() -> True, False or None; _set_error_on_graph_break(one of them)
PyObject* error_on_break(PyObject*, PyObject*) {
  const OnBreak now = thread_state().autocast.on_break;
  return now == OnBreak::AsCompiled ? Py_NewRef(Py_None) : PyBool_FromLong(now == OnBreak::Error);
}
PyObject* set_error_on_break(PyObject*, PyObject* value) {
  const int on = value == Py_None ? 0 : PyObject_IsTrue(value);
  if (on < 0) return nullptr;
  thread_state().autocast.on_break = value == Py_None ? OnBreak::AsCompiled : on ? OnBreak::Error : OnBreak::GoOn;
  Py_RETURN_NONE;
}

// _enter_region(name, pure), _exit_region(name, pure): the body of a higher-order operator (graph::Region). Capture
// sees to it that a pure one only writes to what it has made itself.
PyObject* enter_region(PyObject*, PyObject* args) {
  const char* text;
  int pure;
  if (!PyArg_ParseTuple(args, "sp:_enter_region", &text, &pure)) return nullptr;
  trace::enter_region(text);
  Py_RETURN_NONE;
}
PyObject* exit_region(PyObject*, PyObject* args) {
  const char* text;
  int pure;
  if (!PyArg_ParseTuple(args, "sp:_exit_region", &text, &pure)) return nullptr;
  trace::exit_region(text);
  Py_RETURN_NONE;
}

// _push_saved_tensors_hooks(pack, unpack)
PyObject* push_saved_hooks(PyObject*, PyObject* args) {
  PyObject *pack, *unpack;
  if (!PyArg_ParseTuple(args, "OO:_push_saved_tensors_hooks", &pack, &unpack)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    FJ_USER_CHECK(!func_depth().without_hooks, ErrorKind::Runtime,
                  "framejit.func.{grad, vjp, jacrev, hessian} don't support saved tensor hooks inside their function");
    tape::saved_hooks().push_back({py::Ref::borrow(pack), py::Ref::borrow(unpack)});
    return Py_NewRef(Py_None);
  });
}
PyObject* pop_saved_hooks(PyObject*, PyObject*) {
  auto& stack = tape::saved_hooks();
  if (stack.empty()) return PyErr_Format(PyExc_RuntimeError, "no saved-tensor hooks are active");
  tape::SavedHooks last = std::move(stack.back());
  stack.pop_back();
  Py_RETURN_NONE;
}

// _set_anomaly(on, check_nan)
PyObject* set_anomaly(PyObject*, PyObject* args) {
  int on, check_nan;
  if (!PyArg_ParseTuple(args, "pp:_set_anomaly", &on, &check_nan)) return nullptr;
  tape::anomaly = {on != 0, check_nan != 0};
  Py_RETURN_NONE;
}
PyObject* is_anomaly(PyObject*, PyObject*) { return PyBool_FromLong(tape::anomaly.on); }
PyObject* is_anomaly_nan(PyObject*, PyObject*) { return PyBool_FromLong(tape::anomaly.check_nan); }

// _bump_version(tensor)
PyObject* bump(PyObject*, PyObject* o) {
  return py::guarded<PyObject*>(nullptr, [&] {
    for (TensorObj* t : tensors_of(o, "increment_version")) bump_version(t);
    return Py_NewRef(Py_None);
  });
}

// _current_backward_pass(): a number for the pass that is running, -1 outside
PyObject* current_pass(PyObject*, PyObject*) { return PyLong_FromLongLong(tape::current_pass()); }
// _will_run(node): is it part of the pass that is running?
PyObject* will_run(PyObject*, PyObject* node) {
  if (!PyObject_TypeCheck(node, tape::node_type)) return PyErr_Format(PyExc_TypeError, "_will_run: expected a node");
  return PyBool_FromLong(tape::in_current_pass(*reinterpret_cast<tape::NodeObj*>(node)->node));
}

// _gradient_edge(tensor) -> (node, output number)
PyObject* gradient_edge(PyObject*, PyObject* o) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = tensors_of(o, "get_gradient_edge").at(0);
    FJ_USER_CHECK(tape::requires_grad(t), ErrorKind::Runtime,
                  "It is not possible to get the gradient edge for a Tensor that does not require gradients");
    tape::Edge e = tape::edge_of(t);
    return Py_BuildValue("(Oi)", e.node.get(), static_cast<int>(e.nr));
  });
}

}  // namespace

PyMethodDef kModeFunctions[] = {
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, R"doc(Are operations being recorded in this thread?.

>>> import framejit
>>> framejit.is_grad_enabled()
True
)doc"},
    {"_set_grad_enabled", set_grad_enabled, METH_O, nullptr},
    {"is_inference_mode_enabled", is_inference_enabled, METH_NOARGS, R"doc(Is inference mode on in this thread?.

>>> import framejit
>>> framejit.is_inference_mode_enabled()
False
)doc"},
    {"_set_inference_mode", set_inference_mode, METH_O, nullptr},
    {"_push_saved_tensors_hooks", push_saved_hooks, METH_VARARGS, nullptr},
    {"_pop_saved_tensors_hooks", pop_saved_hooks, METH_NOARGS, nullptr},
    {"_is_tracing", is_tracing, METH_NOARGS, nullptr},
    {"_error_on_graph_break", error_on_break, METH_NOARGS, nullptr},
    {"_set_error_on_graph_break", set_error_on_break, METH_O, nullptr},
    {"_enter_region", enter_region, METH_VARARGS, nullptr},
    {"_exit_region", exit_region, METH_VARARGS, nullptr},
    {"_set_anomaly", set_anomaly, METH_VARARGS, nullptr},
    {"is_anomaly_enabled", is_anomaly, METH_NOARGS, R"doc(Is anomaly mode on?.

>>> import framejit
>>> framejit.is_anomaly_enabled()
False
)doc"},
    {"is_anomaly_check_nan_enabled", is_anomaly_nan, METH_NOARGS, R"doc(Does anomaly mode look for NaNs?.

>>> import framejit
>>> framejit.is_anomaly_check_nan_enabled()
True
)doc"},
    {"_bump_version", bump, METH_O, nullptr},
    {"_gradient_edge", gradient_edge, METH_O, nullptr},
    {"_current_backward_pass", current_pass, METH_NOARGS, nullptr},
    {"_will_run", will_run, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyObject* new_hook_dict() {
  static constinit py::Imported type{"collections", "OrderedDict"};
  return py::check(PyObject_CallNoArgs(type.get())).release();
}

PyObject* add_hook(PyObject* dict, PyObject* function) {
  static constinit py::Imported type{"framejit.utils.hooks", "RemovableHandle"};
  py::Ref handle = py::check(PyObject_CallOneArg(type.get(), dict)),
          id = py::check(PyObject_GetAttrString(handle.get(), "id"));
  py::check(PyObject_SetItem(dict, id.get(), function));
  return handle.release();
}

bool init_autograd(PyObject* module) {
  tape::install();
  return init_node_type(module) && add_tensor_methods(kAutogradTensorMethods) &&
         add_tensor_getset(kAutogradTensorGetset) && PyModule_AddFunctions(module, kModeFunctions) == 0 &&
         PyModule_AddFunctions(module, kAutocastFunctions) == 0 &&
         PyModule_AddFunctions(module, kBackwardFunctions) == 0 && PyModule_AddFunctions(module, kTapeFunctions) == 0 &&
         PyModule_AddFunctions(module, kFunctionFunctions) == 0;
}

}  // namespace fj::bind
