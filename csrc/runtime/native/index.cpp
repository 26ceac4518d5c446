// index and index_put: one walk over the positions, with the whole dimensions as an inner block.
#include "runtime/native/iterate.h"

namespace fj::native {
namespace {

// The indexed tensor seen as positions × block: for each position, an offset into it; the block's sizes and strides.
struct Plan {
  Shape common;                     // broadcast shape of the indices
  std::vector<int64_t> offsets;     // per position, in elements of the indexed tensor
  Shape block, block_strides;       // whole dimensions of the indexed tensor
  Shape value_common, value_block;  // strides of the result (or values) over the same coordinates
};

int64_t checked(int64_t i, int64_t n, int64_t dim) {
  FJ_USER_CHECK(i >= -n && i < n, ErrorKind::Index, "index ", i, " is out of bounds for dimension ", dim, " with size ",
                n);
  return i < 0 ? i + n : i;
}

// Offsets of `index` in broadcast order, added to `offsets`.
void add_offsets(const TensorView& index, const Shape& common, int64_t size, int64_t stride, int64_t dim,
                 std::vector<int64_t>& offsets) {
  int64_t lead = static_cast<int64_t>(common.size()) - index.dim();
  Shape step(common.size(), 0), at(common.size(), 0);
  for (int64_t d = 0; d < index.dim(); ++d) step[d + lead] = index.sizes[d] == 1 ? 0 : index.strides[d];
  dispatch(index.dtype, [&]<class T>() {
    if constexpr (std::is_integral_v<T>) {
      for (size_t i = 0; i < offsets.size(); ++i) {
        int64_t place = 0;
        for (size_t d = 0; d < common.size(); ++d) place += at[d] * step[d];
        offsets[i] += checked(static_cast<int64_t>(index.ptr<T>()[place]), size, dim) * stride;
        for (size_t d = common.size(); d-- > 0;) {
          if (++at[d] < common[d]) break;
          at[d] = 0;
        }
      }
    }
  });
}

// `value` is the result of index, or the values of index_put: it broadcasts to the result's shape.
Plan make_plan(const TensorView& self, const std::vector<TensorView>& indices, const TensorView& value) {
  Plan p;
  int64_t first = -1, last = -1;
  bool together = true;
  for (int64_t d = 0; d < static_cast<int64_t>(indices.size()); ++d) {
    if (!indices[d].data) continue;
    Shape wide(std::max(p.common.size(), indices[d].sizes.size()), 1);
    for (size_t k = 0; k < wide.size(); ++k) {
      if (k < p.common.size()) wide[wide.size() - 1 - k] = p.common[p.common.size() - 1 - k];
      if (k < indices[d].sizes.size() && indices[d].sizes[indices[d].sizes.size() - 1 - k] != 1)
        wide[wide.size() - 1 - k] = indices[d].sizes[indices[d].sizes.size() - 1 - k];
    }
    p.common = wide;
    if (first < 0)
      first = d;
    else if (last != d - 1)
      together = false;
    last = d;
  }
  int64_t n = 1;
  for (Dim s : p.common) n *= s;
  p.offsets.assign(static_cast<size_t>(n), 0);
  int64_t at = together && first >= 0 ? first : 0;
  Shape result;  // which result dimension is what: > 0 block, built in order
  SmallVec<bool, 8> is_common;
  for (int64_t d = 0; d <= self.dim(); ++d) {
    if (d == at)
      for (Dim s : p.common) {
        result.push_back(s);
        is_common.push_back(true);
      }
    if (d == self.dim()) break;
    if (d < static_cast<int64_t>(indices.size()) && indices[d].data) {
      add_offsets(indices[d], p.common, self.sizes[d], self.strides[d], d, p.offsets);
      continue;
    }
    result.push_back(self.sizes[d]);
    is_common.push_back(false);
    p.block.push_back(self.sizes[d]);
    p.block_strides.push_back(self.strides[d]);
  }
  int64_t lead = static_cast<int64_t>(result.size()) - value.dim();
  for (int64_t d = 0; d < static_cast<int64_t>(result.size()); ++d) {
    Dim stride = d - lead < 0 || value.sizes[d - lead] == 1 ? 0 : value.strides[d - lead];
    (is_common[d] ? p.value_common : p.value_block).push_back(stride);
  }
  return p;
}

// f(element of self, element of value) for every pair.
template <class T, class F>
void walk(const Plan& p, T* self, T* value, F&& f) {
  int64_t block = 1;
  for (Dim s : p.block) block *= s;
  if (block == 0) return;
  Shape at(p.common.size(), 0), in(p.block.size(), 0);
  bool flat = p.block.size() == 1;
  for (int64_t offset : p.offsets) {
    int64_t base = 0;
    for (size_t d = 0; d < at.size(); ++d) base += at[d] * p.value_common[d];
    if (p.block.empty()) {
      f(self[offset], value[base]);
    } else if (flat) {
      for (int64_t i = 0; i < block; ++i) f(self[offset + i * p.block_strides[0]], value[base + i * p.value_block[0]]);
    } else {
      std::fill(in.begin(), in.end(), 0);
      for (int64_t i = 0; i < block; ++i) {
        int64_t a = offset, b = base;
        for (size_t d = 0; d < in.size(); ++d) {
          a += in[d] * p.block_strides[d];
          b += in[d] * p.value_block[d];
        }
        f(self[a], value[b]);
        for (size_t d = in.size(); d-- > 0;) {
          if (++in[d] < p.block[d]) break;
          in[d] = 0;
        }
      }
    }
    for (size_t d = at.size(); d-- > 0;) {
      if (++at[d] < p.common[d]) break;
      at[d] = 0;
    }
  }
}

}  // namespace

void index(NativeCtx& c) {
  Plan p = make_plan(c.in(0), c.list(1), c.out());
  dispatch_bytes(c.in(0).dtype,
                 [&]<class T>() { walk(p, c.in(0).ptr<T>(), c.out().ptr<T>(), [](T& from, T& to) { to = from; }); });
}

// Positions are checked before anything is written.
void index_put(NativeCtx& c) {
  Plan p = make_plan(c.out(), c.list(1), c.in(2));
  if (c.out().data != c.in(0).data) copy_view(c.out(), c.in(0));
  if (!c.arg(3).as_bool()) {
    dispatch_bytes(c.out().dtype,
                   [&]<class T>() { walk(p, c.out().ptr<T>(), c.in(2).ptr<T>(), [](T& to, T& from) { to = from; }); });
    return;
  }
  dispatch(c.out().dtype, [&]<class T>() {
    walk(p, c.out().ptr<T>(), c.in(2).ptr<T>(), [](T& to, T& from) {
      if constexpr (std::is_same_v<T, bool>)
        to = to || from;
      else
        to = static_cast<T>(static_cast<compute_t<T>>(to) + static_cast<compute_t<T>>(from));
    });
  });
}

}  // namespace fj::native
