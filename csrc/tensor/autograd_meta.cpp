// A tensor's place in the tape: its node or accumulator, history after in-place writes, saved tensors.
#include "ops/calls.h"
#include "tensor/autograd_internal.h"
#include "tensor/tape_api.h"

namespace fj::tape {
namespace {

// Leads to a leaf's .grad.
class AccumulateGrad final : public Node {
 public:
  explicit AccumulateGrad(TensorObj* leaf) : leaf_(TensorRef::borrow(leaf)) { add_result(leaf->meta); }
  ~AccumulateGrad() override {
    if (leaf_ && leaf_->autograd) leaf_->autograd->accumulator = nullptr;
  }
  void apply(std::span<const TensorRef> grads, bool create_graph, Outs&) override {
    if (grads[0]) accumulate_into(leaf_.get(), grads[0], create_graph);
  }
  std::string name() const override { return "AccumulateGrad"; }
  bool is_accumulate() const override { return true; }
  int traverse(visitproc visit, void* arg) override {
    Py_VISIT(as_object(leaf_.get()));
    return 0;
  }
  TensorObj* leaf() const { return leaf_.get(); }

 private:
  TensorRef leaf_;
};

void drop_retained(TensorObj* t) {
  AutogradMeta* m = t->autograd;
  if (!m || !m->retains_grad || !m->grad_fn || !m->grad_fn->node || !m->grad_fn->node->hooks) return;
  auto& list = m->grad_fn->node->hooks->retained;
  for (size_t i = list.size(); i-- > 0;)
    if (list[i].tensor == t) list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
}

}  // namespace

TensorObj* accumulated_leaf_of(Node& n) { return n.is_accumulate() ? static_cast<AccumulateGrad&>(n).leaf() : nullptr; }

void detach_in_place(TensorObj* t) {
  if (t->autograd) {
    drop_retained(t);
    t->autograd->retains_grad = false;
    Py_CLEAR(t->autograd->grad_fn);
    t->autograd->output_nr = 0;
  }
  t->meta.requires_grad = false;
  facts_changed(t);
}

AutogradMeta& need_meta(TensorObj* t) {
  if (!t->autograd) {
    t->autograd = new AutogradMeta();
    t->autograd->view_version = version_of(t);
    track(t);
  }
  return *t->autograd;
}

void traverse_tensor_clear(TensorObj* t) {
  if (!t->autograd) return;
  drop_retained(t);
  std::unique_ptr<AutogradMeta> m(std::exchange(t->autograd, nullptr));
  Py_XDECREF(m->hooks);
  Py_XDECREF(m->post_hooks);
  Py_XDECREF(m->grad);
  Py_XDECREF(m->grad_fn);
}

int traverse_tensor(TensorObj* t, visitproc visit, void* arg) {
  AutogradMeta* m = t->autograd;
  Py_VISIT(m->hooks);
  Py_VISIT(m->post_hooks);
  Py_VISIT(reinterpret_cast<PyObject*>(m->grad));
  Py_VISIT(reinterpret_cast<PyObject*>(m->grad_fn));
  return 0;
}

NodeObj* grad_fn_of(TensorObj* t) {
  AutogradMeta* m = t->autograd;
  if (t->base && !(t->flags & kNoGradView) && t->base->meta.requires_grad &&
      (!m || m->view_version != version_of(t) || !m->grad_fn)) {
    NodeRef fresh = view_node(t);
    AutogradMeta& meta = need_meta(t);
    drop_retained(t);
    Py_XSETREF(meta.grad_fn, fresh.release());
    meta.output_nr = 0;
    meta.view_version = version_of(t);
    if (meta.retains_grad) meta.grad_fn->node->need_hooks().retained.push_back({0, t});
    return meta.grad_fn;
  }
  return m ? m->grad_fn : nullptr;
}

NodeRef accumulator_of(TensorObj* leaf) {
  AutogradMeta& m = need_meta(leaf);
  if (m.accumulator) return NodeRef::borrow(m.accumulator);
  NodeRef node = wrap_node(std::make_unique<AccumulateGrad>(leaf));
  m.accumulator = node.get();
  return node;
}

Edge edge_of(TensorObj* t) {
  if (!requires_grad(t)) return {};
  if (NodeObj* fn = grad_fn_of(t)) return {NodeRef::borrow(fn), t->autograd->output_nr};
  return {accumulator_of(t), 0};
}

void set_history(TensorObj* t, const NodeRef& node, int32_t nr) {
  AutogradMeta& m = need_meta(t);
  Py_XSETREF(m.grad_fn, NodeRef(node).release());
  m.output_nr = nr;
  m.view_version = version_of(t);
  t->meta.requires_grad = true;
  facts_changed(t);
}

void rebase_history(TensorObj* t, NodeRef node, const Edge& self_edge) {
  bool retains = t->autograd && t->autograd->retains_grad;
  if (retains) drop_retained(t);
  if (t->base && !(t->flags & kNoGradView)) {
    rebase_view(t, std::move(node), self_edge);
  } else {
    set_history(t, node, 0);
  }
  if (retains) grad_fn_of(t)->node->need_hooks().retained.push_back({t->autograd->output_nr, t});
}

void check_inplace(TensorObj* self, bool tracked) {
  FJ_USER_CHECK(!(self->flags & kInferenceTensor) || thread_state().inference_mode, ErrorKind::Runtime,
                "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a "
                "normal tensor before "
                "doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details.");
  if (!tracked) return;
  if (self->base && requires_grad(self)) {
    FJ_USER_CHECK(grad_fn_of(self->base), ErrorKind::Runtime,
                  "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    FJ_USER_CHECK(!(self->flags & kNoGradView), ErrorKind::Runtime,
                  "A view was created in no_grad mode and is being modified inplace with grad mode enabled. Given that "
                  "this use case is "
                  "ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and "
                  "the inplace either "
                  "both inside the no_grad block (if you don't want the inplace to be tracked) or both outside (if you "
                  "want the inplace "
                  "to be tracked).");
  } else {
    FJ_USER_CHECK(!self->meta.requires_grad || grad_fn_of(self), ErrorKind::Runtime,
                  self->flags & kFakeView ? "a view of a leaf" : "a leaf",
                  " Variable that requires grad is being used in an in-place operation.");
  }
}

// -- saved tensors
// -----------------------------------------------------------------------------------------------------

// Gives the tensor to the innermost pair of hooks, if there is one. Fake tensors are the trace's own matter.
void pack(Saved& s) {
  if (saved_hooks().empty() || s.tensor->wrapper) return;
  SavedHooks hooks = saved_hooks().back();
  TensorRef given = is_leaf(s.tensor.get()) && !s.output ? s.tensor : make_alias(s.tensor.get());
  GradModeGuard off(false);
  auto packed = std::make_shared<Packed>();
  packed->object = py::check(PyObject_CallOneArg(hooks.pack.get(), as_object(given.get())));
  packed->unpack = hooks.unpack;
  s.packed = std::move(packed);
  s.tensor = TensorRef();
}

std::vector<SavedHooks>& saved_hooks() {
  static thread_local auto* stack = new std::vector<SavedHooks>;
  return *stack;
}

Saved save_input(TensorObj* t) {
  Saved s = describe_input(t);
  pack(s);
  return s;
}

Saved describe_input(TensorObj* t) {
  FJ_USER_CHECK(!(t->flags & kInferenceTensor), ErrorKind::Runtime,
                "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode "
                "in computation tracked by "
                "autograd. To work around this, you can make a clone to get a normal tensor and use it in autograd, or "
                "use `torch.no_grad()` "
                "instead of `torch.inference_mode()`.");
  Saved s;
  s.tensor = TensorRef::borrow(t);
  s.version = version_of(t);
  s.requires_grad = requires_grad(t);
  if (s.requires_grad) {
    s.grad_fn = NodeRef::borrow(grad_fn_of(t));
    if (s.grad_fn)
      s.nr = t->autograd->output_nr;
    else if (!saved_hooks().empty())
      s.grad_fn = accumulator_of(t);  // what the unpacked tensor is connected to
  }
  return s;
}

Saved save_output(TensorObj* t, int32_t nr) {
  Saved s;
  s.tensor = make_alias(t);
  s.version = version_of(t);
  s.output = true;
  s.requires_grad = true;
  s.nr = nr;
  pack(s);
  return s;
}

void raise_freed() {
  raise(ErrorKind::Runtime,
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
        "been freed). Saved "
        "intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
        "retain_graph=True if you need to "
        "backward through the graph a second time or if you need to access saved tensors after calling backward.");
}

namespace {

[[noreturn]] void raise_modified(const Saved& s, const Node& owner) {
  const TensorMeta& m = s.tensor->meta;
  std::string source;
  const Node* maker = s.output ? &owner : s.grad_fn ? s.grad_fn.get()->node : nullptr;
  if (maker) {
    source = maker->name();
    if (source.size() > 9 && source.find("Backward0") == source.size() - 9) source.resize(source.size() - 9);
    source = cat(", which is output ", s.nr, " of ", source, ",");
  }
  raise(ErrorKind::Runtime,
        "one of the variables needed for gradient computation has been modified by an inplace operation: [torch.",
        scalar_type_name(m.dtype), "Tensor ", m.sizes, "]", source, " is at version ", version_of(s.tensor.get()),
        "; expected version ", s.version,
        " instead. Hint: enable anomaly detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False).");
}

}  // namespace

namespace {

TensorRef unpack_hooked(const Saved& s, Node& owner, bool create_graph) {
  py::Ref got = py::check(PyObject_CallOneArg(s.packed->unpack.get(), s.packed->object.get()));
  FJ_USER_CHECK(is_tensor(got.get()), ErrorKind::Type,
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type ",
                Py_TYPE(got.get())->tp_name);
  TensorRef t = TensorRef::borrow(as_tensor(got.get()));
  if (!create_graph || !s.requires_grad) return t;
  t = make_alias(t.get());
  if (s.output)
    set_history(t.get(), NodeRef::borrow(owner.self), s.nr);
  else if (s.grad_fn)
    set_history(t.get(), s.grad_fn, s.nr);
  return t;
}

}  // namespace

TensorRef unpack(const Saved& s, Node& owner, bool create_graph) {
  if (s.packed) return unpack_hooked(s, owner, create_graph);
  if (!s.tensor) return {};
  if (version_of(s.tensor.get()) != s.version) raise_modified(s, owner);
  if (!create_graph || !s.requires_grad) return s.tensor;
  NodeObj* node = s.output ? owner.self : s.grad_fn.get();
  if (!s.output && (node ? grad_fn_of(s.tensor.get()) == node : requires_grad(s.tensor.get()))) return s.tensor;
  TensorRef t = make_alias(s.tensor.get());
  if (node) set_history(t.get(), NodeRef::borrow(node), s.nr);
  return t;
}

}  // namespace fj::tape
