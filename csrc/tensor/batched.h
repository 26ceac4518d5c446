// The batching layer: what vmap is made of. A batched tensor shows its logical sizes and wraps a value with one
// dimension more. A call on batched tensors runs the op's batching rule on the values; composites are taken apart,
// in-place ops compute aside and are copied into the value. The tape is below this layer: it records what the rules do.
//
// Several layers may be active; each takes care of its own tensors and hands on everything else.
#pragma once
#include <memory>

#include "tensor/dispatch.h"

namespace fj {

// What Python holds of a layer: a capsule of this name.
inline constexpr const char* kVmapCapsule = "framejit.vmap_layer";

enum class VmapRandomness : uint8_t { Error, Different, Same };

class VmapLayer final : public Layer, public std::enable_shared_from_this<VmapLayer> {
 public:
  VmapLayer(Dim size, VmapRandomness randomness) : size_(size), randomness_(randomness), level_(++last_level) {}
  void dispatch(const OpDef& op, Args args, Outs& outs) override;
  TensorObj* data_access(TensorObj* t, const char* what) override;
  TensorRef adopt(TensorRef fresh) override;

  // A tensor of this layer over `value`, whose dimension `bdim` is the batch.
  TensorRef wrap(TensorRef value, int64_t bdim);
  // The value and batch dimension of one of this layer's tensors; `bdim` is -1 and the value `t` itself for others.
  TensorRef unwrap(TensorObj* t, int64_t* bdim) const;
  bool is_mine(const TensorObj* t) const { return t->wrapper && t->wrapper->layer == this; }
  Dim size() const { return size_; }
  VmapRandomness randomness() const { return randomness_; }
  // Later layers wrap around the tensors of earlier ones.
  bool is_above(const VmapLayer& other) const { return level_ > other.level_; }

 private:
  struct Call;
  void run_rule(const Call& c, Outs& outs);
  void run_inplace(const Call& c, Outs& outs);
  void run_random(const Call& c, Outs& outs);
  void decompose(const OpDef& op, Args args, Outs& outs);

  Dim size_;
  VmapRandomness randomness_;
  uint64_t level_;
  static inline uint64_t last_level = 0;
};

// The innermost active batching layer, or null; how many are active.
VmapLayer* top_vmap();
int active_vmaps();
// How many of func's transformations that differentiate the thread is inside of, and how many of these bear no hooks of
// saved tensors; within a scope they are put back at the end.
struct FuncDepth {
  int all = 0, without_hooks = 0;
};
FuncDepth& func_depth();
struct FuncDepthScope {
  const FuncDepth before = func_depth();
  ~FuncDepthScope() { func_depth() = before; }
};
// `x` as something that gradients can be asked for under all active layers: batched in each, with a tracked tensor
// below. `tracked`: whether x itself was tracked already.
TensorRef make_differentiable(TensorObj* x, bool* tracked);
// The same tensor, for a function that may write to it although it is a leaf: what is written is the tape's matter.
TensorRef make_writable(TensorObj* x);
// The layer that a tensor is batched in, counted from the outermost, 1, its value there and which dimension the batch
// is; 0 for one that is batched in none that is active.
int batch_level(TensorObj* t, TensorRef* value, int64_t* bdim);
// The tensor below all batching layers.
TensorRef plain_tensor(TensorObj* t);
// Is it batched in any layer?
bool is_batched(const TensorObj* t);
// The tensor below all active batching layers with their batches as its first dimensions, the outermost first, and the
// way back.
TensorRef opened(TensorObj* t);
TensorRef closed(TensorRef plain);
// `plain` wrapped as `like` is, beneath what layers it has already.
TensorRef wrapped_like(TensorRef plain, TensorObj* like);
// A gradient of `out` as one of plain_tensor(out): the batch dimensions of out's layers become ordinary ones. Layers
// that only the gradient is batched in (vmap over a pullback) stay around it.
TensorRef aligned_seed(TensorObj* seed, TensorObj* out);
// Is `out` batched in every layer that `like` is batched in? Otherwise it cannot depend on it.
bool is_batched_like(TensorObj* out, TensorObj* like);

}  // namespace fj
