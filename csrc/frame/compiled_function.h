// CompiledFunction: the object that compile(fn) returns. It owns the entry points made for fn; fn itself is never
// changed.
#pragma once

#include "frame/run.h"
#include "py/ref.h"

namespace fj::frame {

// How the thing that the user gave is called.
enum class CallForm : uint8_t {
  Function,  // a Python function
  Method,    // a bound method of one
  Object,    // an object whose class has a Python __call__
  Partial,   // functools.partial
  Opaque,    // anything else: called as it is
};

struct CompiledFunction {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject* wrapped;  // what the user gave
  PyObject* name;     // for messages
  PyObject* backend;  // or NULL
  PyObject* options;  // or NULL
  PyObject* dict;
  PyObject* weakrefs;
  Context* context;
  uint64_t epoch;  // the reset() that its tables belong to
  CallForm form;
};

extern PyTypeObject* compiled_function_type;  // set by init_type
bool init_type();

inline bool is_compiled_function(PyObject* o) { return compiled_function_type && Py_TYPE(o) == compiled_function_type; }

// Forgets everything compiled so far, for all CompiledFunctions; what is running finishes with what it has.
void reset_all();
// While off, compiled functions run plain.
bool enabled();
bool set_enabled(bool on);  // returns what it was

CallForm form_of(PyObject* callable);
// The Python function that is the __call__ of the object's class, borrowed; NULL if there is none.
PyObject* python_call(PyObject* object);

// The Python function behind a callable and the first argument that it is bound to, both borrowed; NULL where there is
// none.
struct Target {
  PyObject* function = nullptr;
  PyObject* self = nullptr;
};
Target target_of(PyObject* callable, CallForm form);

// A call as the program made it: what runs when nothing can be compiled.
struct Call {
  PyObject* callable;
  PyObject* const* args;
  size_t nargsf;
  PyObject* kwnames;
};
// Inside a traced or transformed region, while a debugger watches, while compiling is off.
bool may_not_compile();
PyObject* call_target(const Context& context, Target target, const Call& c);

// The call itself (call.cpp).
PyObject* call_compiled(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames);

}  // namespace fj::frame
