// Binds a call's arguments to a function's parameters without making a frame, so that guards can look at them.
#pragma once

#include <vector>

#include "py/ref.h"

namespace fj::frame {

class BoundArgs {
 public:
  // False when the arguments do not fit; nothing is raised, since CPython's own call says it better.
  bool bind(PyFunctionObject* function, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);

  // localsplus as a new frame would have it; borrowed from the call, the function's defaults and this object.
  PyObject* const* slots() const { return slots_; }
  int count() const { return count_; }

 private:
  void reserve(int count, Py_ssize_t given);
  bool take_keywords(PyCodeObject* code, PyObject* const* values, PyObject* kwnames, int total);
  bool fill_defaults(PyFunctionObject* function, PyCodeObject* code, Py_ssize_t nargs);

  static constexpr int kInline = 32;
  PyObject* inline_[kInline];
  std::vector<PyObject*> large_;
  PyObject** slots_ = inline_;
  int count_ = 0;
  py::Ref varargs_, varkw_;
};

}  // namespace fj::frame
