// From values to recipes; one writer per exit. Throws CannotRebuild for a value that has none.
#pragma once
#include "capture/sym_frame.h"

namespace fj::capture {

class RecipeWriter {
 public:
  RecipeWriter(Tracer& t, Segment& s) : t_(t), s_(s) {}
  RecipeId of(V v);
  RecipeId of_if_possible(V v);  // kNoRecipe if it has none
  RecipeId constant(PyObject* object);
  RecipeId source(guard::SourceId id);
  RecipeId parts(Make make, const Values& items, PyObject* object = nullptr);
  RecipeId call(PyObject* callable, std::vector<RecipeId> args);
  void effects();
  void check_order();  // nothing is needed to make itself
  const std::vector<PyObject*>& outputs() const { return outputs_; }

 private:
  RecipeId add(Make make, PyObject* object = nullptr);
  Recipe& row(RecipeId id) { return s_.recipes[static_cast<size_t>(id)]; }
  RecipeId write(V v);
  RecipeId write_dict(DictValue* d);
  Ref hashes(DictValue* d);
  RecipeId write_object(ObjectValue* o);
  RecipeId write_function(FunctionValue* f);
  RecipeId write_iterator(IteratorValue* it);
  RecipeId write_generator(IteratorValue* it);
  RecipeId write_tensor(TensorValue* v);
  RecipeId write_live(IteratorValue* it);
  void attributes(RecipeId id, DictValue* d);
  void set_item(V target, const DictValue::Write& w);
  void effects_of(V v);
  void advance_iterators();

  Tracer& t_;
  Segment& s_;
  std::vector<PyObject*> outputs_;
  Values written_;
};

}  // namespace fj::capture
