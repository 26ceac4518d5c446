// Shape and dtype rules of factories and random ops.
#include <cmath>

#include "ops/foreign.h"
#include "ops/rules_util.h"

namespace fj {
namespace {

DType dtype_or(const InferCtx& c, DType otherwise) {
  int i = c.op.arg_index("dtype");
  return i < 0 || c.args[i].is_none() ? otherwise : c.args[i].as_dtype();
}

void check_not_bool(const InferCtx& c, DType t) {
  FJ_USER_CHECK(t != DType::Bool, ErrorKind::NotImplemented, "\"", c.op.name, "_cpu\" not implemented for 'Bool'");
}

void check_device(const InferCtx& c) {
  int i = c.op.arg_index("device");
  if (i < 0 || c.args[i].is_none()) return;
  Device d = c.args[i].as_device();
  FJ_USER_CHECK(d.type != DeviceType::CUDA, ErrorKind::Runtime, "framejit is not compiled with CUDA enabled");
  FJ_USER_CHECK(d.type == DeviceType::CPU, ErrorKind::NotImplemented, c.op.name, "(): tensors live on the CPU only");
}

Shape sizes_of(const Arg& a, const char* op) {
  Shape sizes;
  for (int64_t s : a.as_ints()) {
    if (s < 0 && std::string_view(op) != "empty")
      raise(ErrorKind::Runtime, op, ": Dimension size must be non-negative.");
    FJ_USER_CHECK(s >= 0, ErrorKind::Runtime, "Trying to create tensor with negative dimension ", s, ": ", a.as_ints());
    sizes.push_back(s);
  }
  return sizes;
}

void set_new(InferCtx& c, Shape sizes, DType dtype) {
  check_device(c);
  checked_nbytes(sizes, dtype);
  c.out.push_back(make_meta(std::move(sizes), dtype));
}

}  // namespace

void infer_factory(InferCtx& c) { set_new(c, sizes_of(c.arg("size"), c.op.name), dtype_or(c, default_dtype())); }
DType compute_factory(const OpDef& op, Args args) {
  const Arg& t = args[static_cast<size_t>(op.arg_index("dtype"))];
  return t.is_none() ? default_dtype() : t.as_dtype();
}

void infer_full(InferCtx& c) {
  set_new(c, sizes_of(c.args[0], c.op.name), dtype_or(c, dtype_of_number(c.args[1])));
  check_fits(c.out[0].dtype, c.args[1]);
}
DType compute_full(const OpDef& op, Args args) {
  const Arg& t = args[static_cast<size_t>(op.arg_index("dtype"))];
  return t.is_none() ? dtype_of_number(args[1]) : t.as_dtype();
}

void infer_new(InferCtx& c) { set_new(c, sizes_of(c.arg("size"), c.op.name), dtype_or(c, c.val(0)->dtype)); }

// new_zeros, new_ones, new_full: only the dtype of `self` counts.
void decompose_new_filled(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  std::string_view name = op.name;
  Arg value = name == "new_full" ? args[2] : Arg(name == "new_ones" ? 1 : 0);
  const Arg& dtype = args[static_cast<size_t>(op.arg_index("dtype"))];
  outs.push_back(t::full(b, args[1], value, dtype.is_none() ? Arg(args[0].val()->dtype) : dtype));
}

void infer_empty_strided(InferCtx& c) {
  set_new(c, sizes_of(c.args[0], c.op.name), dtype_or(c, default_dtype()));
  auto strides = c.args[1].as_ints();
  FJ_USER_CHECK(strides.size() == c.out[0].sizes.size(), ErrorKind::Runtime, "dimensionality of sizes (",
                c.out[0].sizes.size(), ") must match dimensionality of strides (", strides.size(), ")");
  c.out[0].strides.assign(strides.begin(), strides.end());
  FJ_USER_CHECK(c.out[0].is_dense(), ErrorKind::NotImplemented, "empty_strided(): only dense strides are supported");
}

void infer_fill(InferCtx& c) {
  if (Val v = c.val(1))
    FJ_USER_CHECK(v->dim() == 0, ErrorKind::Runtime,
                  "fill_ only supports 0-dimension value tensor but got tensor with ", v->dim(), " dimensions.");
  const TensorMeta& self = *c.val(0);
  check_fits(self.dtype, c.args[1]);
  set_new(c, self.sizes, self.dtype);
  if (self.is_dense()) c.out[0].strides = self.strides;
}

// arange, in its three forms: the number of values, as PyTorch counts them (in double; of int64 between integers).
void infer_arange(InferCtx& c) {
  int s = c.op.arg_index("start"), p = c.op.arg_index("step");
  const Arg &end = c.arg("end"), start = s < 0 ? Arg(0) : c.args[s], step = p < 0 ? Arg(1) : c.args[p];
  bool ints = end.tag() != ArgTag::Float && start.tag() != ArgTag::Float && step.tag() != ArgTag::Float;
  const DType type = dtype_or(c, ints ? DType::I64 : default_dtype());
  check_not_bool(c, type);
  double from = start.as_double(), to = end.as_double(), by = step.as_double();
  FJ_USER_CHECK(by > 0 || by < 0, ErrorKind::Runtime, "step must be nonzero");
  FJ_USER_CHECK(std::isfinite(from) && std::isfinite(to), ErrorKind::Runtime, "unsupported range: ", from, " -> ", to);
  FJ_USER_CHECK((by > 0 && to >= from) || (by < 0 && to <= from), ErrorKind::Runtime,
                "upper bound and lower bound inconsistent with step sign");
  if (is_integral(type))
    for (const Arg* a : {&start, &end, &step}) check_fits(DType::I64, *a);
  double count = std::ceil((to - from) / by);
  FJ_USER_CHECK(count >= 0 && count < 9e18, ErrorKind::Runtime, "invalid size, possible overflow? size: ", count);
  Dim n = static_cast<Dim>(count);
  if (type == DType::I64) {
    int64_t range = end.as_int() - start.as_int(), by_int = step.as_int();
    FJ_USER_CHECK(by_int != 0, ErrorKind::Value, "step must be nonzero");
    n = (range + by_int - (by_int > 0 ? 1 : -1)) / by_int;
  }
  set_new(c, Shape{n}, type);
}

void infer_linspace(InferCtx& c) {
  const int64_t steps = c.args[2].as_int();
  FJ_USER_CHECK(steps >= 0, ErrorKind::Runtime, "number of steps must be non-negative");
  set_new(c, Shape{steps}, dtype_or(c, default_dtype()));
  if (steps < 2) return;  // what one step holds is filled in, whatever the bounds are
  check_not_bool(c, c.out[0].dtype);
  for (size_t i = 0; i < 2; ++i) check_fits(c.out[0].dtype, c.args[i]);
}

// linspace and logspace between tensors of one number, from both ends as the routine does; the bounds of integers are
// integers, as there. PyTorch reads the bounds as numbers, so they have no gradients.
void decompose_linspace_tensors(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs) {
  auto dims = [&](size_t i) { return args[i].is_tensor() ? args[i].val()->dim() : 0; };
  FJ_USER_CHECK(dims(0) == 0 && dims(1) == 0, ErrorKind::Runtime, op.name,
                " only supports 0-dimensional start and end tensors, but got start with ", dims(0),
                " dimension(s) and end with ", dims(1), " dimension(s).");
  int64_t steps = args[2].as_int();
  FJ_USER_CHECK(steps >= 0, ErrorKind::Runtime, "number of steps must be non-negative");
  const Arg& wanted = args[static_cast<size_t>(op.arg_index("dtype"))];
  const bool complex = foreign_facts(args).complex;
  const DType type = !wanted.is_none() ? wanted.as_dtype() : complex ? complex_of(default_dtype()) : default_dtype();
  FJ_USER_CHECK(!complex || is_complex(type), ErrorKind::Runtime, op.name,
                "(): inferred dtype ComplexFloat can't be safely cast to passed dtype ", scalar_type_name(type));
  if (steps > 1) check_not_bool(InferCtx{op, args}, type);
  const DType work = is_differentiable(type) ? compute_type(type) : DType::F64;
  auto bound = [&](const Arg& a) {
    Val v = a.is_tensor() ? t::_to_dtype(b, t::detach(b, a), work) : t::full(b, Arg(Shape()), a, work);
    return is_integral(type) && steps > 1 ? t::trunc(b, v) : v;
  };
  Val start = bound(args[0]), end = bound(args[1]);
  Val places = t::arange(b, Arg(steps), is_complex(work) ? part_of(work) : work);
  Val step = t::div(b, t::sub(b, end, start), Arg(static_cast<double>(std::max<int64_t>(steps - 1, 1))));
  Val rising = t::add(b, start, t::mul(b, step, places));
  Val falling = t::sub(b, end, t::mul(b, step, t::rsub(b, places, Arg(steps - 1))));
  Val line = steps == 1 ? rising : t::where(b, t::lt(b, places, Arg(steps / 2)), rising, falling);
  if (std::string_view(op.name) == "logspace") {
    double base = args[3].as_double();
    line = is_complex(work) ? t::exp(b, t::mul(b, line, Arg(std::log(base)))) : t::pow(b, Arg(base), line);
  }
  outs.push_back(cast_to(b, line, type));
}

// Passes on its first argument; what the second says is looked at when it runs.
void infer_checked(InferCtx& c) {
  FJ_USER_CHECK(c.val(1)->dtype == DType::Bool, ErrorKind::Type,
                "_checked(): the condition must be a bool tensor, not ", name_of(c.val(1)->dtype));
  set_out(c, c.val(0)->sizes, c.val(0)->dtype);
  c.out[0].strides = pointwise_strides(c.args.first(1), c.out[0].sizes);
}

void infer_eye(InferCtx& c) {
  int m = c.op.arg_index("m");
  Dim rows = c.args[0].as_int(), cols = m < 0 ? rows : c.args[m].as_int();
  FJ_USER_CHECK(rows >= 0, ErrorKind::Runtime, "n must be greater or equal to 0, got ", rows);
  FJ_USER_CHECK(cols >= 0, ErrorKind::Runtime, "m must be greater or equal to 0, got ", cols);
  set_new(c, Shape{rows, cols}, dtype_or(c, default_dtype()));
}

void infer_triangle_indices(InferCtx& c) {
  int64_t rows = c.args[0].as_int(), cols = c.args[1].as_int(), offset = c.args[2].as_int(), n = 0;
  FJ_USER_CHECK(rows >= 0 && cols >= 0, ErrorKind::Runtime, "row and col must be non-negative, got ", rows, " and ",
                cols);
  bool upper = std::string_view(c.op.name) == "triu_indices";
  FJ_USER_CHECK(rows < (int64_t{1} << 31) && cols < (int64_t{1} << 31), ErrorKind::Runtime, c.op.name, "(): sizes ",
                rows, " and ", cols, " are too large");
  for (int64_t r = 0; r < rows; ++r) {
    int64_t below = std::clamp<int64_t>(r + offset + (upper ? 0 : 1), 0, cols);
    n += upper ? cols - below : below;
  }
  set_new(c, Shape{2, n}, dtype_or(c, DType::I64));
}

// Random ops: the result is like `self`, or has the given size.
void infer_random_like(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  set_new(c, in.sizes, dtype_or(c, in.dtype));
  if (in.is_dense()) c.out[0].strides = in.strides;
}
void infer_randint(InferCtx& c) { set_new(c, sizes_of(c.arg("size"), c.op.name), dtype_or(c, DType::I64)); }
void infer_randperm(InferCtx& c) {
  FJ_USER_CHECK(c.args[0].as_int() >= 0, ErrorKind::Runtime, "n must be non-negative, got ", c.args[0].as_int());
  set_new(c, Shape{c.args[0].as_int()}, dtype_or(c, DType::I64));
}
void infer_bernoulli(InferCtx& c) {
  FJ_USER_CHECK(is_float(c.val(0)->dtype), ErrorKind::Runtime, "\"bernoulli_tensor_cpu_p_\" not implemented for '",
                scalar_type_name(c.val(0)->dtype), "'");
  infer_random_like(c);
}
void infer_normal(InferCtx& c) {
  const Val mean = c.val(0), std = c.val(1);
  FJ_USER_CHECK(!std || !is_complex(std->dtype), ErrorKind::Runtime,
                "normal expects standard deviation to be non-complex");
  Shape sizes;
  for_each_val(c.args, [&](Val v) { sizes = broadcast_shapes(sizes, v->sizes); });
  set_new(c, std::move(sizes), mean ? mean->dtype : std ? std->dtype : default_dtype());
}
void infer_multinomial(InferCtx& c) {
  const TensorMeta& p = *c.val(0);
  int64_t n = c.args[1].as_int();
  FJ_USER_CHECK(p.dim() == 1 || p.dim() == 2, ErrorKind::Runtime, "prob_dist must be 1 or 2 dim");
  FJ_USER_CHECK(is_float(p.dtype), ErrorKind::Runtime,
                "multinomial only supports floating-point dtypes for input, got: ", scalar_type_name(p.dtype));
  FJ_USER_CHECK(n > 0, ErrorKind::Runtime, "cannot sample n_sample <= 0 samples");
  FJ_USER_CHECK(c.args[2].as_bool() || n <= p.sizes.back(), ErrorKind::Runtime,
                "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  Shape sizes = p.sizes;
  sizes.back() = n;
  set_new(c, std::move(sizes), DType::I64);
}

}  // namespace fj
