// The lazy device's switches and counters, for framejit._lazy.
#include "tensor/lazy.h"

#include "bind/module.h"
#include "bind/tensor_type.h"
#include "py/text.h"

namespace fj::bind {
namespace {

std::vector<TensorObj*> tensors_in(PyObject* list) {
  py::Ref items = py::check(PySequence_Tuple(list));
  std::vector<TensorObj*> out;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
    PyObject* o = PyTuple_GET_ITEM(items.get(), i);
    FJ_USER_CHECK(is_tensor(o), ErrorKind::Type, "expected Tensor, got ", Py_TYPE(o)->tp_name);
    out.push_back(as_tensor(o));
  }
  return out;
}

template <class List>
PyObject* list_of(List&& tensors) {
  py::Ref list = py::check(PyList_New(0));
  for (auto& t : tensors)
    if (PyList_Append(list.get(), as_object(t.get())) < 0) throw py::PythonError();
  return list.release();
}

PyObject* sync(PyObject*, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [] {
    lazy::sync();
    return Py_NewRef(Py_None);
  });
}

PyObject* extract(PyObject*, PyObject* outputs) {
  return py::guarded<PyObject*>(nullptr, [&] {
    py::Ref held = py::check(PySequence_Tuple(outputs));
    std::vector<TensorObj*> tensors = tensors_in(held.get());
    for (TensorObj* t : tensors) FJ_USER_CHECK(lazy::is_lazy(t), ErrorKind::Runtime, "expected a lazy tensor");
    lazy::Extracted e = lazy::extract(tensors);
    py::Ref inputs = py::Ref::steal(list_of(e.inputs));
    py::Ref key = py::check(PyUnicode_FromStringAndSize(e.key.data(), static_cast<Py_ssize_t>(e.key.size())));
    return PyTuple_Pack(2, key.get(), inputs.get());
  });
}

PyObject* run_cached(PyObject*, PyObject* args) {
  PyObject *key, *inputs;
  if (!PyArg_ParseTuple(args, "UO:_lazy_run_cached", &key, &inputs)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    py::Ref held = py::check(PySequence_Tuple(inputs));
    Outs outs;
    lazy::run_cached(py::utf8(key), tensors_in(held.get()), outs);
    return list_of(outs);
  });
}

PyObject* set_fallback(PyObject*, PyObject* name) {
  lazy::forced_fallback() = py::utf8(name);
  Py_RETURN_NONE;
}
PyObject* get_fallback(PyObject*, PyObject*) { return py::to_str(lazy::forced_fallback()).release(); }

PyObject* counters(PyObject*, PyObject*) {
  py::Ref dict = py::Ref::steal(PyDict_New());
  for (auto& [name, count] : lazy::counters()) {
    py::Ref value = py::Ref::steal(PyLong_FromLongLong(count));
    if (!dict || !value || PyDict_SetItemString(dict.get(), name.c_str(), value.get()) < 0) return nullptr;
  }
  return dict.release();
}
PyObject* reset_counters(PyObject*, PyObject*) {
  lazy::counters().clear();
  Py_RETURN_NONE;
}
PyObject* graph_text(PyObject*, PyObject*) { return py::to_str(lazy::graph_text()).release(); }

PyMethodDef functions[] = {
    {"_lazy_sync", sync, METH_NOARGS, "Computes every lazy tensor that waits."},
    {"_lazy_extract", extract, METH_O, "(hash, inputs) of the compiled graph that computes these lazy tensors."},
    {"_lazy_run_cached", run_cached, METH_VARARGS, "Runs the graph of a hash on tensors in place of its inputs."},
    {"_lazy_set_fallback", set_fallback, METH_O, "The op that is to fall back, by its aten:: name."},
    {"_lazy_get_fallback", get_fallback, METH_NOARGS, "The op that is to fall back."},
    {"_lazy_counters", counters, METH_NOARGS, "How often things happened, by name."},
    {"_lazy_reset_counters", reset_counters, METH_NOARGS, "Starts counting anew."},
    {"_lazy_graph", graph_text, METH_NOARGS, "The graph that is being recorded, as text."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_lazy(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace fj::bind
