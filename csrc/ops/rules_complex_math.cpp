// Functions of complex numbers in terms of real ones: complex_X, named by rows. Formulas are the textbook's (Abramowitz
// and Stegun, chapter 4), in the forms that neither overflow early nor have a 0/0 in their derivatives.
#include <cmath>

#include "ops/complex.h"
#include "ops/complex_parts.h"
#include "ops/rules_util.h"

namespace fj {

// -- arithmetic ------------------------------------------------------------------------------------------------------

Arg Expr::add(const Arg& x, const Arg& y) const {
  if (!x.is_tensor() && !y.is_tensor()) return Arg(x.as_double() + y.as_double());
  return Arg(t::add(b, x, y));
}
Arg Expr::sub(const Arg& x, const Arg& y) const {
  if (!x.is_tensor() && !y.is_tensor()) return Arg(x.as_double() - y.as_double());
  return Arg(t::sub(b, x, y));
}
Arg Expr::mul(const Arg& x, const Arg& y) const {
  if (!x.is_tensor() && !y.is_tensor()) return Arg(x.as_double() * y.as_double());
  return Arg(t::mul(b, x, y));
}
Arg Expr::div(const Arg& x, const Arg& y) const {
  if (!x.is_tensor() && !y.is_tensor()) return Arg(x.as_double() / y.as_double());
  return Arg(t::div(b, x, y));
}
Arg Expr::neg(const Arg& x) const { return x.is_tensor() ? Arg(t::neg(b, x)) : Arg(-x.as_double()); }
Arg Expr::call(OpId op, double (*f)(double), const Arg& x) const {
  return x.is_tensor() ? Arg(b.emit1(op, {x})) : Arg(f(x.as_double()));
}

Parts Expr::mul(const Parts& p, const Parts& q) const {
  return {sub(mul(p.re, q.re), mul(p.im, q.im)), add(mul(p.re, q.im), mul(p.im, q.re))};
}

namespace {

double real_of(const Arg& a) { return a.as_double(); }

// The larger part of the divisor divides first (R. L. Smith, 1962), so that squares do not overflow.
struct Divisor {
  Arg hi, lo;  // the parts by size
  Arg first;   // bool: is the real part the larger?
};

Divisor order_parts(const Expr& e, const Parts& q) {
  Builder& b = e.b;
  if (!q.re.is_tensor() && !q.im.is_tensor()) {
    bool first = std::fabs(real_of(q.re)) >= std::fabs(real_of(q.im));
    return {first ? q.re : q.im, first ? q.im : q.re, Arg(first)};
  }
  Arg first = Arg(t::ge(b, e.call(OpId::abs, std::fabs, q.re), e.call(OpId::abs, std::fabs, q.im)));
  return {Arg(t::where(b, first, q.re, q.im)), Arg(t::where(b, first, q.im, q.re)), first};
}

Arg choose(const Expr& e, const Arg& cond, const Arg& yes, const Arg& no) {
  if (!cond.is_tensor()) return cond.as_bool() ? yes : no;
  return Arg(t::where(e.b, cond, yes, no));
}

Arg is_zero(const Expr& e, const Parts& p) {
  auto zero = [&](const Arg& a) { return a.is_tensor() ? Arg(t::eq(e.b, a, 0)) : Arg(real_of(a) == 0); };
  Arg re = zero(p.re), im = zero(p.im);
  if (!re.is_tensor()) return re.as_bool() ? im : re;
  if (!im.is_tensor()) return im.as_bool() ? re : im;
  return Arg(t::logical_and(e.b, re, im));
}

}  // namespace

Parts Expr::div(const Parts& p, const Parts& q) const {
  if (!q.im.is_tensor() && real_of(q.im) == 0) return {div(p.re, q.re), div(p.im, q.re)};
  Divisor d = order_parts(*this, q);
  Arg ratio = div(d.lo, d.hi), scale = div(Arg(1.0), add(d.hi, mul(d.lo, ratio)));
  Arg n1 = choose(*this, d.first, p.re, p.im), n2 = choose(*this, d.first, p.im, p.re);
  Arg re = mul(add(n1, mul(n2, ratio)), scale), im = mul(sub(n2, mul(n1, ratio)), scale);
  return {re, choose(*this, d.first, im, neg(im))};
}

// hypot, whose derivative at 0 is 0 here.
Arg Expr::abs(const Parts& p) const {
  if (!p.re.is_tensor() && !p.im.is_tensor()) return Arg(std::hypot(real_of(p.re), real_of(p.im)));
  Arg zero = is_zero(*this, p);
  Arg length = Arg(t::hypot(b, choose(*this, zero, Arg(1.0), p.re), p.im));
  return choose(*this, zero, Arg(0.0), length);
}
Arg Expr::angle(const Parts& p) const {
  if (!p.re.is_tensor() && !p.im.is_tensor()) return Arg(std::atan2(real_of(p.im), real_of(p.re)));
  return Arg(t::atan2(b, p.im, p.re));
}
Parts Expr::exp(const Parts& p) const {
  Arg size = call(OpId::exp, std::exp, p.re);
  return {mul(size, call(OpId::cos, std::cos, p.im)), mul(size, call(OpId::sin, std::sin, p.im))};
}
Parts Expr::log(const Parts& p) const { return {call(OpId::log, std::log, abs(p)), angle(p)}; }

// sqrt((|z| + |re|) / 2) is the part that does not cancel; the other is im / 2 over it.
Parts Expr::sqrt(const Parts& p) const {
  Arg zero = is_zero(*this, p);
  Parts safe{choose(*this, zero, Arg(1.0), p.re), p.im};
  Arg sum = add(abs(safe), call(OpId::abs, std::fabs, safe.re));
  Arg main = call(OpId::sqrt, std::sqrt, mul(sum, Arg(0.5)));
  Arg other = div(mul(safe.im, Arg(0.5)), main);
  auto negative = [&](const Arg& a) { return a.is_tensor() ? Arg(t::signbit(b, a)) : Arg(std::signbit(real_of(a))); };
  Arg left = negative(safe.re), below = negative(safe.im);
  Arg re = choose(*this, left, call(OpId::abs, std::fabs, other), main);
  Arg im = choose(*this, left, choose(*this, below, neg(main), main), other);
  return {choose(*this, zero, Arg(0.0), re), choose(*this, zero, p.im, im)};
}

// -- rules -----------------------------------------------------------------------------------------------------------

namespace {

struct Unary {
  Expr e;
  DType type;
  Parts z;
  SmallVec<Val, 2>& outs;

