#include "ops/checks.h"

namespace fj {

void check_sizes(const Shape& sizes, DType dtype) {
  for (Dim s : sizes)
    FJ_USER_CHECK(s >= 0, ErrorKind::Runtime, "Trying to create tensor with negative dimension ", s, ": ", sizes);
  checked_nbytes(sizes, dtype);
}

void check_rank(const InferCtx& c, size_t i, int64_t least, int64_t most) {
  const Shape& sizes = c.val(i)->sizes;
  int64_t n = c.val(i)->dim();
  FJ_USER_CHECK(n >= least && n <= most, ErrorKind::Runtime, c.op.name, "(): expected ", c.op.args[i].name, " to have ",
                least, " to ", most, " dimensions, but got size ", sizes);
}

void check_shape(const InferCtx& c, size_t i, const Shape& expected) {
  FJ_USER_CHECK(c.val(i)->sizes == expected, ErrorKind::Runtime, c.op.name, "(): expected ", c.op.args[i].name,
                " of size ", expected, ", but got size ", c.val(i)->sizes);
}

void check_dtype(const InferCtx& c, size_t i, DType expected) {
  FJ_USER_CHECK(c.val(i)->dtype == expected, ErrorKind::Runtime, c.op.name, "(): expected ", c.op.args[i].name,
                " of type ", scalar_type_name(expected), ", but found ", scalar_type_name(c.val(i)->dtype));
}

void check_length(const InferCtx& c, size_t i, size_t n) {
  auto list = c.args[i].as_ints();
  FJ_USER_CHECK(list.size() == n, ErrorKind::Runtime, c.op.name, "(): expected ", n, " values for ", c.op.args[i].name,
                ", but got ", list);
}

void check_int32(std::span<const int64_t> values) {
  for (int64_t v : values) FJ_USER_CHECK(v == static_cast<int32_t>(v), ErrorKind::Runtime, "integer out of range: ", v);
}

void check_strided(std::span<const int64_t> size, std::span<const int64_t> stride, int64_t offset, Dim numel) {
  FJ_USER_CHECK(size.size() == stride.size(), ErrorKind::Runtime, "mismatch in length of strides and shape");
  for (int64_t s : stride)
    FJ_USER_CHECK(s >= 0, ErrorKind::Runtime,
                  "as_strided: Negative strides are not supported at the moment, got strides: ", stride);
  for (int64_t s : size)
    FJ_USER_CHECK(s >= 0, ErrorKind::Runtime, "as_strided: negative sizes are not supported, got sizes: ", size);
  FJ_USER_CHECK(offset >= 0, ErrorKind::Runtime, "Tensor: invalid storage offset ", offset);
  FJ_USER_CHECK(checked_extent(size, stride, offset) <= numel, ErrorKind::Runtime, "setStorage: sizes ", size,
                ", strides ", stride, ", storage offset ", offset, " are out of bounds for storage of ", numel,
                " elements");
}

Shape unfolded_sizes(const Shape& sizes, int64_t dim, int64_t size, int64_t step) {
  int64_t ndim = static_cast<int64_t>(sizes.size()), d = wrap_dim(dim, ndim);
  Dim n = ndim ? sizes[d] : 1;
  FJ_USER_CHECK(size >= 0 && size <= n, ErrorKind::Runtime, "maximum size for tensor at dimension ", d, " is ", n,
                " but size is ", size);
  FJ_USER_CHECK(step > 0, ErrorKind::Runtime, "step is ", step, " but must be > 0");
  Shape out = sizes;
  if (ndim) out[d] = (n - size) / step + 1;
  out.push_back(size);
  return out;
}

void check_lead(const InferCtx& c, const Shape& a, const Shape& b, size_t n) {
  FJ_USER_CHECK(a.size() == b.size() && std::equal(a.begin(), a.begin() + n, b.begin()), ErrorKind::Runtime, c.op.name,
                "(): sizes ", a, " and ", b, " do not fit");
}

}  // namespace fj
