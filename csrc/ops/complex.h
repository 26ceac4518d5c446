// Complex numbers. The engine computes with real numbers only: a call that has to do with complex ones is rewritten,
// where it enters, into calls on real and imaginary parts. The parts are views of the complex tensor (view_as_real), a
// result is made of its parts by view_as_complex, and derivatives follow from the real calls (so that the gradient of a
// real loss is dL/d(re) + i dL/d(im), PyTorch's convention). Kernels, native routines and graphs know nothing of it.
#pragma once
#include "ops/builder.h"

namespace fj {

// Has the call a complex tensor or number among its arguments, or does it ask for a complex dtype?
inline bool involves_complex(Args args) {
  for (const Arg& a : args) {
    switch (a.tag()) {
      case ArgTag::Tensor:
        if (is_complex(a.val()->dtype)) return true;
        break;
      case ArgTag::TensorList:
        for (Val v : a.as_vals())
          if (v && is_complex(v->dtype)) return true;
        break;
      case ArgTag::Complex: return true;
      case ArgTag::DType:
        if (is_complex(a.as_dtype())) return true;
        break;
      default: break;
    }
  }
  return false;
}

// Does `op` take complex tensors as they stand? Views do, and what only makes or moves memory.
inline bool takes_complex(const OpDef& op) {
  return op.is_view() || op.has(kTakesComplex) || op.id == OpId::copy_ || op.id == OpId::_complex;
}

// Rewrites a call that involves complex numbers (not of an in-place form). Raises NotImplemented, in PyTorch's words,
// where the row has no rule for it.
void emit_complex(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs);

// The complex tensor of two real ones of one dtype (float32 or float64), which are broadcast.
Val join_parts(Builder& b, Val re, Val im);

}  // namespace fj
