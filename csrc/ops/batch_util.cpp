#include "ops/batch_util.h"

namespace fj {

Val batch_first(Builder& b, Val v, int64_t bdim, int64_t ndim) {
  v = move_dim(b, v, bdim, 0);
  Shape sizes{v->sizes[0]};
  for (int64_t d = v->dim() - 1; d < ndim; ++d) sizes.push_back(1);
  for (int64_t d = 1; d < v->dim(); ++d) sizes.push_back(v->sizes[d]);
  return reshape_to(b, v, sizes);
}

Val batch_front(Builder& b, Val v, int64_t bdim) { return bdim < 0 ? v : move_dim(b, v, bdim, 0); }

Val batch_expanded(Builder& b, Val v, int64_t bdim, Dim batch_size) {
  if (!v || bdim >= 0) return v ? batch_front(b, v, bdim) : v;
  Shape sizes{batch_size};
  for (Dim s : v->sizes) sizes.push_back(s);
  return t::expand(b, v, sizes);
}

Val fold_batch(Builder& b, Val v, int64_t bdim, int64_t dim) {
  v = move_dim(b, v, bdim, dim);
  Shape sizes = v->sizes;
  sizes[dim + 1] *= sizes[dim];
  sizes.erase(sizes.begin() + dim);
  return t::reshape(b, v, sizes);
}

Val unfold_batch(Builder& b, Val v, int64_t dim, Dim batch_size) {
  Shape sizes = v->sizes;
  Dim rest = batch_size == 0 ? 0 : sizes[dim] / batch_size;
  sizes[dim] = rest;
  sizes.insert(sizes.begin() + dim, batch_size);
  return t::reshape(b, v, sizes);
}

int64_t logical_dim(const BatchCtx& c, size_t i) { return c.args[i].val()->dim() - (c.bdims[i] >= 0); }

Shape logical_sizes(const BatchCtx& c, size_t i) {
  Shape s = c.args[i].val()->sizes;
  if (c.bdims[i] >= 0) s.erase(s.begin() + c.bdims[i]);
  return s;
}

bool is_batched(const BatchCtx& c, size_t i) { return c.bdims[i] >= 0; }

int64_t past_batch(const BatchCtx& c, int64_t dim) { return wrap_dim(dim, logical_dim(c, 0)) + 1; }

void finish(BatchCtx& c) {
  c.b.emit(c.op, c.args, c.outs);
  c.out_bdims.clear();
  c.out_bdims.resize(c.outs.size(), 0);
}

void set_out(BatchCtx& c, Val v, int64_t bdim) {
  c.outs.clear();
  c.out_bdims.clear();
  c.outs.push_back(v);
  c.out_bdims.push_back(bdim);
}

void front_args(BatchCtx& c, std::initializer_list<size_t> which) {
  for (size_t i : which) {
    c.args[i] = Arg(batch_expanded(c.b, c.args[i].val(), c.bdims[i], c.batch_size));
    c.bdims[i] = 0;
  }
}

}  // namespace fj
