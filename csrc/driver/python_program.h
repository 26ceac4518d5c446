// A program that is a Python callable: what a back end written in Python has given for a graph.
#pragma once
#include "capture/program.h"
#include "py/ref.h"

namespace fj::driver {

class PythonProgram final : public capture::Program {
 public:
  explicit PythonProgram(py::Ref callable) : callable_(std::move(callable)) {}
  bool run(PyObject* const* inputs, size_t n, PyObject** outputs, size_t noutputs) override;
  bool errors_are_final() const override { return true; }
  bool holds_inputs() const override { return PyFunction_Check(callable_.get()); }  // its frame does

 private:
  py::Ref callable_;
};

}  // namespace fj::driver
