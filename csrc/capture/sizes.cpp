// See sizes.h.
#include "capture/sizes.h"

#include "base/flags.h"
#include "capture/asks.h"
#include "capture/look.h"
#include "capture/promise.h"
#include "capture/shapes.h"
#include "capture/tensors.h"
#include "capture/wrappers.h"
#include "py/error.h"
#include "tensor/facts.h"

namespace fj::capture {

namespace {

bool marks_in_use = false;

bool never(const CompileOptions& o) { return o.dynamic == 0; }
bool always(const CompileOptions& o) {
  return o.dynamic == 1 || (o.dynamic < 0 && !flags::get().assume_static_by_default);
}
bool automatic(const CompileOptions& o) { return o.dynamic < 0 && flags::get().automatic_dynamic_shapes; }

// What dynamo's mark_* functions have left on a tensor (borrowed), or NULL.
PyObject* mark(PyObject* tensor, PyObject* name) {
  if (!marks_in_use) return nullptr;
  PyObject** dict = _PyObject_GetDictPtr(tensor);
  return dict && *dict ? PyDict_GetItemWithError(*dict, name) : nullptr;
}

bool has_index(PyObject* set, size_t dim) {
  if (!set || !PyAnySet_Check(set)) return false;
  Ref index = Ref::steal(PyLong_FromSize_t(dim));
  const int r = PySet_Contains(set, index.get());
  PyErr_Clear();
  return r == 1;
}

bool is_parameter(V v) {
  PyTypeObject* type = Py_TYPE(v->real);
  return type != tensor_type && !is_overriding(type) && !is_wrapper(v->real);
}

// Weights and buffers keep their sizes, whatever is asked for, until they are seen to differ.
bool of_a_module(Tracer& t, V v) {
  if (is_parameter(v)) return true;
  SourceId s = v->source;  // the parts of a tensor made of others go by where that one is
  for (SourceId around = s; around != guard::kNoSource; around = wrapper_around(t, around)) s = around;
  for (; s != guard::kNoSource; s = t.tree.sources()[s].parent) {
    const Step step = t.tree.sources()[s].step;
    if (step == Step::InstanceDict || step == Step::InstanceAttr || step == Step::Const) return true;
  }
  return false;
}

// Marks on a tensor made of others hold for its parts of the same sizes, too.
PyObject* marked_for(Tracer& t, V v) {
  for (ObjectValue* o : t.outside_wrappers)
    if (marks_in_use && o->source == wrapper_around(t, v->source) &&
        as_tensor(o->real)->meta.sizes == as_tensor(v->real)->meta.sizes)
      return marked_for(t, o->tensor);
  return v->real;
}

class Policy {
 public:
  Policy(Tracer& t, V v) : t_(t), v_(v) {
    const TensorMeta& m = as_tensor(v->real)->meta;
    numbers_.assign(m.sizes.begin(), m.sizes.end());
    numbers_.insert(numbers_.end(), m.strides.begin(), m.strides.end());
    PyObject* marked = marked_for(t, v);
    dynamic_ = mark(marked, FJ_NAME("_dynamo_dynamic_indices"));
    weak_ = mark(marked, FJ_NAME("_dynamo_weak_dynamic_indices"));
    unbacked_ = mark(marked, FJ_NAME("_dynamo_unbacked_indices"));
    static_ = mark(marked, FJ_NAME("_dynamo_static_indices"));
    from_start_ = always(t.options) && !of_a_module(t, v);
    fixed_ = is_parameter(v) && flags::get().force_parameter_static_shapes;
  }

  bool size_varies(size_t dim) const {
    if (has_index(dynamic_, dim) || has_index(weak_, dim) || has_index(unbacked_, dim)) return true;
    if (has_index(static_, dim)) return false;
    return !fixed_ && (from_start_ || changed(dim));
  }
  // Adds the promise of mark_dynamic(t, dim, min=, max=).
  void promise(Symbol* s) const {
    const auto dim = static_cast<size_t>(s->dim);
    s->promised = has_index(dynamic_, dim) || has_index(unbacked_, dim);
    PyObject* ranges = mark(v_->real, FJ_NAME("_dynamo_dynamic_range"));
    Ref key = Ref::steal(PyLong_FromSize_t(dim));
    PyObject* range = ranges && PyDict_Check(ranges) ? PyDict_GetItemWithError(ranges, key.get()) : nullptr;
    if (!range || !PyTuple_Check(range) || PyTuple_GET_SIZE(range) != 2) return;
    auto bound = [&](Py_ssize_t i, int64_t* out) {
      if (PyLong_Check(PyTuple_GET_ITEM(range, i))) *out = PyLong_AsLongLong(PyTuple_GET_ITEM(range, i));
    };
    bound(0, &s->least);
    bound(1, &s->most);
    s->ranged = true;
    PyErr_Clear();
  }
  bool stride_varies(size_t dim) const { return changed(numbers_.size() / 2 + dim); }

