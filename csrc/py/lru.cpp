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

// lru_cache_object, its beginning.
struct Function {
  Entry root;
  void* wrapper;
  int typed;
  PyObject* results;
  Py_ssize_t hits;
};

}  // namespace

Py_ssize_t* lru_hits(PyObject* function, PyObject* results) {
  auto* f = reinterpret_cast<Function*>(function);
  return Py_TYPE(function)->tp_basicsize >= static_cast<Py_ssize_t>(sizeof(Function)) && f->results == results
             ? &f->hits
             : nullptr;
}

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
