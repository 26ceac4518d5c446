// Arithmetic on pairs of real values: what the rules for complex calls are written in.
#pragma once
#include "ops/builder.h"

namespace fj {

// Real and imaginary part, each a tensor or a number.
struct Parts {
  Arg re, im;
};

// The parts of a tensor or number, tensors cast to `type` (float32 or float64); a real one's imaginary part is 0.
Parts parts_of(Builder& b, const Arg& a, DType type);
// A part as a tensor; a number gets the sizes of `like` (null: none).
Val as_part(Builder& b, const Arg& a, DType type, Val like);
// The complex tensor of its parts.
Val join(Builder& b, const Parts& p, DType type);

// Arithmetic over a builder; two numbers give a number.
struct Expr {
  Builder& b;

  Arg add(const Arg& x, const Arg& y) const;
  Arg sub(const Arg& x, const Arg& y) const;
  Arg mul(const Arg& x, const Arg& y) const;
  Arg div(const Arg& x, const Arg& y) const;
  Arg neg(const Arg& x) const;
  // A function of one argument: op for tensors, `f` for numbers.
  Arg call(OpId op, double (*f)(double), const Arg& x) const;

  Parts add(const Parts& p, const Parts& q) const { return {add(p.re, q.re), add(p.im, q.im)}; }
  Parts sub(const Parts& p, const Parts& q) const { return {sub(p.re, q.re), sub(p.im, q.im)}; }
  Parts mul(const Parts& p, const Parts& q) const;
  Parts div(const Parts& p, const Parts& q) const;
  Parts scale(const Parts& p, double s) const { return {mul(p.re, Arg(s)), mul(p.im, Arg(s))}; }
  Parts times_i(const Parts& p) const { return {neg(p.im), p.re}; }
  Parts times_minus_i(const Parts& p) const { return {p.im, neg(p.re)}; }

  Arg abs(const Parts& p) const;
  Arg angle(const Parts& p) const;
  Parts exp(const Parts& p) const;
  Parts log(const Parts& p) const;
  Parts sqrt(const Parts& p) const;
};

}  // namespace fj