 private:
  bool changed(size_t i) const { return automatic(t_.options) && t_.tree.sizes_vary(v_->source, numbers_, i); }

  Tracer& t_;
  V v_;
  std::vector<int64_t> numbers_;  // sizes, strides
  PyObject *dynamic_, *weak_, *unbacked_, *static_;
  bool from_start_, fixed_;
};

// Do the sizes and the packed word determine the strides?
bool implied_strides(const TensorMeta& m) {
  const LayoutClass layout = layout_class(m);
  return layout == LayoutClass::Contiguous || layout == LayoutClass::ChannelsLast;
}

void add_symbol(Tape& tape, Symbol s) { tape.symbols.push_back(s); }

}  // namespace

bool of_a_static_class(Tracer& t, SourceId source) {
  if (!marks_in_use) return false;
  for (SourceId s = source; s != guard::kNoSource; s = t.tree.sources()[s].parent) {
    const Step step = t.tree.sources()[s].step;
    if (step != Step::InstanceDict && step != Step::InstanceAttr) continue;
    PyObject* owner = t.value_at(t.tree.sources()[s].parent);
    if (owner && _PyType_Lookup(Py_TYPE(owner), FJ_NAME("_dynamo_marked_static"))) return true;
  }
  return false;
}

void note_marks() { marks_in_use = true; }

bool takes_calls(const CompileOptions& options) {
  return options.is_python() && !PyObject_HasAttr(options.backend, FJ_NAME("_framejit_aot"));
}

std::unique_ptr<Tape> new_tape(const guard::Tree& tree, const CompileOptions& options, bool takes_calls) {
  if (options.fullgraph || takes_calls || thread_state().autocast.on_break == OnBreak::Error)
    return std::make_unique<Tape>();
  if (never(options)) return nullptr;
  if (!always(options) && !marks_in_use && (tree.empty() || !automatic(options))) return nullptr;
  return std::make_unique<Tape>();
}

void guard_exact_sizes(Tracer& t, V v) {
  const TensorMeta& m = as_tensor(v->real)->meta;
  std::vector<int64_t> numbers(m.sizes.begin(), m.sizes.end());
  if (!implied_strides(m)) numbers.insert(numbers.end(), m.strides.begin(), m.strides.end());
  t.guard(Kind::Sizes, v->source, nullptr, std::move(numbers));
}

bool guard_sizes(Tracer& t, V v) {
  const TensorMeta& m = as_tensor(v->real)->meta;
  if (!t.tape) return guard_exact_sizes(t, v), false;
  Policy policy(t, v);
  std::vector<int64_t> numbers(m.sizes.begin(), m.sizes.end());
  const bool implied = implied_strides(m);
  bool open = false;
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (policy.size_varies(i)) numbers[i] = -1;
    open |= numbers[i] < 0 || (!implied && policy.stride_varies(i));
  }
  if (!open) return guard_exact_sizes(t, v), false;
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] < 0) {
      Symbol symbol{Symbol::Size, v->source, static_cast<int32_t>(i)};
      policy.promise(&symbol);
      add_symbol(*t.tape, symbol);
    }
    if (!implied) add_symbol(*t.tape, {Symbol::Stride, v->source, static_cast<int32_t>(i)});
  }
  t.guard(Kind::SomeSizes, v->source, nullptr, std::move(numbers));
  return true;
}

void record_input(Tracer& t, V v, PyObject* fake, guard::SourceId source, bool symbolic, std::string name,
                  TapeStep::What what) {
  if (!t.tape) return;
  TapeStep step;
  step.what = what;
  step.source = source;
  step.modes = thread_state();
  step.name = std::move(name);
  step.result.what = Pattern::Fill;
  step.result.slot = v->slot = t.tape->add_slot(symbolic, fake);
  t.tape->steps.push_back(std::move(step));
}

bool symbolise(Tracer& t, V v) {
  if (v->slot != kNoSlot) return true;
  if (!t.tape || v->is != Is::Const || v->touched || !v->outside() || !PyLong_CheckExact(v->real)) return false;
  int overflow = 0;
  PyLong_AsLongLongAndOverflow(v->real, &overflow);
  const bool varies = always(t.options) || (automatic(t.options) && t.tree.varies(v->source, v->real));
  if (overflow || !varies || of_a_static_class(t, v->source)) return false;
  t.guard(Kind::TypeIs, v->source, reinterpret_cast<PyObject*>(v->cls));
  add_symbol(*t.tape, {Symbol::Value, v->source});
  TapeStep step;
  step.what = TapeStep::Number;
  step.name = t.tree.sources().describe(v->source, t.entry.code);
  step.source = v->source;
  step.modes = thread_state();
  step.result.what = Pattern::Fill;
  step.result.object = Ref::borrow(&PyLong_Type);
  step.result.slot = v->slot = t.tape->add_slot(true, v->real);
  t.tape->steps.push_back(std::move(step));
  return true;
}

