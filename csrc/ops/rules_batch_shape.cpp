// Batching rules of views, of ops along a dimension, and of joins. Views stay views, so that writing through one works.
#include "ops/batch_util.h"

namespace fj {
namespace {

// Argument `at` is a dim of self: shifted past the batch axis.
void shift_dim(BatchCtx& c, std::initializer_list<size_t> at) {
  for (size_t i : at) c.args[i] = Arg(past_batch(c, c.args[i].as_int()));
  front_args(c, {0});
}

void shift_dims(BatchCtx& c, size_t at) {
  SmallVec<int64_t, 6> dims;
  for (int64_t d : c.args[at].as_ints()) dims.push_back(past_batch(c, d));
  c.args[at] = Arg::ints(dims);
  front_args(c, {0});
}

// A scalar per batch entry has no dimension to work along: it gets one, and the results lose it if they still have it.
void along_dim_of_scalars(BatchCtx& c, size_t dim_arg) {
  wrap_dim(c.args[dim_arg].as_int(), 0);
  front_args(c, {0});
  c.args[0] = Arg(insert_dim(c.b, c.args[0].val(), 1));
  c.args[dim_arg] = Arg(int64_t{1});
  finish(c);
  for (Val& v : c.outs)
    if (v->dim() > 1) v = drop_dim(c.b, v, 1);
}

void along_dim(BatchCtx& c, size_t dim_arg) {
  if (logical_dim(c, 0) == 0) return along_dim_of_scalars(c, dim_arg);
  shift_dim(c, {dim_arg});
  finish(c);
}

}  // namespace

// (self, dim, …): softmax, cumsum, sort.
void batch_unary_dim(BatchCtx& c) { along_dim(c, 1); }
// (self, k, dim, …)
void batch_topk(BatchCtx& c) { along_dim(c, 2); }

// (self, dims): flip. No dims: nothing to do.
void batch_dims_only(BatchCtx& c) {
  if (logical_dim(c, 0) == 0) return set_out(c, c.args[0].val(), c.bdims[0]);
  shift_dims(c, 1);
  finish(c);
}

// Works on the last dimensions alone, or on none in particular: tril, alias, detach.
void batch_unary_tail(BatchCtx& c) {
  front_args(c, {0});
  finish(c);
}
void batch_unary_view(BatchCtx& c) {
  c.b.emit(c.op, c.args, c.outs);
  c.out_bdims.clear();
  c.out_bdims.resize(c.outs.size(), c.bdims[0]);
}

void batch_view_as_complex(BatchCtx& c) {
  c.args[0] = Arg(t::clone(c.b, batch_front(c.b, c.args[0].val(), c.bdims[0]), MemoryFormat::Contiguous));
  finish(c);
}

void batch_transpose(BatchCtx& c) {
  if (logical_dim(c, 0) == 0) return set_out(c, c.args[0].val(), c.bdims[0]);
  shift_dim(c, {1, 2});
  finish(c);
}

void batch_t(BatchCtx& c) {
  int64_t n = logical_dim(c, 0);
  FJ_USER_CHECK(n <= 2, ErrorKind::Runtime, "t() expects a tensor with <= 2 dimensions, but self is ", n, "D");
  front_args(c, {0});
  set_out(c, n == 2 ? transpose_last(c.b, c.args[0].val()) : c.args[0].val(), 0);
}

void batch_select(BatchCtx& c) {
  FJ_USER_CHECK(logical_dim(c, 0) > 0, ErrorKind::Index, "select() cannot be applied to a 0-dim tensor.");
  shift_dim(c, {1});
  finish(c);
}

void batch_slice(BatchCtx& c) {
  FJ_USER_CHECK(logical_dim(c, 0) > 0, ErrorKind::Index, "slice() cannot be applied to a 0-dim tensor.");
  shift_dim(c, {1});
  finish(c);
}

void batch_narrow(BatchCtx& c) {
  FJ_USER_CHECK(logical_dim(c, 0) > 0, ErrorKind::Runtime, "narrow() cannot be applied to a 0-dim tensor.");
  shift_dim(c, {1});
  finish(c);
}

void batch_squeeze(BatchCtx& c) {
  SmallVec<int64_t, 6> dims;
  Shape sizes = logical_sizes(c, 0);
  for (size_t d = 0; d < sizes.size(); ++d)
    if (sizes[d] == 1) dims.push_back(static_cast<int64_t>(d) + 1);
  front_args(c, {0});
  set_out(c, dims.empty() ? c.args[0].val() : t::squeeze_dim(c.b, c.args[0], Arg::ints(dims)), 0);
}

void batch_squeeze_dim(BatchCtx& c) {
  if (logical_dim(c, 0) == 0) return set_out(c, c.args[0].val(), c.bdims[0]);
  shift_dims(c, 1);
  finish(c);
}

void batch_unsqueeze(BatchCtx& c) {
  c.args[1] = Arg(wrap_dim(c.args[1].as_int(), logical_dim(c, 0) + 1) + 1);
  front_args(c, {0});
  finish(c);
}

// (self, offset, dim1, dim2)
void batch_diagonal(BatchCtx& c) {
  shift_dim(c, {2, 3});
  finish(c);
}

// (self, dimension, size, step)
void batch_unfold(BatchCtx& c) {
  if (logical_dim(c, 0) == 0) return along_dim_of_scalars(c, 1);
  shift_dim(c, {1});
  finish(c);
}

// (self, pad, value): pads count from the last dimension, so only the batch axis has to be out of the way.
void batch_pad(BatchCtx& c) {
  FJ_USER_CHECK(static_cast<int64_t>(c.args[1].as_ints().size()) <= 2 * logical_dim(c, 0), ErrorKind::Runtime,
                "Length of pad should be no more than twice the number of dimensions of the input. Pad length is ",
                c.args[1].as_ints().size(), " while the input has ", logical_dim(c, 0), " dimensions.");
  front_args(c, {0});
  finish(c);
}

// (tensors, dim)
void batch_cat(BatchCtx& c) {
  SmallVec<Val, 8> vals;
  auto in = c.args[0].as_vals();
  for (size_t i = 0; i < in.size(); ++i) vals.push_back(batch_expanded(c.b, in[i], c.list_bdims[0][i], c.batch_size));
  c.args[0] = Arg::tensors(vals);
  c.args[1] = Arg(wrap_dim(c.args[1].as_int(), vals[0]->dim() - 1) + 1);
  finish(c);
}

}  // namespace fj
