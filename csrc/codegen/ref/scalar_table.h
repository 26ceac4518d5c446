// The scalar ops as functions over arrays: what the interpreter runs, and what other back ends call for an op that they
// do not emit themselves. Arrays hold memory types: bool one byte 0 or 1, f16 and bf16 their bits.
#pragma once
#include <cstdint>

#include "loop/loop.h"

namespace fj::codegen {

using ArrayFn = void (*)(void* dst, const void* a, const void* b, const void* c, int64_t n);

// `t` is the dtype of the first argument. Null for a type that the op's rule excludes.
ArrayFn scalar_fn(loop::Op op, DType t);
ArrayFn cast_fn(DType from, DType to);
ArrayFn philox_fn();
// dst = the constant, parameter or index value as PyTorch casts it.
void store_scalar(void* dst, DType t, double v);
void store_scalar(void* dst, DType t, int64_t v);

}  // namespace fj::codegen
