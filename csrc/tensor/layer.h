// Layers stand between an op call and its execution: tracing, batching, and whatever else gives calls another meaning.
//
// The active layers of a thread form a stack; a call goes to the top one, and while a layer works the ones below it are
// active, so that what it calls in turn reaches them. Tensors that belong to a layer carry a Wrapper naming it. A layer
// gets every call, also those on plain tensors, and passes on what does not concern it.
#pragma once
#include <Python.h>

#include <utility>

#include "ops/opdef.h"
#include "tensor/tensor.h"
#include "tensor/thread_state.h"

namespace fj {

class Layer {
 public:
  virtual ~Layer() = default;
  virtual void dispatch(const OpDef& op, Args args, Outs& outs) = 0;
  // Somebody wants the elements of `t`, which this layer wraps: raises, or gives the tensor that has them.
  virtual TensorObj* data_access(TensorObj* t, const char* what) = 0;
  // Below the tape: does what execution would do with this layer's tensors.
  virtual void execute(const OpDef& op, Args args, Outs& outs);
  // A fresh tensor made from Python data while the layer is active.
  virtual TensorRef adopt(TensorRef fresh) { return fresh; }

  Layer* below = nullptr;  // set while active
};

struct Wrapper {
  Layer* layer = nullptr;
  bool keeps_memory = false;  // once asked for: the lazy device's, whose tensors are like others in all else
  virtual ~Wrapper() = default;
  virtual int traverse(visitproc, void*) { return 0; }
  // The wrapper of an alias of this tensor; null: it has none.
  virtual Wrapper* clone() const { return nullptr; }
  // It has become this tensor's.
  virtual void attached(TensorObj*) {}
};

// Does a trace or vmap have this tensor?
inline bool is_wrapped(const TensorObj* t) { return t->wrapper && !t->wrapper->keeps_memory; }
// The same once the tensor has memory, if it can have any.
inline bool is_without_memory(TensorObj* t) {
  if (t->wrapper && t->wrapper->keeps_memory) t->wrapper->layer->data_access(t, "memory");
  return t->wrapper != nullptr;
}

// Gives `t` its wrapper (taken over).
void set_wrapper(TensorObj* t, Wrapper* w);

// Activates a layer on top for a scope.
class LayerScope {
 public:
  explicit LayerScope(Layer& layer) : layer_(layer) {
    layer.below = thread_state_.top;
    thread_state_.top = &layer;
  }
  ~LayerScope() { thread_state_.top = layer_.below; }
  LayerScope(const LayerScope&) = delete;
  LayerScope& operator=(const LayerScope&) = delete;

 private:
  Layer& layer_;
};

// Makes `top` the innermost active layer for a scope (null: none is active).
class LayerPause {
 public:
  explicit LayerPause(Layer* top = nullptr) : before_(thread_state_.top) { thread_state_.top = top; }
  ~LayerPause() { thread_state_.top = before_; }
  LayerPause(const LayerPause&) = delete;
  LayerPause& operator=(const LayerPause&) = delete;

 private:
  Layer* before_;
};

// What executions of a scope go to instead: thread_state().recorder (null: they compute).
class RecorderScope {
 public:
  explicit RecorderScope(Layer* recorder) : before_(std::exchange(thread_state().recorder, recorder)) {}
  ~RecorderScope() { thread_state().recorder = before_; }
  RecorderScope(const RecorderScope&) = delete;
  RecorderScope& operator=(const RecorderScope&) = delete;

 private:
  Layer* before_;
};

// The tensor whose memory may be read for `what` ("item", "numpy"): t itself, or what its layer says; raises otherwise.
inline TensorObj* check_data(TensorObj* t, const char* what) {
  return __builtin_expect(t->wrapper == nullptr, 1) ? t : t->wrapper->layer->data_access(t, what);
}

}  // namespace fj