  Unary(Builder& b, Args args, SmallVec<Val, 2>& o)
      : e{b}, type(part_of(args[0].val()->dtype)), z(parts_of(b, args[0], type)), outs(o) {}
  void give(const Parts& p) { outs.push_back(join(e.b, p, type)); }
};

Arg sin_of(const Expr& e, const Arg& x) { return e.call(OpId::sin, std::sin, x); }
Arg cos_of(const Expr& e, const Arg& x) { return e.call(OpId::cos, std::cos, x); }
Arg sinh_of(const Expr& e, const Arg& x) { return e.call(OpId::sinh, std::sinh, x); }
Arg cosh_of(const Expr& e, const Arg& x) { return e.call(OpId::cosh, std::cosh, x); }

Parts one() { return {Arg(1.0), Arg(0.0)}; }
// z + x and x - z for a real x: the sign of a zero imaginary part, which chooses the side of a branch cut, stays.
Parts plus(const Expr& e, const Parts& z, double x) { return {e.add(z.re, Arg(x)), z.im}; }
Parts minus_from(const Expr& e, double x, const Parts& z) { return {e.sub(Arg(x), z.re), e.neg(z.im)}; }

Parts sinh(const Expr& e, const Parts& z) {
  return {e.mul(sinh_of(e, z.re), cos_of(e, z.im)), e.mul(cosh_of(e, z.re), sin_of(e, z.im))};
}
Parts cosh(const Expr& e, const Parts& z) {
  return {e.mul(cosh_of(e, z.re), cos_of(e, z.im)), e.mul(sinh_of(e, z.re), sin_of(e, z.im))};
}
// From tanh and tan of the parts: large real parts give +-1 and no inf/inf.
Parts tanh(const Expr& e, const Parts& z) {
  Arg t = e.call(OpId::tanh, std::tanh, z.re), s = e.call(OpId::tan, std::tan, z.im);
  Arg t2 = e.mul(t, t), s2 = e.mul(s, s), below = e.add(Arg(1.0), e.mul(t2, s2));
  return {e.div(e.mul(t, e.add(Arg(1.0), s2)), below), e.div(e.mul(s, e.sub(Arg(1.0), t2)), below)};
}
// Odd, and without cancellation where the real part is not negative.
Parts asinh(const Expr& e, const Parts& z) {
  auto sign = [&](const Arg& a) {
    return a.is_tensor() ? Arg(t::where(e.b, t::signbit(e.b, a), -1.0, 1.0)) : Arg(std::copysign(1.0, real_of(a)));
  };
  Arg side = sign(z.re);
  Parts right{e.mul(z.re, side), e.mul(z.im, side)};
  Parts p = e.log(e.add(right, e.sqrt(plus(e, e.mul(right, right), 1))));
  return {e.mul(p.re, side), e.mul(p.im, side)};
}
Parts acosh(const Expr& e, const Parts& z) {
  return e.log(e.add(z, e.mul(e.sqrt(plus(e, z, 1)), e.sqrt(plus(e, z, -1)))));
}
Parts atanh(const Expr& e, const Parts& z) {
  return e.scale(e.sub(e.log(plus(e, z, 1)), e.log(minus_from(e, 1, z))), 0.5);
}
Parts reciprocal(const Expr& e, const Parts& z) { return e.div(one(), z); }

// f(z) = -i g(iz): the circular functions from the hyperbolic ones.
template <Parts (*g)(const Expr&, const Parts&)>
Parts turned(const Expr& e, const Parts& z) {
  return e.times_minus_i(g(e, e.times_i(z)));
}
Parts cos(const Expr& e, const Parts& z) { return cosh(e, e.times_i(z)); }
Parts acos(const Expr& e, const Parts& z) {
  Parts s = turned<asinh>(e, z);
  return {e.sub(Arg(M_PI / 2), s.re), e.neg(s.im)};
}
Parts expm1(const Expr& e, const Parts& z) {  // re: expm1(x) cos y - 2 sin^2(y / 2)
  Arg half = sin_of(e, e.mul(z.im, Arg(0.5)));
  Arg grown = e.call(OpId::expm1, std::expm1, z.re);
  Arg re = e.sub(e.mul(grown, cos_of(e, z.im)), e.mul(Arg(2.0), e.mul(half, half)));
  return {re, e.mul(e.call(OpId::exp, std::exp, z.re), sin_of(e, z.im))};
}
Parts log1p(const Expr& e, const Parts& z) {  // |1 + z|^2 = 1 + (x (x + 2) + y^2)
  Arg square = e.add(e.mul(z.re, e.add(z.re, Arg(2.0))), e.mul(z.im, z.im));
  return {e.mul(e.call(OpId::log1p, std::log1p, square), Arg(0.5)), e.angle(plus(e, z, 1))};
}
Parts sgn(const Expr& e, const Parts& z) {
  Arg zero = is_zero(e, z), size = choose(e, zero, Arg(1.0), e.abs(z));
  return {e.div(z.re, size), e.div(z.im, size)};
}

// sin(pi z) / (pi z), 1 at 0.
Parts sinc(const Expr& e, const Parts& z) {
  Arg zero = is_zero(e, z);
  Parts turned_z = e.scale({choose(e, zero, Arg(1.0), z.re), z.im}, M_PI);
  Parts p = e.div(turned<sinh>(e, turned_z), turned_z);
  return {choose(e, zero, Arg(1.0), p.re), choose(e, zero, Arg(0.0), p.im)};
}

using Function = Parts (*)(const Expr&, const Parts&);
struct Named {
  std::string_view name;
  Function f;
};
// By the name of the row.
constexpr Named kFunctions[] = {
    {"exp", [](const Expr& e, const Parts& z) { return e.exp(z); }},
    {"exp2", [](const Expr& e, const Parts& z) { return e.exp(e.scale(z, M_LN2)); }},
    {"expm1", expm1},
    {"log", [](const Expr& e, const Parts& z) { return e.log(z); }},
    {"log2", [](const Expr& e, const Parts& z) { return e.scale(e.log(z), M_LOG2E); }},
    {"log10", [](const Expr& e, const Parts& z) { return e.scale(e.log(z), M_LOG10E); }},
    {"log1p", log1p},
    {"sqrt", [](const Expr& e, const Parts& z) { return e.sqrt(z); }},
    {"rsqrt", [](const Expr& e, const Parts& z) { return reciprocal(e, e.sqrt(z)); }},
    {"reciprocal", reciprocal},
    {"square", [](const Expr& e, const Parts& z) { return e.mul(z, z); }},
    {"sigmoid", [](const Expr& e, const Parts& z) { return reciprocal(e, e.add(one(), e.exp(e.scale(z, -1)))); }},
    {"sin", turned<sinh>},
    {"cos", cos},
    {"tan", turned<tanh>},
    {"sinh", sinh},
    {"cosh", cosh},
    {"tanh", tanh},
    {"asin", turned<asinh>},
    {"acos", acos},
    {"atan", turned<atanh>},
    {"asinh", asinh},
    {"acosh", acosh},
    {"atanh", atanh},
    {"sgn", sgn},
    {"sinc", sinc},
};

}  // namespace

void complex_function(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Unary u(b, args, outs);
  for (const Named& n : kFunctions)
    if (n.name == op.name) return u.give(n.f(u.e, u.z));
  raise(ErrorKind::Internal, op.name, " is not among the complex functions");
}

void complex_abs(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  Unary u(b, args, outs);
  outs.push_back(u.e.abs(u.z).val());
}

namespace {

// Both operands' parts, in the type of the result.
struct Binary {
  Expr e;
  DType type;
  Parts x, y;

