// Looking at values before the graph runs: sizes that depend on data, and numbers that Python reads from tensors.
//
// A segment looks while its guards are checked, with programs of their own (finders) that change nothing and draw
// nothing; the graph then takes what was found as inputs. So such a size is known, as any other, before anything that
// depends on it is planned, and what the trace concluded from it is a guard like the others.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "capture/tape.h"
#include "capture/value.h"
#include "ops/opdef.h"
#include "tensor/trace.h"

namespace fj::capture {

class Tracer;
struct Leaf;

// Computes from the inputs of a graph what is looked at: the results of an op, or one value.
class Finder {
 public:
  virtual ~Finder() = default;
  // Throws what an op raises. May let other threads run.
  virtual void find(std::span<TensorObj* const> inputs, Outs& found) = 0;
};
// `op` NULL: the value `args[0]` itself. `examples`: tensors as the graph's inputs will be. Throws Unsupported for what
// it cannot compute without being seen.
using FinderFn = std::unique_ptr<Finder> (*)(const graph::Graph& so_far, const OpDef* op, fj::Args args,
                                             const std::vector<PyObject*>& examples);
void register_finder(FinderFn fn);

// What was found, or the exception that was raised.
struct Look {
  bool elements = false;  // they are read; else only sizes count
  Outs found;
  py::Ref error;
};
Look look_now(Finder& finder, bool elements, std::span<TensorObj* const> inputs);
// Gives what was found to whoever looks; raises the error again.
void tell(const Look& look, Outs& results);
// Adds all that a replay can learn from it.
void add_to_key(const Look& look, std::vector<int64_t>& key);

std::unique_ptr<Finder> make_finder(const graph::Graph& so_far, const OpDef* op, fj::Args args,
                                    const std::vector<PyObject*>& examples);

// While tracing: looks at the tensors at hand.
class TraceObserver final : public trace::Observer {
 public:
  explicit TraceObserver(Tracer& tracer) : tracer_(tracer) {}
  void look(trace::TraceSession& session, const OpDef* op, fj::Args args, Outs& results) override;
  bool may_look() const override;
  bool has_found(const TensorObj* t) const;
  std::vector<Slot> readings;  // numbers that were read, of which copies are kept

 private:
  Tracer& tracer_;
  std::vector<Look> looks_;
};

// A number read from a tensor by int, float, … or operator.index. Cuts where data is not looked at.
V number_in(Tracer& tracer, V tensor, PyObject* by);
V index_in(Tracer& tracer, V tensor);

V call_method_of_tensors(Tracer& tracer, const char* name, V tensor, PyObject* arg = nullptr);
// A number has been read by a leaf call with these arguments: the copy, made now, of the tensor that it comes from.
// NULL if it is not that of one tensor.
V copy_for_reading(Tracer& tracer, V number, LeafFn fn, const std::vector<Leaf>& args);
// The copy that a number was read from; NULL for others.
V copy_read(Tracer& tracer, V number);
// Leaves out of the tape what was read and then only handed on, or met tensors alone: nothing relies on it.
void drop_readings(Tracer& tracer);
TraceObserver* observer_of(Tracer& tracer);

// Would a break be an error here?
bool wants_whole(const Tracer& tracer);
// Is the graph to be written down? Then there is nobody to look before it runs.
bool exports(const CompileOptions& options);
// There data is looked at instead.
bool may_look(const Tracer& tracer);

}  // namespace fj::capture
