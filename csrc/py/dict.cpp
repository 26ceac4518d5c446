#include "py/dict.h"

#include "py/ref.h"

#if PY_VERSION_HEX >= 0x030D0000
extern "C" int _PyDict_SetItem_KnownHash(PyObject* dict, PyObject* key, PyObject* value, Py_hash_t hash);
extern "C" int _PySet_NextEntry(PyObject* set, Py_ssize_t* at, PyObject** element, Py_hash_t* hash);
#endif

namespace fj::py {

int dict_set_known_hash(PyObject* dict, PyObject* key, PyObject* value, Py_hash_t hash) {
  return _PyDict_SetItem_KnownHash(dict, key, value, hash);
}

namespace {

// Does hashing an instance run Python code? The hash of a class's own may be any, at any time.
bool hashes_in_python(PyTypeObject* type) {
  if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || type->tp_hash == PyBaseObject_Type.tp_hash) return false;
  static PyObject* name = PyUnicode_InternFromString("__hash__");
  PyObject* raw = _PyType_Lookup(type, name);
  return !raw || Py_TYPE(raw) != &PyWrapperDescr_Type;
}

}  // namespace

bool dict_has_hash(PyObject* dict, Py_hash_t hash, PyObject* apart) {
  PyObject *key, *value;
  Py_ssize_t at = 0;
  while (PyDict_Next(dict, &at, &key, &value)) {
    PyTypeObject* type = Py_TYPE(key);
    if (key == apart || type == Py_TYPE(apart)) continue;
    if (hashes_in_python(type)) return true;
    const Py_hash_t h = PyObject_Hash(key);
    if (h == -1) PyErr_Clear();
    if (h == hash) return true;
  }
  return false;
}

bool set_next(PyObject* set, Py_ssize_t* at, PyObject** element) {
  Py_hash_t hash;
  return _PySet_NextEntry(set, at, element, &hash) != 0;
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

PyObject* keys_in_order(PyObject* dict) {
  PyObject* keys = PyODict_Check(dict) ? PyODict_Type.tp_iter(dict) : PyDict_Keys(dict);
  PyObject* tuple = keys ? PySequence_Tuple(keys) : nullptr;
  Py_XDECREF(keys);
  return tuple;
}

}  // namespace fj::py
