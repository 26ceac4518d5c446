// What a guard on a tensor compares besides sizes: one word.
#pragma once
#include "tensor/autograd.h"
#include "tensor/layer.h"
#include "tensor/tape_api.h"

namespace fj {

enum class LayoutClass : uint8_t { Contiguous, ChannelsLast, Dense, Strided };

// Rows without gaps: what nearly every tensor is, asked without a call.
inline bool plainly_contiguous(const TensorMeta& m) {
  const Dim *sizes = m.sizes.data(), *strides = m.strides.data();
  Dim step = 1;
  for (size_t i = m.sizes.size(); i-- > 0;) {
    if (sizes[i] == 1) continue;
    if (strides[i] != step) return false;
    step *= sizes[i];
  }
  return true;
}

inline LayoutClass layout_class(const TensorMeta& m) {
  if (plainly_contiguous(m) || m.is_contiguous()) return LayoutClass::Contiguous;
  if ((m.dim() == 4 || m.dim() == 5) && m.strides[1] == 1 && m.strides == channels_last_strides(m.sizes))
    return LayoutClass::ChannelsLast;
  return m.is_dense() ? LayoutClass::Dense : LayoutClass::Strided;
}

inline bool is_hooked_leaf(const TensorObj* t) {
  return t->autograd && (t->autograd->hooks || t->autograd->post_hooks);
}

// Hooks of a leaf, dtype, device, rank, layout class, requires_grad, leaf or not, exact class or subclass, wrapped or
// not, inference tensor.
inline uint64_t facts_word(const TensorObj* t) {
  const TensorMeta& m = t->meta;
  return static_cast<uint64_t>(m.dtype) | static_cast<uint64_t>(m.device.type) << 4 |
         static_cast<uint64_t>(static_cast<uint8_t>(m.device.index)) << 8 | static_cast<uint64_t>(m.dim() & 255) << 16 |
         static_cast<uint64_t>(layout_class(m)) << 24 | static_cast<uint64_t>(tape_needs(t)) << 28 |
         static_cast<uint64_t>(is_non_leaf(t)) << 29 | static_cast<uint64_t>(Py_TYPE(t) == tensor_type) << 30 |
         static_cast<uint64_t>(is_hooked_leaf(t)) << 40 | static_cast<uint64_t>(t->wrapper != nullptr) << 31 |
         static_cast<uint64_t>(t->flags & kInferenceTensor) << 32;
}
inline uint64_t facts_word(PyObject* tensor) { return facts_word(as_tensor(tensor)); }

}  // namespace fj
