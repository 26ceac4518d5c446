// Nodes whose backward pass is a program made elsewhere.
#include "tensor/autograd_internal.h"

namespace fj::tape {
namespace {

class ProgramNode final : public Node {
 public:
  explicit ProgramNode(std::unique_ptr<BackwardFn> fn) : fn_(std::move(fn)) {}
  std::string name() const override { return fn_->name(); }
  void apply(std::span<const TensorRef> grads, bool create_graph, Outs& out) override {
    if (freed_) raise_freed();
    FJ_USER_CHECK(!create_graph, ErrorKind::Runtime,
                  "a compiled function's backward pass cannot be differentiated again (create_graph=True); call the "
                  "function uncompiled");
    std::vector<TensorRef> tensors;
    for (const Saved& s : saved) tensors.push_back(unpack(s, *this, false));
    fn_->apply(grads, tensors, out);
  }
  void release_saved() override {
    saved.clear();
    freed_ = true;
  }
  int traverse(visitproc visit, void* arg) override {
    for (Saved& s : saved) {
      Py_VISIT(as_object(s.tensor.get()));
      Py_VISIT(reinterpret_cast<PyObject*>(s.grad_fn.get()));
    }
    return fn_->traverse(visit, arg);
  }
  std::vector<Saved> saved;

 private:
  std::unique_ptr<BackwardFn> fn_;
  bool freed_ = false;
};

}  // namespace

void attach_backward(std::unique_ptr<BackwardFn> fn, std::span<TensorObj* const> inputs,
                     std::span<TensorObj* const> outputs, std::span<const SavedSpec> saved) {
  auto node = std::make_unique<ProgramNode>(std::move(fn));
  for (TensorObj* t : inputs) node->next.push_back(t ? edge_of(t) : Edge{});
  for (const SavedSpec& s : saved)
    node->saved.push_back(s.output >= 0 ? save_output(s.tensor, s.output) : save_input(s.tensor));
  for (TensorObj* t : outputs) node->add_result(t ? t->meta : TensorMeta());
  NodeRef ref = wrap_node(std::move(node));
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i]) set_history(outputs[i], ref, static_cast<int32_t>(i));
}

}  // namespace fj::tape
