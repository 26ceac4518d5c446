// Materialiser: carries out a segment's recipes and effects at run time.
//
// Use in this order, as segment.h says: run_program, build, apply. As long as apply has not begun, nothing outside has
// changed and the caller may drop everything and let CPython run the frame from the segment's entry.
#pragma once

#include <utility>
#include <vector>

#include "capture/segment.h"
#include "capture/shapes.h"
#include "py/ref.h"

namespace fj::frame {

class Materialiser {
 public:
  // plain: every recipe only names an object that is there.
  Materialiser(const capture::Segment& segment, guard::Fetched& fetched, bool plain = false);
  ~Materialiser();
  Materialiser(const Materialiser&) = delete;
  Materialiser& operator=(const Materialiser&) = delete;

  // Each returns false with a Python error set.
  bool run_program() { return (!segment_.program && !segment_.shapes) || run_graph(); }
  // It failed, and may have done something all the same: its error is the call's.
  bool failed_for_good() const { return failed_for_good_; }
  bool build();
  bool apply() { return segment_.effects.empty() || apply_effects(); }

  // What a recipe made; empty for kNoRecipe.
  py::Ref take(capture::RecipeId id) const;
  PyObject* borrow(capture::RecipeId id) const { return value(id); }
  // The same as a new reference, for whoever asks for each once and last.
  PyObject* give(capture::RecipeId id) { return id < 0 ? nullptr : std::exchange(values_[id], nullptr); }
  std::vector<py::Ref> take(const std::vector<capture::RecipeId>& ids) const;

 private:
  bool run_graph();
  bool take_inputs(PyObject** inputs, const std::vector<TensorRef>& found);
  bool apply_effects();
  bool create(capture::RecipeId id);
  bool finish(capture::RecipeId id);    // created and filled
  bool complete(capture::RecipeId id);  // and so is what can be reached from it and may be asked meanwhile
  bool complete_parts(const capture::Recipe& r);
  bool wait();
  bool create_parts(const capture::Recipe& r);
  PyObject* make(const capture::Recipe& r);
  PyObject* make_tuple(const capture::Recipe& r);
  PyObject* make_function(const capture::Recipe& r);
  PyObject* make_iterator(const capture::Recipe& r);
  PyObject* make_exception(const capture::Recipe& r);
  PyObject* call(const capture::Recipe& r);
  bool fill(const capture::Recipe& r, PyObject* made);
  bool fill_dict(const capture::Recipe& r, PyObject* made);
  bool fill_generator(const capture::Recipe& r, PyObject* made);
  bool fill_attrs(const capture::Recipe& r, PyObject* made);
  bool perform(const capture::Effect& e);
  PyObject* value(capture::RecipeId id) const { return id < 0 ? nullptr : values_[id]; }
  py::Ref parts_tuple(const capture::Recipe& r);

  bool blocked_ = false;  // what has just failed needs an object that is being made; no Python error is set
  enum : uint8_t { kCreating = 1, kFilled = 2, kCompleted = 4 };
  uint8_t& state(capture::RecipeId id) { return states_[static_cast<size_t>(id)]; }

  static constexpr int kInline = 24;
  const capture::Segment& segment_;
  const bool plain_;
  guard::Fetched& fetched_;
  PyObject** values_;   // owned, one a recipe, NULL until made
  PyObject** outputs_;  // owned, of the program
  size_t nvalues_ = 0;  // of values_ that are set
  int noutputs_ = 0;    // filled
  bool failed_for_good_ = false;
  capture::InstanceRef instance_;  // of a segment whose sizes vary
  uint8_t* states_;                // of the recipes
  PyObject* inline_[kInline];
  uint8_t inline_states_[kInline];
};

}  // namespace fj::frame
