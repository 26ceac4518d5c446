#include "schedule/narrow.h"

#include "schedule/reduction.h"

namespace fj::schedule {
namespace {

constexpr int64_t kChunkPoints = 16384;

size_t first_reduced(const Axes& a) {
  for (size_t i = 0; i < a.sizes.size(); ++i)
    if (a.reduced[i]) return i;
  return a.sizes.size();
}

// Steps of partial results along the first kernel's axes: kept axes row-major outside, chunks inside.
SmallVec<int64_t, 6> partial_steps(const GroupKernel& k) {
  SmallVec<int64_t, 6> steps(k.axes.sizes.size(), 0);
  int64_t step = k.chunks;
  steps[static_cast<size_t>(k.split_axis)] = 1;
  for (size_t i = steps.size(); i-- > 0;) {
    if (k.axes.reduced[i] || static_cast<int>(i) == k.split_axis) continue;
    steps[i] = step;
    step *= k.axes.sizes[i];
  }
  return steps;
}

}  // namespace

void cut_axis(GroupKernel& k) {
  Axes& a = k.axes;
  size_t at = first_reduced(a);
  int64_t inner = 1;
  for (size_t i = at + 1; i < a.sizes.size(); ++i)
    if (a.reduced[i]) inner *= a.sizes[i];
  k.split_axis = static_cast<int>(at);
  k.split_size = a.sizes[at];
  k.chunk = std::max<int64_t>(1, kChunkPoints / std::max<int64_t>(inner, 1));
  k.chunks = (k.split_size + k.chunk - 1) / k.chunk;
  a.sizes.insert(a.sizes.begin() + at, k.chunks);
  a.sizes[at + 1] = k.chunk;
  a.reduced.insert(a.reduced.begin() + at, 0);
  for (auto& steps : a.steps) steps.insert(steps.begin() + at, steps[at] * k.chunk);
}

int add_partial(GroupKernel& k, DType t) {
  OperandUse use;
  use.dtype = t;
  use.role = loop::Role::Out;
  use.partial = static_cast<int>(k.partials.size());
  k.partials.push_back(t);
  k.operands.push_back(use);
  k.axes.steps.push_back(partial_steps(k));
  return static_cast<int>(k.operands.size()) - 1;
}

void lower_second(const Group&, GroupKernel& k, std::span<const PartialReduction> reductions) {
  KernelPart& s = k.second;
  std::vector<size_t> kept;
  for (size_t i = 0; i < k.axes.sizes.size(); ++i)
    if (!k.axes.reduced[i] && static_cast<int>(i) != k.split_axis) kept.push_back(i);
  for (size_t i : kept) {
    s.axes.sizes.push_back(k.axes.sizes[i]);
    s.axes.reduced.push_back(0);
    s.kernel.add_axis(loop::AxisKind::Parallel);
  }
  s.axes.sizes.push_back(k.chunks);
  s.axes.reduced.push_back(1);
  s.kernel.add_axis(loop::AxisKind::Reduce);
  Body body(s.kernel);
  body.open(loop::StageKind::Sweep);
  std::vector<int> accs;
  for (const PartialReduction& r : reductions) {
    const auto& from = k.axes.steps[static_cast<size_t>(
        std::find_if(k.operands.begin(), k.operands.end(), [&](auto& o) { return o.partial == r.partial; }) -
        k.operands.begin())];
    OperandUse use;
    use.dtype = k.partials[static_cast<size_t>(r.partial)];
    use.role = loop::Role::In;
    use.partial = r.partial;
    s.operands.push_back(use);
    auto& steps = s.axes.steps.emplace_back();
    for (size_t i : kept) steps.push_back(from[i]);
    steps.push_back(1);
    int operand = s.kernel.add_operand(use.dtype, use.role, loop::VecClass::Contig);
    accs.push_back(s.kernel.add_acc(accumulator_kind(*r.node), use.dtype));
    s.kernel.accum(accs.back(), s.kernel.load(operand));
  }
  body.open(loop::StageKind::Point);
  for (size_t i = 0; i < reductions.size(); ++i) {
    const PartialReduction& r = reductions[i];
    SmallVec<loop::Value, 2> values;
    emit_results(body, *r.node, accs[i], values);
    const auto& to = k.axes.steps[static_cast<size_t>(
        std::find_if(k.operands.begin(), k.operands.end(),
                     [&](auto& o) { return o.root == r.result.root && o.role != loop::Role::In; }) -
        k.operands.begin())];
    s.operands.push_back(r.result);
    auto& steps = s.axes.steps.emplace_back();
    for (size_t a : kept) steps.push_back(to[a]);
    steps.push_back(0);
    s.kernel.store(s.kernel.add_operand(r.result.dtype, loop::Role::Out, loop::VecClass::Broadcast), values[0]);
  }
}

}  // namespace fj::schedule
