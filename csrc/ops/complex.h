// Complex numbers. The engine computes with real numbers only: a call that has to do with complex ones is rewritten,
// where it enters, into calls on real and imaginary parts. The parts are views of the complex tensor (view_as_real), a
// result is made of its parts by view_as_complex, and derivatives follow from the real calls (so that the gradient of a
// real loss is dL/d(re) + i dL/d(im), PyTorch's convention). Kernels, native routines and graphs know nothing of it.
#pragma once
#include "ops/foreign.h"

namespace fj {

// The complex tensor of two real ones of one dtype (float32 or float64), which are broadcast.
Val join_parts(Builder& b, Val re, Val im);

}  // namespace fj
