// The lazy device: ops on its tensors are recorded instead of computed, until somebody wants elements or asks for it.
//
// A lazy tensor is an ordinary tensor object of device `lazy`, so the tape, views and version counters work on it as on
// others; what is deferred is execution (thread_state().recorder). A tensor that waits carries a Wrapper with its value
// in the recorded graph and has a storage without memory. A sync compiles the graph for all tensors that wait (once for
// each graph, by its text), runs it and gives them the results' memory. What has data, like what came from
// `.to("lazy")`, is an input of the graph. Results whose shape depends on data, and ops that were asked to, fall back:
// they sync and compute.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "tensor/dispatch.h"
#include "tensor/layer.h"

namespace fj::lazy {

// Has any lazy (or meta) tensor been made in this process? Asked before anything else, so that others pay nothing.
extern bool in_use;
bool involves(Args args);  // a lazy tensor, or the device
bool is_lazy(const TensorObj* t);
inline constexpr Device kDevice{DeviceType::Lazy, 0};

// call_op and execute_op for calls that involve lazy tensors. `proceed` is the rest of call_op.
using Proceed = void (*)(const OpDef& op, Args args, Outs& outs);
void call(const OpDef& op, Args args, Outs& outs, Proceed proceed);
void execute(const OpDef& op, Args args, Outs& outs);

// What a derivative's rule makes for gradients that are lazy is lazy too: tensors made in this scope are recorded.
class Scope {
 public:
  explicit Scope(std::span<const TensorRef> grads);

 private:
  RecorderScope recorder_;
};

// The tensor on the other device: a copy, differentiable; itself where it is there already.
TensorRef moved(TensorObj* t, Device to);

// Computes everything that waits.
void sync();

// A compiled graph, as driver registers the compiler; `run` gives one tensor an output.
class Program {
 public:
  virtual ~Program() = default;
  virtual void run(std::span<TensorObj* const> inputs, Outs& outs) = 0;
};
using Compiler = std::shared_ptr<Program> (*)(graph::Graph& graph, const std::vector<TensorRef>& examples);
void register_compiler(Compiler fn);

// The program that computes these tensors from the graph's inputs, compiled and kept under `key`.
struct Extracted {
  std::string key;
  std::vector<TensorRef> inputs;
};
Extracted extract(std::span<TensorObj* const> outputs);
// Runs a program that is kept under a key: KeyError (Index) for an unknown one.
void run_cached(const std::string& key, std::span<TensorObj* const> inputs, Outs& outs);

// The op, by its name in PyTorch ("aten::sub"), that always falls back; empty: none.
std::string& forced_fallback();
// How often things happened: "CachedCompile", "UncachedCompile", "aten::nonzero" for each op that fell back, …
std::map<std::string, int64_t>& counters();
std::string graph_text();

}  // namespace fj::lazy
