// Batching rules of gathers and scatters along a dimension. Index tensors may be batched like any other.
#include "ops/batch_util.h"

namespace fj {
namespace {

// Tensor arguments 0, 2, … of (self, dim, index, …) with their batch axis first and at least one dimension besides it.
// Returns whether self was a scalar per batch entry.
bool front_all(BatchCtx& c) {
  bool scalars = logical_dim(c, 0) == 0;
  c.args[1] = Arg(past_batch(c, c.args[1].as_int()));
  for (size_t i = 0; i < c.args.size(); ++i) {
    if (!c.args[i].is_tensor()) continue;
    bool scalar = logical_dim(c, i) == 0;
    front_args(c, {i});
    if (scalar) c.args[i] = Arg(insert_dim(c.b, c.args[i].val(), 1));
  }
  return scalars;
}

// index [n] of batch entry i as a full index over self's other dimensions: what gather and scatter take.
Val spread_index(BatchCtx& c, Val index, Val self, int64_t dim) {
  Shape shape(static_cast<size_t>(self->dim()), 1), full = self->sizes;
  shape[0] = c.batch_size;
  shape[dim] = full[dim] = index->sizes[1];
  return t::expand(c.b, reshape_to(c.b, index, shape), full);
}

}  // namespace

// gather, scatter, scatter_add, scatter_reduce: (self, dim, index, …)
void batch_gather(BatchCtx& c) {
  bool scalar_index = logical_dim(c, 2) == 0, scatter = c.op.name[0] == 's';
  bool scalars = front_all(c);
  finish(c);
  if (scatter ? scalars : scalar_index) c.outs[0] = drop_dim(c.b, c.outs[0], 1);
}

// (self, dim, index): an unbatched index selects from every entry alike.
void batch_index_select(BatchCtx& c) {
  if (is_batched(c, 2)) {
    bool scalars = front_all(c);
    Val self = c.args[0].val();
    int64_t dim = c.args[1].as_int();
    Val out = t::gather(c.b, self, Arg(dim), spread_index(c, c.args[2].val(), self, dim));
    return set_out(c, scalars ? drop_dim(c.b, out, 1) : out, 0);
  }
  bool scalars = logical_dim(c, 0) == 0;
  int64_t dim = past_batch(c, c.args[1].as_int());
  front_args(c, {0});
  if (scalars) c.args[0] = Arg(insert_dim(c.b, c.args[0].val(), 1));
  c.args[1] = Arg(dim);
  finish(c);
  if (scalars) c.outs[0] = drop_dim(c.b, c.outs[0], 1);
}

// index_add and index_copy: (self, dim, index, source, …)
void batch_index_add(BatchCtx& c) {
  bool index_batched = is_batched(c, 2);
  Val index = c.args[2].val();
  bool scalars = front_all(c);
  if (!index_batched) {
    c.args[2] = Arg(index);
    finish(c);
  } else {
    Val self = c.args[0].val(), source = c.args[3].val();
    int64_t dim = c.args[1].as_int();
    Val full = spread_index(c, c.args[2].val(), source, dim);
    bool add = c.op.arg_index("alpha") >= 0;
    set_out(c,
            add ? t::scatter_add(c.b, self, Arg(dim), full, scaled(c.b, source, c.args[4]))
                : t::scatter(c.b, self, Arg(dim), full, source),
            0);
  }
  if (scalars) c.outs[0] = drop_dim(c.b, c.outs[0], 1);
}

}  // namespace fj
