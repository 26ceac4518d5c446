// Rules of the ops that run one of several bodies.
#include "ops/bodies.h"
#include "ops/rules_util.h"

namespace fj {

void infer_cond(InferCtx& c) {
  FJ_USER_CHECK(c.val(0)->numel() == 1, ErrorKind::Runtime, "Expected pred to be a tensor of one element");
  for (const TensorMeta& m : bodies_of(c.args[2]).results(0)) c.out.push_back(m);
}

void infer_while_loop(InferCtx& c) {
  for (const TensorMeta& m : bodies_of(c.args[2]).results(1)) c.out.push_back(m);
}

void infer_scan(InferCtx& c) {
  const size_t carried = c.args[0].as_vals().size();
  const Dim count = c.args[1].as_vals()[0]->sizes[0];
  for (const TensorMeta& m : bodies_of(c.args[3]).results(0)) {
    if (c.out.size() < carried) {
      c.out.push_back(m);
      continue;
    }
    Shape sizes{count};
    for (Dim d : m.sizes) sizes.push_back(d);
    c.out.push_back(make_meta(sizes, m.dtype));
  }
}

// The body is computed again for its derivative: what it would keep depends on the branch.
void vjp_cond(VjpCtx& c) {
  SmallVec<Val, 8> operands, given;
  for (Val v : c.args[1].as_vals()) operands.push_back(v);
  const size_t own = operands.size();
  for (size_t i = 0; i < c.outs.size(); ++i)
    if (is_differentiable(c.outs[i]->dtype))
      operands.push_back(c.grads[i] ? c.grads[i] : t::_zeros(c.b, c.outs[i]->sizes, c.outs[i]->dtype));
  Arg args[] = {c.args[0], Arg::tensors(operands), Arg::object(&bodies_of(c.args[2]).gradient())};
  SmallVec<Val, 2> grads = c.b.emit_n(OpId::_cond, args);
  size_t next = 0;
  for (size_t i = 0; i < own; ++i) given.push_back(is_differentiable(operands[i]->dtype) ? grads[next++] : Val{});
  c.result[1] = Arg::tensors(given);
}

}  // namespace fj
