// Batching rules: batch_X(BatchCtx&), named by rows. A rule receives arguments with the batch axis at `bdims` and
// leaves results with their batch axis in `out_bdims`.
#include "ops/batch_util.h"

namespace fj {
// A composite without an own rule: its parts are batched.
void batch_decompose(BatchCtx& c) {
  raise(ErrorKind::Internal, "composite ", c.op.full_name, " reached a batching rule whole");
}

// Reductions with arguments (self, dim, keepdim, …): shifts the dims past the batch axis. A scalar per entry gets a
// dimension to reduce.
void batch_reduction(BatchCtx& c) {
  Val self = batch_front(c.b, c.args[0].val(), c.bdims[0]);
  bool one = c.op.args[1].type == ArgType::Int;
  SmallVec<int64_t, 6> dims;
  for (int64_t d : wrap_dims(c.args[1], self->dim() - 1)) dims.push_back(d + 1);
  if (self->dim() == 1) {
    self = insert_dim(c.b, self, 1);
    dims.clear();
    dims.push_back(1);
    int keep = c.op.arg_index("keepdim");
    if (keep >= 0) c.args[static_cast<size_t>(keep)] = Arg(false);
  }
  c.args[0] = Arg(self);
  c.args[1] = one && dims.size() == 1 ? Arg(dims[0]) : Arg::ints(dims);
  finish(c);
}

// (self, size): the batch size goes in front of `size`.
void batch_view(BatchCtx& c) {
  Val self = batch_front(c.b, c.args[0].val(), c.bdims[0]);
  SmallVec<int64_t, 6> size{self->sizes[0]};
  for (int64_t s : c.args[1].as_ints()) size.push_back(s);
  c.outs.push_back(t::reshape(c.b, self, Arg::ints(size)));
  c.out_bdims.push_back(0);
}

void batch_expand(BatchCtx& c) {
  int64_t n = static_cast<int64_t>(c.args[1].as_ints().size());
  Val self = batch_first(c.b, c.args[0].val(), c.bdims[0], n);
  SmallVec<int64_t, 6> size{self->sizes[0]};
  for (int64_t s : c.args[1].as_ints()) size.push_back(s);
  c.args[0] = Arg(self);
  c.args[1] = Arg::ints(size);
  finish(c);
}

void batch_permute(BatchCtx& c) {
  Val self = batch_front(c.b, c.args[0].val(), c.bdims[0]);
  SmallVec<int64_t, 6> dims{0};
  for (int64_t d : c.args[1].as_ints()) dims.push_back(wrap_dim(d, self->dim() - 1) + 1);
  c.args[0] = Arg(self);
  c.args[1] = Arg::ints(dims);
  finish(c);
}

// Every tensor argument gets its batch axis first and its other dimensions aligned at the end; the op then broadcasts.
void batch_pointwise(BatchCtx& c) {
  int64_t ndim = 0;
  for (size_t i = 0; i < c.args.size(); ++i)
    if (c.args[i].is_tensor()) ndim = std::max(ndim, c.args[i].val()->dim() - (c.bdims[i] >= 0));
  for (size_t i = 0; i < c.args.size(); ++i)
    if (c.args[i].is_tensor() && c.bdims[i] >= 0) c.args[i] = Arg(batch_first(c.b, c.args[i].val(), c.bdims[i], ndim));
  c.b.emit(c.op, c.args, c.outs);
  c.out_bdims.resize(c.outs.size(), 0);
}

}  // namespace fj
