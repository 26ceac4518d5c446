// What a backward pass that is recorded asks of the tape: what nodes depend on, their hooks, one node's work.
#include "bind/autograd.h"
#include "bind/types.h"
#include "tensor/autograd_hooks.h"

namespace fj::bind {

namespace {

tape::Node& checked(PyObject* o) {
  FJ_USER_CHECK(PyObject_TypeCheck(o, tape::node_type), ErrorKind::Type, "expected a node of the tape, but got ",
                Py_TYPE(o)->tp_name);
  return *reinterpret_cast<tape::NodeObj*>(o)->node;
}

void append(const py::Ref& list, py::Ref item) {
  if (PyList_Append(list.get(), item.get()) < 0) throw py::PythonError();
}

// _set_backward_compiler(callable or None) -> the one before
PyObject* set_compiler(PyObject*, PyObject* compiler) {
  PyObject* before = std::exchange(tape::backward_compiler, compiler == Py_None ? nullptr : Py_NewRef(compiler));
  return before ? before : Py_NewRef(Py_None);
}

// _node_description(node) -> (text, tensors), or None where a pass through the node cannot be done for other tensors
PyObject* description(PyObject*, PyObject* o) {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    tape::Node& n = checked(o);
    std::string text = n.name() + " ";
    std::vector<const tape::Saved*> saved;
    if (!n.describe(text, saved)) Py_RETURN_NONE;
    py::Ref tensors = py::check(PyList_New(0));
    for (const tape::Saved* s : saved) {
      if (s->packed) Py_RETURN_NONE;  // what hooks give back is asked for once
      TensorRef t = tape::unpack(*s, n, false);
      if (t) append(tensors, py::Ref::borrow(as_object(t.get())));
      text += t ? cat(name_of(t->meta.dtype), t->meta.sizes, t->meta.strides) : std::string("-");
    }
    py::Ref words = py::check(PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
    return py::check(PyTuple_Pack(2, words.get(), tensors.get())).release();
  });
}

// _node_function(node) -> see function_parts
PyObject* function(PyObject*, PyObject* o) {
  return py::guarded<PyObject*>(nullptr, [&] { return function_parts(checked(o)); });
}

// _node_result(node, nr) -> (sizes, dtype)
PyObject* result(PyObject*, PyObject* args) {
  PyObject* o;
  Py_ssize_t nr;
  if (!PyArg_ParseTuple(args, "On:_node_result", &o, &nr)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    tape::Node& n = checked(o);
    FJ_USER_CHECK(nr >= 0 && nr < static_cast<Py_ssize_t>(n.results.size()), ErrorKind::Index, "no result ", nr);
    const tape::ResultMeta& m = n.results[static_cast<size_t>(nr)];
    py::Ref sizes = py::check(PyTuple_New(static_cast<Py_ssize_t>(m.sizes.size())));
    for (size_t d = 0; d < m.sizes.size(); ++d)
      PyTuple_SET_ITEM(sizes.get(), static_cast<Py_ssize_t>(d), PyLong_FromLongLong(m.sizes[d]));
    return py::check(PyTuple_Pack(2, sizes.get(), dtype_object(m.dtype))).release();
  });
}

py::Ref functions_of(PyObject* dict) { return py::check(dict ? PyMapping_Values(dict) : PyList_New(0)); }

// _node_hooks(node) -> ([(result number, functions)], whether gradients are retained, prehooks, posthooks); None: none
PyObject* hooks(PyObject*, PyObject* o) {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    tape::Node& n = checked(o);
    if (!n.hooks) Py_RETURN_NONE;
    py::Ref on_tensors = py::check(PyList_New(0));
    for (const auto& h : n.hooks->tensor_pre) {
      py::Ref functions = functions_of(h.dict);
      append(on_tensors, py::check(Py_BuildValue("(iO)", static_cast<int>(h.nr), functions.get())));
    }
    py::Ref pre = functions_of(n.hooks->pre), post = functions_of(n.hooks->post);
    PyObject* retained = n.hooks->retained.empty() ? Py_False : Py_True;
    return py::check(PyTuple_Pack(4, on_tensors.get(), retained, pre.get(), post.get())).release();
  });
}

// _node_run(node, gradients) -> gradients of its inputs; programs run op by op
PyObject* run(PyObject*, PyObject* args) {
  PyObject *o, *given;
  if (!PyArg_ParseTuple(args, "OO!:_node_run", &o, &PyList_Type, &given)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    tape::Node& n = checked(o);
    std::vector<TensorRef> grads;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(given); ++i) {
      PyObject* g = PyList_GET_ITEM(given, i);
      FJ_USER_CHECK(g == Py_None || is_tensor(g), ErrorKind::Type, "expected Tensor or None");
      grads.push_back(g == Py_None ? TensorRef() : TensorRef::borrow(as_tensor(g)));
    }
    grads.resize(n.results.size());
    struct Scope {
      bool before = std::exchange(tape::being_recorded, true);
      ~Scope() { tape::being_recorded = before; }
    } scope;
    GradModeGuard off(false);
    Outs out;
    n.apply(grads, false, out);
    py::Ref list = py::check(PyList_New(0));
    for (TensorRef& t : out) append(list, py::Ref::borrow(t ? as_object(t.get()) : Py_None));
    return list.release();
  });
}

// _node_release(node): what it keeps is needed no longer
PyObject* release(PyObject*, PyObject* o) {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    checked(o).release_saved();
    Py_RETURN_NONE;
  });
}

}  // namespace

PyMethodDef kTapeFunctions[] = {
    {"_set_backward_compiler", set_compiler, METH_O, nullptr},
    {"_node_description", description, METH_O, nullptr},
    {"_node_function", function, METH_O, nullptr},
    {"_node_result", result, METH_VARARGS, nullptr},
    {"_node_hooks", hooks, METH_O, nullptr},
    {"_node_run", run, METH_VARARGS, nullptr},
    {"_node_release", release, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace fj::bind
