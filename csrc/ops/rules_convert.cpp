// Rules of copies and conversions.
#include "ops/calls.h"
#include "ops/rules.h"

namespace fj {

// copy_: `src` must broadcast to `self`.
void infer_copy(InferCtx& c) {
  const TensorMeta &self = *c.val(0), &src = *c.val(1);
  int64_t lead = self.dim() - src.dim();
  for (int64_t d = 0; d < src.dim(); ++d) {
    bool leading_one = d + lead < 0 && src.sizes[d] == 1;
    if (leading_one) continue;
    FJ_USER_CHECK(d + lead >= 0, ErrorKind::Runtime, "expand(", src.sizes, ", size=", self.sizes,
                  "): the number of sizes provided (", self.dim(),
                  ") must be greater or equal to the number of dimensions in the tensor (", src.dim(), ")");
    FJ_USER_CHECK(src.sizes[d] == self.sizes[d + lead] || src.sizes[d] == 1, ErrorKind::Runtime,
                  "The expanded size of the tensor (", self.sizes[d + lead], ") must match the existing size (",
                  src.sizes[d], ") at non-singleton dimension ", d + lead, ".  Target sizes: ", self.sizes,
                  ".  Tensor sizes: ", src.sizes);
  }
  set_out(c, self.sizes, self.dtype);
  c.out[0].strides = self.is_dense() ? self.strides : contiguous_strides(self.sizes);
}

}  // namespace fj
