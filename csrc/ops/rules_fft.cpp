// Fourier transforms: shape rules and derivatives of the three routines, and what the public ops make of them: complete
// sizes and dimensions, pad or cut, scale by the norm. Errors are in PyTorch's words.
#include <algorithm>
#include <cmath>

#include "ops/checks.h"
#include "ops/complex.h"
#include "ops/rules_util.h"

namespace fj {
namespace {

// Different dimensions of argument 0, at least `least` of them, counted from the end or from the front.
void check_axes(const InferCtx& c, size_t least) {
  Val x = c.val(0);
  auto dims = c.args[1].as_ints();
  SmallVec<int64_t, 6> seen;
  for (int64_t d : dims) {
    d = wrap_dim(d, x->dim());
    FJ_USER_CHECK(x->dim() > 0 && !is_dim_in(seen, d), ErrorKind::Runtime, c.op.name, ": dimensions must differ");
    seen.push_back(d);
  }
  FJ_USER_CHECK(dims.size() >= least, ErrorKind::Runtime, c.op.name, ": at least ", least, " dimensions");
}

void check_type(const InferCtx& c, bool complex) {
  DType t = c.val(0)->dtype;
  FJ_USER_CHECK(complex ? is_complex(t) : t == DType::F32 || t == DType::F64, ErrorKind::Runtime, c.op.name,
                complex ? " expects a complex input tensor, but got " : " expects a real input tensor, but got ",
                scalar_type_name(t));
}

// Sizes of dimensions with none to transform along a dimension that has.
void check_not_empty(const InferCtx& c, const Shape& sizes) {
  for (int64_t d : c.args[1].as_ints())
    FJ_USER_CHECK(sizes[wrap_dim(d, static_cast<int64_t>(sizes.size()))] >= 1, ErrorKind::Runtime,
                  "Invalid number of data points (0) specified");
}

}  // namespace

void infer__fft_c2c(InferCtx& c) {
  check_type(c, true);
  check_axes(c, 0);
  check_not_empty(c, c.val(0)->sizes);
  set_out(c, c.val(0)->sizes, c.val(0)->dtype);
}

void infer__fft_r2c(InferCtx& c) {
  check_type(c, false);
  check_axes(c, 1);
  Shape sizes = c.val(0)->sizes;
  check_not_empty(c, sizes);
  Dim& last = sizes[wrap_dim(c.args[1].as_ints().back(), c.val(0)->dim())];
  last = last / 2 + 1;
  set_out(c, sizes, complex_of(c.val(0)->dtype));
}

void infer__fft_c2r(InferCtx& c) {
  check_type(c, true);
  check_axes(c, 1);
  Shape sizes = c.val(0)->sizes;
  Dim n = c.args[2].as_int(), &last = sizes[wrap_dim(c.args[1].as_ints().back(), c.val(0)->dim())];
  FJ_USER_CHECK(n >= 1 && last == n / 2 + 1, ErrorKind::Runtime, c.op.name, ": ", last, " numbers are not half of ", n);
  last = n;
  check_not_empty(c, sizes);
  check_sizes(sizes, part_of(c.val(0)->dtype));
  set_out(c, sizes, part_of(c.val(0)->dtype));
}

// -- derivatives: transforms are linear and symmetric, their adjoint is the one in the other direction ---------------

void vjp__fft_c2c(VjpCtx& c) {
  c.result[0] = Arg(t::_fft_c2c(c.b, c.grads[0], c.args[1], c.args[2], Arg(!c.args[3].as_bool())));
}

// The half that was not given has no gradient.
void vjp__fft_r2c(VjpCtx& c) {
  Val g = c.grads[0];
  int64_t dim = wrap_dim(c.args[1].as_ints().back(), g->dim());
  Dim n = c.args[0].val()->sizes[dim], half = g->sizes[dim];
  if (half < n) {
    Shape pad(static_cast<size_t>(2 * (g->dim() - dim)), 0);
    pad.back() = n - half;
    g = t::constant_pad_nd(c.b, g, Arg(pad));
  }
  c.result[0] = Arg(t::_part(c.b, t::_fft_c2c(c.b, g, c.args[1], c.args[2], Arg(false)), 0));
}

// Numbers strictly inside the half stand for two of the whole.
void vjp__fft_c2r(VjpCtx& c) {
  Builder& b = c.b;
  Val g = t::_fft_r2c(b, c.grads[0], c.args[1], c.args[3]);
  int64_t dim = wrap_dim(c.args[1].as_ints().back(), g->dim());
  Dim n = c.args[2].as_int(), inside = (n - 1) / 2, half = g->sizes[dim];
  if (inside > 0) {
    SmallVec<Val, 3> parts;
    parts.push_back(t::narrow(b, g, dim, 0, 1));
    parts.push_back(t::mul(b, t::narrow(b, g, dim, 1, inside), 2));
    if (inside + 1 < half) parts.push_back(t::narrow(b, g, dim, inside + 1, half - inside - 1));
    g = t::cat(b, Arg::tensors(parts), dim);
  }
  c.result[0] = Arg(g);
}

// -- the public ops --------------------------------------------------------------------------------------------------

namespace {

Val promoted(Builder& b, Val x, bool complex) {
  DType type = is_complex(x->dtype) ? x->dtype : float_or_default(x->dtype);
  FJ_USER_CHECK(is_complex(type) || type == DType::F32 || type == DType::F64, ErrorKind::Runtime, "Unsupported dtype ",
                scalar_type_name(type));
  return cast_to(b, x, complex ? complex_of(type) : type);
}

// What multiplies the result of a transform of `sizes`.
double scale_of(const Arg& norm, bool forward, const Shape& sizes) {
  std::string mode = norm.is_none() ? "backward" : norm.as_str();
  FJ_USER_CHECK(mode == "backward" || mode == "forward" || mode == "ortho", ErrorKind::Runtime,
                "Invalid normalization mode: \"", mode, "\"");
  double n = 1;
  for (Dim s : sizes) n *= static_cast<double>(s);
  if (mode == "ortho") return 1 / std::sqrt(n);
  return (mode == "forward") == forward ? 1 / n : 1;
}

// Zeros after it, or its beginning: `n` numbers along `dim`.
Val resized(Builder& b, Val x, int64_t dim, Dim n) {
  Dim now = x->sizes[dim];
  if (now > n) return t::narrow(b, x, dim, 0, n);
  if (now == n) return x;
  Shape pad(static_cast<size_t>(2 * (x->dim() - dim)), 0);
  pad.back() = n - now;
  return t::constant_pad_nd(b, x, Arg(pad));
}

// What to transform: sizes of the signal and dimensions, these counted from the end so that batches go in front.
struct Plan {
  Shape sizes;
  SmallVec<int64_t, 6> dims;