namespace {

// The segment for today's sizes only.
void make_constant(Tracer& t, Segment& s) {
  for (Recipe& r : s.recipes) {
    if (r.make != Make::Number) continue;
    r.make = Make::Const;
    r.object = t.tape->slots[static_cast<size_t>(t.tape->numbers[static_cast<size_t>(r.index)])].value;
  }
  for (const Symbol& symbol : t.tape->symbols) {
    if (symbol.what == Symbol::Value) {
      PyObject* now = t.value_at(symbol.source);
      t.guard(Kind::Equal, symbol.source, now);
    }
  }
  for (V v : t.outside_values()) {
    V tensor = v->is == Is::Object ? as<ObjectValue>(v)->tensor : v;
    if (tensor && tensor->is == Is::Tensor && tensor->touched) guard_exact_sizes(t, tensor);
  }
}

}  // namespace

bool stays_open(Tracer& t, const std::vector<PyObject*>& outputs) {
  if (!t.tape) return false;
  Tape& tape = *t.tape;
  t.tensors->expect_ops(tape);
  drop_readings(t);
  const bool varies = !tape.symbols.empty() || tape.looks;
  if (!varies && !t.takes_calls) return false;
  for (PyObject* fake : outputs) {
    V v = t.fake_value(fake);
    if (!v || v->slot == kNoSlot) {
      tape.give_up("an output that no leaf call made");
      break;
    }
    tape.outputs.push_back(v->slot);
  }
  if (!varies) return false;
  if (!tape.broken.empty() && flags::log_on("recompiles"))
    std::fprintf(stderr, "sizes stay constant: %s\n", tape.broken.c_str());
  if (!tape.broken.empty() && tape.looks)
    throw CannotRebuild{tape.look_step, cat("sizes from data after ", tape.broken)};
  return tape.broken.empty();
}

std::unique_ptr<Program> program_of_calls(Tracer& t, Segment& s) {
  if (!t.tape || !t.tape->broken.empty() || t.tape->layered) return nullptr;
  if (t.tensors->noted_below_tape()) return nullptr;  // only ops say in which mode they run
  std::vector<SourceId> sources;
  std::vector<PyObject*> examples;
  for (const TapeStep& step : t.tape->steps) {
    const bool given = step.what == TapeStep::Input || step.what == TapeStep::Number;
    if (!given && !(step.what == TapeStep::Outer && is_read(*t.tape, step.result.slot))) continue;
    sources.push_back(step.source);
    examples.push_back(t.value_at(step.source));
  }
  LayerPause none;
  auto program = tape_compiler()(*t.tape, examples, t.options);
  if (!program) return nullptr;
  t.tape->all_sizes = true;
  s.inputs = std::move(sources);
  return program;
}

namespace {

Ref constraint_violation(const std::string& message) {
  Ref module = Ref::steal(PyImport_ImportModule("framejit.dynamo.exc"));
  Ref type = module ? Ref::steal(PyObject_GetAttrString(module.get(), "ConstraintViolationError")) : Ref();
  Ref error =
      type ? Ref::steal(PyObject_CallOneArg(type.get(), py::check(py::to_str(message).release()).get())) : Ref();
  if (!error) throw py::PythonError();
  return error;
}

}  // namespace

void finish_sizes(Tracer& t, Segment& s, bool open) {
  if (!t.tape || (t.tape->symbols.empty() && !t.tape->looks)) return;
  if (!open) return make_constant(t, s);
  if (s.error) return;
  Instance traced;
  traced.program = std::move(s.program);
  for (Slot slot : t.tape->numbers) traced.numbers.push_back(t.tape->slots[static_cast<size_t>(slot)].value);
  auto shapes = std::make_shared<Shapes>(std::move(*t.tape), t.options, traced.program);
  guard::Fetched fetched(t.tree.sources(), t.entry.values);
  if (flags::get().verify > 0 && !s.graph.empty()) shapes->verify(fetched, s.graph);
  const std::string broken = broken_promise(*shapes, fetched, t.tree.sources(), t.entry.code);
  if (!broken.empty()) {
    s.error = constraint_violation(broken);
    return;
  }
  if (!shapes->tape().looks) shapes->add_traced(fetched, std::move(traced));
  s.shapes = shapes;
  Ref check = guard::admission_object(shapes);
  t.guard(Kind::Admitted, guard::kNoSource, check.get());
}

}  // namespace fj::capture
