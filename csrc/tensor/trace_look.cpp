// What a trace needs elements for: sizes that depend on data, and numbers read from tensors. An observer tells them.
#include <string_view>

#include "ops/calls.h"
#include "ops/infer.h"
#include "ops/rules.h"
#include "tensor/dispatch.h"
#include "tensor/trace.h"

namespace fj::trace {

namespace {

constexpr Dim kMostElements = 1024;  // that Python reads one by one

// Those who only read; others would have the memory.
constexpr std::string_view kReads[] = {
    "item", "bool", "int", "float", "complex", "an index", "tolist", "a number argument", "a copy of its elements",
};

bool only_reads(std::string_view what) {
  for (std::string_view known : kReads)
    if (known == what) return true;
  return false;
}

// Selecting by a mask as indexing with the places of its true elements, through which gradients flow.
TensorRef select_by_places(Val self, Val mask) {
  EagerBuilder b;
  Shape wide = broadcast_shapes(self->sizes, mask->sizes);
  if (wide.empty()) wide = Shape{1};
  Val places = t::nonzero(b, t::expand(b, mask, wide));
  SmallVec<Val, 6> columns;
  for (int64_t d = 0; d < static_cast<int64_t>(wide.size()); ++d) columns.push_back(t::select(b, places, 1, d));
  return b.take(t::index(b, t::expand(b, self, wide), Arg::tensors(columns)));
}

}  // namespace

TensorObj* TraceSession::data_access(TensorObj* t, const char* what) {
  if (!observer_ || !open_.empty() || !observer_->may_look() || !only_reads(what) || t->meta.numel() > kMostElements)
    raise(ErrorKind::DataDependent, what, " needs the elements of a traced tensor");
  Outs real;
  const Arg value(Val{value_of(t)});
  observer_->look(*this, nullptr, Args(&value, 1), real);
  looked_at_.push_back(real[0]);
  return looked_at_.back().get();
}

void TraceSession::look(const OpDef& op, Args args, Outs& outs) {
  if (!observer_ || !open_.empty() || !observer_->may_look() || !op.has(kDynamicShape))
    raise(ErrorKind::DataDependent, op.name,
          "() gives a result whose shape depends on the elements of a traced tensor");
  SmallVec<TensorRef, 6> keep;
  ArgVec fakes = to_fakes(args, keep);
  SmallVec<TensorMeta, 2> metas;
  infer_op(op, fakes, metas);  // what is wrong with the arguments is known without data
  if (op.id == OpId::masked_select) {
    outs.push_back(select_by_places(fakes[0].val(), fakes[1].val()));
    return;
  }
  for (Arg& a : fakes) a = map_vals(a, [&](Val v) { return Val{value_of(tensor_of(v))}; });
  Outs real;
  observer_->look(*this, &op, fakes, real);
  for (const TensorRef& r : real) outs.push_back(fake_of(r.get()));
}

}  // namespace fj::trace
