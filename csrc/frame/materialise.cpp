// Recipes. Mutable things are created empty and filled afterwards, so that cycles work; immutable ones need their parts
// first.
#include "frame/materialise.h"

#include <algorithm>
#include <utility>

#include "frame/py_objects.h"
#include "py/dict.h"
#include "py/generator.h"
#include "py/iterators.h"
#include "tensor/autograd.h"
#include "tensor/tensor.h"

namespace fj::frame {

using capture::Make;
using capture::Recipe;
using capture::RecipeId;
using py::Ref;

Materialiser::Materialiser(const capture::Segment& segment, guard::Fetched& fetched, bool plain)
    : segment_(segment), plain_(plain), fetched_(fetched) {
  const size_t recipes = segment.recipes.size(), needed = recipes + static_cast<size_t>(segment.noutputs);
  values_ = needed <= kInline ? inline_ : new PyObject*[needed];
  states_ = needed <= kInline ? inline_states_ : new uint8_t[needed];
  outputs_ = values_ + recipes;
  if (plain) return;
  std::fill(states_, states_ + recipes, uint8_t{0});
  std::fill(values_, outputs_, nullptr);
  nvalues_ = recipes;
}

Materialiser::~Materialiser() {
  for (size_t i = 0; i < nvalues_; ++i) Py_XDECREF(values_[i]);
  for (int i = 0; i < noutputs_; ++i) Py_XDECREF(outputs_[i]);
  if (values_ != inline_) delete[] values_;
  if (states_ != inline_states_) delete[] states_;
}

// Borrowed.
bool Materialiser::take_inputs(PyObject** inputs, const std::vector<TensorRef>& found) {
  const size_t count = segment_.inputs.size();
  const auto fetch = [&](size_t i) {
    PyObject* own = instance_ ? instance_->input(i, found) : nullptr;
    inputs[i] = own ? own : fetched_.get(segment_.inputs[i]);
    if (!inputs[i]) PyErr_SetString(PyExc_SystemError, "framejit: an input that the guards passed cannot be fetched");
    return inputs[i] != nullptr;
  };
  const guard::Fetched::Inputs& known = fetched_.inputs();
  if (!known.values) {
    for (size_t i = 0; i < count; ++i)
      if (!fetch(i)) return false;
    return true;
  }
  std::copy(known.values, known.values + known.count, inputs);
  return std::all_of(known.live->begin(), known.live->end(), [&](int32_t i) { return fetch(static_cast<size_t>(i)); });
}

bool Materialiser::run_graph() {
  capture::Program* program = segment_.program.get();
  std::vector<TensorRef> found;
  if (segment_.shapes) {
    instance_ = segment_.shapes->take(fetched_, found);
    if (!instance_) {
      PyErr_SetString(PyExc_SystemError, "framejit: sizes that the guards passed have no program");
      return false;
    }
    program = instance_->program.get();
  }
  if (!program) return true;
  constexpr size_t kFew = 256;
  PyObject* few[kFew];
  std::vector<PyObject*> many;
  const size_t count = segment_.inputs.size();
  PyObject** inputs = few;
  if (count > kFew) {
    many.resize(count);
    inputs = many.data();
  }
  if (!take_inputs(inputs, found)) return false;
  // Own references: a long kernel releases the GIL, and another thread may replace an attribute meanwhile.
  const bool own_references = !program->holds_inputs();
  for (size_t i = 0; own_references && i < count; ++i) Py_INCREF(inputs[i]);
  const bool ok = program->run(inputs, count, outputs_, static_cast<size_t>(segment_.noutputs));
  for (size_t i = 0; own_references && i < count; ++i) Py_DECREF(inputs[i]);
  failed_for_good_ = !ok && program->errors_are_final();
  if (!ok) return false;
  noutputs_ = segment_.noutputs;
  for (int i : segment_.spent_outputs) tape::mark_spent(as_tensor(outputs_[i]));
  for (int i : segment_.inference_outputs) as_tensor(outputs_[i])->flags |= kInferenceTensor;
  return true;
}

bool Materialiser::build() {
  if (plain_) {
    for (const Recipe& r : segment_.recipes) {
      PyObject* known = r.make == Make::Source  ? fetched_.get(r.index)
                        : r.make == Make::Const ? r.object.get()
                                                : nullptr;
      if (!(values_[nvalues_] = known ? Py_NewRef(known) : make(r))) return false;
      ++nvalues_;
    }
    return true;
  }
  const auto count = static_cast<RecipeId>(segment_.recipes.size());
  for (RecipeId id = 0; id < count; ++id) {
    if (create(id)) continue;
    // Capture writes no recipe that is needed to make itself.
    if (blocked_) PyErr_SetString(PyExc_SystemError, "framejit: an object that is needed to make itself");
    return false;
  }
  // Attributes and lists before sets and dicts, whose keys may need them to be hashed.
  for (bool keyed : {false, true}) {
    for (RecipeId id = 0; id < count; ++id) {
      const Recipe& r = segment_.recipes[static_cast<size_t>(id)];
      const bool has_keys = r.make == Make::Dict || r.make == Make::Set;
      if (has_keys == keyed && !finish(id)) return false;
    }
  }
  return true;
}

Ref Materialiser::take(RecipeId id) const { return Ref::borrow(value(id)); }

std::vector<Ref> Materialiser::take(const std::vector<RecipeId>& ids) const {
  std::vector<Ref> out;
  out.reserve(ids.size());
  for (RecipeId id : ids) out.push_back(take(id));
  return out;
}

bool Materialiser::create(RecipeId id) {
  if (id < 0 || values_[id]) return true;
  if (state(id) & kCreating) {
    blocked_ = true;
    return false;
  }
  state(id) |= kCreating;
  values_[id] = make(segment_.recipes[static_cast<size_t>(id)]);
  state(id) &= static_cast<uint8_t>(~kCreating);
  return values_[id] != nullptr;
}

bool Materialiser::finish(RecipeId id) {
  if (!create(id)) return false;
  if (id < 0 || state(id) & kFilled) return true;
  state(id) |= kFilled;
  return fill(segment_.recipes[static_cast<size_t>(id)], values_[id]);
}

// Was it only for an object that is being made? Then it is tried again when that is there.
bool Materialiser::wait() { return std::exchange(blocked_, false); }

// Cells and attributes may lead back to the object that is being made (a class, by way of its methods): they wait.
bool Materialiser::complete_parts(const Recipe& r) {
  for (RecipeId part : r.parts) {
    if (complete(part)) continue;
    return r.make == Make::Cell && wait();
  }
  for (const auto& [name, part] : r.attrs) {
    if (!complete(part)) return wait();
  }
  return true;
}

bool Materialiser::complete(RecipeId id) {
  if (!create(id)) return false;
  if (id < 0 || state(id) & kCompleted) return true;
  state(id) |= kCompleted;
  const Recipe& r = segment_.recipes[static_cast<size_t>(id)];
  bool ok = complete_parts(r);
  bool ready = ok;
  for (RecipeId part : r.parts) ready = ready && (part < 0 || values_[part]);
  for (const auto& [name, part] : r.attrs) ready = ready && (part < 0 || values_[part]);
  if (ready) ok = finish(id);
  if (!ready) state(id) &= static_cast<uint8_t>(~kCompleted);
  return ok;
}

bool Materialiser::create_parts(const Recipe& r) {
  for (RecipeId part : r.parts) {
    if (!create(part)) return false;
  }
  return true;
}

PyObject* Materialiser::make(const Recipe& r) {
  switch (r.make) {
    case Make::Source: {
      PyObject* found = fetched_.get(r.index);
      if (!found && !PyErr_Occurred())
        PyErr_SetString(PyExc_SystemError, "framejit: a guarded source cannot be fetched");
      return Py_XNewRef(found);
    }
    case Make::Const: return Py_NewRef(r.object.get());
    case Make::Number: return Py_NewRef(instance_->numbers[static_cast<size_t>(r.index)].get());
    case Make::Output: return Py_NewRef(outputs_[r.index]);
    case Make::List: return new_empty(&PyList_Type, r.object.get());
    case Make::Dict: return new_empty(&PyDict_Type, r.object.get());
    case Make::Set: return PySet_New(nullptr);
    case Make::Cell: return PyCell_New(nullptr);
    case Make::Generator:  // takes its name from the function as that is now
      if (!create(r.parts[0]) || !fill(segment_.recipes[static_cast<size_t>(r.parts[0])], value(r.parts[0])))
        return nullptr;
      return py::blank_generator(value(r.parts[0]));
    case Make::Object:
      if (r.object) return new_object(reinterpret_cast<PyTypeObject*>(r.object.get()));
      break;
    default: break;
  }
  if (!create_parts(r)) return nullptr;
  switch (r.make) {
    case Make::Tuple: return make_tuple(r);
    case Make::Object: return new_object(reinterpret_cast<PyTypeObject*>(value(r.parts[0])));
    case Make::FrozenSet: return PyFrozenSet_New(parts_tuple(r).get());
    case Make::Slice: return PySlice_New(value(r.parts[0]), value(r.parts[1]), value(r.parts[2]));
    case Make::Method: return PyMethod_New(value(r.parts[0]), value(r.parts[1]));
    case Make::Function: return make_function(r);
    case Make::Exception: return make_exception(r);
    case Make::Iterator: return make_iterator(r);
    case Make::Call: return call(r);
    default: PyErr_SetString(PyExc_SystemError, "framejit: a recipe of unknown kind"); return nullptr;
  }
}

Ref Materialiser::parts_tuple(const Recipe& r) {
  Ref tuple = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(r.parts.size())));
  for (size_t i = 0; tuple && i < r.parts.size(); ++i) {
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), Py_XNewRef(value(r.parts[i])));
  }
  return tuple;
}

