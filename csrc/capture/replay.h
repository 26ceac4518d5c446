// Making the calls of a tape again, for the sizes at hand.
#pragma once
#include "capture/look.h"
#include "capture/tape.h"
#include "graph/graph.h"
#include "guard/guard.h"
#include "tensor/trace.h"

namespace fj::capture {

class Replay final : trace::Observer {
 public:
  // `looks`: what has been looked at for these values so far; the replay ends where more is needed.
  Replay(const Tape& tape, guard::Fetched& fetched, const std::vector<Look>* looks = nullptr);
  // For other values of the tape's symbols than those at hand (one a symbol).
  Replay(const Tape& tape, guard::Fetched& fetched, const std::vector<int64_t>& values) : Replay(tape, fetched) {
    values_ = &values;
  }
  ~Replay() override;

  // False if the calls do not go as they did in the trace (another outcome of a comparison, an error, …). Leaves no
  // Python error.
  bool run();

  graph::Graph& graph() { return *graph_; }
  // The graph's inputs: what was found at run time, and those that the replay made itself (NULL where it did not).
  const std::vector<PyObject*>& examples() const { return examples_; }
  std::vector<py::Ref>& made() { return made_; }
  std::vector<guard::SourceId>& sources() { return sources_; }  // of the others
  std::vector<int32_t>& found() { return found_; }              // which found tensor an input is, or -1
  // run() has failed because something has to be looked at first. Empty: it has not.
  std::unique_ptr<Finder>& next_look() { return next_look_; }
  bool reads_next() const { return reads_next_; }
  PyObject* slot(Slot s) const { return slots_[static_cast<size_t>(s)].get(); }

 private:
  bool step(const TapeStep& s);
  bool input(const TapeStep& s);
  bool outer(const TapeStep& s);
  bool number(const TapeStep& s);
  bool call(const TapeStep& s);
  void look(trace::TraceSession& session, const OpDef* op, fj::Args args, Outs& results) override;
  TensorRef resized(TensorObj* real, guard::SourceId source);
  bool match(const Pattern& p, PyObject* o);
  bool raised(const Pattern& p);
  py::Ref make(const Operand& o);
  static TensorRef lift(void* context, trace::TraceSession& session, TensorObj* real);

  const Tape& tape_;
  guard::Fetched& fetched_;
  const std::vector<int64_t>* values_ = nullptr;
  const std::vector<Look>* looks_ = nullptr;
  size_t looked_ = 0;
  std::unique_ptr<Finder> next_look_;
  bool reads_next_ = false;
  std::unique_ptr<graph::Graph> graph_ = std::make_unique<graph::Graph>();
  std::vector<py::Ref> slots_, made_;
  std::vector<PyObject*> examples_;
  std::vector<guard::SourceId> sources_;
  std::vector<int32_t> found_;
  trace::TraceSession session_{*graph_};
};

}  // namespace fj::capture
