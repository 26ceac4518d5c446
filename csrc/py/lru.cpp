#include "py/lru.h"

#include <string_view>

namespace fj::py {
namespace {

// lru_list_elem of Modules/_functoolsmodule.c, the same on 3.11 to 3.13.
struct Entry {
  PyObject_HEAD Entry *previous, *next;
  Py_hash_t hash;
  PyObject *key, *result;
};

PyObject* get_result(PyObject* entry, void*) {
  return Py_XNewRef(reinterpret_cast<Entry*>(entry)->result);  // NULL cannot be: an entry in the dict has one
}

PyGetSetDef result_row = {"result", get_result, nullptr, nullptr, nullptr};

}  // namespace

PyObject* lru_result(PyObject* entry, PyObject* key) {
  PyTypeObject* type = Py_TYPE(entry);
  if (std::string_view(type->tp_name) != "functools._lru_list_elem" ||
      type->tp_basicsize != static_cast<Py_ssize_t>(sizeof(Entry)))
    return nullptr;
  auto* e = reinterpret_cast<Entry*>(entry);
  return e->key == key ? e->result : nullptr;
}

PyObject* lru_getter(PyObject* entry) {
  static PyObject* getter = nullptr;
  if (!getter) getter = PyDescr_NewGetSet(Py_TYPE(entry), &result_row);
  return getter;
}

}  // namespace fj::py
