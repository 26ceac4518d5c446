// Helpers that shape, dtype and compute-type rules share. The rules themselves are free functions named by the rows:
// dtype_X, shape_X, infer_X, compute_X (tools/gen_ops.py declares them in the generated ops/rule_decls.h).
#pragma once
#include "ops/builder.h"

namespace fj {

// Result type of a mix of tensors and Python numbers: tensors with dimensions outrank 0-d tensors, which outrank
// numbers, within one class (bool < int < float). PyTorch's `torch.result_type`.
DType result_type(Args args);
// The same over those arguments of `op` that are operands: attributes such as `alpha` have no say.
DType result_type(const OpDef& op, Args args);
// The dtype that a Python number alone has.
DType dtype_of_number(const Arg& n);
// Raises where a number that is to fill an integer tensor is out of its range, or no number at all.
void check_fits(DType t, const Arg& number);
// Integers and bools become the default floating dtype.
DType float_or_default(DType t);

Shape broadcast_shapes(const Shape& a, const Shape& b);
// Index in [0, ndim): raises PyTorch's IndexError when out of range. A 0-d tensor counts as one dimension.
int64_t wrap_dim(int64_t dim, int64_t ndim);
// The set of dims that an optional list names (empty or None: all), wrapped; raises on duplicates.
SmallVec<int64_t, 6> wrap_dims(const Arg& dims, int64_t ndim);
// Strides of a pointwise result: the operands' common dimension order where they are dense, else row-major.
Shape pointwise_strides(Args args, const Shape& sizes);
// True if `d` is among `dims`.
bool is_dim_in(std::span<const int64_t> dims, int64_t d);

void infer_with(InferCtx& c, DType (*dtype)(const InferCtx&), Shape (*shape)(const InferCtx&), bool pointwise_layout);
// Sets c.out[0] to a contiguous result.
void set_out(InferCtx& c, Shape sizes, DType dtype);
// Sets c.out[0] to a view over the first argument.
void set_view(InferCtx& c, Shape sizes, Shape strides, Dim offset);

}  // namespace fj
