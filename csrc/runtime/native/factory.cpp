// Routines of factories whose values are not one constant.
#include <cmath>

#include "runtime/native/iterate.h"

namespace fj::native {
namespace {

const Arg& named(NativeCtx& c, const char* name) { return c.arg(static_cast<size_t>(c.op->arg_index(name))); }

// Stores f(i), converted, to the elements of a 1-d output.
template <class F>
void fill_line(NativeCtx& c, F&& f) {
  dispatch(c.out().dtype, [&]<class T>() {
    Line<T> to{c.out().data, c.out().strides[0]};
    for (int64_t i = 0; i < c.out().sizes[0]; ++i) to[i] = static_cast<T>(f(i));
  });
}

}  // namespace

void empty(NativeCtx&) {}

void arange(NativeCtx& c) {
  int s = c.op->arg_index("start"), p = c.op->arg_index("step");
  Arg start = s < 0 ? Arg(0) : c.arg(s), step = p < 0 ? Arg(1) : c.arg(p);
  const bool floats = start.tag() == ArgTag::Float || step.tag() == ArgTag::Float;
  double from = start.as_double(), by = step.as_double();
  if (floats && !is_integral(c.out().dtype))
    return fill_line(c, [&](int64_t i) { return from + static_cast<double>(i) * by; });
  fill_line(c, [from = start.as_int(), by = step.as_int()](int64_t i) { return from + i * by; });
}

namespace {

// The places of linspace and logspace, from both ends, so that the last one is `end` itself. Bounds of integers are
// integers, too, unless there is one step, which is filled with the first value.
template <class T>
struct Places {
  T from, to, step;
  int64_t n;
  explicit Places(NativeCtx& c)
      : from(bound(c, 0)),
        to(bound(c, 1)),
        step(c.out().sizes[0] > 1 ? (to - from) / static_cast<T>(c.out().sizes[0] - 1) : 0),
        n(c.out().sizes[0]) {}
  T operator[](int64_t i) const {
    return i < n / 2 || n == 1 ? from + step * static_cast<T>(i) : to - step * static_cast<T>(n - 1 - i);
  }
  static T bound(NativeCtx& c, size_t i) {
    const double v = c.arg(i).as_double();
    return static_cast<T>(is_integral(c.out().dtype) && c.out().sizes[0] > 1 ? std::trunc(v) : v);
  }
};

}  // namespace

void linspace(NativeCtx& c) {
  if (c.out().dtype == DType::F32) return fill_line(c, [at = Places<float>(c)](int64_t i) { return at[i]; });
  fill_line(c, [at = Places<double>(c)](int64_t i) { return at[i]; });
}

void logspace(NativeCtx& c) {
  const double base = c.arg(3).as_double();
  fill_line(c, [&, at = Places<double>(c)](int64_t i) { return std::pow(base, at[i]); });
}

void eye(NativeCtx& c) {
  TensorView& o = c.out();
  if (o.numel() == 0) return;
  dispatch(o.dtype, [&]<class T>() {
    for (int64_t r = 0; r < o.sizes[0]; ++r) {
      Line<T> to{o.data + r * o.strides[0] * static_cast<int64_t>(sizeof(T)), o.strides[1]};
      for (int64_t k = 0; k < o.sizes[1]; ++k) to[k] = static_cast<T>(r == k ? 1.0f : 0.0f);
    }
  });
}

void triangle_indices(NativeCtx& c) {
  int64_t rows = c.arg(0).as_int(), cols = c.arg(1).as_int(), offset = named(c, "offset").as_int(),
          n = c.out().sizes[1];
  bool upper = std::string_view(c.op->name) == "triu_indices";
  dispatch(c.out().dtype, [&]<class T>() {
    T* to = c.out().ptr<T>();
    int64_t at = 0;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t k = 0; k < cols; ++k) {
        if (upper ? k < r + offset : k > r + offset) continue;
        to[at] = static_cast<T>(static_cast<float>(r));
        to[n + at++] = static_cast<T>(static_cast<float>(k));
      }
  });
}

}  // namespace fj::native
