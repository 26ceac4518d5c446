// Words in memory that change when an object does: what a cache of guards compares instead of looking things up again.
//
// A dict's version tag is new after every change of the dict and is never used twice, in no dict. One exception:
// on 3.13 the attributes of an instance may be kept inside it, and `obj.a = v` then changes the value alone;
// `values_inside` tells such dicts, and each value has a word of its own.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cstdint>

namespace fj::py {

inline uint64_t word_at(const void* at) { return *static_cast<const uint64_t*>(at); }

const void* dict_version(PyObject* dict);
// Its number of keys.
const void* dict_used(PyObject* dict);
// Where the object keeps the pointer to its __dict__, which is made if it has none yet; NULL if it cannot have one.
const void* dict_pointer(PyObject* object);

bool values_inside(PyObject* dict);
// For a dict with values inside: the words that say that it still is one, in the same form.
struct InsideWords {
  const void* keys;
  const void* values;
};
InsideWords inside_words(PyObject* dict);
// The word that holds the key's value (0: none). If no instance of the class had such a key: the word that counts the
// class's keys.
const void* inside_value(PyObject* dict, PyObject* key);

// The class's version, 32 bits; 0 while it has none.
const void* type_version(PyTypeObject* type);
// Has a Python function the vectorcall that functions have? PyFunction_SetVectorcall() gives it another.
vectorcallfunc usual_vectorcall();
inline bool is_called_as_usual(PyObject* function) {
  static const vectorcallfunc usual = usual_vectorcall();
  return reinterpret_cast<PyFunctionObject*>(function)->vectorcall == usual;
}
// The word behind a member descriptor of a Python object, or NULL if it is of another kind.
const void* member_word(PyObject* object, PyObject* descriptor);

}  // namespace fj::py
