// Rules of the ops that run one of several bodies.
#include "ops/bodies.h"
#include "ops/rules_util.h"

namespace fj {

void infer_cond(InferCtx& c) {
  FJ_USER_CHECK(c.val(0)->numel() == 1, ErrorKind::Runtime, "Expected pred to be a tensor of one element");
  for (const TensorMeta& m : bodies_of(c.args[2]).results(0)) c.out.push_back(m);
}

void infer_while_loop(InferCtx& c) {
  const Bodies& bodies = bodies_of(c.args[2]);
  for (const TensorMeta& m : bodies.results(bodies.forward() ? 0 : 1)) c.out.push_back(m);
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

namespace {

Val grad_or_zeros(VjpCtx& c, size_t out) {
  return c.grads[out] ? c.grads[out] : t::_zeros(c.b, c.outs[out]->sizes, c.outs[out]->dtype);
}

// `next` of them for the tensors that can have one.
Arg given_to(std::span<const Val> tensors, const SmallVec<Val, 2>& grads, size_t& next) {
  SmallVec<Val, 4> out;
  for (Val v : tensors) out.push_back(is_differentiable(v->dtype) ? grads[next++] : Val{});
  return Arg::tensors(out);
}

}  // namespace

// The body is computed again for its derivative: what it would keep depends on the branch.
void vjp_cond(VjpCtx& c) {
  auto own = c.args[1].as_vals();
  SmallVec<Val, 8> operands(own.begin(), own.end());
  for (size_t i = 0; i < c.outs.size(); ++i)
    if (is_differentiable(c.outs[i]->dtype)) operands.push_back(grad_or_zeros(c, i));
  Arg args[] = {c.args[0], Arg::tensors(operands), Arg::object(&bodies_of(c.args[2]).gradient())};
  SmallVec<Val, 2> grads = c.b.emit_n(OpId::_cond, args);
  size_t next = 0;
  c.result[1] = given_to(own, grads, next);
}

// The loop runs once more, keeping what it carries into each round, and then back. Nobody knows before how often it
// runs.
void vjp_while_loop(VjpCtx& c) {
  auto carried = c.args[0].as_vals(), operands = c.args[1].as_vals();
  Bodies& bodies = bodies_of(c.args[2]);
  FJ_USER_CHECK(!bodies.forward(), ErrorKind::Runtime, "while_loop() has no second derivative");
  SmallVec<Val, 8> starts, given(carried.begin(), carried.end());
  for (size_t i = 0; i < carried.size(); ++i)
    if (is_differentiable(carried[i]->dtype)) starts.push_back(grad_or_zeros(c, i));
  for (Val v : operands) {
    if (is_differentiable(v->dtype)) starts.push_back(t::_zeros(c.b, v->sizes, v->dtype));
    given.push_back(v);
  }
  Arg back[] = {Arg::tensors(starts), Arg::tensors(given), Arg::object(&bodies.backward(carried.size(), 0))};
  SmallVec<Val, 2> grads = c.b.emit_n(OpId::_while_loop, back);
  size_t next = 0;
  c.result[0] = given_to(carried, grads, next);
  c.result[1] = given_to(operands, grads, next);
}

// A scan the other way. What was carried is found by a second run of the first one.
void vjp_scan(VjpCtx& c) {
  auto carried = c.args[0].as_vals(), xs = c.args[1].as_vals(), operands = c.args[2].as_vals();
  Bodies& bodies = bodies_of(c.args[3]);
  const size_t n = carried.size();
  SmallVec<Val, 8> starts, slices(xs.begin(), xs.end());
  for (size_t i = 0; i < n; ++i)
    if (is_differentiable(carried[i]->dtype)) starts.push_back(grad_or_zeros(c, i));
  for (Val v : operands)
    if (is_differentiable(v->dtype)) starts.push_back(t::_zeros(c.b, v->sizes, v->dtype));
  if (n) {
    Arg again[] = {c.args[0], c.args[1], c.args[2], Arg::object(&bodies.saving(n)), c.args[4]};
    SmallVec<Val, 2> saved = c.b.emit_n(OpId::_scan, again);
    for (size_t i = c.outs.size(); i < saved.size(); ++i) slices.push_back(saved[i]);
  }
  for (size_t i = n; i < c.outs.size(); ++i)
    if (is_differentiable(c.outs[i]->dtype)) slices.push_back(grad_or_zeros(c, i));
  Arg back[] = {Arg::tensors(starts), Arg::tensors(slices), c.args[2], Arg::object(&bodies.backward(n, xs.size())),
                Arg(!c.args[4].as_bool())};
  SmallVec<Val, 2> grads = c.b.emit_n(OpId::_scan, back);
  size_t next = 0;
  c.result[0] = given_to(carried, grads, next);
  c.result[2] = given_to(operands, grads, next);
  c.result[1] = given_to(xs, grads, next);
}

}  // namespace fj
