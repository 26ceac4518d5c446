#include "ops/infer.h"

#include <deque>

#include "ops/foreign.h"

namespace fj {
namespace {

// Applies ops to metas alone.
class MetaBuilder final : public Builder {
 public:
  void emit(const OpDef& op, Args args, SmallVec<Val, 2>& outs) override {
    SmallVec<TensorMeta, 2> metas;
    infer_op(op, args, metas);
    for (TensorMeta& m : metas) outs.push_back(Val{&metas_.emplace_back(std::move(m))});
  }

 private:
  std::deque<TensorMeta> metas_;
};

}  // namespace

void infer_op(const OpDef& op, Args args, SmallVec<TensorMeta, 2>& outs) {
  if (__builtin_expect(must_rewrite(op, args), 0)) {
    MetaBuilder b;
    SmallVec<Val, 2> vals;
    emit_foreign(b, op, args, vals);
    for (Val v : vals) outs.push_back(*v);
    return;
  }
  if (op.infer) {
    InferCtx c{op, args};
    op.infer(c);
    for (TensorMeta& m : c.out) outs.push_back(std::move(m));
    return;
  }
  FJ_CHECK(op.decompose, "op ", op.full_name, " has neither a shape rule nor a decomposition");
  MetaBuilder b;
  SmallVec<Val, 2> vals;
  op.decompose(b, op, args, vals);
  for (Val v : vals) {
    TensorMeta m = *v;
    if (!is_transparent(op)) {  // computed into memory of its own, even where the last part is a view
      m.offset = 0;
      if (!m.is_dense()) m.strides = contiguous_strides(m.sizes);
    }
    outs.push_back(std::move(m));
  }
}

}  // namespace fj
