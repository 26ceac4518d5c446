// Owned references to Python objects. A raw PyObject* is always borrowed; ownership is never said in a comment.
#pragma once
#include <Python.h>

#include <utility>

namespace fj::py {

class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  static Ref steal(PyObject* p) { return Ref(p); }
  static Ref borrow(PyObject* p) { Py_XINCREF(p); return Ref(p); }
  Ref(const Ref& o) : p_(o.p_) { Py_XINCREF(p_); }
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  Ref& operator=(Ref o) noexcept { std::swap(p_, o.p_); return *this; }
  ~Ref() { Py_XDECREF(p_); }

  PyObject* get() const { return p_; }
  PyObject* release() { return std::exchange(p_, nullptr); }
  explicit operator bool() const { return p_ != nullptr; }
  bool operator==(const Ref& o) const { return p_ == o.p_; }

 private:
  explicit Ref(PyObject* p) : p_(p) {}
  PyObject* p_ = nullptr;
};

}  // namespace fj::py
