// backward() and grad(): what Python asks for, checked and turned into a backward pass.
#include "bind/autograd.h"
#include "bind/types.h"
#include "tensor/autograd_hooks.h"

namespace fj::bind {
namespace {

TensorObj* checked(PyObject* o, const char* what) {
  FJ_USER_CHECK(is_tensor(o), ErrorKind::Type, what, ": expected Tensor, but got ", Py_TYPE(o)->tp_name);
  if (is_batched(o)) raise(ErrorKind::Unsupported, what, " of a traced or batched tensor");
  return as_tensor(o);
}

// The gradient of root i: given, or one for a scalar.
TensorRef root_grad(TensorObj* root, PyObject* given, size_t i) {
  if (given && given != Py_None) {
    FJ_USER_CHECK(is_tensor(given), ErrorKind::Type, "gradients can be either Tensors or None, but got ",
                  Py_TYPE(given)->tp_name);
    TensorObj* g = as_tensor(given);  // may be batched: vmap over a backward pass
    FJ_USER_CHECK(g->meta.sizes == root->meta.sizes, ErrorKind::Runtime, "Mismatch in shape: grad_output[", i,
                  "] has a shape of torch.Size(", g->meta.sizes, ") and output[", i, "] has a shape of torch.Size(",
                  root->meta.sizes, ").");
    if (g->meta.dtype != root->meta.dtype) return call1(OpId::_to_dtype, {Arg(val_of(g)), Arg(root->meta.dtype)});
    return TensorRef::borrow(g);
  }
  FJ_USER_CHECK(root->meta.numel() == 1, ErrorKind::Runtime, "grad can be implicitly created only for scalar outputs");
  FJ_USER_CHECK(!is_complex(root->meta.dtype), ErrorKind::Runtime,
                "grad can be implicitly created only for real scalar outputs but got framejit.",
                name_of(root->meta.dtype));
  GradModeGuard off(false);
  return call1(OpId::ones_like, {Arg(val_of(root)), Arg(), Arg(), Arg(), Arg(), Arg()});
}

struct Flags {
  int keep_graph, create_graph, allow_unused, accumulate;
};

void add_roots(tape::BackwardRequest& r, PyObject* outputs, PyObject* grads) {
  std::vector<TensorObj*> roots = tensors_of(outputs, "backward");
  FJ_USER_CHECK(static_cast<size_t>(PyTuple_GET_SIZE(grads)) == roots.size(), ErrorKind::Runtime, "got ", roots.size(),
                " tensors and ", PyTuple_GET_SIZE(grads), " gradients");
  for (size_t i = 0; i < roots.size(); ++i) {
    FJ_USER_CHECK(tape::requires_grad(roots[i]), ErrorKind::Runtime, "element ", i,
                  " of tensors does not require grad and does not have a grad_fn");
    r.grads.push_back(root_grad(roots[i], PyTuple_GET_ITEM(grads, static_cast<Py_ssize_t>(i)), i));
    r.roots.push_back(tape::edge_of(roots[i]));
  }
}

PyObject* give(const std::vector<TensorRef>& grads, bool allow_unused) {
  py::Ref out = py::check(PyTuple_New(static_cast<Py_ssize_t>(grads.size())));
  for (size_t i = 0; i < grads.size(); ++i) {
    FJ_USER_CHECK(
        grads[i] || allow_unused, ErrorKind::Runtime, "The differentiated Tensor at index ", i,
        " appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.");
    PyTuple_SET_ITEM(out.get(), static_cast<Py_ssize_t>(i), Py_NewRef(grads[i] ? as_object(grads[i].get()) : Py_None));
  }
  return out.release();
}

py::Ref edge_list(const std::vector<tape::Edge>& edges) {
  py::Ref out = py::check(PyList_New(0));
  for (const tape::Edge& e : edges) {
    PyObject* node = e.node ? reinterpret_cast<PyObject*>(e.node.get()) : Py_None;
    py::Ref pair = py::check(Py_BuildValue("(Oi)", node, static_cast<int>(e.nr)));
    if (PyList_Append(out.get(), pair.get()) < 0) throw py::PythonError();
  }
  return out;
}

// The pass by what `_set_backward_compiler` was given; false: the engine is to do it.
bool run_elsewhere(const tape::BackwardRequest& r, bool some, std::vector<TensorRef>& got) {
  if (!tape::backward_compiler || thread_state().top || r.create_graph) return false;
  py::Ref grads = py::check(PyList_New(0)), compiler = py::Ref::borrow(tape::backward_compiler);
  for (const TensorRef& g : r.grads)
    if (PyList_Append(grads.get(), as_object(g.get())) < 0) throw py::PythonError();
  py::Ref roots = edge_list(r.roots), inputs = some ? edge_list(r.inputs) : py::Ref::borrow(Py_None);
  py::Ref answer = py::check(PyObject_CallFunctionObjArgs(compiler.get(), roots.get(), grads.get(), inputs.get(),
                                                          r.keep_graph ? Py_True : Py_False, nullptr));
  if (answer.get() == Py_NotImplemented) return false;
  FJ_USER_CHECK(
      PyTuple_Check(answer.get()) && PyTuple_GET_SIZE(answer.get()) == static_cast<Py_ssize_t>(r.inputs.size()),
      ErrorKind::Type, "a compiled backward pass must give a tuple of the gradients asked for");
  for (size_t i = 0; i < r.inputs.size(); ++i) {
    PyObject* g = PyTuple_GET_ITEM(answer.get(), static_cast<Py_ssize_t>(i));
    FJ_USER_CHECK(g == Py_None || is_tensor(g), ErrorKind::Type, "expected Tensor or None, but got ",
                  Py_TYPE(g)->tp_name);
    got.push_back(g == Py_None ? TensorRef() : TensorRef::borrow(as_tensor(g)));
  }
  return true;
}

// _run_backward(outputs, grads, keep_graph, create_graph, inputs, allow_unused, accumulate)
PyObject* run_backward(PyObject*, PyObject* args) {
  PyObject *outputs, *grads, *inputs;
  Flags f;
  if (!PyArg_ParseTuple(args, "OO!ppOpp:_run_backward", &outputs, &PyTuple_Type, &grads, &f.keep_graph, &f.create_graph,
                        &inputs, &f.allow_unused, &f.accumulate))
    return nullptr;
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    tape::BackwardRequest r;
    r.keep_graph = f.keep_graph;
    r.create_graph = f.create_graph;
    std::vector<TensorObj*> wanted;
    if (inputs != Py_None) wanted = tensors_of(inputs, "grad");
    for (TensorObj* t : wanted) {
      FJ_USER_CHECK(tape::requires_grad(t), ErrorKind::Runtime,
                    f.accumulate
                        ? "One of the differentiated Tensors given as 'inputs' to backward does not require grad"
                        : "One of the differentiated Tensors does not require grad");
      r.inputs.push_back(tape::edge_of(t));
    }
    add_roots(r, outputs, grads);
    std::vector<TensorRef> got;
    if (!run_elsewhere(r, inputs != Py_None, got)) got = tape::run_backward(r);
    if (inputs == Py_None) Py_RETURN_NONE;
    if (!f.accumulate) return give(got, f.allow_unused);
    GradModeGuard mode(f.create_graph);
    for (size_t i = 0; i < wanted.size(); ++i)
      if (got[i]) tape::accumulate_into(wanted[i], std::move(got[i]), f.create_graph);
    Py_RETURN_NONE;
  });
}

