// See watch.h.
#define Py_BUILD_CORE 1
#include "py/watch.h"

// CPython's own headers fall back to compiler built-ins, whose layout is the same; <stdatomic.h> is no C++.
#undef HAVE_STD_ATOMIC
#include "internal/pycore_dict.h"

#include <structmember.h>

namespace fj::py {

// ma_version_tag, which 3.12 and 3.13 still keep up but deprecate by name.
const void* dict_version(PyObject* dict) { return &reinterpret_cast<PyDictObject*>(dict)->ma_used + 1; }
const void* dict_used(PyObject* dict) { return &reinterpret_cast<PyDictObject*>(dict)->ma_used; }

const void* dict_pointer(PyObject* object) {
  PyObject** slot = _PyObject_GetDictPtr(object);
  if (slot && !*slot) {
    Py_XDECREF(PyObject_GenericGetDict(object, nullptr));
    PyErr_Clear();
    slot = _PyObject_GetDictPtr(object);
  }
  return slot && *slot ? slot : nullptr;
}

InsideWords inside_words(PyObject* dict) {
  auto* d = reinterpret_cast<PyDictObject*>(dict);
  return {&d->ma_keys, &d->ma_values};
}

#if PY_VERSION_HEX >= 0x030D0000
bool values_inside(PyObject* dict) {
  PyDictValues* values = reinterpret_cast<PyDictObject*>(dict)->ma_values;
  return values && values->embedded;
}

const void* inside_value(PyObject* dict, PyObject* key) {
  auto* d = reinterpret_cast<PyDictObject*>(dict);
  const PyDictUnicodeEntry* entries = DK_UNICODE_ENTRIES(d->ma_keys);
  for (Py_ssize_t i = 0; i < d->ma_keys->dk_nentries; ++i) {
    PyObject* k = entries[i].me_key;
    if (k == key || (PyUnicode_Check(key) && PyUnicode_Compare(k, key) == 0)) return &d->ma_values->values[i];
  }
  return &d->ma_keys->dk_nentries;
}
#else
bool values_inside(PyObject*) { return false; }
const void* inside_value(PyObject*, PyObject*) { return nullptr; }
#endif

const void* type_version(PyTypeObject* type) { return &type->tp_version_tag; }

const void* member_word(PyObject* object, PyObject* descriptor) {
  if (Py_TYPE(descriptor) != &PyMemberDescr_Type) return nullptr;
  const PyMemberDef* m = reinterpret_cast<PyMemberDescrObject*>(descriptor)->d_member;
  if (m->type != T_OBJECT && m->type != T_OBJECT_EX) return nullptr;
  return reinterpret_cast<char*>(object) + m->offset;
}

// Not exported by every version.
vectorcallfunc usual_vectorcall() {
  PyObject* globals = PyDict_New();
  PyCodeObject* code = PyCode_NewEmpty("", "usual", 1);
  PyObject* made = globals && code ? PyFunction_New(reinterpret_cast<PyObject*>(code), globals) : nullptr;
  const vectorcallfunc found = made ? reinterpret_cast<PyFunctionObject*>(made)->vectorcall : nullptr;
  Py_XDECREF(made);
  Py_XDECREF(code);
  Py_XDECREF(globals);
  PyErr_Clear();
  return found;
}

}  // namespace fj::py
