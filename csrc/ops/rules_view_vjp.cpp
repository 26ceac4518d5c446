// Derivatives of views: the gradient goes to the place in zeros from which the view read.
#include "ops/calls.h"
#include "ops/rules.h"

namespace fj {
namespace {

// Writes `grad` into zeros of `self`'s sizes through the view that `meta` describes relative to contiguous zeros.
Val scatter_view(Builder& b, Val grad, Val self, InferFn view, const OpDef& op, Args args) {
  TensorMeta base = make_meta(self->sizes, self->dtype, self->device);
  ArgVec view_args(args.begin(), args.end());
  view_args[0] = Arg(Val{&base});
  InferCtx c{op, view_args};
  view(c);
  Val zeros = t::_zeros(b, base.sizes, grad->dtype);
  return t::as_strided_scatter(b, zeros, grad, c.out[0].sizes, c.out[0].strides, int64_t(c.out[0].offset));
}

void into_zeros(VjpCtx& c) {
  c.result[0] = Arg(scatter_view(c.b, c.grads[0], c.args[0].val(), c.op.infer, c.op, c.args));
}

}  // namespace

void vjp_select(VjpCtx& c) { into_zeros(c); }
void vjp_slice(VjpCtx& c) { into_zeros(c); }
void vjp_narrow(VjpCtx& c) { into_zeros(c); }
void vjp_diagonal(VjpCtx& c) { into_zeros(c); }

// Windows may overlap, so gradients are added up.
void vjp_unfold(VjpCtx& c) {
  c.result[0] = Arg(t::_unfold_backward(c.b, c.grads[0], c.args[0].val()->sizes, c.args[1], c.args[2], c.args[3]));
}

// Elements may be read several times; the adding form is exact for both cases. The gradient of an input that lies in
// memory with gaps, or in another order, or is only a part of what is read, is collected where the memory would be.
void vjp_as_strided(VjpCtx& c) {
  Val self = c.args[0].val();
  const int64_t from = self->offset, to = c.args[3].is_none() ? from : c.args[3].as_int();
  const Shape sizes(c.args[1].as_ints()), strides(c.args[2].as_ints());
  if (self->is_contiguous() && to >= from && to - from + checked_extent(sizes, strides, 0) <= self->numel()) {
    c.result[0] = Arg(t::_as_strided_add(c.b, c.grads[0], self->sizes, c.args[1], c.args[2], to - from));
    return;
  }
  const int64_t start = std::min(from, to);
  const int64_t length = std::max(from - start + checked_extent(self->sizes, self->strides, 0),
                                  to - start + checked_extent(sizes, strides, 0));
  Val memory = t::_as_strided_add(c.b, c.grads[0], Shape{length}, c.args[1], c.args[2], to - start);
  bool expanded = false;  // then elements of the input that share memory share the gradient
  for (size_t d = 0; d < self->sizes.size(); ++d) expanded |= self->sizes[d] > 1 && self->strides[d] == 0;
  if (expanded) {
    Val ones = t::full(c.b, self->sizes, Arg(1), memory->dtype);
    Val count = t::_as_strided_add(c.b, ones, Shape{length}, self->sizes, self->strides, from - start);
    memory = t::div(c.b, memory, count);
  }
  c.result[0] = Arg(t::clone(c.b, t::as_strided(c.b, memory, self->sizes, self->strides, from - start)));
}

// The places are those of contiguous memory, whatever the layout of the gradient is.
void vjp_as_strided_add(VjpCtx& c) {
  Val grad = t::clone(c.b, c.grads[0], MemoryFormat::Contiguous);
  c.result[0] = Arg(t::as_strided(c.b, grad, c.args[2], c.args[3], c.args[4]));
}

void vjp_as_strided_scatter(VjpCtx& c) {
  int64_t offset = c.args[4].is_none() ? 0 : c.args[4].as_int();
  Val grad = t::clone(c.b, c.grads[0], MemoryFormat::Contiguous);
  if (c.need(0)) {
    Val zeros = t::_zeros(c.b, c.args[1].val()->sizes, grad->dtype);
    c.result[0] = Arg(t::as_strided_scatter(c.b, grad, zeros, c.args[2], c.args[3], offset));
  }
  if (c.need(1)) c.result[1] = Arg(t::clone(c.b, t::as_strided(c.b, grad, c.args[2], c.args[3], offset)));
}

}  // namespace fj
