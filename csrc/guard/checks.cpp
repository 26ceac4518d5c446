// The dispatch over the kinds; the kinds themselves are in checks_objects.cpp and checks_tensor.cpp.
#include "base/str.h"
#include "guard/checks_hot.h"
#include "py/text.h"

namespace fj::guard {

Outcome run_check(const Check& check, Fetched& fetched) {
  switch (check.kind) {
#define FJ_GUARD_KIND(name, words) \
  case Kind::name:                 \
    return name##Check::check(check, fetched);
#include "guard/kinds.def"
#undef FJ_GUARD_KIND
  }
  return Outcome::Fail;
}

std::string describe(const Check& check, const SourceTable& sources, PyCodeObject* code) {
  const std::string path = sources.describe(check.source, code);
  switch (check.kind) {
#define FJ_GUARD_KIND(name, words) \
  case Kind::name:                 \
    return name##Check::describe(check, path, sources, code);
#include "guard/kinds.def"
#undef FJ_GUARD_KIND
  }
  return "";
}

std::string short_repr(PyObject* object) {
  py::Ref repr = py::Ref::steal(PyObject_Repr(object));
  if (!repr) {
    PyErr_Clear();
    return "<unprintable>";
  }
  std::string text = py::utf8(repr.get());
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

}  // namespace fj::guard
