// Batching rules of what fits no family, and the last resort: one call for every entry of the batch.
#include "ops/batch_util.h"
#include "ops/checks.h"

namespace fj {

// Calls the op on every entry and stacks the results. For routines that are rarely batched.
void batch_loop(BatchCtx& c) {
  FJ_USER_CHECK(c.batch_size > 0, ErrorKind::Runtime, "vmap: ", c.op.name, " cannot be mapped over an empty batch");
  std::vector<SmallVec<Val, 8>> parts;
  for (Dim entry = 0; entry < c.batch_size; ++entry) {
    ArgVec args = c.args;
    for (size_t i = 0; i < args.size(); ++i) {
      if (args[i].is_tensor() && c.bdims[i] >= 0)
        args[i] = Arg(t::select(c.b, args[i], Arg(c.bdims[i]), Arg(int64_t(entry))));
      if (args[i].tag() != ArgTag::TensorList) continue;
      SmallVec<Val, 8> list;
      for (size_t k = 0; k < args[i].as_vals().size(); ++k) {
        Val v = args[i].as_vals()[k];
        list.push_back(v && c.list_bdims[i][k] >= 0 ? t::select(c.b, v, Arg(c.list_bdims[i][k]), Arg(int64_t(entry)))
                                                    : v);
      }
      args[i] = Arg::tensors(list);
    }
    SmallVec<Val, 2> outs;
    c.b.emit(c.op, args, outs);
    parts.resize(outs.size());
    for (size_t i = 0; i < outs.size(); ++i) parts[i].push_back(outs[i]);
  }
  for (auto& p : parts) {
    c.outs.push_back(t::stack(c.b, Arg::tensors(p), Arg(int64_t{0})));
    c.out_bdims.push_back(0);
  }
}

// new_zeros(self, size, …): a fresh tensor for every entry, so that it can be written to.
void batch_new(BatchCtx& c) {
  Shape sizes{c.batch_size};
  for (int64_t s : c.args[1].as_ints()) sizes.push_back(s);
  c.args[1] = Arg(sizes);
  finish(c);
}

// (self, offset, dim1, dim2): the new dimensions count among those of the result.
void batch_diag_embed(BatchCtx& c) {
  int64_t n = logical_dim(c, 0) + 1;
  for (size_t i : {2, 3}) c.args[i] = Arg(wrap_dim(c.args[i].as_int(), n) + 1);
  front_args(c, {0});
  finish(c);
}

// Copies written through a view of a contiguous tensor: the batch is one more dimension of the view.
namespace {

void batch_view_args(BatchCtx& c, const Shape& inner, size_t size_at) {
  Shape size{c.batch_size}, stride{product(inner)};
  for (int64_t s : c.args[size_at].as_ints()) size.push_back(s);
  for (int64_t s : c.args[size_at + 1].as_ints()) stride.push_back(s);
  c.args[size_at] = Arg(size);
  c.args[size_at + 1] = Arg(stride);
}

}  // namespace

// (self, size, stride, storage_offset): the same view of the memory of each entry, which it must not leave.
void batch_as_strided(BatchCtx& c) {
  Val self = batch_front(c.b, c.args[0].val(), c.bdims[0]);
  const Dim from = self->offset, to = c.args[3].is_none() ? from : Dim(c.args[3].as_int());
  Dim last = 0;
  for (int64_t d = 1; d < self->dim(); ++d) last += (self->sizes[d] - 1) * self->strides[d];
  check_strided(c.args[1].as_ints(), c.args[2].as_ints(), to, INT64_MAX);
  FJ_USER_CHECK(to >= from && checked_extent(c.args[1].as_ints(), c.args[2].as_ints(), to - from) <= last + 1,
                ErrorKind::Runtime, "vmap: as_strided() reaches outside of the memory of an entry of the batch");
  Shape size{c.batch_size}, stride{self->strides[0]};
  for (int64_t s : c.args[1].as_ints()) size.push_back(s);
  for (int64_t s : c.args[2].as_ints()) stride.push_back(s);
  c.args[0] = Arg(self);
  c.args[1] = Arg(size);
  c.args[2] = Arg(stride);
  finish(c);
}

// (self, src, size, stride, offset)
void batch_as_strided_scatter(BatchCtx& c) {
  batch_view_args(c, logical_sizes(c, 0), 2);
  front_args(c, {0, 1});
  finish(c);
}

// (grad, sizes, size, stride, offset)
void batch_as_strided_add(BatchCtx& c) {
  Shape inner(c.args[1].as_ints()), sizes{c.batch_size};
  for (Dim s : inner) sizes.push_back(s);
  batch_view_args(c, inner, 2);
  c.args[1] = Arg(sizes);
  front_args(c, {0});
  finish(c);
}

}  // namespace fj
