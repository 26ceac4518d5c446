// What a tensor shows of the tape.
#include "bind/autograd.h"
#include "bind/op_call.h"
#include "tensor/autograd_hooks.h"
#include "tensor/batched.h"
#include "tensor/layer.h"
#include "tensor/meta_device.h"
#include "tensor/trace.h"

namespace fj::bind {

bool is_batched(PyObject* tensor) { return is_wrapped(as_tensor(tensor)) && !trace::is_fake(tensor); }

namespace {

TensorObj* own(PyObject* o, const char* what) {
  if (is_batched(o)) raise(ErrorKind::Unsupported, "`", what, "` of a batched tensor");
  return as_tensor(o);
}

// Inside a function that func transforms there is no tape of the caller's to change.
void refuse_in_transformation(PyObject* o, const char* what) {
  FJ_USER_CHECK(!is_batched(o) && !func_depth().all, ErrorKind::Runtime, "You are attempting to call ", what,
                " (or perhaps using torch.autograd.functional.* APIs) inside of a function being transformed by "
                "framejit.func. This is unsupported: use the transformations of func (grad, vjp, jacrev, jacfwd, "
                "hessian), or make the call outside of the function");
}

PyObject* new_or_none(PyObject* o) { return Py_NewRef(o ? o : Py_None); }

PyObject* get_requires_grad(PyObject* o, void*) { return PyBool_FromLong(tape::requires_grad(as_tensor(o))); }

void set_flag(TensorObj* t, bool on) {
  if (!on && tape::requires_grad(t))
    FJ_USER_CHECK(tape::is_leaf(t), ErrorKind::Runtime,
                  "you can only change requires_grad flags of leaf variables. If you want to use a computed variable "
                  "in a subgraph that doesn't "
                  "require differentiation use var_no_grad = var.detach().");
  FJ_USER_CHECK(!on || is_differentiable(t->meta.dtype), ErrorKind::Runtime,
                "only Tensors of floating point dtype can require gradients");
  FJ_USER_CHECK(!on || !(t->flags & kInferenceTensor) || thread_state().inference_mode, ErrorKind::Runtime,
                "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
  t->meta.requires_grad = on;
  facts_changed(t);
}

int set_requires_grad(PyObject* o, PyObject* value, void*) {
  return py::guarded<int>(-1, [&] {
    FJ_USER_CHECK(value && PyBool_Check(value), ErrorKind::Runtime, "requires_grad must be a bool");
    set_flag(own(o, "requires_grad"), value == Py_True);
    return 0;
  });
}

PyObject* requires_grad_(PyObject* o, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"requires_grad", nullptr};
  int on = 1;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p:requires_grad_", const_cast<char**>(names), &on)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    if (on) refuse_in_transformation(o, "Tensor.requires_grad_()");
    set_flag(own(o, "requires_grad_"), on != 0);
    return Py_NewRef(o);
  });
}

PyObject* get_is_leaf(PyObject* o, void*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = as_tensor(o);
    if (is_wrapped(t) && (t->flags & kNonLeaf || !trace::is_fake(o))) return PyBool_FromLong(!(t->flags & kNonLeaf));
    return PyBool_FromLong(!tape::requires_grad(t) || tape::is_leaf(t));
  });
}

PyObject* get_grad_fn(PyObject* o, void*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = as_tensor(o);
    if (is_wrapped(t) && !(t->flags & kNonLeaf)) return new_or_none(nullptr);
    return new_or_none(reinterpret_cast<PyObject*>(tape::grad_fn_of(own(o, "grad_fn"))));
  });
}

PyObject* get_grad(PyObject* o, void*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = own(o, "grad");
    if (!t->autograd || !t->autograd->grad) {
      bool lost = tape::requires_grad(t) && !tape::is_leaf(t) && !t->autograd->retains_grad;
      if (lost && PyErr_WarnEx(PyExc_UserWarning,
                               "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
                               "attribute won't be populated "
                               "during autograd.backward(). If you indeed want the .grad field to be populated for a "
                               "non-leaf Tensor, use "
                               ".retain_grad() on the non-leaf Tensor.",
                               1) < 0)
        throw py::PythonError();
      return new_or_none(nullptr);
    }
    return Py_NewRef(as_object(t->autograd->grad));
  });
}

