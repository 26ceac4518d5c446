// Shape, derivative and batching rules of embeddings.
#include "ops/batch_util.h"
#include "ops/checks.h"

namespace fj {
namespace {

void check_indices(Val indices) {
  FJ_USER_CHECK(
      indices->dtype == DType::I64 || indices->dtype == DType::I32, ErrorKind::Runtime,
      "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.",
      scalar_type_name(indices->dtype), "Tensor instead (while checking arguments for embedding)");
}

}  // namespace

void infer_embedding(InferCtx& c) {
  const TensorMeta& w = *c.val(0);
  FJ_USER_CHECK(w.dim() == 2, ErrorKind::Runtime, "'weight' must be 2-D");
  check_indices(c.val(1));
  FJ_USER_CHECK(w.sizes[0] > 0 || c.val(1)->numel() == 0, ErrorKind::Runtime,
                "index_select(): self indexing axis dim should be positive");
  Shape sizes = c.val(1)->sizes;
  sizes.push_back(w.sizes[1]);
  set_out(c, std::move(sizes), w.dtype);
}

void infer_embedding_dense_backward(InferCtx& c) {
  check_indices(c.val(1));
  const TensorMeta& grad = *c.val(0);
  check_rank(c, 0, 1, 64);
  const Dim n = c.val(1)->numel(), width = grad.sizes.back();
  FJ_USER_CHECK(n * width == grad.numel(), ErrorKind::Runtime, "shape '[", n, ", ", width,
                "]' is invalid for input of size ", grad.numel());
  Shape sizes{c.args[2].as_int(), width};
  check_sizes(sizes, grad.dtype);
  set_out(c, std::move(sizes), grad.dtype);
}

void vjp_embedding(VjpCtx& c) {
  c.result[0] = Arg(t::embedding_dense_backward(c.b, c.grads[0], c.args[1], Arg(int64_t(c.args[0].val()->sizes[0])),
                                                c.args[2], c.args[3]));
}

// The reverse is a look-up again; rows of the padding index got nothing.
void vjp_embedding_dense_backward(VjpCtx& c) {
  FJ_USER_CHECK(!c.args[4].as_bool(), ErrorKind::Runtime, "double backward is not supported with scale_grad_by_freq");
  Val rows = t::embedding(c.b, c.grads[0], c.args[1], c.args[3]);
  if (c.args[3].as_int() >= 0)
    rows =
        t::masked_fill(c.b, rows, insert_dim(c.b, t::eq(c.b, c.args[1], c.args[3]), c.args[1].val()->dim()), Arg(0.0));
  c.result[0] = Arg(rows);
}

void batch_embedding(BatchCtx& c) {
  if (!is_batched(c, 0)) {
    front_args(c, {1});
    return finish(c);
  }
  // One table of B * n rows; entry i's indices move up by i * n.
  Val tables = batch_front(c.b, c.args[0].val(), c.bdims[0]),
      indices = batch_expanded(c.b, c.args[1].val(), c.bdims[1], c.batch_size);
  Dim n = tables->sizes[1];
  Shape spread(static_cast<size_t>(indices->dim()), 1);
  spread[0] = c.batch_size;
  Val shift = t::cumsum(c.b, t::full_like(c.b, indices, Arg(int64_t(n))), Arg(int64_t{0}));
  Val flat = t::reshape(c.b, tables, Shape{n * c.batch_size, tables->sizes[2]});
  set_out(c, t::embedding(c.b, flat, t::add(c.b, indices, t::sub(c.b, shift, Arg(int64_t(n))))), 0);
}

}  // namespace fj
