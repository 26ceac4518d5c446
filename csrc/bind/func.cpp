// What framejit.func is made of: batching layers entered and left, tensors wrapped and unwrapped, inputs that gradients
// can be asked for. The functions themselves are Python (framejit/func).
#include "bind/autograd.h"
#include "bind/module.h"
#include "capture/capture.h"
#include "tensor/batched.h"
#include "tensor/trace.h"

namespace fj::bind {
namespace {

VmapLayer& layer_of(PyObject* capsule) {
  void* p = PyCapsule_GetPointer(capsule, kVmapCapsule);
  if (!p) throw py::PythonError();
  return **static_cast<std::shared_ptr<VmapLayer>*>(p);
}

TensorObj* tensor_arg(PyObject* o) {
  FJ_USER_CHECK(is_tensor(o), ErrorKind::Type, "expected a Tensor, but got ", Py_TYPE(o)->tp_name);
  return as_tensor(o);
}

void free_layer(PyObject* capsule) {
  delete static_cast<std::shared_ptr<VmapLayer>*>(PyCapsule_GetPointer(capsule, kVmapCapsule));
}

PyObject* capsule_of(std::shared_ptr<VmapLayer> layer) {
  auto held = std::make_unique<std::shared_ptr<VmapLayer>>(std::move(layer));
  PyObject* capsule = PyCapsule_New(held.get(), kVmapCapsule, free_layer);
  if (!capsule) throw py::PythonError();
  held.release();
  return capsule;
}

constexpr const char* kRandomness[] = {"error", "different", "same"};  // by VmapRandomness

// _vmap_enter(size, randomness) -> layer
PyObject* enter(PyObject*, PyObject* args) {
  long long size;
  const char* mode;
  if (!PyArg_ParseTuple(args, "Ls:_vmap_enter", &size, &mode)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    std::string_view m = mode;
    auto randomness = m == "error"       ? VmapRandomness::Error
                      : m == "different" ? VmapRandomness::Different
                                         : VmapRandomness::Same;
    auto layer = std::make_shared<VmapLayer>(size, randomness);
    PyObject* capsule = capsule_of(layer);
    layer->below = thread_state().top;
    thread_state().top = layer.get();
    return capsule;
  });
}

PyObject* depth(PyObject*, PyObject*) { return PyLong_FromLong(active_vmaps()); }

// _vmap_top() -> (layer, size, randomness)
PyObject* top(PyObject*, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    VmapLayer* l = top_vmap();
    FJ_USER_CHECK(l, ErrorKind::Runtime, "no vmap is running");
    return Py_BuildValue("(NLs)", capsule_of(l->shared_from_this()), static_cast<long long>(l->size()),
                         kRandomness[static_cast<int>(l->randomness())]);
  });
}

PyObject* leave(PyObject*, PyObject* capsule) {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    VmapLayer& l = layer_of(capsule);
    FJ_USER_CHECK(thread_state().top == &l, ErrorKind::Runtime,
                  "vmap: the layers are left in another order than entered");
    thread_state().top = l.below;
    Py_RETURN_NONE;
  });
}

// Makes a layer that was left the innermost one again.
PyObject* enter_again(PyObject*, PyObject* capsule) {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    VmapLayer& l = layer_of(capsule);
    l.below = thread_state().top;
    thread_state().top = &l;
    Py_RETURN_NONE;
  });
}

// _vmap_wrap(layer, tensor, dim)
PyObject* wrap_in(PyObject*, PyObject* args) {
  PyObject *capsule, *t;
  long long dim;
  if (!PyArg_ParseTuple(args, "OOL:_vmap_wrap", &capsule, &t, &dim)) return nullptr;
  return py::guarded<PyObject*>(nullptr,
                                [&] { return wrap(layer_of(capsule).wrap(TensorRef::borrow(tensor_arg(t)), dim)); });
}

// _vmap_unwrap(layer, tensor) -> (value, dim or -1)
PyObject* unwrap_in(PyObject*, PyObject* args) {
  PyObject *capsule, *t;
  if (!PyArg_ParseTuple(args, "OO:_vmap_unwrap", &capsule, &t)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    int64_t dim;
    TensorRef value = layer_of(capsule).unwrap(tensor_arg(t), &dim);
    return Py_BuildValue("(NL)", wrap(std::move(value)), static_cast<long long>(dim));
  });
}

// _vmap_batched(tensor), _vmap_open(tensor), _vmap_close(plain): is_batched, opened and closed
PyObject* batched(PyObject*, PyObject* t) {
  return py::guarded<PyObject*>(nullptr, [&] { return PyBool_FromLong(is_batched(tensor_arg(t))); });
}
PyObject* open(PyObject*, PyObject* t) {
  return py::guarded<PyObject*>(nullptr, [&] { return wrap(opened(tensor_arg(t))); });
}
PyObject* close(PyObject*, PyObject* plain) {
  return py::guarded<PyObject*>(nullptr, [&] { return wrap(closed(TensorRef::borrow(tensor_arg(plain)))); });
}

