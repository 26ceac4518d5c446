// Dtypes that the engine does not compute in: the complex ones (complex.h) and uint16, uint32 and uint64
// (rules_unsigned.cpp). A call that has to do with one is rewritten, where it enters, into calls on other tensors over
// the same memory or converted from it. Kernels, native routines and graphs know nothing of them.
#pragma once
#include "ops/builder.h"

namespace fj {

struct ForeignFacts {
  bool complex = false, wide_unsigned = false;

  bool any() const { return complex || wide_unsigned; }
  void see(DType t) {
    complex |= is_complex(t);
    wide_unsigned |= is_wide_unsigned(t);
  }
};

// What the arguments have of such tensors, numbers and dtypes.
inline ForeignFacts foreign_facts(Args args) {
  ForeignFacts f;
  for (const Arg& a : args) {
    switch (a.tag()) {
      case ArgTag::Tensor: f.see(a.val()->dtype); break;
      case ArgTag::TensorList:
        for (Val v : a.as_vals())
          if (v) f.see(v->dtype);
        break;
      case ArgTag::Complex: f.complex = true; break;
      case ArgTag::DType: f.see(a.as_dtype()); break;
      default: break;
    }
  }
  return f;
}

// Does `op` take such tensors as they stand? Views do, and what only makes or moves memory; some rows take complex
// ones.
inline bool takes_foreign(const OpDef& op, const ForeignFacts& f) {
  if (op.is_view() || op.id == OpId::copy_) return true;
  return !f.wide_unsigned && (op.has(kTakesComplex) || op.id == OpId::_complex);
}
inline bool must_rewrite(const OpDef& op, Args args) {
  ForeignFacts f = foreign_facts(args);
  return f.any() && !takes_foreign(op, f);
}

// Rewrites such a call (not of an in-place form). Raises NotImplemented, in PyTorch's words, where there is no rule.
void emit_foreign(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs);
// The two kinds; a call with unsigned tensors is of the second.
void emit_complex(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs);
void emit_unsigned(Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs);

// A tensor over the same memory in the signed type of the same width.
Val signed_view(Builder& b, Val v);

}  // namespace fj
