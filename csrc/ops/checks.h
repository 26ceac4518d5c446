// What shape rules ask of their arguments. Public ops complete and check what a user gave; the private ops under them
// are also reachable, and their routines trust sizes: nothing may reach a routine that these checks would refuse.
// Argument `i` is named in the message as the schema names it.
#pragma once
#include "ops/rules.h"

namespace fj {

// No negative size, and a number of bytes that int64 holds.
void check_sizes(const Shape& sizes, DType dtype);
void check_rank(const InferCtx& c, size_t i, int64_t least, int64_t most);
// The tensor has exactly these sizes.
void check_shape(const InferCtx& c, size_t i, const Shape& expected);
void check_dtype(const InferCtx& c, size_t i, DType expected);
// The list has n entries.
void check_length(const InferCtx& c, size_t i, size_t n);
// Kernels, strides and paddings are multiplied with sizes: they fit into 32 bits.
void check_int32(std::span<const int64_t> values);
// A view of these sizes, strides and offset lies in a storage of `numel` elements.
void check_strided(std::span<const int64_t> size, std::span<const int64_t> stride, int64_t offset, Dim numel);
// What unfold makes of `sizes`.
Shape unfolded_sizes(const Shape& sizes, int64_t dim, int64_t size, int64_t step);
// The first `n` dimensions of both agree.
void check_lead(const InferCtx& c, const Shape& a, const Shape& b, size_t n);

}  // namespace fj
