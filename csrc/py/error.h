// Python exceptions in C++ code.
//
// throw PythonError() means: a Python exception is set in this thread. It must be caught before control goes back to
// CPython; guarded() does that at the boundary, for it and for every other C++ exception.
#pragma once

#include <exception>

#include "base/error.h"
#include "py/ref.h"

namespace fj::py {

class PythonError : public std::exception {
 public:
  const char* what() const noexcept override { return "a Python exception is set"; }
};

// The owned result of a C API call, or PythonError when it failed.
inline Ref check(PyObject* owned) {
  if (!owned) throw PythonError();
  return Ref::steal(owned);
}
inline int check(int status) {
  if (status < 0) throw PythonError();
  return status;
}

// The Python exception that stands for a kind of fj::Error; borrowed.
PyObject* exception_type(ErrorKind kind);

// Is the Python exception that is set one of those that end a trace (DataDependent, Unsupported)?
bool error_is_break() noexcept;

// Sets the Python exception for the C++ exception now being handled. Call inside a catch block only.
void set_python_error() noexcept;

// Runs f and returns what it returns; on any C++ exception sets the Python one and returns `failed`.
template <class R, class F>
R guarded(R failed, F&& f) noexcept {
  try {
    return f();
  } catch (...) {
    set_python_error();
    return failed;
  }
}

}  // namespace fj::py