int set_grad(PyObject* o, PyObject* value, void*) {
  return py::guarded<int>(-1, [&] {
    TensorObj* t = own(o, "grad");
    if (!value || value == Py_None) {
      if (t->autograd) {
        TensorObj* old = std::exchange(t->autograd->grad, nullptr);
        Py_XDECREF(old);
      }
      return 0;
    }
    FJ_USER_CHECK(is_tensor(value), ErrorKind::Type,
                  "assigned grad expected to be a Tensor or None but got grad of type ", Py_TYPE(value)->tp_name);
    TensorObj* g = as_tensor(value);
    FJ_USER_CHECK(g != t, ErrorKind::Runtime, "can't assign Variable as its own grad");
    FJ_USER_CHECK(g->meta.dtype == t->meta.dtype, ErrorKind::Runtime, "attempting to assign a gradient with dtype '",
                  cpp_type_name(g->meta.dtype), "' to a tensor with grad_dtype '", scalar_type_name(t->meta.dtype),
                  "'. The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype). You can set "
                  "the tensor's grad_dtype attribute "
                  "with a specific dtype, or None to allow any dtype. Set grad_dtype with caution. Diverging the "
                  "dtypes of a tensor and its gradient "
                  "may break downstream systems that assume they match.");
    FJ_USER_CHECK(g->meta.sizes == t->meta.sizes, ErrorKind::Runtime, "attempting to assign a gradient of size '",
                  g->meta.sizes, "' to a tensor of size '", t->meta.sizes,
                  "'. Please ensure that the gradient and the tensor are the same size");
    TensorRef held = TensorRef::borrow(g);
    TensorObj* old = std::exchange(tape::need_meta(t).grad, held.release());
    Py_XDECREF(old);
    return 0;
  });
}

PyObject* get_base(PyObject* o, void*) { return new_or_none(reinterpret_cast<PyObject*>(as_tensor(o)->base)); }
PyObject* is_view(PyObject* o, PyObject*) { return PyBool_FromLong(as_tensor(o)->base != nullptr); }
PyObject* is_inference(PyObject* o, PyObject*) {
  return PyBool_FromLong((as_tensor(o)->flags & kInferenceTensor) != 0);
}
PyObject* get_output_nr(PyObject* o, void*) {
  return PyLong_FromLong(as_tensor(o)->autograd ? as_tensor(o)->autograd->output_nr : 0);
}
PyObject* get_retains_grad(PyObject* o, void*) {
  return PyBool_FromLong(as_tensor(o)->autograd && as_tensor(o)->autograd->retains_grad);
}

PyObject* get_backward_hooks(PyObject* o, void*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = as_tensor(o);
    if (is_wrapped(t) || !tape::requires_grad(t)) return new_or_none(nullptr);
    return new_or_none(*tape::hook_dict(t));
  });
}

int set_backward_hooks(PyObject* o, PyObject* value, void*) {
  return py::guarded<int>(-1, [&] {
    TensorObj* t = own(o, "_backward_hooks");
    facts_changed(t);
    if (!value || value == Py_None) {
      if (tape::requires_grad(t)) Py_CLEAR(*tape::hook_dict(t));
      return 0;
    }
    Py_XSETREF(*tape::hook_dict(t), Py_NewRef(value));
    return 0;
  });
}

PyObject* register_hook(PyObject* o, PyObject* function) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = own(o, "register_hook");
    FJ_USER_CHECK(tape::requires_grad(t), ErrorKind::Runtime,
                  "cannot register a hook on a tensor that doesn't require gradient");
    PyObject** dict = tape::hook_dict(t);
    if (!*dict) *dict = new_hook_dict();
    facts_changed(t);
    return add_hook(*dict, function);
  });
}

PyObject* register_post_hook(PyObject* o, PyObject* function) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = own(o, "register_post_accumulate_grad_hook");
    FJ_USER_CHECK(tape::requires_grad(t), ErrorKind::Runtime,
                  "cannot register a hook on a tensor that doesn't require gradient");
    FJ_USER_CHECK(tape::is_leaf(t), ErrorKind::Runtime,
                  "post accumulate grad hooks cannot be registered on non-leaf tensors");
    PyObject*& dict = tape::need_meta(t).post_hooks;
    if (!dict) dict = new_hook_dict();
    facts_changed(t);
    return add_hook(dict, function);
  });
}

PyObject* get_post_hooks(PyObject* o, void*) {
  return new_or_none(as_tensor(o)->autograd ? as_tensor(o)->autograd->post_hooks : nullptr);
}

PyObject* retain_grad(PyObject* o, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    refuse_in_transformation(o, "Tensor.retain_grad()");
    TensorObj* t = own(o, "retain_grad");
    FJ_USER_CHECK(tape::requires_grad(t), ErrorKind::Runtime,
                  "can't retain_grad on Tensor that has requires_grad=False");
    tape::NodeObj* fn = tape::grad_fn_of(t);
    if (fn && !t->autograd->retains_grad) {
      fn->node->need_hooks().retained.push_back({t->autograd->output_nr, t});
      t->autograd->retains_grad = true;
    }
    return new_or_none(nullptr);
  });
}

PyObject* detach_(PyObject* o, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = own(o, "detach_");
    FJ_USER_CHECK(
        !t->base, ErrorKind::Runtime,
        "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for "
        "training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() "
        "cannot be called on "
        "these gradients. To fix this error, please refer to the Optimizer.zero_grad() function in "
        "torch/optim/optimizer.py as a solution.");
    tape::detach_in_place(t);
    return Py_NewRef(o);
  });
}

