// What batching rules are made of. A rule moves batch axes to where the op can carry them, emits the op, and says where
// the batch axis of each result is.
#pragma once
#include "ops/rules_util.h"

namespace fj {

// Views `v` so that its batch axis is first and it has `ndim` dimensions besides (ones inserted after the batch axis).
Val batch_first(Builder& b, Val v, int64_t bdim, int64_t ndim);
// The batch axis first, nothing inserted; an unbatched value stays as it is.
Val batch_front(Builder& b, Val v, int64_t bdim);
// The batch axis first; an unbatched value is expanded to have one. Null stays null.
Val batch_expanded(Builder& b, Val v, int64_t bdim, Dim batch_size);
// The batch axis folded into logical dimension `dim` (as its outer part): [.., B*n, ..].
Val fold_batch(Builder& b, Val v, int64_t bdim, int64_t dim);
// The reverse: dimension `dim` of size B*n becomes B, n; the batch axis is then at `dim`.
Val unfold_batch(Builder& b, Val v, int64_t dim, Dim batch_size);
// Argument i's logical rank, sizes.
int64_t logical_dim(const BatchCtx& c, size_t i);
Shape logical_sizes(const BatchCtx& c, size_t i);
bool is_batched(const BatchCtx& c, size_t i);
// A logical `dim` of argument 0 as a dimension of the value with its batch axis first.
int64_t past_batch(const BatchCtx& c, int64_t dim);
// Emits the op on c.args; every result has its batch axis first.
void finish(BatchCtx& c);
void set_out(BatchCtx& c, Val v, int64_t bdim);
// Argument i, with its batch axis first (expanded where it has none) replaces c.args[i].
void front_args(BatchCtx& c, std::initializer_list<size_t> which);

}  // namespace fj
