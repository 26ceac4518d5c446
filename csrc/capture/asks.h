// Arguments that answer functions themselves (`__torch_function__`, tensor/overrides.h): their handlers are interpreted
// like other Python functions. A tensor of such a class is an Object with the plain tensor inside; where its class is
// asked for nothing (while its own handler runs the function), the plain one takes part. Inside a trace no mode is
// active.
#pragma once
#include "capture/builtins.h"

namespace fj::capture {

V has_override(Tracer& t, Args& args);   // framejit._C._has_override(*args)
V asks_any(Tracer& t, Args& args);       // framejit._C._asks(args, kwargs)
V ask_any(Tracer& t, Args& args);        // framejit._C._ask(function, args, kwargs, relevant)
V set_overrides(Tracer& t, Args& args);  // framejit._C._set_overrides(objects, modes)

bool is_asking();                                             // are objects asked at all now?
bool is_overriding(PyTypeObject* type);                       // a subclass of Tensor whose instances answer
bool answers_now(PyTypeObject* type);                         // … and is asked now
bool asks(Tracer& t, const Args& args);                       // would a call with these be theirs?
V ask_call(Tracer& t, PyObject* function, const Args& args);  // what they make of it
TensorValue* plain_tensor(V v);                               // of an instance of such a subclass; NULL for others
V as_subclass(Tracer& t, TensorValue* v, PyTypeObject* type);
// What goes on for such an instance: attributes of Tensor (NULL: other ones), methods of Tensor, and type(…).
V overriding_attr(Tracer& t, ObjectValue* o, PyObject* name);
V call_on_overriding(Tracer& t, NativeValue* n, Args& args);
V new_overriding(Tracer& t, PyTypeObject* type, const Args& args);

}  // namespace fj::capture
