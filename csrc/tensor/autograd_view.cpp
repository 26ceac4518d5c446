// Views and in-place writes. A view's gradient is a part of its base's, found by geometry alone: the base's gradient is
// brought into the base's own memory order, where the view's sizes and strides say which elements are meant.
#include <algorithm>

#include "ops/rules_util.h"
#include "tensor/autograd_internal.h"

namespace fj::tape {
namespace {

struct Geometry {
  Shape sizes, strides;
  Dim offset = 0;
};

Geometry geometry_of(const TensorMeta& m) { return {m.sizes, m.strides, m.offset}; }

// The base's dimensions from the outermost in memory to the innermost.
SmallVec<int64_t, 6> memory_order(const Geometry& base) {
  SmallVec<int64_t, 6> order;
  for (int64_t d = 0; d < static_cast<int64_t>(base.sizes.size()); ++d) order.push_back(d);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return base.strides[a] > base.strides[b]; });
  return order;
}

std::string describe_both(const Geometry& view, const Geometry& base) {
  return cat(view.sizes, view.strides, view.offset, " of ", base.sizes, base.strides, base.offset, ";");
}

void check_dense(const TensorMeta& base, const TensorMeta& view) {
  FJ_USER_CHECK(
      base.dtype == view.dtype, ErrorKind::NotImplemented,
      "an in-place write to a view with another dtype (the parts of a complex tensor) cannot be differentiated");
  FJ_USER_CHECK(base.is_dense(), ErrorKind::Runtime,
                "an in-place write to a view of a tensor whose memory is not dense cannot be differentiated");
}

Val to_memory(Builder& b, Val grad, const Geometry& base) {
  Val turned = t::permute(b, grad, Arg::ints(memory_order(base)));
  return turned->is_contiguous() ? turned : t::clone(b, turned, MemoryFormat::Contiguous);
}

Val from_memory(Builder& b, Val flat, const Geometry& base) {
  SmallVec<int64_t, 6> order = memory_order(base), inverse(order.size(), 0);
  for (size_t i = 0; i < order.size(); ++i) inverse[order[i]] = static_cast<int64_t>(i);
  return t::permute(b, flat, Arg::ints(inverse));
}

// The base's sizes in memory order.
Shape memory_sizes(const Geometry& base) {
  Shape s;
  for (int64_t d : memory_order(base)) s.push_back(base.sizes[d]);
  return s;
}

// `flat` with `part` where the view is.
Val scatter_part(Builder& b, Val flat, Val part, const Geometry& view, const Geometry& base) {
  return t::as_strided_scatter(b, flat, part, view.sizes, view.strides, Arg(int64_t(view.offset - base.offset)));
}

// The gradient of a view as a gradient of its base: zero elsewhere.
class ViewBackward final : public Node {
 public:
  ViewBackward(TensorObj* view, TensorObj* base) : view_(geometry_of(view->meta)), base_(geometry_of(base->meta)) {
    add_result(view->meta);
  }
  std::string name() const override { return "AsStridedBackward0"; }
  bool describe(std::string& text, std::vector<const Saved*>&) const override {
    text += describe_both(view_, base_);
    return true;
  }
  void apply(std::span<const TensorRef> grads, bool, Outs& out) override {
    if (!grads[0]) {
      out.push_back({});
      return;
    }
    EagerBuilder b;
    Val g = grads[0].val();
    Val flat = t::_as_strided_add(b, g, memory_sizes(base_), view_.sizes, view_.strides,
                                  Arg(int64_t(view_.offset - base_.offset)));
    out.push_back(b.take(from_memory(b, flat, base_)));
  }

 private:
  Geometry view_, base_;
};

// What an in-place op on a view is for the base: the part that the view shows goes through the op's own node.
class CopySlices final : public Node {
 public:
  CopySlices(TensorObj* view, TensorObj* base, NodeRef fn)
      : view_(geometry_of(view->meta)), base_(geometry_of(base->meta)), fn_(std::move(fn)) {
    add_result(base->meta);
  }
  std::string name() const override { return "CopySlices"; }
  bool describe(std::string& text, std::vector<const Saved*>& saved) const override {
    text += describe_both(view_, base_);
    return fn_->describe(text, saved);
  }
  void release_saved() override {
    if (fn_) fn_->release_saved();
  }
  int traverse(visitproc visit, void* arg) override {
    Py_VISIT(reinterpret_cast<PyObject*>(fn_.get()));
    return 0;
  }
  // Edge 0 is the base as it was; the others are the inner node's but for its `self`.
  void apply(std::span<const TensorRef> grads, bool create_graph, Outs& out) override {
    if (!grads[0]) {
      for (size_t i = 0; i < next.size(); ++i) out.push_back({});
      return;
    }
    EagerBuilder b;
    Val flat = to_memory(b, grads[0].val(), base_);
    Val part = t::clone(
        b, t::as_strided(b, flat, view_.sizes, view_.strides, Arg(int64_t(flat->offset + view_.offset - base_.offset))),
        MemoryFormat::Contiguous);
    TensorRef part_grad[] = {b.take(part)};
    Outs inner;
    fn_->apply(part_grad, create_graph, inner);
    Val mine = !inner.empty() && inner[0] ? inner[0].val() : t::zeros_like(b, part);
    out.push_back(b.take(from_memory(b, scatter_part(b, flat, mine, view_, base_), base_)));
    for (size_t i = 1; i < inner.size(); ++i) out.push_back(inner[i]);
  }

 private:
  Geometry view_, base_;
  NodeRef fn_;
};

}  // namespace

NodeRef view_node(TensorObj* t) {
  check_dense(t->base->meta, t->meta);
  auto node = std::make_unique<ViewBackward>(t, t->base);
  node->next.push_back(edge_of(t->base));
  return wrap_node(std::move(node));
}

void rebase_view(TensorObj* t, NodeRef node, const Edge&) {
  TensorObj* base = t->base;
  check_dense(base->meta, t->meta);
  auto outer = std::make_unique<CopySlices>(t, base, node);
  outer->next = node->next;
  Edge base_edge = edge_of(base);
  if (outer->next.empty())
    outer->next.push_back(base_edge);
  else
    outer->next[0] = base_edge;
  // The inner node must still compute self's part, if only to overwrite it.
  if (!node->next.empty()) node->next[0] = base_edge;
  NodeRef ref = wrap_node(std::move(outer));
  set_history(base, ref, 0);
  need_meta(t);
  grad_fn_of(t);
}

}  // namespace fj::tape
