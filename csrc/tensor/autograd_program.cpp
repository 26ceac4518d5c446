// Nodes whose backward pass is a program made elsewhere.
#include "tensor/autograd_internal.h"

namespace fj::tape {

thread_local bool being_recorded = false;

namespace {

class ProgramNode final : public Node {
 public:
  explicit ProgramNode(std::unique_ptr<BackwardFn> fn) : fn_(std::move(fn)) {}
  std::string name() const override { return fn_->name(); }
  void apply(std::span<const TensorRef> grads, bool create_graph, Outs& out) override {
    if (freed_) raise_freed();
    std::vector<TensorRef> tensors, all;
    for (const Saved& s : saved) tensors.push_back(unpack(s, *this, false));
    if (!create_graph) return fn_->apply(grads, tensors, out);
    for (const Saved& s : inputs) all.push_back(unpack(s, *this, true));
    fn_->apply_differentiably(grads, all, tensors, out);
  }
  void release_saved() override {
    saved.clear();
    inputs.clear();
    freed_ = true;
  }
  bool is_spent() const override { return freed_; }
  bool describe(std::string& text, std::vector<const Saved*>& kept) const override {
    if (freed_ || !fn_->number()) return false;
    text += cat("program ", fn_->number());
    for (const Saved& s : saved) kept.push_back(&s);
    return true;
  }
  int traverse(visitproc visit, void* arg) override {
    for (std::vector<Saved>* list : {&saved, &inputs})
      for (Saved& s : *list) {
        Py_VISIT(as_object(s.tensor.get()));
        Py_VISIT(reinterpret_cast<PyObject*>(s.grad_fn.get()));
      }
    return fn_->traverse(visit, arg);
  }
  std::vector<Saved> saved, inputs;

 private:
  std::unique_ptr<BackwardFn> fn_;
  bool freed_ = false;
};

class SpentNode final : public Node {
 public:
  explicit SpentNode(TensorObj* t) { add_result(t->meta); }
  std::string name() const override { return "CompiledFunctionBackward"; }
  void apply(std::span<const TensorRef>, bool, Outs&) override { raise_freed(); }
  bool is_spent() const override { return true; }
};

// An input is held as it is now; inference tensors, which no backward pass may save, are held as plain ones.
Saved hold_input(TensorObj* t) {
  if (!(t->flags & kInferenceTensor)) return describe_input(t);
  Saved s;
  s.tensor = TensorRef::borrow(t);
  s.version = version_of(t);
  return s;
}

}  // namespace

void mark_spent(TensorObj* t) { set_history(t, wrap_node(std::make_unique<SpentNode>(t)), 0); }

void attach_backward(std::unique_ptr<BackwardFn> fn, std::span<TensorObj* const> inputs,
                     std::span<TensorObj* const> outputs, std::span<const SavedSpec> saved,
                     std::span<TensorObj* const> all_inputs) {
  auto node = std::make_unique<ProgramNode>(std::move(fn));
  for (TensorObj* t : inputs) node->next.push_back(t ? edge_of(t) : Edge{});
  for (const SavedSpec& s : saved)
    node->saved.push_back(s.output >= 0 ? save_output(s.tensor, s.output) : save_input(s.tensor));
  for (TensorObj* t : all_inputs) node->inputs.push_back(hold_input(t));
  for (TensorObj* t : outputs) node->add_result(t ? t->meta : TensorMeta());
  NodeRef ref = wrap_node(std::move(node));
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i]) set_history(outputs[i], ref, static_cast<int32_t>(i));
}

}  // namespace fj::tape