// _func_input(tensor) -> (differentiable tensor, was it tracked before)
PyObject* func_input(PyObject*, PyObject* t) {
  return py::guarded<PyObject*>(nullptr, [&] {
    bool tracked = false;
    TensorRef x = make_differentiable(tensor_arg(t), &tracked);
    return Py_BuildValue("(NO)", wrap(std::move(x)), tracked ? Py_True : Py_False);
  });
}

// _func_writable(tensor): what a function may write to that is differentiated along a direction.
PyObject* func_writable(PyObject*, PyObject* t) {
  if (is_tensor(t) && trace::is_fake(t)) return Py_NewRef(t);
  return py::guarded<PyObject*>(nullptr, [&] { return wrap(make_writable(tensor_arg(t))); });
}

PyObject* func_plain(PyObject*, PyObject* t) {
  return py::guarded<PyObject*>(nullptr, [&] { return wrap(plain_tensor(tensor_arg(t))); });
}

// _func_rewrap(plain, like)
PyObject* func_rewrap(PyObject*, PyObject* args) {
  PyObject *plain, *like;
  if (!PyArg_ParseTuple(args, "OO:_func_rewrap", &plain, &like)) return nullptr;
  return py::guarded<PyObject*>(
      nullptr, [&] { return wrap(wrapped_like(TensorRef::borrow(tensor_arg(plain)), tensor_arg(like))); });
}

// _func_seed(seed, out)
PyObject* func_seed(PyObject*, PyObject* args) {
  PyObject *seed, *out;
  if (!PyArg_ParseTuple(args, "OO:_func_seed", &seed, &out)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] { return wrap(aligned_seed(tensor_arg(seed), tensor_arg(out))); });
}

// _func_depends(out, input): may out depend on input, as far as batching tells?
PyObject* func_depends(PyObject*, PyObject* args) {
  PyObject *out, *in;
  if (!PyArg_ParseTuple(args, "OO:_func_depends", &out, &in)) return nullptr;
  return py::guarded<PyObject*>(nullptr,
                                [&] { return PyBool_FromLong(is_batched_like(tensor_arg(out), tensor_arg(in))); });
}

// _func_enter(hooks), _func_leave(hooks): around the function that a transformation differentiates; are hooks of saved
// tensors allowed there?
PyObject* func_enter(PyObject*, PyObject* hooks) {
  if (hooks != Py_True && !tape::saved_hooks().empty())
    return PyErr_Format(PyExc_RuntimeError,
                        "framejit.func.{grad, vjp, jacrev, hessian} don't support saved tensor hooks: their function "
                        "is called within the hooks' context");
  ++func_depth().all;
  func_depth().without_hooks += hooks != Py_True;
  Py_RETURN_NONE;
}

PyObject* func_leave(PyObject*, PyObject* hooks) {
  --func_depth().all;
  func_depth().without_hooks -= hooks != Py_True;
  Py_RETURN_NONE;
}

PyObject* func_depth_now(PyObject*, PyObject*) { return PyLong_FromLong(func_depth().all); }

// _func_transforms(globals): the functions of this module are transformations.
PyObject* func_transforms(PyObject*, PyObject* globals) {
  capture::add_transformations(globals);
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"_func_transforms", func_transforms, METH_O, nullptr},
    {"_vmap_enter", enter, METH_VARARGS, nullptr},
    {"_vmap_depth", depth, METH_NOARGS, nullptr},
    {"_vmap_top", top, METH_NOARGS, nullptr},
    {"_vmap_leave", leave, METH_O, nullptr},
    {"_vmap_enter_again", enter_again, METH_O, nullptr},
    {"_vmap_wrap", wrap_in, METH_VARARGS, nullptr},
    {"_vmap_unwrap", unwrap_in, METH_VARARGS, nullptr},
    {"_vmap_batched", batched, METH_O, nullptr},
    {"_vmap_open", open, METH_O, nullptr},
    {"_vmap_close", close, METH_O, nullptr},
    {"_func_enter", func_enter, METH_O, nullptr},
    {"_func_leave", func_leave, METH_O, nullptr},
    {"_func_depth", func_depth_now, METH_NOARGS, nullptr},
    {"_func_input", func_input, METH_O, nullptr},
    {"_func_writable", func_writable, METH_O, nullptr},
    {"_func_plain", func_plain, METH_O, nullptr},
    {"_func_rewrap", func_rewrap, METH_VARARGS, nullptr},
    {"_func_seed", func_seed, METH_VARARGS, nullptr},
    {"_func_depends", func_depends, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_func(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace fj::bind
