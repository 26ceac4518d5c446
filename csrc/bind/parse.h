// From Python arguments to Args, by an op's schema.
#pragma once
#include "bind/types.h"
#include "ops/opdef.h"
#include "tensor/tensor.h"

namespace fj::bind {

// Borrowed arguments of one vectorcall.
struct CallArgs {
  PyObject* const* pos = nullptr;
  Py_ssize_t npos = 0;
  PyObject* kwnames = nullptr;  // tuple or null; values follow the positional ones
  bool method = false;          // pos[0] is self

  Py_ssize_t nkw() const { return kwnames ? PyTuple_GET_SIZE(kwnames) : 0; }
};

// What a call had beside the op's own arguments.
struct CallExtras {
  PyObject* out = nullptr;  // out=
  int requires_grad = -1;   // requires_grad= of a factory
};

enum class Match : uint8_t { Yes, No };

// Does `o` fit an argument of this type? Fills `out`. Throws only for errors that no other overload could cure.
Match convert(const ArgDef& def, PyObject* o, Arg* out);
// Fits a whole call to `op`. On No, `why` (may be null) gets PyTorch's words for the first thing that did not fit.
Match parse_call(const OpDef& op, const CallArgs& call, ArgVec* args, CallExtras* extras, std::string* why);
// Raises the TypeError for a call that fits none of the overloads.
[[noreturn]] void raise_no_match(const char* name, std::span<const OpDef* const> overloads, const CallArgs& call);

// A Python number (bool, int, float, or a NumPy scalar) as an Arg. False if it is none.
bool as_number(PyObject* o, Arg* out);
// As PyTorch names a type in messages: "Tensor", "list of ints", "NoneType" …
std::string type_name_for_message(PyObject* o);

}  // namespace fj::bind
