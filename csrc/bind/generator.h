// framejit.Generator: the Python face of a random stream (runtime/random.h).
#pragma once
#include <Python.h>

#include "runtime/random.h"

namespace fj::bind {

bool is_generator(PyObject* o);
RandomStream* generator_of(PyObject* o);
// The generator that has the stream at this address: borrowed, null where there is none.
PyObject* generator_with(const void* stream);

}  // namespace fj::bind
