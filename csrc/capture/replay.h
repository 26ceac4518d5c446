// Making the calls of a tape again, for the sizes at hand.
#pragma once
#include "capture/tape.h"
#include "graph/graph.h"
#include "guard/guard.h"
#include "tensor/trace.h"

namespace fj::capture {

class Replay {
 public:
  Replay(const Tape& tape, guard::Fetched& fetched);
  // For other values of the tape's symbols than those at hand (one a symbol).
  Replay(const Tape& tape, guard::Fetched& fetched, const std::vector<int64_t>& values) : Replay(tape, fetched) {
    values_ = &values;
  }
  ~Replay();

  // False if the calls do not go as they did in the trace (another outcome of a comparison, an error, …). Leaves no
  // Python error.
  bool run();

  graph::Graph& graph() { return *graph_; }
  // The graph's inputs: what was found at run time, and those that the replay made itself (NULL where it did not).
  const std::vector<PyObject*>& examples() const { return examples_; }
  std::vector<py::Ref>& made() { return made_; }
  PyObject* slot(Slot s) const { return slots_[static_cast<size_t>(s)].get(); }

 private:
  bool step(const TapeStep& s);
  bool input(const TapeStep& s);
  bool number(const TapeStep& s);
  bool call(const TapeStep& s);
  TensorRef resized(TensorObj* real, guard::SourceId source);
  bool match(const Pattern& p, PyObject* o);
  bool raised(const Pattern& p);
  py::Ref make(const Operand& o);
  static TensorRef lift(void* context, trace::TraceSession& session, TensorObj* real);

  const Tape& tape_;
  guard::Fetched& fetched_;
  const std::vector<int64_t>* values_ = nullptr;
  std::unique_ptr<graph::Graph> graph_ = std::make_unique<graph::Graph>();
  std::vector<py::Ref> slots_, made_;
  std::vector<PyObject*> examples_;
  trace::TraceSession session_{*graph_};
};

}  // namespace fj::capture
