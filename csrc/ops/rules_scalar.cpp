// Pointwise lowerings that are more than an expression: they look at the compute type, at which arguments are present,
// or need intermediate values. Each is scalar_X, named by rows as "fn:X".
#include <limits>

#include "ops/builder.h"
#include "ops/rules.h"

namespace fj {
namespace {

bool floating(ScalarBuilder& b) { return is_float(b.compute_type()); }

Scl log_add_exp(ScalarBuilder& b, Scl x, Scl y, const char* exp, const char* log, double scale) {
  Scl hi = b.op("max", {x, y}), lo = b.op("min", {x, y});
  Scl diff = b.op("sub", {lo, hi});
  // Equal infinities would give NaN from inf - inf.
  diff = b.op("select", {b.op("eq", {lo, hi}), b.constant(0), diff});
  Scl tail = b.op(log, {b.op("add", {b.constant(1), b.op(exp, {diff})})});
  if (scale == 1) tail = b.op("log1p", {b.op(exp, {diff})});
  return b.op("add", {hi, tail});
}

}  // namespace

Scl scalar_pow(ScalarBuilder& b, std::span<const Scl> in, Args args) {
  // Small constant exponents are products; they stay numbers of the key only through their value being special.
  if (args[1].is_number() && floating(b)) {
    double e = args[1].as_double();
    if (e == 2) return b.op("mul", {in[0], in[0]});
    if (e == 3) return b.op("mul", {b.op("mul", {in[0], in[0]}), in[0]});
    if (e == 0.5) return b.op("sqrt", {in[0]});
    if (e == -1) return b.op("div", {b.constant(1), in[0]});
    if (e == -2) return b.op("div", {b.constant(1), b.op("mul", {in[0], in[0]})});
  }
  return b.op("pow", {in[0], in[1]});
}

// Exact at both ends, as PyTorch computes it: from the nearer end.
Scl scalar_lerp(ScalarBuilder& b, std::span<const Scl> in, Args) {
  Scl diff = b.op("sub", {in[1], in[0]});
  Scl low = b.op("add", {in[0], b.op("mul", {in[2], diff})});
  Scl high = b.op("sub", {in[1], b.op("mul", {diff, b.op("sub", {b.constant(1), in[2]})})});
  return b.op("select", {b.op("lt", {b.op("abs", {in[2]}), b.constant(0.5)}), low, high});
}

Scl scalar_fmax(ScalarBuilder& b, std::span<const Scl> in, Args) {
  return b.op(floating(b) ? "fmax" : "max", {in[0], in[1]});
}
Scl scalar_fmin(ScalarBuilder& b, std::span<const Scl> in, Args) {
  return b.op(floating(b) ? "fmin" : "min", {in[0], in[1]});
}

Scl scalar_clamp(ScalarBuilder& b, std::span<const Scl> in, Args args) {
  Scl v = in[0];
  if (!args[1].is_none()) v = b.op("max", {v, in[1]});
  if (!args[2].is_none()) v = b.op("min", {v, in[2]});
  return v;
}

Scl scalar_nan_to_num(ScalarBuilder& b, std::span<const Scl> in, Args args) {
  if (!floating(b)) return in[0];
  DType t = args[0].val()->dtype;
  double limit = t == DType::F64   ? std::numeric_limits<double>::max()
                 : t == DType::F32 ? std::numeric_limits<float>::max()
                 : t == DType::F16 ? 65504.0
                                   : 3.3895313892515355e38;
  Scl nan = args[1].is_none() ? b.constant(0) : in[1];
  Scl pos = args[2].is_none() ? b.constant(limit) : in[2];
  Scl neg = args[3].is_none() ? b.constant(-limit) : in[3];
  Scl inf = b.constant(std::numeric_limits<double>::infinity());
  Scl v = b.op("select", {b.op("eq", {in[0], inf}), pos, in[0]});
  v = b.op("select", {b.op("eq", {in[0], b.op("neg", {inf})}), neg, v});
  return b.op("select", {b.op("isnan", {in[0]}), nan, v});
}

Scl scalar_logaddexp(ScalarBuilder& b, std::span<const Scl> in, Args) {
  return log_add_exp(b, in[0], in[1], "exp", "log", 1);
}
Scl scalar_logaddexp2(ScalarBuilder& b, std::span<const Scl> in, Args) {
  return log_add_exp(b, in[0], in[1], "exp2", "log2", 2);
}

Scl scalar_floor(ScalarBuilder& b, std::span<const Scl> in, Args) {
  return floating(b) ? b.op("floor", {in[0]}) : in[0];
}
Scl scalar_ceil(ScalarBuilder& b, std::span<const Scl> in, Args) { return floating(b) ? b.op("ceil", {in[0]}) : in[0]; }
Scl scalar_trunc(ScalarBuilder& b, std::span<const Scl> in, Args) {
  return floating(b) ? b.op("trunc", {in[0]}) : in[0];
}

// The number of decimals may be a run-time parameter, so the scale is computed in the kernel; dividing by a positive
// power of ten (not multiplying by a negative one) keeps the result exact.
Scl scalar_round(ScalarBuilder& b, std::span<const Scl> in, Args args) {
  if (!floating(b)) return in[0];
  if (args[1].as_int() == 0) return b.op("round", {in[0]});
  Scl x = in[0], scale = b.op("pow", {b.constant(10), b.op("abs", {in[1]})});
  Scl fine = b.op("div", {b.op("round", {b.op("mul", {x, scale})}), scale});
  Scl coarse = b.op("mul", {b.op("round", {b.op("div", {x, scale})}), scale});
  return b.op("select", {b.op("lt", {in[1], b.constant(0)}), coarse, fine});
}

// Integers have no NaN and no infinity.
Scl scalar_isnan(ScalarBuilder& b, std::span<const Scl> in, Args) { return b.op("ne", {in[0], in[0]}); }
Scl scalar_isinf(ScalarBuilder& b, std::span<const Scl> in, Args) {
  return floating(b) ? b.op("isinf", {in[0]}) : b.op("ne", {in[0], in[0]});
}
Scl scalar_isfinite(ScalarBuilder& b, std::span<const Scl> in, Args) {
  return floating(b) ? b.op("isfinite", {in[0]}) : b.op("eq", {in[0], in[0]});
}
Scl scalar_signbit(ScalarBuilder& b, std::span<const Scl> in, Args) {
  return floating(b) ? b.op("signbit", {in[0]}) : b.op("lt", {in[0], b.constant_int(0)});
}

Scl scalar_where(ScalarBuilder& b, std::span<const Scl> in, Args) {
  return b.op("select", {b.cast(in[0], DType::Bool), in[1], in[2]});
}
Scl scalar_masked_fill(ScalarBuilder& b, std::span<const Scl> in, Args) {
  return b.op("select", {b.cast(in[1], DType::Bool), in[2], in[0]});
}

Scl scalar_gelu(ScalarBuilder& b, std::span<const Scl> in, Args args) {
  Scl x = in[0], half = b.constant(0.5), one = b.constant(1);
  if (args[1].as_str() == "none") {
    Scl e = b.op("erf", {b.op("mul", {x, b.constant(0.7071067811865476)})});
    return b.op("mul", {b.op("mul", {x, half}), b.op("add", {one, e})});
  }
  FJ_USER_CHECK(args[1].as_str() == "tanh", ErrorKind::Runtime, "approximate argument must be either none or tanh.");
  Scl cube = b.op("mul", {b.op("mul", {x, x}), x});
  Scl inner =
      b.op("mul", {b.constant(0.7978845608028654), b.op("add", {x, b.op("mul", {b.constant(0.044715), cube})})});
  return b.op("mul", {b.op("mul", {x, half}), b.op("add", {one, b.op("tanh", {inner})})});
}

// Recurrence up to x + 8, then the asymptotic series (Abramowitz and Stegun 6.4.6, 6.4.12); the reflection formula
// 6.4.7 below 0.5.
Scl scalar_trigamma(ScalarBuilder& b, std::span<const Scl> in, Args) {
  Scl one = b.constant(1), x = in[0], low = b.op("lt", {x, b.constant(0.5)});
  Scl y = b.op("select", {low, b.op("sub", {one, x}), x});
  Scl total = b.constant(0);
  for (int k = 0; k < 8; ++k) {
    total = b.op("add", {total, b.op("div", {one, b.op("mul", {y, y})})});
    y = b.op("add", {y, one});
  }
  Scl r = b.op("div", {one, y}), r2 = b.op("mul", {r, r}), series = b.constant(-1.0 / 30);
  for (double c : {1.0 / 42, -1.0 / 30, 1.0 / 6}) series = b.op("add", {b.op("mul", {series, r2}), b.constant(c)});
  Scl tail = b.op("add", {r, b.op("mul", {r2, b.op("add", {b.constant(0.5), b.op("mul", {r, series})})})});
  total = b.op("add", {total, tail});
  Scl s = b.op("sin", {b.op("mul", {x, b.constant(3.141592653589793)})});
  Scl mirror = b.op("sub", {b.op("div", {b.constant(9.869604401089358), b.op("mul", {s, s})}), total});
  return b.op("select", {low, mirror, total});
}

}  // namespace fj
