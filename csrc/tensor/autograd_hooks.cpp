// Calling Python hooks during a backward pass. Dicts are copied first: a hook may remove itself.
#include "tensor/autograd_hooks.h"

#include "py/text.h"
#include "tensor/autograd_internal.h"

namespace fj::tape {
namespace {

std::vector<py::Ref> functions_of(PyObject* dict) {
  std::vector<py::Ref> out;
  py::Ref values = py::check(PyMapping_Values(dict));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(values.get()); ++i)
    out.push_back(py::Ref::borrow(PyList_GET_ITEM(values.get(), i)));
  return out;
}

py::Ref as_python(const TensorRef& t) { return py::Ref::borrow(t ? as_object(t.get()) : Py_None); }

template <class Range>
py::Ref as_tuple(const Range& tensors) {
  py::Ref out = py::check(PyTuple_New(static_cast<Py_ssize_t>(tensors.size())));
  Py_ssize_t i = 0;
  for (const TensorRef& t : tensors) PyTuple_SET_ITEM(out.get(), i++, as_python(t).release());
  return out;
}

std::string name_of_function(PyObject* f) {
  py::Ref name = py::Ref::steal(PyObject_GetAttrString(f, "__name__"));
  if (!name || !PyUnicode_Check(name.get())) {
    PyErr_Clear();
    return "<unknown>";
  }
  return py::utf8(name.get());
}

void check_same(const TensorRef& before, TensorObj* after, PyObject* hook) {
  FJ_USER_CHECK(before, ErrorKind::Runtime, "can't replace an empty gradient with a non-empty value");
  FJ_USER_CHECK(before->meta.dtype == after->meta.dtype, ErrorKind::Runtime, "hook '", name_of_function(hook),
                "' has changed the type of value (was torch.", scalar_type_name(before->meta.dtype),
                "Tensor got torch.", scalar_type_name(after->meta.dtype), "Tensor)");
  FJ_USER_CHECK(before->meta.sizes == after->meta.sizes, ErrorKind::Runtime, "hook '", name_of_function(hook),
                "' has changed the size of value");
}

// A tuple of replacements (or a single tensor for a tuple of one).
template <class Range>
void replace(Range& tensors, PyObject* result, PyObject* hook) {
  if (result == Py_None) return;
  py::Ref tuple = PyTuple_Check(result) ? py::Ref::borrow(result) : py::check(PyTuple_Pack(1, result));
  FJ_USER_CHECK(static_cast<size_t>(PyTuple_GET_SIZE(tuple.get())) == tensors.size(), ErrorKind::Runtime, "hook '",
                name_of_function(hook), "' has returned an incorrect number of values (got ",
                PyTuple_GET_SIZE(tuple.get()), ", but expected ", tensors.size(), ")");
  Py_ssize_t i = 0;
  for (TensorRef& t : tensors) {
    PyObject* v = PyTuple_GET_ITEM(tuple.get(), i++);
    if (v == Py_None) {
      t = TensorRef();
      continue;
    }
    FJ_USER_CHECK(is_tensor(v), ErrorKind::Type, "expected Variable, but hook returned '", Py_TYPE(v)->tp_name, "'");
    if (t) check_same(t, as_tensor(v), hook);
    t = TensorRef::borrow(as_tensor(v));
  }
}

}  // namespace

PyObject* backward_compiler = nullptr;

PyObject** hook_dict(TensorObj* t) {
  NodeObj* fn = grad_fn_of(t);
  if (!fn) return &need_meta(t).hooks;
  auto& list = fn->node->need_hooks().tensor_pre;
  for (auto& h : list)
    if (h.nr == t->autograd->output_nr) return &h.dict;
  list.push_back({t->autograd->output_nr, nullptr});
  return &list.back().dict;
}

TensorRef run_tensor_hooks(PyObject* dict, TensorRef grad) {
  for (py::Ref& f : functions_of(dict)) {
    py::Ref r = py::check(PyObject_CallOneArg(f.get(), as_object(grad.get())));
    if (r.get() == Py_None) continue;
    FJ_USER_CHECK(is_tensor(r.get()), ErrorKind::Type, "expected Variable, but hook returned '",
                  Py_TYPE(r.get())->tp_name, "'");
    check_same(grad, as_tensor(r.get()), f.get());
    grad = TensorRef::borrow(as_tensor(r.get()));
  }
  return grad;
}

void run_node_pre_hooks(Node& n, std::vector<TensorRef>& grads) {
  for (py::Ref& f : functions_of(n.hooks->pre)) {
    py::Ref args = as_tuple(grads), r = py::check(PyObject_CallOneArg(f.get(), args.get()));
    replace(grads, r.get(), f.get());
  }
}

void run_node_post_hooks(Node& n, Outs& inputs, const std::vector<TensorRef>& outputs) {
  for (py::Ref& f : functions_of(n.hooks->post)) {
    py::Ref in = as_tuple(inputs), out = as_tuple(outputs);
    py::Ref r = py::check(PyObject_CallFunctionObjArgs(f.get(), in.get(), out.get(), nullptr));
    replace(inputs, r.get(), f.get());
  }
}

void run_post_accumulate_hooks(TensorObj* leaf) {
  for (py::Ref& f : functions_of(leaf->autograd->post_hooks)) {
    py::Ref r = py::check(PyObject_CallOneArg(f.get(), as_object(leaf)));
    FJ_USER_CHECK(r.get() == Py_None, ErrorKind::Runtime, "Tensor post accumulate grad hooks should return None.");
  }
}

}  // namespace fj::tape
