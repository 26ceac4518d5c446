// Rules of the ops that carry a user's own derivative.
#include "ops/custom_gradient.h"
#include "ops/rules_util.h"

namespace fj {

void infer_function_grad(InferCtx& c) {
  for (Val v : c.args[1].as_vals()) {
    TensorMeta m = *v;
    m.offset = 0;
    m.requires_grad = false;
    if (!m.is_dense()) m.strides = contiguous_strides(m.sizes);
    c.out.push_back(std::move(m));
  }
}

void decompose_function_grad(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  for (Val v : args[1].as_vals()) outs.push_back(v->is_dense() ? v : t::clone(b, v, MemoryFormat::Contiguous));
}

void vjp_function_grad(VjpCtx& c) {
  const auto& gradient = *static_cast<const CustomGradient*>(c.args[3].as_object());
  SmallVec<Val, 4> grads, saved, given;
  for (size_t i = 0; i < c.outs.size(); ++i)
    grads.push_back(c.grads[i] ? c.grads[i] : t::_zeros(c.b, c.outs[i]->sizes, c.outs[i]->dtype));
  auto kept = c.args[2].as_vals();
  for (size_t k = 0; k < kept.size(); ++k) {
    const int32_t output = gradient.saved_outputs[k];
    saved.push_back(output >= 0 ? c.outs[static_cast<size_t>(output)] : kept[k]);
  }
  gradient.apply(c.b, grads, saved, given);
  auto inputs = c.args[0].as_vals();
  for (size_t i = 0; i < given.size(); ++i) given[i] = reduce_to(c.b, given[i], inputs[i]);
  c.result[0] = Arg::tensors(given);
}

void decompose_once_differentiable(Builder&, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  outs.push_back(args[0].val());
}

void vjp_once_differentiable(VjpCtx&) {
  raise(ErrorKind::Runtime, "trying to differentiate twice a function that was marked with @once_differentiable");
}

}  // namespace fj
