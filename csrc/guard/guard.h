// The guard tree of one entry point: which of its segments may run now.
//
// A check is one fact about one source; its kinds are rows of kinds.def, each one struct (checks_*.cpp) with
// check → {Pass, Fail, Error} and describe, so that the explanation cannot drift from the test. Checks of several
// segments share prefixes in the tree, and sources are fetched once for all of them.
#pragma once
#include <Python.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "guard/source.h"
#include "py/ref.h"

namespace fj::guard {

enum class Kind : uint8_t {
#define FJ_GUARD_KIND(name, words) name,
#include "guard/kinds.def"
#undef FJ_GUARD_KIND
};

// Error: evaluating the fact raised (memory, a broken __eq__); the caller runs the frame plain and clears nothing.
enum class Outcome : uint8_t { Pass, Fail, Error };

struct Check {
  Kind kind;
  SourceId source = kNoSource;
  SourceId other = kNoSource;    // aliasing kinds
  py::Ref object;                // the expected object, type, keys, …
  py::Ref extra;                 // a second object where the kind has one
  std::vector<int64_t> numbers;  // lengths, packed words, sizes
  mutable uint64_t seen = 0;     // a version that was found to imply the fact (a cache, never the fact itself)

  bool same_as(const Check& o) const;
};

// For the garbage collector. Objects that checks name were found in the program: a check can pass only while the
// program reaches them by itself, so no check shall keep them alive. `found` says whether those are visited, `own`
// whether the rest is.
struct Held {
  bool own, found;
};
// `facts`: what the facts of this check name is to be visited here; one of several copies of a check does it.
int visit_check(const Check& check, visitproc visit, void* arg, Held held, bool facts);

Outcome run_check(const Check& check, Fetched& fetched);
// "x.shape[0] is 3", for explain and the recompile log.
std::string describe(const Check& check, const SourceTable& sources, PyCodeObject* code);

class Decision;
class Plan;
struct Candidate;

// What plans (plan.h) did in this process, for tests.
struct PlanCounts {
  int64_t made = 0;
  int64_t held = 0;
  int64_t changed = 0;  // was looked at and did not hold
};
PlanCounts& plan_counts();

// What will be fetched to run a segment: its program's inputs, in order, and the rest.
struct Needed {
  std::vector<SourceId> inputs, others;
};

class Tree {
 public:
  Tree();
  ~Tree();
  // Sources of all segments of this entry point live in one table, so that they can be shared.
  SourceTable& sources() { return sources_; }
  const SourceTable& sources() const { return sources_; }

  // Adds a segment behind its checks, which become copies of those in the tree. `segment` is the caller's number for
  // it, one more than the last.
  void insert(std::vector<Check>& checks, int segment, Needed needed = {});
  // A segment whose checks all pass, or -1 (no segment), or -2 (a check raised; the Python error is set).
  int find(Fetched& fetched);
  // Was a segment specialised on a value of this source other than `now`? Then it varies, and is better made an input.
  bool varies(SourceId source, PyObject* now) const;
  // Was a segment specialised on, or left open, sizes and strides of this source that differ from `now` at `i`?
  bool sizes_vary(SourceId source, const std::vector<int64_t>& now, size_t i) const;
  // For a state that no segment takes: the first fact that each found otherwise is not to be relied on by later traces.
  // False when there is none that a trace could do without.
  bool loosen(Fetched& fetched);
  bool is_loose(Kind kind, SourceId source) const { return loose_.count({kind, source}) != 0; }
  bool empty() const;
  int traverse(visitproc visit, void* arg, Held held) const;
  // Was it found in the program, or could it have been? Of what tracing makes, nothing can be referred to weakly.
  bool is_found(PyObject* object) const;
  // Why `segment` is not taken for this call: the first failing check in words; empty when all pass.
  std::string explain(int segment, Fetched& fetched, PyCodeObject* code) const;

 private:
  const Check* intern(const Check& check);
  int find_planned(Fetched& fetched, bool* planned);
  void plan(const Entry& entry);
  void blame(const Plan& plan);
  void drop_plans();

  SourceTable sources_;
  std::set<std::pair<Kind, SourceId>> loose_;
  std::vector<std::unique_ptr<Check>> checks_;
  std::unordered_multimap<uint64_t, const Check*> by_hash_;
  std::unordered_set<PyObject*> found_;
  std::vector<Candidate> segments_;
  std::vector<Needed> needed_;
  std::unique_ptr<Decision> decision_;
  std::vector<std::unique_ptr<Plan>> plans_;   // the last used first
  std::vector<uint8_t> strikes_, changeable_;  // of each source: how often it was found changed in a plan
  int evictions_ = 0;
  bool plannable_ = true;
  // A check may run Python code, and with it another thread that changes the tree: what is in use then dies later.
  int running_ = 0;
  std::vector<std::unique_ptr<Decision>> old_decisions_;
  std::vector<std::unique_ptr<Plan>> old_plans_;
};

}  // namespace fj::guard