  Val resized_input(Builder& b, Val x) const {
    for (size_t i = 0; i < sizes.size(); ++i) x = resized(b, x, dims[i] + x->dim(), sizes[i]);
    return x;
  }
  Arg dim_arg() const { return Arg::ints(dims); }
  Arg outer() const { return Arg::ints(std::span<const int64_t>(dims.data(), dims.size() - 1)); }
};

int64_t strict_dim(int64_t dim, Val x) {
  FJ_USER_CHECK(x->dim() > 0, ErrorKind::Index, "Dimension specified as ", dim, " but tensor has no dimensions");
  return wrap_dim(dim, x->dim());
}

Plan plan_of(Val x, const Arg& sizes, const Arg& dims) {
  Plan p;
  if (!dims.is_none()) {
    for (int64_t d : dims.as_ints()) p.dims.push_back(strict_dim(d, x));
    SmallVec<int64_t, 6> sorted = p.dims;
    std::sort(sorted.begin(), sorted.end());
    FJ_USER_CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(), ErrorKind::Runtime,
                  "FFT dims must be unique");
  }
  if (!sizes.is_none()) {
    auto s = sizes.as_ints();
    FJ_USER_CHECK(dims.is_none() || s.size() == p.dims.size(), ErrorKind::Runtime,
                  "When given, dim and shape arguments must have the same length");
    FJ_USER_CHECK(static_cast<int64_t>(s.size()) <= x->dim(), ErrorKind::Runtime, "Got shape with ", s.size(),
                  " values but input tensor only has ", x->dim(), " dimensions.");
    if (dims.is_none())
      for (size_t i = 0; i < s.size(); ++i) p.dims.push_back(x->dim() - static_cast<int64_t>(s.size() - i));
    for (size_t i = 0; i < s.size(); ++i) p.sizes.push_back(s[i] == -1 ? x->sizes[p.dims[i]] : s[i]);
  } else {
    if (dims.is_none())
      for (int64_t d = 0; d < x->dim(); ++d) p.dims.push_back(d);
    for (int64_t d : p.dims) p.sizes.push_back(x->sizes[d]);
  }
  for (Dim n : p.sizes) FJ_USER_CHECK(n > 0, ErrorKind::Runtime, "Invalid number of data points (", n, ") specified");
  for (int64_t& d : p.dims) d -= x->dim();
  return p;
}

// The same of one dimension; for c2r `n` is the number of results.
Plan plan_of_one(Val x, const Arg& n, const Arg& dim, bool c2r) {
  int64_t d = strict_dim(dim.as_int(), x);
  Plan p;
  p.dims.push_back(d - x->dim());
  p.sizes.push_back(!n.is_none() ? n.as_int() : c2r ? 2 * (x->sizes[d] - 1) : x->sizes[d]);
  FJ_USER_CHECK(p.sizes[0] >= 1, ErrorKind::Runtime, "Invalid number of data points (", p.sizes[0], ") specified");
  return p;
}

// Of many dimensions, to real numbers: the last size is that of the result.
Plan plan_to_real(const char* name, Val x, const Arg& sizes, const Arg& dims) {
  Plan p = plan_of(x, sizes, dims);
  FJ_USER_CHECK(!p.sizes.empty(), ErrorKind::Runtime, name, " must transform at least one axis");
  if (sizes.is_none() || sizes.as_ints().back() == -1) p.sizes.back() = 2 * (x->sizes[p.dims.back() + x->dim()] - 1);
  FJ_USER_CHECK(p.sizes.back() >= 1, ErrorKind::Runtime, "Invalid number of data points (", p.sizes.back(),
                ") specified");
  return p;
}

// op.name without "fft_".
std::string_view short_name(const OpDef& op) { return std::string_view(op.name).substr(4); }

Val to_complex(Builder& b, Val x, const Plan& p, const Arg& norm, bool forward) {
  x = p.resized_input(b, promoted(b, x, true));
  return t::_fft_c2c(b, x, p.dim_arg(), Arg(scale_of(norm, forward, p.sizes)), Arg(forward));
}

Val half_spectrum(Builder& b, const OpDef& op, Val x, const Plan& p, const Arg& norm, bool forward) {
  FJ_USER_CHECK(!p.sizes.empty(), ErrorKind::Runtime, short_name(op), " must transform at least one axis");
  x = p.resized_input(b, promoted(b, x, false));
  double scale = scale_of(norm, forward, p.sizes);
  if (forward) return t::_fft_r2c(b, x, p.dim_arg(), Arg(scale));
  Val half = t::conj(b, t::_fft_r2c(b, x, Arg::ints({p.dims.back()}), Arg(scale)));
  return p.dims.size() == 1 ? half : t::_fft_c2c(b, half, p.outer(), Arg(1.0), Arg(false));
}

Val to_real(Builder& b, Val x, const Plan& p, const Arg& norm, bool forward) {
  Plan half = p;
  half.sizes.back() = p.sizes.back() / 2 + 1;
  x = half.resized_input(b, promoted(b, x, true));
  double scale = scale_of(norm, forward, p.sizes);
  if (!forward) return t::_fft_c2r(b, x, p.dim_arg(), Arg(p.sizes.back()), Arg(scale));
  if (p.dims.size() > 1) x = t::_fft_c2c(b, x, p.outer(), Arg(1.0), Arg(true));
  return t::_fft_c2r(b, t::conj(b, x), Arg::ints({p.dims.back()}), Arg(p.sizes.back()), Arg(scale));
}

// "i" before the name turns the direction; "h" is the other way round: its forward transform gives real numbers.
struct Kind {
  bool inverse, real, hermitian;
  explicit Kind(std::string_view name) : inverse(name[0] == 'i'), real(false), hermitian(false) {
    char first = name[inverse ? 1 : 0];
    real = first == 'r', hermitian = first == 'h';
  }
};

Val transform(Builder& b, const OpDef& op, Val x, const Arg& sizes, const Arg& dims, const Arg& norm, bool one) {
  std::string_view name = short_name(op);
  Kind k(name);
  bool gives_real = k.hermitian ? !k.inverse : k.real && k.inverse;
  if (!k.real && !k.hermitian)
    return to_complex(b, x, one ? plan_of_one(x, sizes, dims, false) : plan_of(x, sizes, dims), norm, !k.inverse);
  if (gives_real)
    return to_real(b, x, one ? plan_of_one(x, sizes, dims, true) : plan_to_real(name.data(), x, sizes, dims), norm,
                   !k.inverse);
  FJ_USER_CHECK(!is_complex(x->dtype), ErrorKind::Runtime, name, " expects a real", one ? "" : "-valued",
                " input tensor, but got ", scalar_type_name(x->dtype));
  return half_spectrum(b, op, x, one ? plan_of_one(x, sizes, dims, false) : plan_of(x, sizes, dims), norm, !k.inverse);
}

}  // namespace