PyObject* Materialiser::make_tuple(const Recipe& r) {
  Ref tuple = parts_tuple(r);
  if (!tuple || !r.object) return tuple.release();
  auto* type = reinterpret_cast<PyTypeObject*>(r.object.get());
  Ref args = Ref::steal(PyTuple_Pack(1, tuple.get()));
  return args ? PyTuple_Type.tp_new(type, args.get(), nullptr) : nullptr;
}

PyObject* Materialiser::make_function(const Recipe& r) {
  auto part = [&](size_t i) { return i < r.parts.size() ? value(r.parts[i]) : nullptr; };
  Ref f = Ref::steal(PyFunction_NewWithQualName(r.object.get(), part(0), part(1)));
  if (!f) return nullptr;
  auto given = [](PyObject* o) { return o && o != Py_None; };
  if (given(part(2)) && PyFunction_SetDefaults(f.get(), part(2)) < 0) return nullptr;
  if (given(part(3)) && PyFunction_SetKwDefaults(f.get(), part(3)) < 0) return nullptr;
  if (given(part(4)) && PyFunction_SetClosure(f.get(), part(4)) < 0) return nullptr;
  if (given(part(5)) && PyFunction_SetAnnotations(f.get(), part(5)) < 0) return nullptr;
  return f.release();
}

