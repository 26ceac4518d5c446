// Batching rules of views, indexing and along-a-dimension ops. Helpers shift dimension arguments past a leading batch axis.
#include "ops/calls.h"
#include "ops/rules.h"

namespace fj {
namespace {

Val to_front(Builder& b, Val v, int64_t bdim) {
  if (bdim == 0) return v;
  SmallVec<int64_t, 6> order{bdim};
  for (int64_t d = 0; d < v->dim(); ++d)
    if (d != bdim) order.push_back(d);
  return t::permute(b, v, Arg::ints(order));
}

// Argument i with its batch axis in front; one that has none is expanded.
Val batched(BatchCtx& c, size_t i) {
  Val v = c.args[i].val();
  if (c.bdims[i] >= 0) return to_front(c.b, v, c.bdims[i]);
  SmallVec<int64_t, 6> size{c.batch_size};
  for (Dim s : v->sizes) size.push_back(s);
  return t::expand(c.b, v, Arg::ints(size));
}

Arg shifted(const Arg& dim, int64_t ndim) { return Arg(wrap_dim(dim.as_int(), ndim) + 1); }

void finish(BatchCtx& c) {
  c.b.emit(c.op, c.args, c.outs);
  c.out_bdims.resize(c.outs.size(), 0);
}

int64_t inner_dim(BatchCtx& c) { return c.args[0].val()->dim() - 1; }  // after `batched`

// A 0-d element has no dimension to work along: it is given one and loses it again.
void along_dim(BatchCtx& c, size_t at) {
  Val x = batched(c, 0);
  bool scalar = x->dim() == 1;
  if (scalar) x = t::unsqueeze(c.b, x, 1);
  c.args[0] = Arg(x);
  c.args[at] = shifted(c.args[at], inner_dim(c));
  finish(c);
  if (scalar)
    for (Val& v : c.outs) v = t::squeeze_dim(c.b, v, Arg::ints({1}));
}

}  // namespace

void batch_unary_dim(BatchCtx& c) { along_dim(c, 1); }
void batch_topk(BatchCtx& c) { along_dim(c, 2); }

// Ops that act on the last dimensions only.
void batch_unary_tail(BatchCtx& c) {
  c.args[0] = Arg(batched(c, 0));
  finish(c);
}
void batch_unary_view(BatchCtx& c) { batch_unary_tail(c); }
void batch_pad(BatchCtx& c) { batch_unary_tail(c); }

void batch_select(BatchCtx& c) {
  c.args[0] = Arg(batched(c, 0));
  FJ_USER_CHECK(inner_dim(c) > 0, ErrorKind::Index, "select() cannot be applied to a 0-dim tensor.");
  c.args[1] = shifted(c.args[1], inner_dim(c));
  finish(c);
}
void batch_slice(BatchCtx& c) { batch_select(c); }
void batch_narrow(BatchCtx& c) { batch_select(c); }
void batch_unfold(BatchCtx& c) { batch_select(c); }

void batch_transpose(BatchCtx& c) {
  c.args[0] = Arg(batched(c, 0));
  int64_t n = inner_dim(c);
  wrap_dim(c.args[1].as_int(), n);
  if (n == 0) { c.outs.push_back(c.args[0].val()); c.out_bdims.push_back(0); return; }
  c.args[1] = shifted(c.args[1], n);
  c.args[2] = shifted(c.args[2], n);
  finish(c);
}
void batch_t(BatchCtx& c) {
  Val x = batched(c, 0);
  FJ_USER_CHECK(x->dim() <= 3, ErrorKind::Runtime, "t() expects a tensor with <= 2 dimensions, but self is ", x->dim() - 1, "D");
  c.outs.push_back(x->dim() == 3 ? t::transpose(c.b, x, 1, 2) : x);
  c.out_bdims.push_back(0);
}

void batch_squeeze(BatchCtx& c) {
  Val x = batched(c, 0);
  SmallVec<int64_t, 6> dims;
  for (int64_t d = 1; d < x->dim(); ++d)
    if (x->sizes[d] == 1) dims.push_back(d);
  c.outs.push_back(t::squeeze_dim(c.b, x, Arg::ints(dims)));
  c.out_bdims.push_back(0);
}
void batch_squeeze_dim(BatchCtx& c) {
  Val x = batched(c, 0);
  SmallVec<int64_t, 6> dims;
  for (int64_t d : c.args[1].as_ints())
    if (int64_t w = wrap_dim(d, x->dim() - 1); x->dim() > 1) dims.push_back(w + 1);
  c.outs.push_back(t::squeeze_dim(c.b, x, Arg::ints(dims)));
  c.out_bdims.push_back(0);
}
void batch_unsqueeze(BatchCtx& c) {
  c.args[0] = Arg(batched(c, 0));
  c.args[1] = shifted(c.args[1], inner_dim(c) + 1);
  finish(c);
}
void batch_diagonal(BatchCtx& c) {
  c.args[0] = Arg(batched(c, 0));
  int64_t n = inner_dim(c);
  c.args[2] = shifted(c.args[2], n);
  c.args[3] = shifted(c.args[3], n);
  finish(c);
}
void batch_dims_only(BatchCtx& c) {
  c.args[0] = Arg(batched(c, 0));
  SmallVec<int64_t, 6> dims;
  int64_t n = inner_dim(c);
  for (int64_t d : c.args[1].as_ints())
    if (int64_t w = wrap_dim(d, n); n > 0) dims.push_back(w + 1);
  if (dims.empty()) { c.outs.push_back(t::clone(c.b, c.args[0])); c.out_bdims.push_back(0); return; }
  c.args[1] = Arg::ints(dims);
  finish(c);
}

void batch_cat(BatchCtx& c) {
  SmallVec<Val, 8> vals;
  auto list = c.args[0].as_vals();
  for (size_t i = 0; i < list.size(); ++i) {
    int64_t bdim = c.list_bdims[0][i];
    if (bdim >= 0) { vals.push_back(to_front(c.b, list[i], bdim)); continue; }
    SmallVec<int64_t, 6> size{c.batch_size};
    for (Dim s : list[i]->sizes) size.push_back(s);
    vals.push_back(t::expand(c.b, list[i], Arg::ints(size)));
  }
  c.args[0] = Arg::tensors(vals);
  c.args[1] = shifted(c.args[1], vals[0]->dim() - 1);
  finish(c);
}

// gather and scatter: every tensor gets the batch axis in front; 0-d ones count as one element.
void batch_gather(BatchCtx& c) {
  bool scalar = false;
  for (size_t i : {size_t{0}, size_t{2}, size_t{3}}) {
    if (i >= c.args.size() || !c.args[i].is_tensor()) continue;
    Val v = batched(c, i);
    if (v->dim() == 1) {
      v = t::unsqueeze(c.b, v, 1);
      scalar = scalar || i == (c.op.id == OpId::gather ? 2 : 0);
    }
    c.args[i] = Arg(v);
  }
  c.args[1] = shifted(c.args[1], inner_dim(c));
  finish(c);
  if (scalar) c.outs[0] = t::squeeze_dim(c.b, c.outs[0], Arg::ints({1}));
}

// A shared index stays one slice of work; a batched one becomes a gather along the dimension.
void batch_index_select(BatchCtx& c) {
  if (c.bdims[2] < 0) {
    c.args[0] = Arg(batched(c, 0));
    c.args[1] = shifted(c.args[1], inner_dim(c));
    finish(c);
    return;
  }
  Val x = batched(c, 0), index = batched(c, 2);
  int64_t d = wrap_dim(c.args[1].as_int(), x->dim() - 1) + 1;
  SmallVec<int64_t, 6> narrow(static_cast<size_t>(x->dim()), 1), wide;
  narrow[0] = index->sizes[0];
  narrow[d] = index->dim() > 1 ? index->sizes[1] : 1;
  for (int64_t k = 0; k < x->dim(); ++k) wide.push_back(k == d ? narrow[d] : int64_t(x->sizes[k]));
  Val full = t::expand(c.b, t::reshape(c.b, index, Arg::ints(narrow)), Arg::ints(wide));
  c.outs.push_back(t::gather(c.b, x, d, full));
  c.out_bdims.push_back(0);
}

void batch_index_add(BatchCtx& c) {
  FJ_USER_CHECK(c.bdims[2] < 0, ErrorKind::Runtime, "vmap: ", c.op.name, " over a batched index is not supported; use scatter_add or scatter");
  c.args[0] = Arg(batched(c, 0));
  c.args[3] = Arg(batched(c, 3));
  c.args[1] = shifted(c.args[1], inner_dim(c));
  finish(c);
}

}  // namespace fj