// _leaves_beyond(outputs, inputs): can a leaf be reached from the outputs without passing an input?
PyObject* leaves_beyond(PyObject*, PyObject* args) {
  PyObject *outputs, *inputs;
  if (!PyArg_ParseTuple(args, "OO:_leaves_beyond", &outputs, &inputs)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    std::vector<tape::Edge> from, stop;
    for (TensorObj* t : tensors_of(outputs, "grad")) from.push_back(tape::edge_of(t));
    for (TensorObj* t : tensors_of(inputs, "grad")) stop.push_back(tape::edge_of(t));
    return PyBool_FromLong(tape::reaches_leaf(from, stop));
  });
}

// _drop_traced_hook(id): stands for removing a hook that a trace has registered; outside of traces there is none.
PyObject* drop_traced_hook(PyObject*, PyObject*) { Py_RETURN_NONE; }

}  // namespace

std::vector<TensorObj*> tensors_of(PyObject* o, const char* what) {
  if (is_tensor(o)) return {checked(o, what)};
  py::Ref items = py::check(PySequence_Fast(o, "expected a tensor or a sequence of tensors"));
  std::vector<TensorObj*> out;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i)
    out.push_back(checked(PySequence_Fast_GET_ITEM(items.get(), i), what));
  return out;
}

// _set_sparse_type(type): the class whose gradients are added by Python.
PyObject* set_sparse_type(PyObject*, PyObject* type) {
  if (!PyType_Check(type)) return PyErr_Format(PyExc_TypeError, "a type is needed, not %s", Py_TYPE(type)->tp_name);
  tape::set_sparse_type(reinterpret_cast<PyTypeObject*>(type));
  Py_RETURN_NONE;
}

PyMethodDef kBackwardFunctions[] = {
    {"_set_sparse_type", set_sparse_type, METH_O, nullptr},
    {"_drop_traced_hook", drop_traced_hook, METH_O, nullptr},
    {"_run_backward", run_backward, METH_VARARGS, nullptr},
    {"_leaves_beyond", leaves_beyond, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace fj::bind
