// Owned and borrowed references to Python objects.
//
// Ref owns one reference and drops it when it dies; Borrowed says in a type that the object is kept alive by someone
// else. A raw PyObject* in a signature is borrowed, unless the function is named new_*/release or documents otherwise.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cstddef>
#include <utility>

namespace fj::py {

class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  Ref(const Ref& o) : ptr_(o.ptr_) { Py_XINCREF(ptr_); }
  Ref(Ref&& o) noexcept : ptr_(std::exchange(o.ptr_, nullptr)) {}
  ~Ref() { Py_XDECREF(ptr_); }

  Ref& operator=(const Ref& o) {
    Ref copy(o);
    swap(copy);
    return *this;
  }
  // The old object dies last, so that a destructor that looks here already sees the new one.
  Ref& operator=(Ref&& o) noexcept {
    Ref moved(std::move(o));
    swap(moved);
    return *this;
  }

  static Ref steal(PyObject* p) {
    Ref r;
    r.ptr_ = p;
    return r;
  }
  static Ref borrow(PyObject* p) {
    Py_XINCREF(p);
    return steal(p);
  }
  template <class T>
  static Ref borrow(T* p) {
    return borrow(reinterpret_cast<PyObject*>(p));
  }
  template <class T>
  static Ref steal(T* p) {
    return steal(reinterpret_cast<PyObject*>(p));
  }
  static Ref none() { return borrow(Py_None); }

  PyObject* get() const { return ptr_; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(ptr_);
  }
  PyObject* release() { return std::exchange(ptr_, nullptr); }
  PyObject* new_ref() const {
    Py_XINCREF(ptr_);
    return ptr_;
  }
  void reset() { *this = Ref(); }
  void swap(Ref& o) noexcept { std::swap(ptr_, o.ptr_); }

  explicit operator bool() const { return ptr_ != nullptr; }
  bool operator==(const Ref& o) const { return ptr_ == o.ptr_; }
  bool operator==(PyObject* o) const { return ptr_ == o; }

 private:
  PyObject* ptr_ = nullptr;
};

// A reference that somebody else keeps alive. Converts to Ref by taking a reference.
class Borrowed {
 public:
  Borrowed() = default;
  Borrowed(PyObject* p) : ptr_(p) {}
  Borrowed(const Ref& r) : ptr_(r.get()) {}

  PyObject* get() const { return ptr_; }
  operator PyObject*() const { return ptr_; }
  Ref own() const { return Ref::borrow(ptr_); }
  explicit operator bool() const { return ptr_ != nullptr; }

 private:
  PyObject* ptr_ = nullptr;
};

// Holds the GIL released for a scope.
class ReleaseGil {
 public:
  ReleaseGil() : state_(PyEval_SaveThread()) {}
  ~ReleaseGil() { PyEval_RestoreThread(state_); }
  ReleaseGil(const ReleaseGil&) = delete;
  ReleaseGil& operator=(const ReleaseGil&) = delete;

 private:
  PyThreadState* state_;
};

// Puts the current exception aside for a scope and brings it back after, dropping any that was set in between.
class SavedError {
 public:
  SavedError() { PyErr_Fetch(&type_, &value_, &trace_); }
  ~SavedError() { PyErr_Restore(type_, value_, trace_); }
  SavedError(const SavedError&) = delete;
  SavedError& operator=(const SavedError&) = delete;

 private:
  PyObject* type_ = nullptr;
  PyObject* value_ = nullptr;
  PyObject* trace_ = nullptr;
};

}  // namespace fj::py
