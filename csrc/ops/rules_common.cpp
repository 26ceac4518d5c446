#include "ops/checks.h"
#include "ops/rules.h"

namespace fj {
namespace {

// Highest dtype seen in each of the three priority classes of operands.
struct PromotionState {
  bool any_dim = false, any_zero = false, any_number = false;
  DType dim = DType::Bool, zero = DType::Bool, number = DType::Bool;
};

void add_tensor(PromotionState& s, const TensorMeta& m) {
  if (m.dim() > 0) {
    s.dim = s.any_dim ? promote(s.dim, m.dtype) : m.dtype;
    s.any_dim = true;
  } else {
    s.zero = s.any_zero ? promote(s.zero, m.dtype) : m.dtype;
    s.any_zero = true;
  }
}

void add_number(PromotionState& s, const Arg& a) {
  DType t = dtype_of_number(a);
  s.number = s.any_number ? promote(s.number, t) : t;
  s.any_number = true;
}

// A lower-priority operand changes the result only when its class is higher.
DType combine(bool any_high, DType high, bool any_low, DType low) {
  if (!any_high) return low;
  if (!any_low || class_of(low) <= class_of(high)) return high;
  return promote(high, low);
}

}  // namespace

namespace {

void add_operand(PromotionState& s, const Arg& a) {
  if (a.is_tensor())
    add_tensor(s, *a.val());
  else if (a.is_number() || a.is_complex())
    add_number(s, a);
  else if (a.tag() == ArgTag::TensorList)
    for (Val v : a.as_vals())
      if (v) add_tensor(s, *v);
}

DType result_of(const PromotionState& s) {
  DType low = combine(s.any_zero, s.zero, s.any_number, s.number);
  return combine(s.any_dim, s.dim, s.any_zero || s.any_number, low);
}

bool is_operand(ArgType t) { return t <= ArgType::Operand; }
static_assert(ArgType::OptTensorList < ArgType::Operand && ArgType::Operand < ArgType::Scalar);

}  // namespace

DType result_type(Args args) {
  PromotionState s;
  for (const Arg& a : args) add_operand(s, a);
  return result_of(s);
}

DType result_type(const OpDef& op, Args args) {
  PromotionState s;
  for (size_t i = 0; i < args.size(); ++i)
    if (is_operand(op.args[i].type)) add_operand(s, args[i]);
  return result_of(s);
}

DType dtype_of_number(const Arg& n) {
  switch (n.number_class()) {
    case DTypeClass::Bool: return DType::Bool;
    case DTypeClass::Int: return DType::I64;
    case DTypeClass::Float: return default_dtype();
    default: return complex_of(default_dtype());
  }
}

DType float_or_default(DType t) { return is_differentiable(t) ? t : default_dtype(); }

Shape broadcast_shapes(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < out.size(); ++i) {
    size_t d = out.size() - 1 - i;
    Dim x = i < a.size() ? a[a.size() - 1 - i] : 1;
    Dim y = i < b.size() ? b[b.size() - 1 - i] : 1;
    FJ_USER_CHECK(x == y || x == 1 || y == 1, ErrorKind::Runtime, "The size of tensor a (", x,
                  ") must match the size of tensor b (", y, ") at non-singleton dimension ", d);
    out[d] = x == 1 ? y : x;
  }
  return out;
}

int64_t wrap_dim(int64_t dim, int64_t ndim) {
  int64_t n = ndim > 0 ? ndim : 1;
  FJ_USER_CHECK(dim >= -n && dim < n, ErrorKind::Index, "Dimension out of range (expected to be in range of [", -n,
                ", ", n - 1, "], but got ", dim, ")");
  return dim < 0 ? dim + n : dim;
}

SmallVec<int64_t, 6> wrap_dims(const Arg& dims, int64_t ndim) {
  const bool all = dims.is_none() || (dims.tag() == ArgTag::IntList && dims.as_ints().empty());
  FJ_USER_CHECK(all || ndim <= 64, ErrorKind::Runtime, "only tensors with up to 64 dims are supported");
  SmallVec<int64_t, 6> out;
  if (dims.tag() == ArgTag::Int) {
    out.push_back(wrap_dim(dims.as_int(), ndim));
  } else if (!dims.is_none()) {
    for (int64_t d : dims.as_ints()) {
      int64_t w = wrap_dim(d, ndim);
      FJ_USER_CHECK(!is_dim_in(out, w), ErrorKind::Runtime, "dim ", w, " appears multiple times in the list of dims");
      out.push_back(w);
    }
  }
  if (out.empty())
    for (int64_t d = 0; d < ndim; ++d) out.push_back(d);
  return out;
}

bool is_dim_in(std::span<const int64_t> dims, int64_t d) {
  for (int64_t x : dims)
    if (x == d) return true;
  return false;
}

