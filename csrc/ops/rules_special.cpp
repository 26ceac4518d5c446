// Shape and derivative rules of special functions.
#include <limits>

#include "ops/rules_util.h"

namespace fj {

void infer_polygamma(InferCtx& c) {
  FJ_USER_CHECK(c.args[1].as_int() >= 0, ErrorKind::Runtime, "polygamma(n, x) does not support negative n.");
  set_out(c, c.val(0)->sizes, float_or_default(c.val(0)->dtype));
}

void vjp_polygamma(VjpCtx& c) {
  c.result[0] = Arg(t::mul(c.b, c.grads[0], t::_polygamma(c.b, c.args[0], Arg(c.args[1].as_int() + 1))));
}

// I1' = I0 - I1 / x, 1/2 at 0.
void vjp_special_i1(VjpCtx& c) {
  Val x = c.args[0].val(), zero = t::eq(c.b, x, Arg(int64_t{0}));
  Val safe = t::masked_fill(c.b, x, zero, Arg(1.0));
  Val slope = t::sub(c.b, t::i0(c.b, safe), t::div(c.b, t::special_i1(c.b, safe), safe));
  c.result[0] = Arg(t::mul(c.b, c.grads[0], t::masked_fill(c.b, slope, zero, Arg(0.5))));
}

// (e^-|x| I1)' = e^-|x| I0 - e^-|x| I1 (sign x + 1 / x), 1/2 at 0.
void vjp_special_i1e(VjpCtx& c) {
  Val x = c.args[0].val(), zero = t::eq(c.b, x, Arg(int64_t{0}));
  Val safe = t::masked_fill(c.b, x, zero, Arg(1.0));
  Val inner = t::add(c.b, t::sign(c.b, safe), t::reciprocal(c.b, safe));
  Val slope = t::sub(c.b, t::special_i0e(c.b, safe), t::mul(c.b, t::special_i1e(c.b, safe), inner));
  c.result[0] = Arg(t::mul(c.b, c.grads[0], t::masked_fill(c.b, slope, zero, Arg(0.5))));
}

namespace {

// Argument i of a binary function as a tensor of the result's type.
Val operand(VjpCtx& c, size_t i) {
  Val g = c.grads[0];
  return c.args[i].is_tensor() ? cast_to(c.b, c.args[i].val(), g->dtype) : t::full_like(c.b, g, c.args[i]);
}

void refuse(VjpCtx& c, size_t i, const char* what) {
  FJ_USER_CHECK(!c.need(i), ErrorKind::NotImplemented, "the derivative for '", what, "' of '", c.op.name,
                "' is not implemented.");
}

// d P(a, x) / dx = x^(a-1) e^-x / Gamma(a)
Val gamma_density(VjpCtx& c) {
  Val a = operand(c, 0), x = operand(c, 1);
  Val power = t::mul(c.b, t::sub(c.b, a, Arg(1.0)), t::log(c.b, x));
  Val density = t::exp(c.b, t::sub(c.b, t::sub(c.b, power, x), t::lgamma(c.b, a)));
  return t::mul(c.b, c.grads[0], density);
}

}  // namespace

void vjp_igamma(VjpCtx& c) {
  refuse(c, 0, "self");
  if (c.need(1)) c.result[1] = Arg(reduce_to(c.b, gamma_density(c), c.args[1].val()));
}

void vjp_igammac(VjpCtx& c) {
  refuse(c, 0, "self");
  if (c.need(1)) c.result[1] = Arg(reduce_to(c.b, t::neg(c.b, gamma_density(c)), c.args[1].val()));
}

void vjp_special_zeta(VjpCtx& c) {
  refuse(c, 0, "self");
  if (!c.need(1)) return;
  Val s = operand(c, 0), slope = t::mul(c.b, s, t::special_zeta(c.b, t::add(c.b, s, Arg(1.0)), c.args[1]));
  c.result[1] = Arg(reduce_to(c.b, t::neg(c.b, t::mul(c.b, c.grads[0], slope)), c.args[1].val()));
}

void decompose_entr(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  if (!is_float(x->dtype)) x = cast_to(b, x, float_or_default(x->dtype));
  Val zero = t::eq(b, x, Arg(int64_t{0})), negative = t::lt(b, x, Arg(int64_t{0}));
  Val body = t::neg(b, t::mul(b, x, t::log(b, x)));
  body = t::masked_fill(b, body, negative, Arg(-std::numeric_limits<double>::infinity()));
  outs.push_back(t::masked_fill(b, body, zero, Arg(0.0)));
}

// self * log1p(other): 0 where self is 0 and other is no NaN.
void decompose_xlog1py(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  auto as_value = [&](const Arg& a, Val other) { return a.is_tensor() ? a.val() : t::full_like(b, other, a); };
  FJ_USER_CHECK(args[0].is_tensor() || args[1].is_tensor(), ErrorKind::Type,
                "special_xlog1py: one argument must be a tensor");
  Val x = as_value(args[0], args[0].is_tensor() ? args[0].val() : args[1].val());
  Val y = as_value(args[1], x);
  DType type = float_or_default(result_type(args));
  x = cast_to(b, x, type), y = cast_to(b, y, type);
  Val product = t::mul(b, x, t::log1p(b, y));
  Val zero = t::logical_and(b, t::eq(b, x, Arg(int64_t{0})), t::logical_not(b, t::isnan(b, y)));
  outs.push_back(t::masked_fill(b, product, zero, Arg(0.0)));
}

}  // namespace fj
