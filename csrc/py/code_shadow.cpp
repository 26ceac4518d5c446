// Copies of a code object with some instructions replaced, so that the interpreter hands control back there.
//
// Copies are made by code.replace(co_code=...) from the deoptimised bytes and never by poking a live one: the
// interpreter may already have fused an instruction with the one before it.
#include <algorithm>

#include "py/code.h"
#include "py/error.h"

namespace fj::py {

PyCodeObject* Code::shadow(std::span<const int32_t> indices, int number) const {
  for (const Shadow& s : shadows_) {
    if (s.number == number && std::equal(s.indices.begin(), s.indices.end(), indices.begin(), indices.end()))
      return s.code;
  }
  Ref bytes = Ref::steal(PyCode_GetCode(code_));
  if (!bytes) throw PythonError();
  Ref copy = Ref::steal(PyBytes_FromStringAndSize(PyBytes_AS_STRING(bytes.get()), PyBytes_GET_SIZE(bytes.get())));
  if (!copy) throw PythonError();
  for (int32_t index : indices) {
    PyBytes_AS_STRING(copy.get())[2 * index] = static_cast<char>(number);
    PyBytes_AS_STRING(copy.get())[2 * index + 1] = 0;
  }
  Ref replace = Ref::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(code_), "replace"));
  Ref none = Ref::steal(PyTuple_New(0));
  Ref named = Ref::steal(Py_BuildValue("{sO}", "co_code", copy.get()));
  if (!replace || !none || !named) throw PythonError();
  Ref made = Ref::steal(PyObject_Call(replace.get(), none.get(), named.get()));
  if (!made) throw PythonError();
  shadows_.push_back({{indices.begin(), indices.end()}, number, made.as<PyCodeObject>()});
  return reinterpret_cast<PyCodeObject*>(made.release());
}

PyCodeObject* Code::with_traps(std::span<const int32_t> indices) const {
  // 3.11's eval loop leaves the frame alone at RETURN_VALUE; later ones would clear it, and have INTERPRETER_EXIT.
  const int exit = op_number(Op::INTERPRETER_EXIT);
  return shadow(indices, exit >= 0 ? exit : op_number(Op::RETURN_VALUE));
}

PyCodeObject* Code::with_return(int index) const {
  const int32_t one[] = {index};
  return shadow(one, op_number(Op::RETURN_VALUE));
}

}  // namespace fj::py
