// Leaf calls: C code that a trace really calls, on fake tensors and on numbers. All of them go through Tracer::leaf,
// which keeps them on the tape; a call that does not leaves a segment whose sizes are constants.
#pragma once
#include <span>

#include "capture/tape.h"
#include "capture/tracer.h"

namespace fj::capture {

// An argument as an object, and how it is made again.
struct Leaf {
  Ref object;
  Operand operand;

  static Leaf constant(PyObject* o);
  static Leaf tuple(std::vector<Leaf> items);
  static Leaf dict(std::vector<std::pair<PyObject*, Leaf>> items);  // by name; None if there are none
};

// The calls.
PyObject* leaf_binary(PyObject* const* args, intptr_t binary_function);
PyObject* leaf_power(PyObject* a, PyObject* b);  // binary functions beside the PyNumber_* ones
PyObject* leaf_in_place_power(PyObject* a, PyObject* b);
PyObject* leaf_unary(PyObject* const* args, intptr_t unary_function);
PyObject* leaf_compare(PyObject* const* args, intptr_t op);
PyObject* leaf_attribute(PyObject* const* args, intptr_t);  // object, name
PyObject* leaf_item(PyObject* const* args, intptr_t);       // object, key
PyObject* leaf_set_item(PyObject* const* args, intptr_t);   // object, key, value
PyObject* leaf_contains(PyObject* const* args, intptr_t);   // container, value
PyObject* leaf_length(PyObject* const* args, intptr_t);
PyObject* leaf_truth(PyObject* const* args, intptr_t);
PyObject* leaf_call(PyObject* const* args, intptr_t);    // callable, tuple, dict or NULL
PyObject* leaf_method(PyObject* const* args, intptr_t);  // descriptor, instance, tuple, dict or NULL

// False: no leaf call could be made with this value, or it is not worth what making it an argument would fix.
bool try_leaf(Tracer& t, V v, Leaf* leaf);

// The name in the module operator (or builtins: getattr, len) of the function that a step calls; NULL for leaf_call and
// leaf_method, which have their callable among the arguments.
const char* function_name(const TapeStep& step);

// A number that depends on sizes: its value must not be looked at without need (`use` makes it a constant).
inline bool is_symbolic(V v) { return v->is == Is::Const && v->slot != kNoSlot; }

}  // namespace fj::capture
