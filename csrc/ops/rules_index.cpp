// Rules of advanced indexing. Indices are integer tensors, one a dimension, null where the dimension stays whole.
#include "ops/calls.h"
#include "ops/rules.h"

namespace fj {
namespace {

struct IndexShape {
  Shape sizes;
  int64_t at = 0;  // where the indexed dimensions stand in the result
};

bool is_index(DType t) { return t == DType::I64 || t == DType::I32 || t == DType::U8; }

IndexShape index_shape(const TensorMeta& self, std::span<const Val> indices) {
  FJ_USER_CHECK(static_cast<int64_t>(indices.size()) <= self.dim(), ErrorKind::Index,
                "too many indices for tensor of dimension ", self.dim(), " (got ", indices.size(), ")");
  Shape common;
  int64_t first = -1, last = -1;
  bool together = true;
  for (size_t d = 0; d < indices.size(); ++d) {
    if (!indices[d]) continue;
    FJ_USER_CHECK(is_index(indices[d]->dtype), ErrorKind::Index,
                  "tensors used as indices must be long, int, byte or bool tensors");
    try {
      common = broadcast_shapes(common, indices[d]->sizes);
    } catch (const Error&) {
      SmallVec<Shape, 6> shapes;
      for (Val v : indices)
        if (v) shapes.push_back(v->sizes);
      std::string text = "shape mismatch: indexing tensors could not be broadcast together with shapes ";
      for (size_t i = 0; i < shapes.size(); ++i) text += cat(i ? ", " : "", shapes[i]);
      raise(ErrorKind::Index, std::move(text));
    }
    if (first < 0)
      first = static_cast<int64_t>(d);
    else if (last != static_cast<int64_t>(d) - 1)
      together = false;
    last = static_cast<int64_t>(d);
  }
  IndexShape out;
  out.at = together && first >= 0 ? first : 0;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (d == out.at)
      for (Dim s : common) out.sizes.push_back(s);
    bool indexed = d < static_cast<int64_t>(indices.size()) && indices[d];
    if (!indexed) out.sizes.push_back(self.sizes[d]);
  }
  if (self.dim() == out.at)
    for (Dim s : common) out.sizes.push_back(s);
  return out;
}

}  // namespace

void infer_index(InferCtx& c) { set_out(c, index_shape(*c.val(0), c.args[1].as_vals()).sizes, c.val(0)->dtype); }

void infer_index_put(InferCtx& c) {
  const TensorMeta& self = *c.val(0);
  Shape target = index_shape(self, c.args[1].as_vals()).sizes;
  Val values = c.val(2);
  FJ_USER_CHECK(values->dtype == self.dtype, ErrorKind::Runtime,
                "Index put requires the source and destination dtypes match, got ", scalar_type_name(self.dtype),
                " for the destination and ", scalar_type_name(values->dtype), " for the source.");
  int64_t lead = static_cast<int64_t>(target.size()) - values->dim();
  bool fits = true;
  for (int64_t d = 0; d < values->dim(); ++d)
    fits &= values->sizes[d] == 1 || (d + lead >= 0 && values->sizes[d] == target[d + lead]);
  FJ_USER_CHECK(fits, ErrorKind::Runtime, "shape mismatch: value tensor of shape ", values->sizes,
                " cannot be broadcast to indexing result of shape ", target);
  set_out(c, self.sizes, self.dtype);
}

void vjp_index(VjpCtx& c) {
  Val zeros = t::_zeros(c.b, c.args[0].val()->sizes, c.grads[0]->dtype);
  c.result[0] = Arg(t::index_put(c.b, zeros, c.args[1], c.grads[0], Arg(true)));
}

void vjp_index_put(VjpCtx& c) {
  Val grad = c.grads[0], values = c.args[2].val();
  if (c.need(0)) {
    bool accumulate = c.args[3].as_bool();
    Val zero = t::_zeros(c.b, Shape(), grad->dtype);
    c.result[0] = Arg(accumulate ? grad : t::index_put(c.b, grad, c.args[1], zero, Arg(false)));
  }
  if (!c.need(2)) return;
  Val g = t::index(c.b, grad, c.args[1]);
  while (g->dim() < values->dim()) g = t::unsqueeze(c.b, g, 0);
  c.result[2] = Arg(reduce_to(c.b, g, values));
}

}  // namespace fj
