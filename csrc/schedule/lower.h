// Group -> loop kernel, with the description of its operands.
#pragma once
#include "schedule/group.h"

namespace fj::schedule {

// How a kernel's operand maps to memory.
struct OperandUse {
  const Value* root = nullptr;  // null: scratch or a partial result
  int64_t offset = 0;           // elements from the root's first
  Steps steps;                  // along the group's space, elements
  DType dtype;
  loop::Role role;
  int partial = -1;  // number of the temporary with partial results that it is, if it is one
};

struct Axes {
  SmallVec<int64_t, 6> sizes;  // in nesting order
  SmallVec<int64_t, 6> reduced;
  std::vector<SmallVec<int64_t, 6>> steps;  // [operand][axis], elements
  SmallVec<int64_t, 6> index_steps;         // row-major position within the reduced dimensions, for arg reductions
};

struct Numbers {
  std::vector<Arg> values;  // run-time numbers in the order of the kernel's parameters
};

// `is_needed(v)`: v must be in memory after the kernel.
class NeededFn {
 public:
  virtual ~NeededFn() = default;
  virtual bool operator()(const Value* v) const = 0;
};

struct KernelPart {
  loop::Kernel kernel;
  std::vector<OperandUse> operands;
  Axes axes;
  Numbers numbers;
};

// A narrow group runs as two kernels: the first reduces chunks of one axis (which has become a parallel axis of
// `chunks` rounds of `chunk` each, and a last shorter one), the second the chunks' results. Chunks do not depend on the
// number of threads, so sums are the same on every machine.
struct GroupKernel : KernelPart {
  int split_axis = -1;                            // the axis of chunks, which stands before the axis that was cut
  int64_t split_size = 0, chunk = 0, chunks = 0;  // chunks: the rounded up number
  KernelPart second;
  std::vector<DType> partials;  // [kept axes..., chunks], row-major
};

GroupKernel lower_group(const Group& g, const NeededFn& needed);

// Orders and merges the space's dimensions, given all operands; row or column kernel by where unit strides lie.
Axes build_axes(const Group& g, std::span<const OperandUse> operands, std::span<const int> full_level, bool keep_index);

}  // namespace fj::schedule
