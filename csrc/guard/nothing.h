// What stands in a dict of facts (kinds TypeFacts and DictFacts) under a name that leads nowhere.
#pragma once
#include <Python.h>

namespace fj::guard {

PyObject* nothing();  // borrowed; no value that a program can have

}  // namespace fj::guard
