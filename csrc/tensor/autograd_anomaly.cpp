// Anomaly mode: tells where the op was called whose derivative fails.
#include "ops/calls.h"
#include "py/text.h"
#include "tensor/autograd_internal.h"

namespace fj::tape {

Anomaly anomaly;

namespace {

constexpr const char* kStack = "traceback_";

py::Ref stack_text() {
  py::Ref module = py::check(PyImport_ImportModule("traceback"));
  py::Ref lines = py::check(PyObject_CallMethod(module.get(), "format_stack", nullptr));
  py::Ref empty = py::check(PyUnicode_FromString(""));
  return py::check(PyUnicode_Join(empty.get(), lines.get()));
}

void warn(const std::string& text) {
  if (PyErr_WarnEx(PyExc_UserWarning, text.c_str(), 1) < 0) throw py::PythonError();
}

}  // namespace

void note_stack(NodeObj* node) {
  if (!node->dict) node->dict = py::check(PyDict_New()).release();
  py::Ref text = stack_text();
  py::check(PyDict_SetItemString(node->dict, kStack, text.get()));
}

void tell_anomaly(Node& n) {
  py::SavedError saved;
  PyObject* text = n.self->dict ? PyDict_GetItemString(n.self->dict, kStack) : nullptr;
  try {
    if (!text)
      warn(cat("Error detected in ", n.name(),
               ". No forward pass information available. Enable detect anomaly during forward pass for more "
               "information."));
    else
      warn(cat("Error detected in ", n.name(), ". Traceback of forward call that caused the error:\n", py::utf8(text)));
  } catch (const py::PythonError&) {
    PyErr_Clear();
  }
}

void check_nan(Node& n, const Outs& grads) {
  for (size_t i = 0; i < grads.size(); ++i) {
    if (!grads[i] || grads[i]->wrapper || !is_differentiable(grads[i]->meta.dtype)) continue;
    GradModeGuard off(false);
    EagerBuilder b;
    TensorRef any = b.take(t::any(b, t::isnan(b, grads[i].val())));
    if (!load_number(data_of(any.get()), DType::Bool).as_bool()) continue;
    tell_anomaly(n);
    raise(ErrorKind::Runtime, "Function '", n.name(), "' returned nan values in its ", i, "th output.");
  }
}

}  // namespace fj::tape