PyObject* Materialiser::make_exception(const Recipe& r) {
  Ref args = parts_tuple(r);
  if (!args) return nullptr;
  // The nearest base written in C, whose __new__ and __init__ fill its own fields (a StopIteration's value, a group's
  // members).
  auto* type = reinterpret_cast<PyTypeObject*>(r.object.get());
  PyTypeObject* base = type;
  while (base->tp_flags & Py_TPFLAGS_HEAPTYPE) base = base->tp_base;
  Ref made = Ref::steal(base->tp_new(type, args.get(), nullptr));
  if (made && base->tp_init(made.get(), args.get(), nullptr) < 0) return nullptr;
  return made.release();
}

PyObject* Materialiser::make_iterator(const Recipe& r) {
  // A list has to have its elements before __setstate__ looks at its length.
  if (!complete(r.parts[0])) return nullptr;
  Ref it = Ref::steal(r.object ? PyObject_CallOneArg(r.object.get(), value(r.parts[0]))
                               : PyObject_GetIter(value(r.parts[0])));
  // A list's effects come later: it may not be long enough yet.
  if (!it || (r.index == 0 && !r.object) || py::set_position(it.get(), r.index)) return it.release();
  Ref done = Ref::steal(PyObject_CallMethod(it.get(), "__setstate__", "i", r.index));
  return done ? it.release() : nullptr;
}