  Binary(Builder& b, const OpDef& op, Args args)
      : e{b}, type(part_of(result_type(op, args))), x(parts_of(b, args[0], type)), y(parts_of(b, args[1], type)) {}
};

bool is_number(const Arg& a, double v) { return (a.is_number() || a.is_complex()) && a.real() == v && a.imag() == 0; }

}  // namespace

void complex_mul(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Binary v(b, op, args);
  outs.push_back(join(b, v.e.mul(v.x, v.y), v.type));
}
void complex_div(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Binary v(b, op, args);
  outs.push_back(join(b, v.e.div(v.x, v.y), v.type));
}

// exp(y log x); small whole exponents by products, 0 to a power by hand.
void complex_pow(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Binary v(b, op, args);
  const Expr& e = v.e;
  Parts p;
  if (is_number(args[1], 2)) {
    p = e.mul(v.x, v.x);
  } else if (is_number(args[1], 3)) {
    p = e.mul(e.mul(v.x, v.x), v.x);
  } else if (is_number(args[1], 0.5)) {
    p = e.sqrt(v.x);
  } else if (is_number(args[1], -1)) {
    p = reciprocal(e, v.x);
  } else {
    Arg zero = is_zero(e, v.x);
    Parts base{choose(e, zero, Arg(1.0), v.x.re), v.x.im};
    p = e.exp(e.mul(v.y, e.log(base)));
    Arg none = is_zero(e, v.y);
    Arg of_zero = none.is_tensor() ? Arg(t::_to_dtype(b, none, v.type)) : Arg(none.as_bool() ? 1.0 : 0.0);
    p = {choose(e, zero, of_zero, p.re), choose(e, zero, Arg(0.0), p.im)};
  }
  outs.push_back(join(b, p, v.type));
}

void complex_eq(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Binary v(b, op, args);
  auto compare = [&](const Arg& x, const Arg& y) { return Arg(b.emit1(op.id, {x, y})); };
  bool equal = op.id == OpId::eq;
  Arg re = compare(v.x.re, v.y.re), im = compare(v.x.im, v.y.im);
  outs.push_back(equal ? t::logical_and(b, re, im) : t::logical_or(b, re, im));
}

void complex_isnan(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  auto ask = [&](int i) { return b.emit1(op.id, {Arg(t::_part(b, args[0], i))}); };
  outs.push_back(op.id == OpId::isfinite ? t::logical_and(b, ask(0), ask(1)) : t::logical_or(b, ask(0), ask(1)));
}

// self + value * tensor1 * tensor2, self + value * tensor1 / tensor2, self + weight * (end - self).
void complex_addcmul(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val product = op.id == OpId::addcmul ? t::mul(b, args[1], args[2]) : t::div(b, args[1], args[2]);
  outs.push_back(t::add(b, args[0], product, args[3]));
}
void complex_lerp(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  outs.push_back(t::add(b, args[0], t::mul(b, args[2], t::sub(b, args[1], args[0]))));
}

}  // namespace fj
