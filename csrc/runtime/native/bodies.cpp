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

// Memory for what a body gives, as long as the call lasts.
std::vector<TensorView> memory_for(NativeCtx& c, std::span<const TensorMeta> metas) {
  std::vector<TensorView> out;
  for (const TensorMeta& m : metas) {
    TensorView v;
    v.dtype = m.dtype;
    v.sizes = m.sizes;
    v.strides = m.strides;
    v.data = static_cast<std::byte*>(c.scratch(static_cast<size_t>(m.numel() * size_of(m.dtype))));
    out.push_back(std::move(v));
  }
  return out;
}

// The same round after round: what a body reads lies in the other half.
class Rounds {
 public:
  Rounds(NativeCtx& c, std::span<const TensorMeta> metas) : halves_{memory_for(c, metas), memory_for(c, metas)} {}
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

// What was carried into each round of a loop is found by running it once more. Its operands follow what it began with.
void way_back(NativeCtx& c, Bodies& back, Bodies& loop) {
  const std::vector<TensorView>& given = c.list(1);
  const auto carried = static_cast<std::ptrdiff_t>(loop.results(1).size());
  const std::span<const TensorView> operands(given.begin() + carried, given.end());
  std::vector<std::vector<TensorView>> rounds{{given.begin(), given.begin() + carried}};
  for (Rounds answers(c, loop.results(0));;) {
    const std::vector<TensorView> in = joined(rounds.back(), operands);
    const std::vector<TensorView>& go_on = answers.next();
    loop.run(0, in, go_on);
    if (!is_true(go_on[0])) break;
    rounds.push_back(memory_for(c, loop.results(1)));
    loop.run(1, in, rounds.back());
  }
  std::vector<TensorView> grads = c.list(0);
  Rounds steps(c, back.results(0));
  for (size_t k = rounds.size() - 1; k-- > 0;) {
    const std::vector<TensorView>& out = steps.next();
    back.run(0, joined(joined(grads, rounds[k]), operands), out);
    grads = out;
  }
  for (size_t i = 0; i < grads.size(); ++i) copy_view(c.outputs[i], grads[i]);
}

}  // namespace

void while_loop(NativeCtx& c) {
  Bodies& bodies = bodies_of(c.arg(2));
  if (Bodies* forward = bodies.forward()) return way_back(c, bodies, *forward);
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
