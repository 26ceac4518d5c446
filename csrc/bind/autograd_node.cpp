// The Python side of grad_fn objects.
#include "bind/autograd.h"
#include "py/text.h"

#include <structmember.h>

namespace fj::bind {
namespace {

tape::Node& node_of(PyObject* o) { return *reinterpret_cast<tape::NodeObj*>(o)->node; }

PyObject* name(PyObject* o, PyObject*) { return py::to_str(node_of(o).name()).release(); }

PyObject* repr(PyObject* o) {
  return PyUnicode_FromFormat("<%V object at %p>", py::to_str(node_of(o).name()).get(), "?", o);
}

PyObject* next_functions(PyObject* o, void*) {
  const auto& next = node_of(o).next;
  py::Ref out = py::Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(next.size())));
  for (size_t i = 0; out && i < next.size(); ++i) {
    PyObject* fn = next[i].node ? reinterpret_cast<PyObject*>(next[i].node.get()) : Py_None;
    PyObject* pair = Py_BuildValue("(Oi)", fn, static_cast<int>(next[i].nr));
    if (!pair) return nullptr;
    PyTuple_SET_ITEM(out.get(), static_cast<Py_ssize_t>(i), pair);
  }
  return out.release();
}

PyObject* metadata(PyObject* o, void*) {
  auto* n = reinterpret_cast<tape::NodeObj*>(o);
  if (!n->dict) n->dict = PyDict_New();
  return Py_XNewRef(n->dict);
}

PyObject* requires_grad(PyObject*, void*) { Py_RETURN_TRUE; }

// The leaf that an AccumulateGrad adds to.
PyObject* variable(PyObject* o, void*) {
  TensorObj* leaf = tape::accumulated_leaf_of(node_of(o));
  if (leaf) return Py_NewRef(as_object(leaf));
  return PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'", Py_TYPE(o)->tp_name);
}

PyObject* sequence_nr(PyObject* o, PyObject*) { return PyLong_FromUnsignedLongLong(node_of(o).sequence); }

PyObject* add_to(PyObject** dict, PyObject* function) {
  return py::guarded<PyObject*>(nullptr, [&] {
    if (!*dict) *dict = new_hook_dict();
    return add_hook(*dict, function);
  });
}
PyObject* register_hook(PyObject* o, PyObject* f) { return add_to(&node_of(o).need_hooks().post, f); }
PyObject* register_prehook(PyObject* o, PyObject* f) { return add_to(&node_of(o).need_hooks().pre, f); }

// Runs the node by hand: gradients of its results to gradients of its inputs.
PyObject* call(PyObject* o, PyObject* args, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    std::vector<TensorRef> grads;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) {
      PyObject* g = PyTuple_GET_ITEM(args, i);
      grads.push_back(g == Py_None ? TensorRef() : TensorRef::borrow(tensors_of(g, "grad_fn")[0]));
    }
    grads.resize(node_of(o).results.size());
    Outs out;
    node_of(o).apply(grads, thread_state().grad_mode, out);
    if (out.size() == 1) return out[0] ? out[0].release_object() : Py_NewRef(Py_None);
    py::Ref tuple = py::check(PyTuple_New(static_cast<Py_ssize_t>(out.size())));
    for (size_t i = 0; i < out.size(); ++i)
      PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), out[i] ? out[i].release_object() : Py_NewRef(Py_None));
    return tuple.release();
  });
}

PyMethodDef methods[] = {
    {"name", name, METH_NOARGS, "The node's name."},
    {"register_hook", register_hook, METH_O, "Calls a function with (grad_inputs, grad_outputs) after the node ran."},
    {"register_prehook", register_prehook, METH_O, "Calls a function with grad_outputs before the node runs."},
    {"_sequence_nr", sequence_nr, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef getset[] = {
    {"next_functions", next_functions, nullptr, "Pairs of (node, result number) that gradients flow to.", nullptr},
    {"metadata", metadata, nullptr, "A dict for the user.", nullptr},
    {"requires_grad", requires_grad, nullptr, nullptr, nullptr},
    {"variable", variable, nullptr, "The leaf of an AccumulateGrad.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(tape::NodeObj, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

}  // namespace

bool init_node_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(tape::node_dealloc)},
      {Py_tp_traverse, reinterpret_cast<void*>(tape::node_traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(tape::node_clear)},
      {Py_tp_repr, reinterpret_cast<void*>(repr)},
      {Py_tp_call, reinterpret_cast<void*>(call)},
      {Py_tp_methods, methods},
      {Py_tp_getset, getset},
      {Py_tp_members, members},
      {Py_tp_doc, const_cast<char*>(R"doc(A node of the tape: `grad_fn` of a tensor that was computed.

>>> import framejit
>>> node = (framejit.ones(1, requires_grad=True) * 2).grad_fn
>>> node.name(), len(node.next_functions)
('MulBackward0', 1)
)doc")},
      {0, nullptr},
  };
  PyType_Spec spec = {"framejit.autograd.Node", sizeof(tape::NodeObj), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                      slots};
  tape::node_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return tape::node_type && PyModule_AddObjectRef(module, "_Node", reinterpret_cast<PyObject*>(tape::node_type)) == 0;
}

}  // namespace fj::bind