// t._become_view(view): the tensor takes the geometry and the place on the tape of a view that was made of it.
PyObject* become_view(PyObject* o, PyObject* other) {
  return py::guarded<PyObject*>(nullptr, [&] {
    FJ_USER_CHECK(is_tensor(other), ErrorKind::Type, "_become_view() takes a tensor");
    TensorObj *t = as_tensor(o), *view = as_tensor(other);
    if (trace::is_fake(o)) raise(ErrorKind::Unsupported, "an in-place view of a traced tensor");
    if (is_wrapped(t)) {  // the layer's value inside is the view's
      std::swap(t->wrapper, view->wrapper);
      t->meta = view->meta;
    } else {
      FJ_USER_CHECK(t->storage == view->storage, ErrorKind::Runtime, "an in-place view needs the same memory");
      const bool tracked = thread_state().grad_mode && tape::requires_grad(t);
      tape::check_inplace(t, tracked);
      auto node = tape::NodeRef::borrow(tracked ? tape::grad_fn_of(view) : nullptr);
      const bool requires_grad = t->meta.requires_grad;
      t->meta = view->meta;
      t->meta.requires_grad = requires_grad;
      bump_version(t);
      if (node && t->base)
        tape::set_history(t, node, view->autograd->output_nr);
      else if (node)
        tape::rebase_history(t, node, {});
      meta_device::settle(t);
    }
    facts_changed(t);
    return Py_NewRef(o);
  });
}

PyCFunction with_keywords(PyObject* (*f)(PyObject*, PyObject*, PyObject*)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

}  // namespace

PyMethodDef kAutogradTensorMethods[] = {
    {"_become_view", become_view, METH_O, nullptr},
    {"requires_grad_", with_keywords(requires_grad_), METH_VARARGS | METH_KEYWORDS,
     R"doc(Says whether operations on this tensor are recorded.

requires_grad (bool). Raises RuntimeError for integers, and for False on a tensor that was computed.

>>> import framejit
>>> framejit.ones(1).requires_grad_().requires_grad
True
)doc"},
    {"retain_grad", retain_grad, METH_NOARGS, R"doc(Keeps the gradient of a tensor that is no leaf in its .grad.

Raises RuntimeError for a tensor that requires no gradient.

>>> import framejit
>>> x = framejit.ones(1, requires_grad=True)
>>> y = x * 2
>>> y.retain_grad()
>>> y.backward()
>>> y.grad
tensor([1.])
)doc"},
    {"register_hook", register_hook, METH_O, R"doc(Calls a function with every gradient computed for this tensor.

hook (callable): is given the gradient; what it returns, if anything, goes on in its place. Gives a handle with
remove(). Raises RuntimeError for a tensor that requires no gradient.

>>> import framejit
>>> x = framejit.ones(1, requires_grad=True)
>>> handle = x.register_hook(lambda grad: 10 * grad)
>>> (x * 2).backward()
>>> x.grad
tensor([20.])
)doc"},
    {"register_post_accumulate_grad_hook", register_post_hook, METH_O,
     R"doc(Calls a function with this leaf after its .grad was added to.

hook (callable): is given the leaf. Gives a handle with remove(). Raises RuntimeError for a tensor that is no leaf.

>>> import framejit
>>> x = framejit.ones(1, requires_grad=True)
>>> handle = x.register_post_accumulate_grad_hook(lambda x: print(x.grad))
>>> (x * 2).backward()
tensor([2.])
)doc"},
    {"detach_", detach_, METH_NOARGS, R"doc(Forgets how this tensor was computed.

Raises RuntimeError for a view.

>>> import framejit
>>> x = framejit.ones(1, requires_grad=True) * 2
>>> x.detach_().requires_grad
False
)doc"},
    {"_is_view", is_view, METH_NOARGS, "Does this tensor share another one's memory by a view?"},
    {"is_inference", is_inference, METH_NOARGS, R"doc(Was this tensor made in inference mode?.

>>> import framejit
>>> framejit.ones(1).is_inference()
False
)doc"},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef kAutogradTensorGetset[] = {
    {"requires_grad", get_requires_grad, set_requires_grad, "Are operations on this tensor recorded?", nullptr},
    {"is_leaf", get_is_leaf, nullptr, "True unless the tensor is the result of a recorded operation.", nullptr},
    {"grad_fn", get_grad_fn, nullptr, "The node of the tape that this tensor is a result of.", nullptr},
    {"grad", get_grad, set_grad, "The gradient that backward() accumulated, or None.", nullptr},
    {"_grad", get_grad, set_grad, nullptr, nullptr},
    {"_base", get_base, nullptr, "The tensor that this one is a view of, or None.", nullptr},
    {"output_nr", get_output_nr, nullptr, "Which result of its node this tensor is.", nullptr},
    {"retains_grad", get_retains_grad, nullptr, "Is the gradient of this non-leaf kept?", nullptr},
    {"_backward_hooks", get_backward_hooks, set_backward_hooks, nullptr, nullptr},
    {"_post_accumulate_grad_hooks", get_post_hooks, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

}  // namespace fj::bind
