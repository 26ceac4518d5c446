// Plan: the tree, partly evaluated for the objects that a call has brought. Private to the room.
//
// Of a model's thousand checks nearly all are about objects that are reached from `self` through dicts, classes, cells
// and lists, and they pass again as long as nothing on those paths has changed. A plan holds the words in memory that
// say so (type pointers, __dict__ pointers, version tags; snapshots of tensors), a decision tree of the checks that are
// left (about arguments, mostly), and the objects at the ends of the paths. It is a cache: the tree remains the truth,
// and a plan that no longer holds is dropped or, if only its versions are old, brought up to date.
//
// Nothing is kept alive. The words stand in the order in which the paths were walked, so that every address that is
// read lies in an object that an earlier one has shown to be there still. What a plan concludes from an object's
// contents without a word of its own (the value of a constant) is safe against another object at the same address,
// since constants are held.
#pragma once
#include <vector>

#include "guard/decision.h"
#include "tensor/tensor.h"

namespace fj::guard {

class Plan {
 public:
  // Does the call begin from the same objects?
  bool same_roots(const Entry& entry) const;
  // Is everything on the paths as it was? If not, failed() says which source differs (kNoSource: not known).
  bool holds();
  SourceId failed() const { return failed_; }
  // The segment, with what is known of the objects that it needs.
  int find(Fetched& fetched) const {
    for (const Preset& p : presets_) fetched.preset(p.source, p.value);
    const int found = decision_.find(fetched);
    if (found >= 0 && found == only_) fetched.give_inputs({inputs_.data(), inputs_.size(), &live_});
    return found;
  }

  static constexpr int kGood = 8;  // hits after which a change is no sign of a changeable source
  int hits = 0;                    // since it last failed, up to kGood
  int misses = 0;                  // in a row

 private:
  friend class Planner;

  // Eight bytes that are as they were. For a version that is another one, the facts decide that were asked of its
  // owner; for a tensor without the stamp that it had, what its snapshot says.
  struct Word {
    const void* at;
    uint64_t want;
  };
  static const uint64_t kEnd;  // what the last word is compared with, in vain: so the loop over them has one exit
  enum class Of : uint8_t { Value, Dict, Type, Tensor };
  struct Origin {
    Of of;
    int32_t facts;  // of the owner; of a tensor: its snapshot
    SourceId source;
  };
  struct Root {
    Step step;
    int32_t index;
    PyObject* object;
    SourceId source;
  };
  struct Fact {
    PyObject* name;  // held by the source table or a check
    PyObject* value;
    PyTypeObject* type;  // of the value, where it has no word of its own
    SourceId source;
  };
  struct Facts {
    PyObject* owner;      // a dict or a class
    SourceId exact_keys;  // the dict's source if no change at all is allowed, since all its keys matter; or kNoSource
    std::vector<Fact> rows;
  };
  struct Snapshot {
    TensorObj* tensor;
    PyTypeObject* type;
    Storage* storage;  // NULL unless asked for
    TensorObj* base;
    uint32_t kind;  // dtype, device and requires_grad
    uint32_t flags;
    int32_t dims;  // sizes and strides from dims_[dims]
    uint8_t ndim;
    bool needs_grad, non_leaf, hooked;
    SourceId source;
  };
  struct Preset {
    SourceId source;
    PyObject* value;
  };

  static uint32_t kind_of(const TensorMeta& m);
  bool still(const Snapshot& s) const;
  bool still(const Facts& f, bool is_type);
  bool recheck(size_t word);
  bool words_hold();
  bool tensors_hold();

  std::vector<Root> roots_;
  std::vector<Word> words_;
  std::vector<Origin> origins_;  // of each word
  std::vector<Facts> facts_;
  std::vector<Snapshot> snapshots_;
  std::vector<int32_t> unstamped_;  // the snapshots that are compared at each call: views, tensors of a trace
  std::vector<int64_t> dims_;
  std::vector<Preset> presets_;
  int only_ = -1;                  // the segment whose program's inputs are these, if no other can be found
  std::vector<PyObject*> inputs_;  // NULL where the call has to be asked, for positions live_
  std::vector<int32_t> live_;
  std::vector<py::Ref> constants_;
  Decision decision_;
  SourceId failed_ = kNoSource;
};

// What the planner needs of the tree.
struct PlanInput {
  const SourceTable& sources;
  const std::vector<Candidate>& segments;
  const std::vector<Needed>& needed;       // of each segment
  const std::vector<uint8_t>& changeable;  // sources that were seen to change too often to be relied upon
};

// Makes the plan for the objects of this call; NULL if it would save next to nothing.
std::unique_ptr<Plan> make_plan(const PlanInput& input, const Entry& entry);

}  // namespace fj::guard