// (self, n, dim, norm)
void decompose_fft_one(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  outs.push_back(transform(b, op, args[0].val(), args[1], args[2], args[3], true));
}

// (self, s, dim, norm)
void decompose_fft_many(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  if (x->dim() == 0 && args[1].is_none() && args[2].is_none())  // over no dimension
    return outs.push_back(cast_to(b, x, complex_of(is_complex(x->dtype) ? x->dtype : float_or_default(x->dtype))));
  outs.push_back(transform(b, op, x, args[1], args[2], args[3], false));
}

// (self, dim): by half the size, there and back.
void decompose_fft_shift(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  Val x = args[0].val();
  bool back = short_name(op)[0] == 'i';
  SmallVec<int64_t, 6> dims, by;
  if (args[1].is_none()) {
    for (int64_t d = 0; d < x->dim(); ++d) dims.push_back(d);
  } else {
    for (int64_t d : args[1].as_ints()) dims.push_back(wrap_dim(d, x->dim()));
  }
  for (int64_t d : dims) by.push_back(x->dim() == 0 ? 0 : (x->sizes[d] + back) / 2);
  outs.push_back(t::roll(b, x, Arg::ints(by), Arg::ints(dims)));
}

// (n, d, dtype, …): 0, 1, …, -2, -1 over n d; of rfft the first half.
void decompose_fft_freq(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  int64_t n = args[0].as_int();
  bool half = short_name(op)[0] == 'r';
  DType type = args[2].is_none() ? default_dtype() : args[2].as_dtype();
  FJ_USER_CHECK(is_float(type) || is_complex(type), ErrorKind::Runtime, short_name(op),
                " requires a floating point or complex dtype");
  FJ_USER_CHECK(n >= 0, ErrorKind::Runtime, short_name(op), ": n must not be negative, got ", n);
  DType whole = is_complex(type) ? part_of(type) : type;
  Val numbers;
  if (half) {
    numbers = t::arange(b, Arg(n / 2 + 1), Arg(whole));
  } else {
    Val both[] = {t::arange(b, Arg((n + 1) / 2), Arg(whole)), t::arange_start(b, Arg(-(n / 2)), Arg(0), Arg(whole))};
    numbers = t::cat(b, Arg::tensors(both));
  }
  outs.push_back(cast_to(b, t::mul(b, numbers, Arg(1.0 / (static_cast<double>(n) * args[1].as_double()))), type));
}

}  // namespace fj
