// Hooks of tensors that a trace makes. The fake tensor gets a real hook, which a backward pass inside the frame calls
// as it does in eager code; what it does is interpret the program's function. A tensor whose hook is still to be called
// cannot leave the segment: then the trace ends before the hook is registered. While backward passes are recorded whole
// (framejit.dynamo.compiled_autograd), it leaves with the history that it has op by op, and gets the hook at the exit.
#include "capture/hooks.h"

#include "capture/builtins.h"
#include "capture/substitute.h"
#include "capture/tensors.h"
#include "py/imported.h"
#include "tensor/autograd.h"
#include "tensor/autograd_hooks.h"

namespace fj::capture {

namespace {

struct Hook {
  Tracer* tracer;
  V function;
};

void drop(PyObject* capsule) { delete static_cast<Hook*>(PyCapsule_GetPointer(capsule, nullptr)); }

PyObject* call_hook(PyObject* capsule, PyObject* grad) {
  auto& hook = *static_cast<Hook*>(PyCapsule_GetPointer(capsule, nullptr));
  Tracer& t = *hook.tracer;
  try {
    V result = call_values(t, hook.function, {t.from_real(grad)});
    t.use(result);
    if (result->is == Is::Tensor) return Py_NewRef(as<TensorValue>(result)->fake);
    if (result->is == Is::Const && result->real == Py_None) Py_RETURN_NONE;
    cut(Reason::unsupported_op, "a hook that gives a ", result->cls->tp_name);
  } catch (...) {  // goes on when the backward pass has been left
    t.tensors->keep_exception();
    PyErr_SetString(PyExc_RuntimeError, "framejit: the trace has ended in a hook");
    return nullptr;
  }
}

PyMethodDef kHook = {"hook", call_hook, METH_O, nullptr};

}  // namespace

namespace {

PyTypeObject* handle_type() {
  static constinit py::Imported handle{"framejit.utils.hooks", "RemovableHandle"};
  return handle.type();
}

// The exit calls `method` with these.
V register_at_exit(Tracer& t, PyObject* method, TensorValue* v, V hook) {
  Ref nothing = Ref::steal(PyTuple_New(0));
  Ref stand_in = Ref::steal(PyBaseObject_Type.tp_new(handle_type(), nothing.get(), nullptr));
  V handle = t.made_constant(std::move(stand_in), method, {v, hook});
  t.made_for_effect.push_back(handle);
  return handle;
}

}  // namespace

V register_hook(Tracer& t, PyObject* method, TensorValue* v, Args& args) {
  want(args, 1, 1);
  TensorObj* fake = as_tensor(v->fake);
  if (!t.tensors->made_here(v->fake) || !fj::tape::requires_grad(fake))
    cut(Reason::unsupported_op, "Tensor.register_hook() of an input");
  if (t.tape) t.tape->give_up("a hook of a tensor");
  if (fj::tape::backward_compiler && !fj::tape::is_leaf(fake)) {
    t.tensors->hook_at_exit(t, v->fake);
    return register_at_exit(t, method, v, args.pos[0]);
  }
  t.use(args.pos[0]);
  Ref capsule = Ref::steal(PyCapsule_New(new Hook{&t, args.pos[0]}, nullptr, drop));
  Ref function = Ref::steal(PyCFunction_New(&kHook, capsule.get()));
  PyObject** dict = fj::tape::hook_dict(fake);
  if (!*dict) *dict = PyDict_New();
  const int64_t id = t.tensors->hook_made(t, Ref::borrow(*dict));
  Ref key = Ref::steal(PyLong_FromLongLong(id));
  if (!function || !*dict || PyDict_SetItem(*dict, key.get(), function.get()) < 0) t.raise_pending();
  Args made;
  made.pos = {t.integer(id)};
  return call_helper(t, "hook_handle", std::move(made));
}

V remove_input_hook(Tracer& t, FunctionValue* f, const Args& args) {
  if (args.pos.size() != 1 || args.pos[0]->is != Is::Const || args.pos[0]->cls != handle_type()) return nullptr;
  if (!t.maker_of(args.pos[0]) || !is_text(f->code->co_name, "remove")) return nullptr;
  auto* call = t.make<PartialValue>(partial_type());
  call->func = f;
  call->args = {args.pos[0]};
  t.late_calls.push_back(call);
  return t.none();
}

V register_input_hook(Tracer& t, PyObject* method, TensorValue* v, Args& args) {
  want(args, 1, 1);
  t.use(v);
  if (!v->outside() || !fj::tape::requires_grad(as_tensor(v->real)) || !fj::tape::is_leaf(as_tensor(v->real)))
    cut(Reason::unsupported_op, "a hook of an input that is no leaf");
  return register_at_exit(t, method, v, args.pos[0]);
}

V drop_traced_hook(Tracer& t, Args& args) {
  want(args, 1, 1);
  PyObject* id;
  if (!t.constant_of(args.pos[0], &id)) cut(Reason::native_call, "_drop_traced_hook()");
  t.tensors->drop_hook(id);
  return t.none();
}

}  // namespace fj::capture
