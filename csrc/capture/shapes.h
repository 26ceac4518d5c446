// A segment whose sizes vary: its programs, one for each combination of the symbols' values that has been met.
//
// As the segment's last check it decides whether the values at hand lead to the same calls as in the trace; for a new
// combination that means a replay of the tape (no Python is run, nothing is traced), whose graph is compiled at once.
// Machine code is shared, since kernels take sizes as arguments.
//
// Where the trace has looked at data (look.h), the key grows: the symbols' values lead to an instance that has nothing
// but a finder, what that one finds makes a longer key, and so on, until there is an instance with a program.
#pragma once
#include <memory>
#include <unordered_map>
#include <vector>

#include "capture/look.h"
#include "capture/program.h"
#include "capture/tape.h"
#include "guard/admission.h"

namespace fj::capture {

class Replay;

// What a segment runs for one combination of values.
struct Instance {
  std::shared_ptr<Program> program;  // NULL when the graph is empty
  std::vector<py::Ref> inputs;       // of the graph, where the replay made one itself; NULL: from the source
  std::vector<py::Ref> numbers;      // for recipes
  bool fits = false;
  // With looks: inputs that are found, by their numbers among all that is found; -1 for others. Empty: there are none.
  std::vector<int32_t> found;
  // What has to be looked at before more can be said, and the sources of its inputs.
  std::unique_ptr<Finder> finder;
  bool reads = false;
  std::vector<guard::SourceId> sources;

  // The input that is not fetched through its source; NULL for others.
  PyObject* input(size_t i, const std::vector<TensorRef>& what_is_found) const {
    if (!found.empty() && found[i] >= 0) return as_object(what_is_found[static_cast<size_t>(found[i])].get());
    return inputs.empty() ? nullptr : inputs[i].get();
  }
};
using InstanceRef = std::shared_ptr<const Instance>;

class Shapes final : public guard::Admission {
 public:
  // `program`: what the trace itself made; it is the only one if it takes all sizes.
  Shapes(Tape tape, const CompileOptions& options, const std::shared_ptr<Program>& program);

  guard::Outcome admit(guard::Fetched& fetched) override;
  std::string describe(const guard::SourceTable& sources, PyCodeObject* code) const override;

  // The instance for the values at hand; NULL if they do not fit. `found`: what was looked at for them. Called once
  // after admit.
  InstanceRef take(guard::Fetched& fetched, std::vector<TensorRef>& found);
  // The instance that the trace itself made.
  void add_traced(guard::Fetched& fetched, Instance made);
  // With FRAMEJIT_VERIFY: the tape gives the graph that was traced, or our bug is named.
  void verify(guard::Fetched& fetched, const std::string& traced);

  // Do the calls go the same way for these values of the symbols? Compiles nothing.
  bool would_fit(guard::Fetched& fetched, const std::vector<int64_t>& values) const;
  // The values at hand.
  std::vector<int64_t> values(guard::Fetched& fetched) { return read_key(fetched) ? key_ : std::vector<int64_t>(); }
  const Tape& tape() const { return tape_; }
  int64_t instances() const { return static_cast<int64_t>(table_.size()); }

 private:
  using Key = std::vector<int64_t>;
  struct Hash {
    size_t operator()(const Key& k) const;
  };
  struct Entry {
    InstanceRef instance;
    uint64_t used = 0;
  };

  struct Chosen {
    InstanceRef instance;  // NULL: they do not fit
    std::vector<Look> looks;
  };

  bool read_key(guard::Fetched& fetched);  // into key_
  InstanceRef find(guard::Fetched& fetched);
  Chosen choose(guard::Fetched& fetched);  // with looks
  InstanceRef make(guard::Fetched& fetched, const std::vector<Look>* looks);
  void compile(Replay& replay, Instance& made);
  void insert(const Key& key, InstanceRef instance);

  Tape tape_;
  CompileOptions options_;
  py::Ref backend_;  // options_ borrows it
  std::shared_ptr<Program> shared_;
  std::unordered_map<Key, Entry, Hash> table_;
  Key key_, last_key_;
  InstanceRef last_;
  Chosen admitted_;
  const guard::Fetched* admitted_for_ = nullptr;
  uint64_t clock_ = 0;
};

}  // namespace fj::capture
