// Derivative rules of matrix products.
#include "ops/rules_util.h"

namespace fj {
namespace {

Val product_of(Builder& b, Val x, Val y) { return x->dim() == 3 ? t::bmm(b, x, y) : t::mm(b, x, y); }

}  // namespace

// mm and bmm.
void vjp_mm(VjpCtx& c) {
  Val g = c.grads[0], x = c.args[0].val(), y = c.args[1].val();
  if (c.need(0)) c.result[0] = Arg(product_of(c.b, g, transpose_last(c.b, y)));
  if (c.need(1)) c.result[1] = Arg(product_of(c.b, transpose_last(c.b, x), g));
}

void vjp_mv(VjpCtx& c) {
  Val g = c.grads[0], m = c.args[0].val(), v = c.args[1].val();
  if (c.need(0)) c.result[0] = Arg(t::mul(c.b, insert_dim(c.b, g, 1), v));
  if (c.need(1)) c.result[1] = Arg(t::mv(c.b, transpose_last(c.b, m), g));
}

// addmm and baddbmm.
void vjp_addmm(VjpCtx& c) {
  Val g = c.grads[0], x = c.args[1].val(), y = c.args[2].val();
  if (c.need(0)) c.result[0] = Arg(reduce_to(c.b, scaled(c.b, g, c.args[3]), c.args[0].val()));
  if (c.need(1)) c.result[1] = Arg(scaled(c.b, product_of(c.b, g, transpose_last(c.b, y)), c.args[4]));
  if (c.need(2)) c.result[2] = Arg(scaled(c.b, product_of(c.b, transpose_last(c.b, x), g), c.args[4]));
}

void vjp_linear(VjpCtx& c) {
  Val x = c.args[0].val(), w = c.args[1].val(), bias = c.args[2].val();
  Dim in = x->sizes.back(), out = w->dim() == 2 ? w->sizes[0] : 1,
      rows = product({x->sizes.data(), x->sizes.size() - 1});
  Val g = reshape_to(c.b, c.grads[0], Shape{rows, out});
  if (c.need(0)) c.result[0] = Arg(reshape_to(c.b, t::mm(c.b, g, reshape_to(c.b, w, Shape{out, in})), x->sizes));
  if (c.need(1))
    c.result[1] =
        Arg(reshape_to(c.b, t::mm(c.b, transpose_last(c.b, g), reshape_to(c.b, x, Shape{rows, in})), w->sizes));
  if (c.need(2) && bias) c.result[2] = Arg(reduce_to(c.b, g, bias));
}

}  // namespace fj
