// Reading and writing at indices: shape rules, decompositions and derivatives.
#include "ops/rules_util.h"

namespace fj {

using Outs = SmallVec<Val, 2>;

namespace {

void check_index_dtype(const InferCtx& c, Val index) {
  FJ_USER_CHECK(index->dtype == DType::I64 || index->dtype == DType::I32, ErrorKind::Runtime, c.op.name,
                "(): Expected dtype int32/int64 for index");
}

// Where PyTorch takes int64 alone.
void check_long(Val index, std::string_view op) {
  FJ_USER_CHECK(index->dtype == DType::I64, ErrorKind::Runtime, op, "(): Expected a long tensor for index, but got ",
                scalar_type_name(index->dtype));
}

// Every size of index is within self's (except along dim) and, where given, within src's. An index without elements is
// not looked at: PyTorch takes one of any dtype and sizes.
void check_gather(const InferCtx& c, int64_t dim, Val self, Val index, Val src) {
  if (index->numel() == 0) return;
  check_index_dtype(c, index);
  const auto needs_as_many = [&](Val v, const char* name) {
    FJ_USER_CHECK(std::max<int64_t>(v->dim(), 1) == std::max<int64_t>(index->dim(), 1), ErrorKind::Runtime,
                  "Index tensor must have the same number of dimensions as ", name, " tensor");
  };
  needs_as_many(self, src ? "self" : "input");
  if (src) {
    if (src->dim() > 0 && src->dim() < index->dim()) wrap_dim(src->dim(), src->dim());  // PyTorch's IndexError
    needs_as_many(src, "src");
  }
  for (int64_t d = 0; d < index->dim(); ++d) {
    Dim have = self->dim() ? self->sizes[d] : 1;
    FJ_USER_CHECK(d == dim || index->sizes[d] <= have, ErrorKind::Runtime, "Size does not match at dimension ", d,
                  " expected index ", index->sizes, " to be no larger than self ", self->sizes,
                  " apart from dimension ", dim);
    if (src)
      FJ_USER_CHECK(index->sizes[d] <= (src->dim() ? src->sizes[d] : 1), ErrorKind::Runtime, "Expected index ",
                    index->sizes, " to be no larger than src ", src->sizes, " at dimension ", d);
  }
}

}  // namespace

void infer_gather(InferCtx& c) {
  int64_t d = wrap_dim(c.args[1].as_int(), c.val(0)->dim());
  check_gather(c, d, c.val(0), c.val(2), Val{});
  set_out(c, c.val(2)->sizes, c.val(0)->dtype);
}
void vjp_gather(VjpCtx& c) {
  Val zeros = t::_zeros(c.b, c.args[0].val()->sizes, c.grads[0]->dtype);
  c.result[0] = Arg(t::scatter_add(c.b, zeros, c.args[1], c.args[2], c.grads[0]));
}

void infer_scatter(InferCtx& c) {
  Val self = c.val(0), src = c.val(3);
  int64_t d = wrap_dim(c.args[1].as_int(), self->dim());
  if (src)
    FJ_USER_CHECK(src->dtype == self->dtype, ErrorKind::Runtime, c.op.name,
                  "(): Expected self.dtype to be equal to src.dtype");
  check_gather(c, d, self, c.val(2), src);
  set_out(c, self->sizes, self->dtype);
}
void vjp_scatter(VjpCtx& c) {
  if (c.need(0)) c.result[0] = Arg(t::scatter(c.b, c.grads[0], c.args[1], c.args[2], 0));
  if (c.need(3) && c.args[3].is_tensor()) c.result[3] = Arg(t::gather(c.b, c.grads[0], c.args[1], c.args[2]));
}
void vjp_scatter_add(VjpCtx& c) {
  if (c.need(0)) c.result[0] = Arg(c.grads[0]);
  if (c.need(3)) c.result[3] = Arg(t::gather(c.b, c.grads[0], c.args[1], c.args[2]));
}

namespace {

// Each factor's gradient is the product of the others; a single zero among them is taken out and put back.
void scatter_prod_vjp(VjpCtx& c) {
  Builder& b = c.b;
  Val self = c.args[0].val(), src = c.args[3].val(), grad = c.grads[0];
  const Arg &dim = c.args[1], &index = c.args[2], &how = c.args[4], &keep = c.args[5];
  if (c.need(0)) {
    Val safe = t::masked_fill(b, self, t::eq(b, self, 0), 1);
    Val others = t::div(b, t::scatter_reduce(b, safe, dim, index, src, how, keep), safe);
    Val g = t::mul(b, grad, others);
    c.result[0] = Arg(keep.as_bool() ? g : t::scatter(b, g, dim, index, 0));
  }
  if (!c.need(3)) return;
  Val zero = t::eq(b, src, 0), zeros = t::_to_dtype(b, zero, grad->dtype);
  Val count = t::gather(b, t::scatter_add(b, t::zeros_like(b, self), dim, index, zeros), dim, index);
  Val single = t::logical_and(b, zero, t::eq(b, count, 1));
  Val without = t::scatter_reduce(b, self, dim, index, t::masked_fill(b, src, single, 1), how, keep);
  Val plain = t::div(b, t::gather(b, t::mul(b, grad, c.outs[0]), dim, index), t::masked_fill(b, src, zero, 1));
  Val g = t::where(b, single, t::gather(b, t::mul(b, grad, without), dim, index), plain);
  c.result[3] = Arg(t::masked_fill(b, g, t::gt(b, count, 1), 0));
}

}  // namespace

// sum passes the gradient on; mean divides it by how many met; amax and amin share it among those equal to the result.
void vjp_scatter_reduce(VjpCtx& c) {
  Builder& b = c.b;
  Val self = c.args[0].val(), src = c.args[3].val(), grad = c.grads[0];
  const Arg &dim = c.args[1], &index = c.args[2];
  const std::string& how = c.args[4].as_str();
  bool keep = c.args[5].as_bool();
  if (how == "prod") return scatter_prod_vjp(c);
  Val ones = t::ones_like(b, src), grad_self = grad, spread = grad;
  if (how == "mean") {
    Val start = keep ? t::ones_like(b, grad) : t::zeros_like(b, grad);
    Val count = t::clamp_min(b, t::scatter_add(b, start, dim, index, ones), 1);
    grad_self = spread = t::div(b, grad, count);
  } else if (how != "sum") {
    Val mine = t::_to_dtype(b, t::eq(b, self, c.outs[0]), grad->dtype);
    if (!keep) mine = t::scatter(b, mine, dim, index, 0);
    Val theirs = t::_to_dtype(b, t::eq(b, src, t::gather(b, c.outs[0], dim, index)), grad->dtype);
    Val share = t::div(b, grad, t::clamp_min(b, t::scatter_add(b, mine, dim, index, theirs), 1));
    if (c.need(0)) c.result[0] = Arg(t::mul(b, share, mine));
    if (c.need(3)) c.result[3] = Arg(t::mul(b, t::gather(b, share, dim, index), theirs));
    return;
  }
  if (c.need(0)) c.result[0] = Arg(keep ? grad_self : t::scatter(b, grad_self, dim, index, 0));
  if (c.need(3)) c.result[3] = Arg(t::gather(b, spread, dim, index));
}

void infer_index_select(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  check_index_dtype(c, c.val(2));
  FJ_USER_CHECK(c.val(2)->dim() <= 1, ErrorKind::Index, "index_select(): Index is supposed to be a vector");
  int64_t d = wrap_dim(c.args[1].as_int(), in.dim());
  Shape sizes = in.sizes;
  const Dim n = c.val(2)->numel();
  FJ_USER_CHECK(in.dim() || n == 1, ErrorKind::Runtime, "index_select(): Index to scalar can have only 1 value, got ",
                n, " value(s)");
  FJ_USER_CHECK(in.dim() < 2 || n == 0 || sizes[d] > 0, ErrorKind::Runtime,
                "index_select(): self indexing axis dim should be positive");
  if (in.dim()) sizes[d] = n;
  set_out(c, std::move(sizes), in.dtype);
}
void vjp_index_select(VjpCtx& c) {
  Val zeros = t::_zeros(c.b, c.args[0].val()->sizes, c.grads[0]->dtype);
  c.result[0] = Arg(t::index_add(c.b, zeros, c.args[1], c.args[2], c.grads[0]));
}

namespace {

std::string size_text(const Shape& sizes) {
  std::string text;
  for (const Dim& n : sizes) text += cat(text.empty() ? "" : " ", n);
  return text;
}

Shape without_dim(const TensorMeta& m, int64_t d) {
  Shape sizes = m.sizes;
  if (m.dim()) sizes.erase(sizes.begin() + d);
  return sizes;
}

void check_same_dtype(const InferCtx& c, const TensorMeta& self, const TensorMeta& src) {
  FJ_USER_CHECK(src.dtype == self.dtype, ErrorKind::Runtime, c.op.name,
                "_(): self and source expected to have the same dtype, but got (self) ", scalar_type_name(self.dtype),
                " and (source) ", scalar_type_name(src.dtype));
}

}  // namespace

void infer_index_add(InferCtx& c) {
  Val self = c.val(0), index = c.val(2), src = c.val(3);
  check_index_dtype(c, index);
  int64_t d = wrap_dim(c.args[1].as_int(), self->dim());
  FJ_USER_CHECK(index->dim() <= 1, ErrorKind::Index, c.op.name,
                "_(): Index is supposed to be a vector, but got dim: ", index->dim(),
                " with type: ", scalar_type_name(index->dtype), " and size: ", index->sizes);
  check_same_dtype(c, *self, *src);
  FJ_USER_CHECK(d == 0 || d < src->dim(), ErrorKind::Runtime, c.op.name, "_(): Indexing dim ", d,
                " is out of bounds of the source tensor with dim ", src->dim());
  const Dim n = src->dim() ? src->sizes[d] : 1;
  if (!src->dim() && index->numel() != n)
    raise(ErrorKind::Index, "Dimension specified as 0 but tensor has no dimensions");
  FJ_USER_CHECK(index->numel() == n, ErrorKind::Runtime, c.op.name, "_(): Number of indices (", index->numel(),
                ") should be equal to source.size(dim): (", n, "), for dim: ", d);
  FJ_USER_CHECK(
      src->dim() == self->dim() && without_dim(*self, d) == without_dim(*src, d), ErrorKind::Runtime,
      "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = ",
      self->sizes, " source.shape = ", src->sizes);
  set_out(c, self->sizes, self->dtype);
}
void infer_index_copy(InferCtx& c) {
  Val self = c.val(0), index = c.val(2), src = c.val(3);
  check_long(index, "index_copy_");
  const int64_t d = wrap_dim(c.args[1].as_int(), self->dim()), from = src->dim() ? d : 0;
  FJ_USER_CHECK(index->dim() <= 1, ErrorKind::Index, "index_copy_(): Index should have dimension 1 or 0 (got ",
                index->dim(), ")");
  check_same_dtype(c, *self, *src);
  FJ_USER_CHECK(src->dim() || index->numel() == 1, ErrorKind::Index,
                "index_copy_(): When source is scalar, index should have one element (got ", index->numel(), ")");
  FJ_USER_CHECK(src->dim() == self->dim() || !src->dim() || !self->dim(), ErrorKind::Index,
                "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
                "dimensionality (",
                src->dim(), "), destination dimensionality (", self->dim(), ")");
  const Shape to = without_dim(*self, d), slice = without_dim(*src, from);
  FJ_USER_CHECK(
      to == slice, ErrorKind::Runtime,
      "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: ", size_text(to),
      " at dimension ", d, " and source slice shape: ", size_text(slice), " at dimension ", from, ".");
  FJ_USER_CHECK(!src->dim() || index->numel() == src->sizes[from], ErrorKind::Index,
                "index_copy_(): Number of indices (", index->numel(), ") should be equal to source.size(dim) (",
                src->sizes[from], ")");
  set_out(c, self->sizes, self->dtype);
}
void vjp_index_add(VjpCtx& c) {
  if (c.need(0)) c.result[0] = Arg(c.grads[0]);
  if (c.need(3)) {
    Val g = t::index_select(c.b, c.grads[0], c.args[1], c.args[2]);
    if (c.args[3].val()->dim() == 0) g = t::reshape(c.b, g, Arg::ints({}));
    c.result[3] = Arg(t::mul(c.b, g, c.args[4]));
  }
}
void vjp_index_copy(VjpCtx& c) {
  if (c.need(0)) c.result[0] = Arg(t::index_fill(c.b, c.grads[0], c.args[1], c.args[2], 0));
  if (c.need(3)) {
    Val g = t::index_select(c.b, c.grads[0], c.args[1], c.args[2]);
    c.result[3] = Arg(c.args[3].val()->dim() == 0 ? t::reshape(c.b, g, Arg::ints({})) : g);
  }
}

void decompose_index_fill(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val(), index = args[2].val();
  FJ_USER_CHECK(index->dtype == DType::I64, ErrorKind::Index, "index_fill_(): Expected dtype int64 for index.");
  int64_t d = wrap_dim(args[1].as_int(), self->dim());
  if (!self->dim()) {  // as of one element
    Val one = t::index_fill(b, t::reshape(b, self, Arg::ints({1})), Arg(int64_t{0}), index, args[3]);
    return outs.push_back(t::reshape(b, one, Arg::ints({})));
  }
  Shape sizes = self->sizes;
  sizes[d] = index->numel();
  Val value;
  if (args[3].is_tensor()) {
    FJ_USER_CHECK(args[3].val()->dim() == 0, ErrorKind::Runtime,
                  "index_fill_ only supports a 0-dimensional value tensor, but got tensor with ", args[3].val()->dim(),
                  " dimension(s).");
    value = cast_to(b, args[3].val(), self->dtype);
    // Where the index has a place twice, the gradient of the value still counts it once.
    if (args[3].val().m->requires_grad || !index->numel()) {
      Val mask = t::index_fill(b, t::full(b, self->sizes, Arg(false), DType::Bool), args[1], index, Arg(true));
      return outs.push_back(t::where(b, mask, value, self));
    }
    value = t::expand(b, value, sizes);
  } else {
    value = t::full_like(b, t::_zeros(b, sizes, self->dtype), args[3]);
  }
  outs.push_back(t::index_copy(b, self, args[1], index, value));
}

void decompose_take(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val flat = t::reshape(b, args[0], Arg::ints({-1})), index = args[1].val();
  check_long(index, "take");
  Val wrapped = t::where(b, t::lt(b, index, 0), t::add(b, index, int64_t(flat->numel())), index);
  outs.push_back(t::reshape(b, t::_pick(b, flat, 0, t::reshape(b, wrapped, Arg::ints({-1}))), index->sizes));
}

// (self, dim, index, src, reduce)
void decompose_scatter_with(Builder& b, const OpDef&, Args args, Outs& outs) {
  const std::string& how = args[4].as_str();
  FJ_USER_CHECK(how == "add" || how == "multiply", ErrorKind::Runtime,
                "reduce argument must be either add or multiply.");
  Val src = args[3].val();
  if (!src) src = t::full(b, args[2].val()->sizes, args[3], args[0].val()->dtype);
  if (how == "add" && is_complex(args[0].val()->dtype))  // whose parts are added apart
    return outs.push_back(t::scatter_add(b, args[0], args[1], args[2], src));
  outs.push_back(t::scatter_reduce(b, args[0], args[1], args[2], src, Arg(how == "add" ? "sum" : "prod")));
}

void decompose_take_along_dim(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val(), index = args[1].val();
  FJ_USER_CHECK(index->dtype == DType::I64, ErrorKind::Runtime,
                "torch.take_along_dim(): dtype of indices should be Long but got ", scalar_type_name(index->dtype));
  auto from_front = [&](Dim n) { return t::where(b, t::lt(b, index, Arg(0)), t::add(b, index, Arg(n)), index); };
  if (args[2].is_none()) {
    index = from_front(self->numel());
    outs.push_back(t::gather(b, t::reshape(b, self, Arg::ints({-1})), 0, t::reshape(b, index, Arg::ints({-1}))));
    return;
  }
  FJ_USER_CHECK(self->dim() == index->dim(), ErrorKind::Runtime,
                "torch.take_along_dim(): input and indices should have the same number of dimensions, but got ",
                self->dim(), " dimensions for input, and ", index->dim(), " dimensions for indices");
  FJ_USER_CHECK(self->dim() > 0, ErrorKind::Index, "Dimension specified as ", args[2].as_int(),
                " but tensor has no dimensions");
  int64_t d = wrap_dim(args[2].as_int(), self->dim());
  index = from_front(self->sizes[d]);
  Shape a = self->sizes, i = index->sizes;
  a[d] = i[d] = 1;
  Shape common = broadcast_shapes(a, i), wide_self = common, wide_index = common;
  wide_self[d] = self->sizes[d];
  wide_index[d] = index->sizes[d];
  outs.push_back(t::gather(b, t::expand(b, self, wide_self), d, t::expand(b, index, wide_index)));
}

void infer_masked_select(InferCtx& c) {
  FJ_USER_CHECK(c.val(1)->dtype == DType::Bool, ErrorKind::Runtime, "masked_select: expected BoolTensor for mask");
  broadcast_shapes(c.val(0)->sizes, c.val(1)->sizes);
  set_out(c, Shape{0}, c.val(0)->dtype);  // the true size comes from the data
}
void vjp_masked_select(VjpCtx& c) {
  Val self = c.args[0].val();
  Shape wide = broadcast_shapes(self->sizes, c.args[1].val()->sizes);
  Val zeros = t::_zeros(c.b, wide, c.grads[0]->dtype);
  c.result[0] = Arg(reduce_to(c.b, t::_masked_scatter(c.b, zeros, c.args[1], c.grads[0]), self));
}
void infer_masked_scatter(InferCtx& c) {
  FJ_USER_CHECK(c.val(1)->dtype == DType::Bool, ErrorKind::Runtime,
                "masked_scatter_ only supports boolean masks, but got mask with dtype ", name_of(c.val(1)->dtype));
  FJ_USER_CHECK(c.val(0)->dtype == c.val(2)->dtype, ErrorKind::Runtime,
                "masked_scatter_: expected self and source to have same dtypes but got ",
                scalar_type_name(c.val(0)->dtype), " and ", scalar_type_name(c.val(2)->dtype));
  set_out(c, broadcast_shapes(c.val(0)->sizes, c.val(1)->sizes), c.val(0)->dtype);
}
void vjp_masked_scatter(VjpCtx& c) {
  if (c.need(0)) c.result[0] = Arg(reduce_to(c.b, t::masked_fill(c.b, c.grads[0], c.args[1], 0), c.args[0].val()));
  if (c.need(2)) {
    Val picked = t::masked_select(c.b, c.grads[0], c.args[1]);
    Val src = c.args[2].val();
    Val flat = t::constant_pad_nd(c.b, picked, Arg::ints({0, int64_t(src->numel() - picked->numel())}), 0);
    c.result[2] = Arg(t::reshape(c.b, flat, src->sizes));
  }
}

void infer_nonzero(InferCtx& c) { set_out(c, Shape{0, c.val(0)->dim()}, DType::I64); }

void infer_bincount(InferCtx& c) {
  FJ_USER_CHECK(c.val(0)->dim() == 1 && !is_float(c.val(0)->dtype), ErrorKind::Runtime,
                "bincount only supports 1-d non-negative integral inputs.");
  FJ_USER_CHECK(c.args[2].as_int() >= 0, ErrorKind::Runtime, "minlength should be >= 0");
  Val w = c.val(1);
  set_out(c, Shape{c.args[2].as_int()}, !w ? DType::I64 : w->dtype == DType::F32 ? DType::F32 : DType::F64);
}
void infer_unique(InferCtx& c) {
  set_out(c, Shape{0}, c.val(0)->dtype);
  set_out(c, c.args[2].as_bool() ? c.val(0)->sizes : Shape{0}, DType::I64);
  set_out(c, Shape{0}, DType::I64);
}
void infer_searchsorted(InferCtx& c) {
  const TensorMeta& seq = *c.val(0);
  FJ_USER_CHECK(seq.dim() > 0, ErrorKind::Runtime,
                "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension");
  if (!c.args[1].is_tensor()) {
    FJ_USER_CHECK(seq.dim() == 1, ErrorKind::Runtime,
                  "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1, but "
                  "we got boundaries tensor dim(",
                  seq.dim(), ") and input value's dim(0) numel(1)");
    set_out(c, {}, DType::I64);
    return;
  }
  const TensorMeta& v = *c.val(1);
  bool match = seq.dim() == v.dim();
  for (int64_t d = 0; match && d + 1 < seq.dim(); ++d) match = seq.sizes[d] == v.sizes[d];
  FJ_USER_CHECK(seq.dim() == 1 || match, ErrorKind::Runtime,
                "searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
                "tensor and input value tensor must match, but we got boundaries tensor ",
                seq.sizes, " and input value tensor ", v.sizes);
  set_out(c, v.sizes, DType::I64);
}

void decompose_one_hot(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val index = args[0].val();
  FJ_USER_CHECK(index->dtype == DType::I64, ErrorKind::Runtime,
                "one_hot is only applicable to index tensor of type LongTensor.");
  Shape sizes = index->sizes;
  sizes.push_back(args[1].as_int());
  Val zeros = t::_zeros(b, sizes, DType::I64);
  outs.push_back(t::scatter(b, zeros, -1, t::unsqueeze(b, index, -1), 1));
}

// -- sorting -------------------------------------------------------------------------------------------------------

void infer_sort(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  wrap_dim(c.args[1].as_int(), in.dim());
  set_out(c, in.sizes, in.dtype);
  set_out(c, in.sizes, DType::I64);
}
void infer_cummax(InferCtx& c) { infer_sort(c); }

void infer_topk(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  int64_t k = c.args[1].as_int(), d = wrap_dim(c.args[2].as_int(), in.dim());
  FJ_USER_CHECK(k >= 0 && k <= (in.dim() ? in.sizes[d] : 1), ErrorKind::Runtime, "selected index k out of range");
  Shape sizes = in.sizes;
  if (in.dim()) sizes[d] = k;
  set_out(c, sizes, in.dtype);
  set_out(c, sizes, DType::I64);
}
void infer_kthvalue(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  int64_t k = c.args[1].as_int(), d = wrap_dim(c.args[2].as_int(), in.dim());
  FJ_USER_CHECK(!in.dim() || in.sizes[d] > 0, ErrorKind::Index, "kthvalue(): Expected reduction dim ", d,
                " to have non-zero size.");
  FJ_USER_CHECK(k >= 1 && k <= (in.dim() ? in.sizes[d] : 1), ErrorKind::Runtime,
                "kthvalue(): selected number k out of range for dimension ", d);
  Shape sizes = in.sizes;
  if (in.dim()) {
    if (c.args[3].as_bool())
      sizes[d] = 1;
    else
      sizes.erase(sizes.begin() + d);
  }
  set_out(c, sizes, in.dtype);
  set_out(c, sizes, DType::I64);
}

}  // namespace fj