Shape pointwise_strides(Args args, const Shape& sizes) {
  // Only operands of the full size vote; the first one that is not row-major and dense decides, as long as no
  // full-size operand disagrees. PyTorch's TensorIterator gives the same answer in these cases.
  const TensorMeta* vote = nullptr;
  bool agree = true;
  auto consider = [&](Val v) {
    if (!(v->sizes == sizes) || v->dim() < 2) return;
    if (!vote)
      vote = v.m;
    else if (!(vote->strides == v->strides))
      agree = false;
  };
  for_each_val(args, consider);
  if (!vote || vote->is_contiguous()) return contiguous_strides(sizes);
  if (!agree && !vote->is_dense()) return contiguous_strides(sizes);
  SmallVec<int, 8> order;  // dims from outermost to innermost
  for (int i = 0; i < static_cast<int>(sizes.size()); ++i) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return vote->strides[a] > vote->strides[b]; });
  for (Dim s : vote->strides)
    if (s == 0) return contiguous_strides(sizes);
  Shape strides(sizes.size(), 1);
  Dim step = 1;
  for (size_t i = order.size(); i-- > 0;) {
    strides[order[i]] = step;
    step *= sizes[order[i]] > 1 ? sizes[order[i]] : 1;
  }
  return strides;
}

void set_out(InferCtx& c, Shape sizes, DType dtype) {
  check_sizes(sizes, dtype);
  Device device;
  for_each_val(c.args, [&](Val v) { device = v->device; });
  c.out.push_back(make_meta(std::move(sizes), dtype, device));
}

void set_view(InferCtx& c, Shape sizes, Shape strides, Dim offset) {
  check_sizes(sizes, DType::U8);  // which may be more than there is memory for, but can be counted
  TensorMeta m;
  m.dtype = c.val(0)->dtype;
  m.device = c.val(0)->device;
  m.sizes = std::move(sizes);
  m.strides = std::move(strides);
  m.offset = offset;
  c.out.push_back(std::move(m));
}

void infer_with(InferCtx& c, DType (*dtype)(const InferCtx&), Shape (*shape)(const InferCtx&), bool pointwise_layout) {
  set_out(c, shape(c), dtype(c));
  if (pointwise_layout) c.out[0].strides = pointwise_strides(c.args, c.out[0].sizes);
}

// -- dtype rules -------------------------------------------------------------------------------------------------

DType dtype_promote(const InferCtx& c) { return result_type(c.op, c.args); }
DType dtype_promote_float(const InferCtx& c) { return float_or_default(result_type(c.op, c.args)); }
DType dtype_softshrink(const InferCtx& c) {
  FJ_USER_CHECK(c.args[1].as_double() >= 0, ErrorKind::Runtime,
                "lambda must be in range [0, 3.40282e+38] for input dtype ", scalar_type_name(c.val(0)->dtype),
                ", but found ", c.args[1].as_double());
  return dtype_promote_float(c);
}
DType dtype_same(const InferCtx& c) { return c.val(0)->dtype; }
DType dtype_bool(const InferCtx&) { return DType::Bool; }
DType dtype_int64(const InferCtx&) { return DType::I64; }
// sum, prod, cumsum: integers accumulate in int64 unless `dtype` says otherwise.
DType dtype_accumulate(const InferCtx& c) {
  const Arg& t = c.arg("dtype");
  if (!t.is_none()) return t.as_dtype();
  DType d = c.val(0)->dtype;
  return is_differentiable(d) ? d : DType::I64;
}

DType compute_promote(const OpDef& op, Args args) { return result_type(op, args); }
DType compute_promote_float(const OpDef& op, Args args) { return float_or_default(result_type(op, args)); }
DType compute_self(const OpDef&, Args args) { return args[0].val()->dtype; }
DType compute_accumulate(const OpDef& op, Args args) {
  const Arg& t = args[static_cast<size_t>(op.arg_index("dtype"))];
  DType d = args[0].val()->dtype;
  return !t.is_none() ? t.as_dtype() : is_float(d) ? d : DType::I64;
}

// -- shape rules -------------------------------------------------------------------------------------------------

Shape shape_like_self(const InferCtx& c) { return c.val(0)->sizes; }
Shape shape_along_dim(const InferCtx& c) {
  wrap_dim(c.args[static_cast<size_t>(c.op.arg_index("dim"))].as_int(), c.val(0)->dim());
  return c.val(0)->sizes;
}

Shape shape_broadcast(const InferCtx& c) {
  Shape out;
  for_each_val(c.args, [&](Val v) { out = broadcast_shapes(out, v->sizes); });
  return out;
}

// Reductions: arguments `dim` (one, a list, or None for all) and `keepdim`, either may be absent from the schema.
Shape shape_reduce(const InferCtx& c) {
  const Shape& in = c.val(0)->sizes;
  int at_dim = c.op.arg_index("dim"), at_keep = c.op.arg_index("keepdim");
  auto dims = wrap_dims(at_dim < 0 ? Arg() : c.args[at_dim], c.val(0)->dim());
  bool keep = at_keep >= 0 && c.args[at_keep].as_bool();
  Shape out;
  for (int64_t d = 0; d < c.val(0)->dim(); ++d) {
    if (!is_dim_in(dims, d))
      out.push_back(in[d]);
    else if (keep)
      out.push_back(1);
  }
  return out;
}

}  // namespace fj
