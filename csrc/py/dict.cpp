#include "py/dict.h"

#if PY_VERSION_HEX >= 0x030D0000
extern "C" int _PyDict_SetItem_KnownHash(PyObject* dict, PyObject* key, PyObject* value, Py_hash_t hash);
#endif

namespace fj::py {

int dict_set_known_hash(PyObject* dict, PyObject* key, PyObject* value, Py_hash_t hash) {
  return _PyDict_SetItem_KnownHash(dict, key, value, hash);
}

}  // namespace fj::py
