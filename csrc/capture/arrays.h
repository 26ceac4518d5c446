// NumPy's arrays in a trace: each is a tensor over the same memory, and what is done with it is read from
// framejit._numpy, whose functions do the same as NumPy's with tensor operations. What is not there is left to NumPy.
#pragma once
#include "capture/protocol.h"

namespace fj::capture {

bool is_array_like(PyObject* o);  // an array or a NumPy scalar
// A value for an outside array or scalar whose memory a tensor can stand for, or NULL.
V outside_array(Tracer& t, PyObject* real);
TensorValue* tensor_of_array(Tracer& t, ArrayValue* v);
// Tensor.numpy().
V array_of_tensor(Tracer& t, TensorValue* v, Args& args);
// from_numpy(), as_tensor(), asarray() and tensor() of an array; NULL: it is another call.
V tensor_from_array(Tracer& t, PyObject* callable, Args& args);

// framejit._numpy's function for a function, ufunc or class of NumPy's, called; NULL: it has none.
V call_array_function(Tracer& t, PyObject* callable, const Args& args);
// Is the code one of framejit._numpy's? What is raised there is left to NumPy itself.
bool is_array_part(PyObject* globals);
V call_array_part(Tracer& t, FunctionValue* f, Args args);
bool is_own_source(const guard::SourceTable& sources, SourceId id);  // reached from one of its functions
bool is_pure_array_code(PyCodeObject* code);

V array_attr(Tracer& t, ArrayValue* v, PyObject* name);
// The method of this name, called with the array and the others; cuts where there is none.
V array_method(Tracer& t, V array, const char* name, Values others);
V array_binary(Tracer& t, const char* name, const char* reflected, const char* in_place, V a, V b);
// Beside a tensor a NumPy scalar counts as a Python number; an outside one becomes an input of the graph where `input`
// allows and that makes no difference, else that number.
void number_beside_tensor(Tracer& t, V* a, V* b, bool input = true);
V iterate_array(Tracer& t, V array);

RecipeId write_array(class RecipeWriter& w, Tracer& t, ArrayValue* v);

}  // namespace fj::capture
