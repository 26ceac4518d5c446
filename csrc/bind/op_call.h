// Callables of the op table: framejit.add (OpFunction) and Tensor.add (OpMethod, a method descriptor). Both hold the
// overloads of one name and parse by their schemas.
#pragma once
#include "bind/parse.h"
#include "tensor/dispatch.h"

namespace fj::bind {

// The results of an op as Python sees them: a tensor, a tuple of a list result, a named tuple of several.
PyObject* to_python(const OpDef& op, Outs& outs);
PyObject* new_tuple(Outs& outs);  // which gives them away
// Parses, dispatches, converts. Throws.
PyObject* call_overloads(const char* name, std::span<const OpDef* const> overloads, const CallArgs& call);
// A new OpFunction or OpMethod; `overloads` must live for ever.
PyObject* new_op_callable(const char* name, std::span<const OpDef* const> overloads, bool method);
// The overloads of an OpFunction or OpMethod; empty if `o` is neither.
std::span<const OpDef* const> overloads_of(PyObject* o);
// All rows of one name, in table order; empty if there are none. Lives for ever.
std::span<const OpDef* const> rows_named(std::string_view name);

}  // namespace fj::bind
