// framejit.Generator: the Python face of a random stream (runtime/random.h).
#pragma once
#include <Python.h>

#include "runtime/random.h"

namespace fj::bind {

bool is_generator(PyObject* o);
RandomStream* generator_of(PyObject* o);

}  // namespace fj::bind
