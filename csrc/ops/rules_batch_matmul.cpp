// Batching rules of matrix products and convolutions.
#include "ops/batch_util.h"

namespace fj {
namespace {

// The batch axis of `v` folded into its first dimension; an unbatched value is repeated.
Val fold_all(BatchCtx& c, size_t i) {
  return fold_batch(c.b, batch_expanded(c.b, c.args[i].val(), c.bdims[i], c.batch_size), 0, 0);
}

// Convolutions carry a batch of pairs as groups: channels of both sides get the batch as their outer part.
Val into_channels(BatchCtx& c, size_t i, int64_t channel_dim) {
  return fold_batch(c.b, batch_expanded(c.b, c.args[i].val(), c.bdims[i], c.batch_size), 0, channel_dim);
}

void multiply_groups(BatchCtx& c) {
  size_t at = c.args.size() - 1;
  c.args[at] = Arg(c.args[at].as_int() * c.batch_size);
}

// Sizes with dimension `dim` multiplied by the batch.
Arg scaled_sizes(const Arg& sizes, size_t dim, Dim by) {
  Shape s(sizes.as_ints());
  s[dim] *= by;
  return Arg(s);
}

}  // namespace

void batch_mm(BatchCtx& c) {
  if (c.bdims[1] < 0) {  // rows of the left side take the batch
    c.args[0] = Arg(fold_batch(c.b, c.args[0].val(), c.bdims[0], 0));
    c.b.emit(c.op, c.args, c.outs);
    set_out(c, unfold_batch(c.b, c.outs[0], 0, c.batch_size), 0);
    return;
  }
  front_args(c, {0, 1});
  set_out(c, t::bmm(c.b, c.args[0], c.args[1]), 0);
}

void batch_bmm(BatchCtx& c) {
  Val out = t::bmm(c.b, fold_all(c, 0), fold_all(c, 1));
  set_out(c, unfold_batch(c.b, out, 0, c.batch_size), 0);
}

// (input, weight, bias, stride, padding, dilation, groups)
void batch_convolution(BatchCtx& c) {
  Val bias = c.args[2].val();
  int64_t bias_bdim = c.bdims[2];
  c.args[2] = Arg();
  Val out;
  int64_t at;
  if (!is_batched(c, 1)) {
    c.args[0] = Arg(fold_all(c, 0));
    c.b.emit(c.op, c.args, c.outs);
    out = unfold_batch(c.b, c.outs[0], at = 0, c.batch_size);
  } else {
    c.args[0] = Arg(into_channels(c, 0, 1));
    c.args[1] = Arg(into_channels(c, 1, 0));
    multiply_groups(c);
    c.b.emit(c.op, c.args, c.outs);
    out = unfold_batch(c.b, c.outs[0], at = 1, c.batch_size);
  }
  if (bias) {
    out = move_dim(c.b, out, at, 0);
    Val flat = batch_front(c.b, bias, bias_bdim);
    Shape sizes(static_cast<size_t>(out->dim()), 1);
    sizes[0] = bias_bdim >= 0 ? c.batch_size : 1;
    sizes[2] = flat->sizes.back();
    out = t::add(c.b, out, reshape_to(c.b, flat, sizes));
    at = 0;
  }
  set_out(c, out, at);
}

// Stacks of matrices: the batch is one more leading dimension, of every tensor.
void batch_matrices(BatchCtx& c) {
  for (size_t i = 0; i < c.args.size(); ++i)
    if (c.args[i].is_tensor()) front_args(c, {i});
  finish(c);
}

// (grad, weight, input_size, …)
void batch_convolution_input_grad(BatchCtx& c) {
  bool pairs = is_batched(c, 1);
  c.args[2] = scaled_sizes(c.args[2], pairs ? 1 : 0, c.batch_size);
  if (pairs) {
    c.args[0] = Arg(into_channels(c, 0, 1));
    c.args[1] = Arg(into_channels(c, 1, 0));
    multiply_groups(c);
  } else {
    c.args[0] = Arg(fold_all(c, 0));
  }
  c.b.emit(c.op, c.args, c.outs);
  set_out(c, unfold_batch(c.b, c.outs[0], pairs ? 1 : 0, c.batch_size), pairs ? 1 : 0);
}

// (grad, input, weight_size, …)
void batch_convolution_weight_grad(BatchCtx& c) {
  c.args[0] = Arg(into_channels(c, 0, 1));
  c.args[1] = Arg(into_channels(c, 1, 1));
  c.args[2] = scaled_sizes(c.args[2], 0, c.batch_size);
  multiply_groups(c);
  c.b.emit(c.op, c.args, c.outs);
  set_out(c, unfold_batch(c.b, c.outs[0], 0, c.batch_size), 0);
}

}  // namespace fj
