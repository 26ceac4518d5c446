// Binding follows initialize_locals of CPython's ceval.c.
#include "frame/bind_args.h"

#include <algorithm>

namespace fj::frame {

namespace {

// The parameter of that name among [first, last), or -1. Names are interned nearly always, so identity is tried first.
int find_parameter(PyCodeObject* code, PyObject* name, int first, int last) {
  PyObject** names = reinterpret_cast<PyTupleObject*>(code->co_localsplusnames)->ob_item;
  for (int i = first; i < last; ++i) {
    if (names[i] == name) return i;
  }
  for (int i = first; i < last; ++i) {
    if (PyUnicode_Compare(names[i], name) == 0) return i;
  }
  return -1;
}

}  // namespace

void BoundArgs::reserve(int count, Py_ssize_t given) {
  count_ = count;
  if (count > kInline) {
    large_.resize(static_cast<size_t>(count));
    slots_ = large_.data();
  }
  for (Py_ssize_t i = given; i < count; ++i) slots_[i] = nullptr;
}

bool BoundArgs::bind(PyFunctionObject* function, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  auto* code = reinterpret_cast<PyCodeObject*>(function->func_code);
  const int argcount = code->co_argcount, total = argcount + code->co_kwonlyargcount;
  const Py_ssize_t given = std::min<Py_ssize_t>(nargs, argcount);
  reserve(code->co_nlocalsplus, given);
  for (Py_ssize_t i = 0; i < given; ++i) slots_[i] = args[i];
  constexpr int kCollects = CO_VARARGS | CO_VARKEYWORDS;
  if (nargs == total && !kwnames && !(code->co_flags & kCollects) && total == argcount) return true;
  int slot = total;
  if (code->co_flags & CO_VARARGS) {
    const Py_ssize_t extra = std::max<Py_ssize_t>(0, nargs - argcount);
    varargs_ = py::Ref::steal(PyTuple_New(extra));
    if (!varargs_) return PyErr_Clear(), false;
    for (Py_ssize_t i = 0; i < extra; ++i) PyTuple_SET_ITEM(varargs_.get(), i, Py_NewRef(args[argcount + i]));
    slots_[slot++] = varargs_.get();
  } else if (nargs > argcount) {
    return false;
  }
  if (code->co_flags & CO_VARKEYWORDS) {
    varkw_ = py::Ref::steal(PyDict_New());
    if (!varkw_) return PyErr_Clear(), false;
    slots_[slot] = varkw_.get();
  }
  if (kwnames && !take_keywords(code, args + nargs, kwnames, total)) return false;
  return fill_defaults(function, code, nargs);
}

bool BoundArgs::take_keywords(PyCodeObject* code, PyObject* const* values, PyObject* kwnames, int total) {
  for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(kwnames); ++k) {
    PyObject* name = PyTuple_GET_ITEM(kwnames, k);
    if (!PyUnicode_Check(name)) return false;
    const int i = find_parameter(code, name, code->co_posonlyargcount, total);
    if (i >= 0) {
      if (slots_[i]) return false;
      slots_[i] = values[k];
    } else if (!varkw_) {
      return false;
    } else if (PyDict_SetItem(varkw_.get(), name, values[k]) < 0) {
      return PyErr_Clear(), false;
    }
  }
  return true;
}

bool BoundArgs::fill_defaults(PyFunctionObject* function, PyCodeObject* code, Py_ssize_t nargs) {
  const int argcount = code->co_argcount, total = argcount + code->co_kwonlyargcount;
  if (nargs < argcount) {
    PyObject* defaults = function->func_defaults;
    const int given = defaults ? static_cast<int>(PyTuple_GET_SIZE(defaults)) : 0;
    for (int i = static_cast<int>(nargs); i < argcount; ++i) {
      if (slots_[i]) continue;
      if (i < argcount - given) return false;
      slots_[i] = PyTuple_GET_ITEM(defaults, i - (argcount - given));
    }
  }
  for (int i = argcount; i < total; ++i) {
    if (slots_[i]) continue;
    PyObject* defaults = function->func_kwdefaults;
    PyObject* value =
        defaults ? PyDict_GetItemWithError(defaults, PyTuple_GET_ITEM(code->co_localsplusnames, i)) : nullptr;
    if (!value) return PyErr_Clear(), false;
    slots_[i] = value;
  }
  return true;
}

}  // namespace fj::frame
