// The eager tape: what hangs off a tensor (AutogradMeta) and the nodes that gradients flow through.
//
// A Node is the C++ half of a Python object (NodeObj, seen as grad_fn); it is made and freed with it. Edges point from
// a node to the nodes of its inputs. A saved value never makes a cycle: outputs are saved as aliases without gradient,
// and get their node back when they are read for a second derivative.
//
// Rules for changing it: everything here runs with the interpreter's lock; a function that may call Python code may
// throw py::PythonError; releasing a chain of nodes never recurses (autograd_node.cpp).
#pragma once
#include <memory>
#include <vector>

#include "py/error.h"
#include "tensor/dispatch.h"

namespace fj::tape {

class Node;

struct NodeObj {
  PyObject_HEAD Node* node;  // owned
  PyObject* dict;
  PyObject* weakrefs;
};

// An owned reference to a node.
class NodeRef {
 public:
  NodeRef() = default;
  static NodeRef steal(NodeObj* p) {
    NodeRef r;
    r.p_ = p;
    return r;
  }
  static NodeRef borrow(NodeObj* p) {
    Py_XINCREF(p);
    return steal(p);
  }
  NodeRef(const NodeRef& o) : p_(o.p_) { Py_XINCREF(p_); }
  NodeRef(NodeRef&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  NodeRef& operator=(NodeRef o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~NodeRef() { Py_XDECREF(p_); }
  NodeObj* get() const { return p_; }
  Node* operator->() const { return p_->node; }
  NodeObj* release() { return std::exchange(p_, nullptr); }
  explicit operator bool() const { return p_ != nullptr; }

 private:
  NodeObj* p_ = nullptr;
};

struct Edge {
  NodeRef node;
  int32_t nr = 0;  // which of the node's outputs of the forward pass
};

// What is known of one result of the forward pass: incoming gradients are checked against it.
struct ResultMeta {
  Shape sizes;
  DType dtype;
};

// What a pack hook made of a tensor, and the hook that undoes it.
struct Packed {
  py::Ref object, unpack;
};

// A tensor kept for the backward pass.
struct Saved {
  TensorRef tensor;
  std::shared_ptr<Packed> packed;  // in the tensor's place, where hooks were active
  uint32_t version = 0;
  bool output = false;  // a result of the node itself
  int32_t nr = 0;
  NodeRef grad_fn;  // of an input, as it was; null for leaves
  bool requires_grad = false;
  explicit operator bool() const { return tensor || packed; }
};

// Hooks and retained gradients; most nodes have none.
struct NodeHooks {
  struct OnTensor {
    int32_t nr;
    PyObject* dict;
  };  // id -> function, owned
  struct Retained {
    int32_t nr;
    TensorObj* tensor;
  };  // borrowed: the tensor removes itself
  std::vector<OnTensor> tensor_pre;
  std::vector<Retained> retained;
  PyObject* pre = nullptr;   // id -> function(grad_outputs), owned
  PyObject* post = nullptr;  // id -> function(grad_inputs, grad_outputs), owned
  ~NodeHooks();
};

class Node {
 public:
  virtual ~Node() = default;
  // From gradients of the forward pass's results (null: zero) to gradients of its inputs, one an edge (null: none).
  virtual void apply(std::span<const TensorRef> grads, bool create_graph, Outs& out) = 0;
  virtual std::string name() const = 0;
  virtual void release_saved() {}
  virtual int traverse(visitproc, void*) { return 0; }
  virtual bool is_accumulate() const { return false; }
  // Did a pass that did not keep the graph run here, so that a second one must raise?
  virtual bool is_spent() const { return false; }
  // Whether gradients that `apply` gives must be checked against the inputs (user code).
  virtual bool check_results() const { return false; }
  // What the node computes from, beside the gradients that it is given: constants as text, and the tensors that it
  // keeps. False: that is not known, so its work cannot be done again for other tensors.
  virtual bool describe(std::string&, std::vector<const Saved*>&) const { return false; }

  NodeObj* self = nullptr;  // the Python half, borrowed
  // While a pass runs the node: which edges' gradients are asked for; null: all.
  const std::vector<bool>* wanted = nullptr;
  bool wants(size_t edge) const { return next[edge].node && (!wanted || (*wanted)[edge]); }
  std::vector<Edge> next;
  SmallVec<ResultMeta, 1> results;
  uint64_t sequence = 0;
  std::unique_ptr<NodeHooks> hooks;

  NodeHooks& need_hooks() {
    if (!hooks) hooks = std::make_unique<NodeHooks>();
    return *hooks;
  }
  void add_result(const TensorMeta& m) { results.push_back({m.sizes, m.dtype}); }
};

}  // namespace fj::tape

namespace fj {

// What a tensor that takes part in differentiation carries.
struct AutogradMeta {
  TensorObj* grad = nullptr;             // owned
  tape::NodeObj* grad_fn = nullptr;      // owned
  tape::NodeObj* accumulator = nullptr;  // borrowed: a leaf's AccumulateGrad, which removes itself
  PyObject* hooks = nullptr;             // owned dict: a leaf's tensor hooks
  PyObject* post_hooks = nullptr;        // owned dict: after the gradient was accumulated
  int32_t output_nr = 0;
  uint32_t view_version = 0;  // of a view: the version at which grad_fn was right
  bool retains_grad = false;
};

}  // namespace fj

namespace fj::tape {

// -- nodes -----------------------------------------------------------------------------------------------------------
extern PyTypeObject* node_type;  // the base of all grad_fn types; created by bind
// Makes the Python half; its type is named after the node. Gives the node its place in the order of recording.
NodeRef wrap_node(std::unique_ptr<Node> node);
void node_dealloc(PyObject* self);
int node_traverse(PyObject* self, visitproc visit, void* arg);
int node_clear(PyObject* self);

// -- tensors and their gradients' source ------------------------------------------------------------------------------
AutogradMeta& need_meta(TensorObj* t);
inline bool requires_grad(const TensorObj* t) {
  return t->meta.requires_grad || (t->base && t->base->meta.requires_grad);
}
// The node that t is a result of, brought up to date where t views a tensor that was written; null for leaves.
// Borrowed.
NodeObj* grad_fn_of(TensorObj* t);
inline bool is_leaf(TensorObj* t) { return grad_fn_of(t) == nullptr; }
// Where a gradient of t goes: its node, or its accumulator; no node where t needs none.
Edge edge_of(TensorObj* t);
NodeRef accumulator_of(TensorObj* leaf);
// Makes t result `nr` of the node.
void set_history(TensorObj* t, const NodeRef& node, int32_t nr);
// The same after an in-place write: hooks that retain the gradient move along, a view's base gets a node that writes
// the gradient's part through (`self_edge`: where t's gradient went before the write).
void rebase_history(TensorObj* t, NodeRef node, const Edge& self_edge);
// t is a leaf from now on.
void detach_in_place(TensorObj* t);
// Raises PyTorch's errors for in-place writes that gradients forbid.
void check_inplace(TensorObj* self, bool tracked);
// Keeps `t` for the backward pass as an input, or as result `nr` of the node being made.
Saved save_input(TensorObj* t);
Saved save_output(TensorObj* t, int32_t nr);
// The saved tensor, its version checked; with create_graph it is connected to what it was made by.
TensorRef unpack(const Saved& s, Node& owner, bool create_graph);
[[noreturn]] void raise_freed();

// Hooks that every tensor saved from now on goes through: pack when it is saved, unpack when it is read.
struct SavedHooks {
  py::Ref pack, unpack;
};
std::vector<SavedHooks>& saved_hooks();  // the innermost last; hold it no longer than the lock

// Anomaly mode: nodes remember where they were made, failures in the backward pass tell it, NaNs are failures.
struct Anomaly {
  bool on = false, check_nan = true;
};
extern Anomaly anomaly;

// -- recording -------------------------------------------------------------------------------------------------------
void call(const OpDef& op, Args args, Outs& outs);
void traverse_tensor_clear(TensorObj* t);
int traverse_tensor(TensorObj* t, visitproc visit, void* arg);

// -- backward pass ----------------------------------------------------------------------------------------------------
struct BackwardRequest {
  std::vector<Edge> roots;
  std::vector<TensorRef> grads;
  bool keep_graph = false;
  bool create_graph = false;
  std::vector<Edge> inputs;        // where gradients are wanted; empty: accumulate into all leaves
  bool accumulate_inputs = false;  // into the inputs' .grad, instead of giving them back
};
// Somebody listens to what ops a node calls: programs run op by op, above the layers.
extern thread_local bool being_recorded;
// The pass that this thread runs, by number, and whether a node takes part in it; -1 and false outside.
int64_t current_pass();
bool in_current_pass(const Node& n);
// The gradients of `inputs` (null where none arrived).
std::vector<TensorRef> run_backward(const BackwardRequest& request);
// Can a leaf be reached from `from` without passing one of `stop`?
bool reaches_leaf(const std::vector<Edge>& from, const std::vector<Edge>& stop);
// Every node that a backward pass from `from` would visit.
std::vector<Node*> nodes_reached(const std::vector<Edge>& from);
// Makes t the result of a computation whose saved tensors are gone: a backward pass from it raises.
void mark_spent(TensorObj* t);
// The leaf of an AccumulateGrad node; null for other nodes.
TensorObj* accumulated_leaf_of(Node& n);
// Adds to leaf.grad, running its hooks.
void accumulate_into(TensorObj* leaf, TensorRef grad, bool create_graph);
// The type of sparse tensors, whose sums are Python's.
void set_sparse_type(PyTypeObject* type);
// Calls every function of a hook dict on a gradient; a result replaces it.
TensorRef run_tensor_hooks(PyObject* dict, TensorRef grad);

// -- compiled programs
// -------------------------------------------------------------------------------------------------- A backward pass
// that is one program. `saved` are the tensors given to attach_backward, versions checked.
class BackwardFn {
 public:
  virtual ~BackwardFn() = default;
  virtual void apply(std::span<const TensorRef> grads, std::span<const TensorRef> saved, Outs& out) = 0;
  // The same so that the result can be differentiated again; `inputs` are all inputs of the forward pass.
  virtual void apply_differentiably(std::span<const TensorRef> grads, std::span<const TensorRef> inputs,
                                    std::span<const TensorRef> saved, Outs& out) = 0;
  virtual const char* name() const { return "CompiledFunctionBackward"; }
  virtual int traverse(visitproc, void*) { return 0; }
  // Which program it is, by a number that is never used again; 0: it cannot be told apart or taken apart.
  virtual uint64_t number() const { return 0; }
};
struct SavedSpec {
  TensorObj* tensor;
  int32_t output = -1;  // index among `outputs` if it is one of them
};
// Makes `outputs` (null entries: not differentiable) results of one node whose gradients go to `inputs`. `all_inputs`
// are kept for apply_differentiably.
void attach_backward(std::unique_ptr<BackwardFn> fn, std::span<TensorObj* const> inputs,
                     std::span<TensorObj* const> outputs, std::span<const SavedSpec> saved,
                     std::span<TensorObj* const> all_inputs);

void install();  // fills tape_api

}  // namespace fj::tape
