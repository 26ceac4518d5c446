// Small compositions that decompositions, derivative and batching rules share. Only views and arithmetic.
#pragma once
#include "ops/calls.h"
#include "ops/rules.h"

namespace fj {

// The last two dimensions exchanged.
Val transpose_last(Builder& b, Val v);
// A dimension of size one inserted at / removed from `dim` (not negative).
Val insert_dim(Builder& b, Val v, int64_t dim);
Val drop_dim(Builder& b, Val v, int64_t dim);
// The dimension `from` moved to `to`.
Val move_dim(Builder& b, Val v, int64_t from, int64_t to);
// reshape, or `v` itself where sizes agree already.
Val reshape_to(Builder& b, Val v, const Shape& sizes);
Val expand_to(Builder& b, Val v, const Shape& sizes);
Val cast_to(Builder& b, Val v, DType dtype);
// float16 and bfloat16 values as float32, so that a chain of ops rounds once, at its end.
Val to_compute(Builder& b, Val v);
// `v * s`, or `v` itself when s is 1.
Val scaled(Builder& b, Val v, const Arg& s);
// Sums over `dims`; no dims: `v` itself.
Val sum_dims(Builder& b, Val v, std::span<const int64_t> dims, bool keepdim);
// The sum of both, either may be null.
Val add_maybe(Builder& b, Val x, Val y);
Dim product(std::span<const Dim> sizes);
bool number_is(const Arg& a, double v);

}  // namespace fj
