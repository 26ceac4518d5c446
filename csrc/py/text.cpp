// Text between Python and C++.
#include "py/text.h"

namespace fj::py {
namespace {

std::string_view bytes_of(PyObject* bytes) {
  return {PyBytes_AS_STRING(bytes), static_cast<size_t>(PyBytes_GET_SIZE(bytes))};
}

// NULL without an error where there are lone surrogates.
std::string_view cached(PyObject* str) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(str, &size);
  if (!text) PyErr_Clear();
  return text ? std::string_view(text, static_cast<size_t>(size)) : std::string_view();
}

}  // namespace

std::string utf8(PyObject* str) {
  if (!str || !PyUnicode_Check(str)) return "?";
  const std::string_view text = cached(str);
  if (text.data()) return std::string(text);
  Ref encoded = Ref::steal(PyUnicode_AsEncodedString(str, "utf-8", "surrogatepass"));
  if (!encoded) PyErr_Clear();
  return encoded ? std::string(bytes_of(encoded.get())) : "?";
}

std::string_view name_view(PyObject* str) {
  const std::string_view text = str && PyUnicode_Check(str) ? cached(str) : std::string_view();
  return text.data() ? text : std::string_view("");
}

Ref to_str(std::string_view text) {
  const auto size = static_cast<Py_ssize_t>(text.size());
  Ref str = Ref::steal(PyUnicode_DecodeUTF8(text.data(), size, "surrogatepass"));
  if (str || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) return str;
  PyErr_Clear();
  return Ref::steal(PyUnicode_DecodeUTF8(text.data(), size, "replace"));
}

void set_error(PyObject* type, std::string_view text) {
  if (Ref str = to_str(text)) PyErr_SetObject(type, str.get());
}

}  // namespace fj::py
