// C++ exceptions -> Python exceptions.
#include "py/error.h"
#include "py/text.h"

#include <new>

namespace fj::py {

namespace {

// Kinds that have no built-in exception get one of ours, made on first use and never freed.
PyObject* own_type(PyObject*& slot, const char* name, const char* doc, PyObject* base = PyExc_RuntimeError) {
  if (!slot) slot = PyErr_NewExceptionWithDoc(name, doc, base, nullptr);
  return slot ? slot : PyExc_RuntimeError;
}

// The base of everything that compiling raises; framejit.dynamo.exc gives it its public name.
PyObject* dynamo_type() {
  static PyObject* slot = nullptr;
  return own_type(slot, "framejit.dynamo.exc.TorchDynamoException", "Base of what the compiler raises.");
}

PyObject* linalg_type = nullptr;
PyObject* data_dependent_type = nullptr;
PyObject* unsupported_type = nullptr;

}  // namespace

PyObject* exception_type(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Runtime:
    case ErrorKind::Memory: return PyExc_RuntimeError;
    case ErrorKind::Type: return PyExc_TypeError;
    case ErrorKind::Value: return PyExc_ValueError;
    case ErrorKind::Index: return PyExc_IndexError;
    case ErrorKind::NotImplemented: return PyExc_NotImplementedError;
    case ErrorKind::Overflow: return PyExc_OverflowError;
    case ErrorKind::ZeroDivision: return PyExc_ZeroDivisionError;
    case ErrorKind::Attribute: return PyExc_AttributeError;
    case ErrorKind::Linalg:
      return own_type(linalg_type, "framejit.linalg.LinAlgError",
                      R"doc(A linear algebra routine failed on these values. A RuntimeError.

>>> import framejit
>>> framejit.linalg.inv(framejit.zeros(2, 2))
Traceback (most recent call last):
    ...
framejit.linalg.LinAlgError: ...
)doc");
    case ErrorKind::DataDependent:
      return own_type(data_dependent_type, "framejit.DataDependentError", "A traced tensor was asked for its data.");
    case ErrorKind::Unsupported:
      return own_type(unsupported_type, "framejit.dynamo.exc.Unsupported", "Capture cannot take this operation.",
                      dynamo_type());
    case ErrorKind::Internal: return PyExc_SystemError;
  }
  return PyExc_SystemError;
}

void set_python_error() noexcept {
  try {
    throw;
  } catch (const PythonError&) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "framejit: an exception was announced but none is set");
  } catch (const Error& e) {
    set_error(exception_type(e.kind()), e.what());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& e) {
    set_error(PyExc_RuntimeError, e.what());
  } catch (...) {
    PyErr_SetString(PyExc_SystemError, "framejit: an unknown C++ exception");
  }
}

bool error_is_break() noexcept {
  PyObject* set = PyErr_Occurred();
  if (!set) return false;
  return (data_dependent_type && PyErr_GivenExceptionMatches(set, data_dependent_type)) ||
         (unsupported_type && PyErr_GivenExceptionMatches(set, unsupported_type));
}

}  // namespace fj::py
