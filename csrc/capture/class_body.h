// Class statements, writes to classes, and code that runs in a namespace of its own.
#pragma once
#include "capture/protocol.h"

namespace fj::capture {

V build_class(Tracer& t, Args& a);                                                           // builtins.__build_class__
V make_class(Tracer& t, PyTypeObject* meta, V name, const Values& bases, DictValue* space);  // type(name, bases, dict)
V run_in_namespace(Tracer& t, PyCodeObject* code, PyObject* globals, DictValue* space, FunctionValue* function);
void write_class(Tracer& t, V cls, PyObject* name, V value);

V make_namedtuple(Tracer& t, FunctionValue* f, const Args& args);  // NULL: f is another function

}  // namespace fj::capture
