// Batching rules of indexing by tensors. The batch axis becomes one more indexed dimension: entry i of the batch is
// looked up with index i, so that index tensors may be batched like everything else.
#include "ops/batch_util.h"

namespace fj {
namespace {

struct Lookup {
  SmallVec<Val, 8> indices;  // the batch's own first
  SmallVec<Dim, 5> common;   // sizes that the logical index tensors broadcast to
  int64_t first = 0;         // the first indexed logical dimension
  bool together = true;      // no gap between indexed dimensions

  int64_t rank() const { return static_cast<int64_t>(common.size()); }
  // With dimensions before the first index, the result has them behind the common ones.
  bool turned() const { return together && first > 0; }
};

// 0, 1, … over the batch, of sizes [batch, 1, …] with `rank` ones.
Val batch_positions(BatchCtx& c, int64_t rank) {
  Val ones = t::ones(c.b, Arg::ints({c.batch_size}), Arg(DType::I64));
  Val at = t::sub(c.b, t::cumsum(c.b, ones, Arg(int64_t{0})), Arg(int64_t{1}));
  Shape sizes(static_cast<size_t>(rank) + 1, 1);
  sizes[0] = c.batch_size;
  return reshape_to(c.b, at, sizes);
}

Lookup read_lookup(BatchCtx& c) {
  Lookup l;
  auto in = c.args[1].as_vals();
  const auto& bdims = c.list_bdims[1];
  Shape common;
  bool seen = false, gap = false;
  for (size_t i = 0; i < in.size(); ++i) {
    if (!in[i]) {
      gap = seen;
      continue;
    }
    Shape sizes = in[i]->sizes;
    if (bdims[i] >= 0) sizes.erase(sizes.begin() + bdims[i]);
    common = broadcast_shapes(common, sizes);
    if (!seen) l.first = static_cast<int64_t>(i);
    if (gap) l.together = false;
    seen = true;
  }
  l.common.assign(common.begin(), common.end());
  l.indices.push_back(batch_positions(c, l.rank()));
  for (size_t i = 0; i < in.size(); ++i)
    l.indices.push_back(in[i] && bdims[i] >= 0 ? batch_first(c.b, in[i], bdims[i], l.rank()) : in[i]);
  return l;
}

// [batch, common, before, rest] -> [batch, before, common, rest], or back.
Val turn(Builder& b, Val v, const Lookup& l, bool back) {
  SmallVec<int64_t, 6> order{0};
  int64_t lead = back ? l.first : l.rank(), next = back ? l.rank() : l.first;
  for (int64_t d = 0; d < next; ++d) order.push_back(1 + lead + d);
  for (int64_t d = 0; d < lead; ++d) order.push_back(1 + d);
  for (int64_t d = 1 + lead + next; d < v->dim(); ++d) order.push_back(d);
  return t::permute(b, v, Arg::ints(order));
}

}  // namespace

void batch_index(BatchCtx& c) {
  Lookup l = read_lookup(c);
  Val self = batch_expanded(c.b, c.args[0].val(), c.bdims[0], c.batch_size);
  Val out = t::index(c.b, self, Arg::tensors(l.indices));
  set_out(c, l.turned() ? turn(c.b, out, l, false) : out, 0);
}

// (self, indices, values, accumulate)
void batch_index_put(BatchCtx& c) {
  Lookup l = read_lookup(c);
  Val self = batch_expanded(c.b, c.args[0].val(), c.bdims[0], c.batch_size);
  Val picked = t::index(c.b, self, Arg::tensors(l.indices));
  if (l.turned()) picked = turn(c.b, picked, l, false);
  Val values = c.args[2].val();
  values = is_batched(c, 2) ? batch_first(c.b, values, c.bdims[2], picked->dim() - 1) : values;
  values = t::expand(c.b, values, picked->sizes);
  if (l.turned()) values = turn(c.b, values, l, true);
  set_out(c, t::index_put(c.b, self, Arg::tensors(l.indices), values, c.args[3]), 0);
}

}  // namespace fj
