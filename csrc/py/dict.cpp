#include "py/dict.h"

#include "py/ref.h"

#if PY_VERSION_HEX >= 0x030D0000
extern "C" int _PyDict_SetItem_KnownHash(PyObject* dict, PyObject* key, PyObject* value, Py_hash_t hash);
#endif

namespace fj::py {

int dict_set_known_hash(PyObject* dict, PyObject* key, PyObject* value, Py_hash_t hash) {
  return _PyDict_SetItem_KnownHash(dict, key, value, hash);
}

bool dict_has_hash(PyObject* dict, Py_hash_t hash, PyObject* apart) {
  PyObject *key, *value;
  Py_hash_t h;
  Py_ssize_t at = 0;
  while (_PyDict_Next(dict, &at, &key, &value, &h))
    if (h == hash && key != apart && Py_TYPE(key) != Py_TYPE(apart)) return true;
  return false;
}

void forget_subclass(PyTypeObject* type) {
  PyObject* bases = type->tp_bases;
  for (Py_ssize_t i = 0; bases && i < PyTuple_GET_SIZE(bases); ++i) {
    auto* base = reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(bases, i));
    // From 3.12 on the interpreter keeps those of the static types elsewhere.
    auto* subclasses = static_cast<PyObject*>(base->tp_subclasses);
    const bool own = PY_VERSION_HEX < 0x030C0000 || (base->tp_flags & Py_TPFLAGS_HEAPTYPE);
    if (!own || !subclasses || !PyDict_Check(subclasses)) continue;
    Ref key = Ref::steal(PyLong_FromVoidPtr(type));
    if (!key || PyDict_DelItem(subclasses, key.get()) < 0) PyErr_Clear();
  }
}

}  // namespace fj::py
