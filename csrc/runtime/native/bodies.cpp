// Routines that run bodies (ops/bodies.h).
#include "ops/bodies.h"
#include "runtime/native/iterate.h"

namespace fj::native {
namespace {

bool is_true(const TensorView& v) {
  bool all_zero = true;
  for (int64_t i = 0; i < size_of(v.dtype); ++i) all_zero = all_zero && v.data[i] == std::byte{0};
  if (all_zero) return false;
  switch (v.dtype) {  // -0.0
    case DType::F16:
    case DType::BF16: return (v.ptr<uint16_t>()[0] & 0x7fff) != 0;
    case DType::F32: return *v.ptr<float>() != 0;
    case DType::F64: return *v.ptr<double>() != 0;
    default: return true;
  }
}

// Memory for what a body gives, round after round: what it reads lies in the other half.
class Rounds {
 public:
  Rounds(NativeCtx& c, std::span<const TensorMeta> metas) {
    for (auto& half : halves_)
      for (const TensorMeta& m : metas) {
        TensorView v;
        v.dtype = m.dtype;
        v.sizes = m.sizes;
        v.strides = m.strides;
        v.data = static_cast<std::byte*>(c.scratch(static_cast<size_t>(m.numel() * size_of(m.dtype))));
        half.push_back(std::move(v));
      }
  }
  const std::vector<TensorView>& next() { return halves_[turn_ ^= 1]; }

 private:
  std::vector<TensorView> halves_[2];
  int turn_ = 0;
};

// Element `i` along the first dimension.
TensorView slice(const TensorView& v, int64_t i) {
  TensorView out = v;
  out.data += i * v.strides[0] * size_of(v.dtype);
  out.sizes = Shape(v.sizes.begin() + 1, v.sizes.end());
  out.strides = Shape(v.strides.begin() + 1, v.strides.end());
  return out;
}

std::vector<TensorView> joined(std::span<const TensorView> a, std::span<const TensorView> b) {
  std::vector<TensorView> out(a.begin(), a.end());
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

}  // namespace

void while_loop(NativeCtx& c) {
  Bodies& bodies = bodies_of(c.arg(2));
  const std::vector<TensorView>& operands = c.list(1);
  std::vector<TensorView> carried = c.list(0);
  Rounds rounds(c, bodies.results(1)), answers(c, bodies.results(0));
  for (;;) {
    const std::vector<TensorView> in = joined(carried, operands);
    const std::vector<TensorView>& go_on = answers.next();
    bodies.run(0, in, go_on);
    if (!is_true(go_on[0])) break;
    const std::vector<TensorView>& out = rounds.next();
    bodies.run(1, in, out);
    carried = out;
  }
  for (size_t i = 0; i < carried.size(); ++i) copy_view(c.outputs[i], carried[i]);
}

void scan(NativeCtx& c) {
  Bodies& bodies = bodies_of(c.arg(3));
  std::vector<TensorView> carried = c.list(0);
  const std::vector<TensorView>&xs = c.list(1), &operands = c.list(2);
  const size_t n = carried.size();
  const int64_t count = xs[0].sizes[0];
  Rounds rounds(c, bodies.results(0).first(n));
  for (int64_t k = 0; k < count; ++k) {
    const int64_t i = c.arg(4).as_bool() ? count - 1 - k : k;
    std::vector<TensorView> in = carried, out = rounds.next();
    for (const TensorView& x : xs) in.push_back(slice(x, i));
    in = joined(in, operands);
    for (size_t r = n; r < c.outputs.size(); ++r) out.push_back(slice(c.outputs[r], i));
    bodies.run(0, in, out);
    carried.assign(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
  }
  for (size_t i = 0; i < n; ++i) copy_view(c.outputs[i], carried[i]);
}

void cond(NativeCtx& c) {
  const size_t taken = is_true(c.in(0)) ? 0 : 1;
  const std::vector<TensorView>& operands = c.list(1);
  bodies_of(c.arg(2)).run(taken, operands, {c.outputs.data(), c.outputs.size()});
}

}  // namespace fj::native