PyObject* Materialiser::call(const Recipe& r) {
  std::vector<PyObject*> args;
  for (RecipeId part : r.parts) args.push_back(value(part));
  for (RecipeId part : r.parts) {
    if (!complete(part)) return nullptr;
  }
  const auto named = static_cast<size_t>(r.names ? PyTuple_GET_SIZE(r.names.get()) : 0);
  return PyObject_Vectorcall(r.object.get(), args.data(), args.size() - named, r.names.get());
}

bool Materialiser::fill(const Recipe& r, PyObject* made) {
  switch (r.make) {
    case Make::List:
      for (RecipeId part : r.parts) {
        if (!create(part) || PyList_Append(made, value(part)) < 0) return false;
      }
      break;
    case Make::Dict:
      if (!fill_dict(r, made)) return false;
      break;
    case Make::Generator: return create_parts(r) && fill_generator(r, made);
    case Make::Set:
      for (RecipeId part : r.parts) {
        if (!complete(part) || PySet_Add(made, value(part)) < 0) return false;
      }
      break;
    case Make::Cell:
      if (!r.parts.empty() && r.parts[0] >= 0) return create(r.parts[0]) && PyCell_Set(made, value(r.parts[0])) == 0;
      break;
    default: break;
  }
  return r.attrs.empty() || fill_attrs(r, made);
}

bool Materialiser::fill_dict(const Recipe& r, PyObject* made) {
  for (size_t i = 0; i + 1 < r.parts.size(); i += 2) {
    if (!complete(r.parts[i]) || !create(r.parts[i + 1])) return false;
    PyObject* hash = r.names ? PyTuple_GET_ITEM(r.names.get(), static_cast<Py_ssize_t>(i / 2)) : Py_None;
    PyObject *key = value(r.parts[i]), *held = value(r.parts[i + 1]);
    const int failed =
        hash == Py_None ? dict_set(made, key, held) : py::dict_set_known_hash(made, key, held, PyLong_AsSsize_t(hash));
    if (failed < 0) return false;
  }
  return true;
}

bool Materialiser::fill_generator(const Recipe& r, PyObject* made) {
  using State = py::GeneratorState;
  std::vector<PyObject*> values;
  for (size_t i = 1; i < r.parts.size(); ++i) values.push_back(value(r.parts[i]));
  auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(value(r.parts[0])));
  const State state = r.index == capture::kFresh      ? State::Fresh
                      : r.index == capture::kFinished ? State::Finished
                                                      : State::Suspended;
  const int depth = state == State::Suspended ? static_cast<int>(values.size()) - code->co_nlocalsplus : 0;
  return py::fill_generator(made, state, values.data(), values.data() + values.size() - depth, depth, r.index);
}

bool Materialiser::fill_attrs(const Recipe& r, PyObject* made) {
  for (const auto& [name, id] : r.attrs) {
    if (!create(id) || PyObject_GenericSetAttr(made, name.get(), value(id)) < 0) return false;
  }
  return true;
}

}  // namespace fj::frame
