// Tracing: a layer under which every op call appends a node to a graph instead of computing.
//
// A fake tensor is a real Tensor object (sizes, strides, dtype, requires_grad, a storage without memory that its views
// share, a version counter) that stands for a graph value. In-place ops are recorded as they are: the tensor then
// stands for the node's result. What needs a fake tensor's elements raises DataDependent, what the trace cannot follow
// Unsupported (py::error_is_break() recognises both once they are Python exceptions). Fake tensors may outlive the
// session; they are dead then and every op on them raises.
//
// The tape runs on fake tensors as on others: a result has its grad_fn, and a backward pass inside the trace records
// the derivative's ops. An input that is no leaf outside ends the tape: what lies beyond cannot be traced.
#pragma once
#include <memory>
#include <vector>

#include "graph/graph.h"
#include "tensor/layer.h"

namespace fj::tape {
class Node;
}

namespace fj::trace {

struct FakeWrapper;
class TraceSession;

// Whoever may tell a trace what a value of its graph will be. What a trace is told so it relies on.
class Observer {
 public:
  virtual ~Observer() = default;
  // The results of `op`, whose sizes depend on data, for these values of the session's graph; with NULL for an op, the
  // tensor that `args[0]` will be. Nobody else may write to them. Raises DataDependent where it is not to be told.
  virtual void look(TraceSession& session, const OpDef* op, Args args, Outs& results) = 0;
  // False: nothing is to be told now.
  virtual bool may_look() const { return true; }
};

class TraceSession final : public Layer {
 public:
  explicit TraceSession(graph::Graph& graph);
  ~TraceSession() override;
  TraceSession(const TraceSession&) = delete;
  TraceSession& operator=(const TraceSession&) = delete;

  // Activates the session for a scope: `LayerScope active(session)`. LayerPause suspends it.

  // A fake tensor for a new graph input with the facts of `real`; inputs over one storage share their fake storage.
  TensorRef make_input(TensorObj* real, std::string name = {});
  // What stands for a tensor without memory whose class answers ops (python_dispatch.h): of the plain type, and no
  // value of the graph. Its ops are listed, or raise.
  TensorRef make_outer(TensorObj* real);
  // A fake tensor for an existing value of the graph.
  TensorRef make_fake(graph::Value* value);
  bool is_mine(const TensorObj* t) const;
  graph::Value* value_of(const TensorObj* fake) const;  // null if it is not a live fake tensor of this session

  // Called when a real tensor meets the trace and has not been seen before: gives a fake one for it (an input or a
  // constant of the graph). The pair is remembered. Without it, such a meeting raises Unsupported.
  using Lift = TensorRef (*)(void* context, TraceSession& session, TensorObj* real);
  void set_lift(Lift lift, void* context) {
    lift_ = lift;
    lift_context_ = context;
  }
  // Without an observer a trace that needs elements raises DataDependent. Results of ops are lifted, as inputs of the
  // graph.
  void set_observer(Observer* observer) { observer_ = observer; }
  // The fake tensor that stands for `real`: of make_input or by lifting.
  TensorRef fake_of(TensorObj* real);

  // Bodies of operators that take functions. What is recorded between the two becomes a graph of its own; gives
  // stand-ins, tensors like the given ones and slices of `sliced`, that are its first inputs. Nothing outside may be
  // written in a body, nor data be looked at.
  void begin_body(std::span<TensorObj* const> parameters, std::span<TensorObj* const> sliced, Outs& stand_ins);
  void end_body(std::span<TensorObj* const> results);
  void drop_body();  // left by an exception: what was recorded stays where it is
  // The last `n` bodies. Each takes its parameters and then all of `operands`: what any of them reads from outside.
  std::vector<std::unique_ptr<graph::Graph>> take_bodies(size_t n, Outs& operands);

  // Given to every node that is recorded from now on.
  std::shared_ptr<const graph::Location> location;
  std::shared_ptr<graph::Region> region;
  // Handlers of __torch_dispatch__ run without gradients: that is noted of nodes which could have some only.
  bool below_tape = false, noted_below_tape = false;
  graph::Graph& graph() { return graph_; }

  void dispatch(const OpDef& op, Args args, Outs& outs) override;
  void execute(const OpDef& op, Args fakes, Outs& outs) override;
  TensorObj* data_access(TensorObj* t, const char* what) override;
  TensorRef adopt(TensorRef fresh) override;

 private:
  friend struct FakeWrapper;
  TensorRef wrap(const TensorMeta& meta, StorageRef storage, graph::Value* value);
  void record(const OpDef& op, Args fakes, Outs& outs);
  void mark_input(TensorObj* fake, TensorObj* real);
  void call_fakes(const OpDef& op, Args fakes, Outs& outs);
  void record_inplace(const OpDef& op, Args fakes, Args values, Outs& outs);
  void append(const OpDef& op, Args values, std::span<const TensorMeta> metas, SmallVec<graph::Value*, 2>& results);
  TensorRef to_fake(Val v);
  ArgVec to_fakes(Args args, SmallVec<TensorRef, 6>& keep);  // `keep` holds them
  void look(const OpDef& op, Args args, Outs& outs);
  StorageRef fake_storage_of(TensorObj* real);

  struct Body {
    size_t begin = 0;            // the first of its nodes
    std::vector<TensorRef> met;  // fake tensors that it has to do with
    std::vector<graph::Node*> nodes;
    std::vector<graph::Value*> parameters, results, outside;
  };

  graph::Graph& graph_;
  std::vector<Body> open_, closed_;
  FakeWrapper* live_ = nullptr;                          // all wrappers, so that they can be told of the session's end
  std::vector<std::pair<TensorRef, TensorRef>> lifted_;  // real, fake
  std::vector<std::pair<StorageRef, StorageRef>> storages_;  // real, fake
  std::vector<TensorRef> looked_at_;
  Observer* observer_ = nullptr;
  Lift lift_ = nullptr;
  void* lift_context_ = nullptr;
};

// The trace that is active; null outside.
TraceSession* active_session();
// Opens a region of the trace that is active, and closes the innermost one of that name, if there is one. Nothing
// happens outside traces.
void enter_region(std::string name);
void exit_region(const std::string& name);

bool is_fake(PyObject* o);
// Is this where a trace's tape ends, an input with a history outside?
bool ends_trace(const tape::Node& node);
// The session that a fake tensor belongs to; null for other tensors and dead ones.
TraceSession* session_of(const TensorObj* t);

}  // namespace fj::trace
