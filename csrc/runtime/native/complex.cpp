// Making complex tensors of their parts.
#include "runtime/native/iterate.h"

namespace fj::native {
namespace {

// `v` seen with the sizes of `like`.
TensorView broadcast(const TensorView& v, const TensorView& like) {
  TensorView out = like;
  out.data = v.data;
  out.dtype = v.dtype;
  size_t lead = like.sizes.size() - v.sizes.size();
  for (size_t d = 0; d < like.sizes.size(); ++d)
    out.strides[d] = d < lead || v.sizes[d - lead] == 1 ? 0 : v.strides[d - lead];
  return out;
}

}  // namespace

void join_complex(NativeCtx& c) {
  if (c.out().numel() == 0) return;
  DType part = part_of(c.out().dtype);
  for (size_t i = 0; i < 2; ++i) {
    TensorView to = c.out();
    to.dtype = part;
    to.data += i * static_cast<size_t>(size_of(part));
    for (Dim& s : to.strides) s *= 2;
    copy_view(to, broadcast(c.in(i), c.out()));
  }
}

}  // namespace fj::native
