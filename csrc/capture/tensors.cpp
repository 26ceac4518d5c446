#include "capture/tensors.h"

#include <exception>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "capture/builtins.h"
#include "capture/look.h"
#include "capture/number.h"
#include "capture/sizes.h"
#include "capture/sym_frame.h"
#include "graph/graph.h"
#include "py/error.h"
#include "py/imported.h"
#include "tensor/autocast.h"
#include "tensor/autograd.h"
#include "tensor/batched.h"
#include "tensor/facts.h"
#include "tensor/overrides.h"
#include "tensor/trace.h"

namespace fj::capture {

namespace {

bool named(PyTypeObject* type, std::string_view name) { return name == type->tp_name; }

bool is_op_callable(PyObject* o) {
  return named(Py_TYPE(o), "framejit._C.OpFunction") || named(Py_TYPE(o), "framejit._C.OpMethod");
}

// finfo and iinfo.
bool is_limits_type(PyTypeObject* type) { return named(type, "framejit.finfo") || named(type, "framejit.iinfo"); }

// Functions of framejit._C beside the ops: what they give depends on their arguments and guarded modes alone.
constexpr std::string_view kLeaves[] = {
    "tensor",
    "as_tensor",
    "asarray",
    "scalar_tensor",
    "is_tensor",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "get_default_dtype",
    "result_type",
    "promote_types",
    "can_cast",
    "numel",
    "is_floating_point",
    "is_complex",
    "is_signed",
    "broadcast_shapes",
    "_call_op",
    "_call_row",
    "_is_tracing",
    "_profiling",
    "_func_plain",
    "_func_rewrap",
    "_func_seed",
    "_func_depends",
    "_func_enter",
    "_func_leave",
    "_func_depth",
    "_func_writable",
    "_leaves_beyond",
    "_cond",
    "_while_loop",
    "_scan",
    "_vmap_enter",
    "_vmap_leave",
    "_vmap_enter_again",
    "_vmap_wrap",
    "_vmap_unwrap",
    "_vmap_depth",
    "_vmap_top",
    "_vmap_open",
    "_vmap_close",
    // These change the thread's modes: for the trace, and at the segment's exit for good.
    "_set_grad_enabled",
    "_set_inference_mode",
    "_error_on_graph_break",
    "_set_error_on_graph_break",
    "set_autocast_enabled",
    "set_autocast_dtype",
    "set_autocast_cache_enabled",
    "set_autocast_cpu_enabled",
    "set_autocast_cpu_dtype",
    "autocast_increment_nesting",
    "autocast_decrement_nesting",
    "clear_autocast_cache",
    "is_autocast_enabled",
    "is_autocast_cpu_enabled",
    "is_autocast_cache_enabled",
    "get_autocast_dtype",
    "get_autocast_cpu_dtype",
    "get_autocast_gpu_dtype",
    "_is_any_autocast_enabled",
    "_is_autocast_available",
    "_autocast_args",
};

// Tensor methods that change or show what a fake tensor does not have.
constexpr std::string_view kRefused[] = {
    "backward",        "register_hook", "set_",          "resize_",       "detach_",
    "untyped_storage", "storage",       "data_ptr",      "share_memory_", "is_set_to",
    "_make_subclass",  "__dlpack__",    "__reduce_ex__", "__deepcopy__",  "register_post_accumulate_grad_hook",
};
constexpr std::string_view kRefusedAttributes[] = {"data", "_base", "_version"};

template <size_t N>
bool listed(const std::string_view (&names)[N], std::string_view name) {
  for (std::string_view n : names)
    if (n == name) return true;
  return false;
}

}  // namespace

bool is_tensor(PyObject* o) { return tensor_type && fj::is_tensor(o); }
bool is_tensor_type(PyTypeObject* type) { return tensor_type && PyType_IsSubtype(type, tensor_type); }

bool is_tensor_constant(PyObject* o) {
  PyTypeObject* t = Py_TYPE(o);
  return named(t, "framejit.dtype") || named(t, "framejit.device") || named(t, "framejit.memory_format") ||
         named(t, "framejit.layout") || is_limits_type(t);
}

bool is_size_type(PyTypeObject* type) { return named(type, "framejit.Size"); }

bool is_tensor_identity_constant(PyObject* o) { return is_op_callable(o); }

bool is_tensor_callable(PyObject* o) {
  if (is_op_callable(o)) return true;
  if (PyType_Check(o)) {
    auto* type = reinterpret_cast<PyTypeObject*>(o);
    return named(type, "framejit.device") || is_size_type(type) || is_limits_type(type);
  }
  if (!PyCFunction_Check(o)) return false;
  PyObject* module = reinterpret_cast<PyCFunctionObject*>(o)->m_module;
  if (!module || !PyUnicode_Check(module) || !is_text(module, "framejit._C")) return false;
  return listed(kLeaves, reinterpret_cast<PyCFunctionObject*>(o)->m_ml->ml_name);
}

bool is_tensor_method(PyObject* raw) {
  return is_op_callable(raw) || Py_TYPE(raw) == &PyMethodDescr_Type || Py_TYPE(raw) == &PyWrapperDescr_Type;
}

void check_tensor_method(PyObject* name, bool outside) {
  if (outside && is_text(name, "retain_grad")) cut(Reason::unsupported_op, "Tensor.retain_grad() of an input");
  if (outside && is_text(name, "requires_grad_")) cut(Reason::unsupported_op, "Tensor.requires_grad_() of an input");
  if (is_text(name, "data_ptr"))
    cut(Reason::unsupported_op,
        "Tensor.data_ptr(): Cannot access data pointer of Tensor that has no storage while it is traced");
  if (listed(kRefused, py::name_view(name))) cut(Reason::unsupported_op, "Tensor.", py::utf8(name), "()");
}
void check_tensor_attribute(PyObject* name) {
  if (listed(kRefusedAttributes, py::name_view(name))) cut(Reason::unsupported_op, "Tensor.", py::utf8(name));
}

bool needs_grad(PyObject* fake) { return fj::tape::requires_grad(as_tensor(fake)); }

bool is_vmap_layer(PyObject* o) { return PyCapsule_IsValid(o, kVmapCapsule) != 0; }

bool is_compiled_function(PyObject* o) {
  return named(Py_TYPE(o), "framejit._C.CompiledFunction") || named(Py_TYPE(o), "framejit._C._ModuleCall");
}

std::vector<int64_t> modes_now() { return {static_cast<int64_t>(overrides::modes_word())}; }

struct TensorSession::Impl {
  std::unique_ptr<graph::Graph> graph = std::make_unique<graph::Graph>();
  trace::TraceSession session{*graph};
  LayerScope active{session};
  FuncDepthScope transformations;
  Modes modes = thread_state();          // at the entry; what the trace sets is set for good at the exit
  std::vector<guard::SourceId> sources;  // of the graph's inputs, in order
  std::vector<PyObject*> examples;
  std::unordered_map<guard::SourceId, V> numbers;  // number inputs
  Tracer* tracer = nullptr;
  std::unordered_map<PyObject*, TensorValue*> inputs;  // by fake tensor
  std::unordered_map<PyObject*, Ref> lifted;           // fake tensors of what no path leads to
  std::unordered_map<PyObject*, Ref> transform_leaves;
  int64_t hook_step = -1;                                         // at which the first hook was registered
  std::vector<Ref> hook_dicts;                                    // where each hook stands
  std::vector<std::pair<Ref, fj::tape::NodeRef>> hooked_at_exit;  // and where a gradient went when it was asked for
  std::unique_ptr<TraceObserver> observer;
  std::exception_ptr kept;
  int64_t leaf_step = -1;  // at which a tensor made here began to require a gradient
  PyCodeObject* located_code = nullptr;
  int located_line = -1;
  size_t known_ops = 0;

  ~Impl() {
    static_cast<Modes&>(thread_state()) = modes;
    autocast::drop_traced();
  }

  // A tensor that no path leads to (made from Python data, or held by the framework): the segment itself holds it.
  static TensorRef lift(void* context, trace::TraceSession& session, TensorObj* real) {
    auto& self = *static_cast<Impl*>(context);
    TensorRef fake = session.make_input(real);
    self.examples.push_back(self.tracer->keep(Ref::borrow(as_object(real))));
    if (self.observer && self.observer->has_found(real)) {  // each call brings its own
      self.sources.push_back(self.tracer->const_source(Py_None));
      return fake;
    }
    self.sources.push_back(self.tracer->const_source(as_object(real)));
    self.lifted[as_object(fake.get())] = Ref::borrow(as_object(fake.get()));
    return fake;
  }
};

TensorSession::TensorSession() : impl(new Impl) { impl->session.set_lift(Impl::lift, impl.get()); }
TensorSession::~TensorSession() = default;

void TensorSession::watch(Tracer& t) {
  impl->observer = std::make_unique<TraceObserver>(t);
  impl->session.set_observer(impl->observer.get());
}
TraceObserver* observer_of(Tracer& t) { return t.tensors->impl->observer.get(); }
const std::vector<PyObject*>& TensorSession::examples() const { return impl->examples; }

namespace {

void guard_tensor(Tracer& t, V v) {
  TensorObj* real = as_tensor(v->real);
  t.guard(Kind::Tensor, v->source, reinterpret_cast<PyObject*>(v->cls), {static_cast<int64_t>(facts_word(real))});
}

std::string input_name(Tracer& t, V v) {
  const guard::SourceId called = v->is == Is::Tensor ? as<TensorValue>(v)->called : guard::kNoSource;
  return t.tree.sources().describe(called == guard::kNoSource ? v->source : called, t.entry.code);
}

}  // namespace

void TensorSession::make_input(Tracer& t, TensorValue* v) {
  impl->tracer = &t;
  if (v->outer && v->outer->outside()) {
    guard_tensor(t, v);
    const bool symbolic = guard_sizes(t, v);
    v->fake = t.keep(Ref::steal(impl->session.make_outer(as_tensor(v->real)).release_object()));
    t.know_fake(v->fake, v);
    return record_input(t, v, v->fake, v->source, symbolic, input_name(t, v), TapeStep::Outer);
  }
  if (as_tensor(v->real)->wrapper) cut(Reason::unsupported_op, "a tensor that another trace or vmap has wrapped");
  guard_tensor(t, v);
  const bool symbolic = guard_sizes(t, v);
  const std::string name = input_name(t, v);
  TensorRef fake = impl->session.make_input(as_tensor(v->real), name);
  v->fake = t.keep(Ref::steal(fake.release_object()));
  t.know_fake(v->fake, v);
  record_input(t, v, v->fake, v->source, symbolic, name);
  impl->inputs[v->fake] = v;
  impl->sources.push_back(v->source);
  impl->examples.push_back(v->real);
}

namespace {

// The dtype in which the number takes part, so that promotion is the same as with the bare number; false: keep it bare.
bool operand_dtype(PyObject* number, DType beside, DType* out) {
  if (beside == DType::F32 || beside == DType::F64) return *out = beside, true;
  if (PyFloat_CheckExact(number)) return *out = default_dtype(), beside != DType::F16 && beside != DType::BF16;
  return *out = DType::I64, beside == DType::I64;
}

}  // namespace

namespace {

V to_dtype(Tracer& t, V tensor, DType dtype) {
  if (as_tensor(as<TensorValue>(tensor)->fake)->meta.dtype == dtype) return tensor;
  Ref module = Ref::steal(PyImport_ImportModule("framejit"));
  Ref object = module ? Ref::steal(PyObject_GetAttrString(module.get(), name_of(dtype))) : Ref();
  if (!object) throw py::PythonError();
  return call_method_of_tensors(t, "to", tensor, object.get());
}

}  // namespace

void TensorSession::number_as_input(Tracer& t, V* number, V beside) {
  V v = *number;
  if (beside->is != Is::Tensor || v->is != Is::Const || v->touched) return;
  if (V read = copy_read(t, v)) {
    t.use(beside);
    DType dtype;
    if (operand_dtype(v->real, as_tensor(as<TensorValue>(beside)->fake)->meta.dtype, &dtype))
      *number = to_dtype(t, read, dtype);
    return;
  }
  if (!v->outside()) return;
  if (!PyFloat_CheckExact(v->real) && !PyLong_CheckExact(v->real)) return;
  t.use(beside);
  DType dtype;
  if (operand_dtype(v->real, as_tensor(as<TensorValue>(beside)->fake)->meta.dtype, &dtype))
    input_of_number(t, number, dtype);
}

bool TensorSession::number_input(Tracer& t, V* number, PyObject* wanted) {
  V v = *number;
  if (v->is != Is::Const || v->touched || !v->outside() || !named(Py_TYPE(wanted), "framejit.dtype")) return false;
  if (!PyFloat_CheckExact(v->real) && !PyLong_CheckExact(v->real)) return false;
  Ref text = Ref::steal(PyObject_Repr(wanted));  // framejit.float64
  DType dtype;
  return text && parse_dtype(py::name_view(text.get()).substr(9), &dtype) && input_of_number(t, number, dtype);
}

bool TensorSession::input_of_number(Tracer& t, V* number, DType dtype) {
  V v = *number;
  if (!varies(t, v)) return false;
  const guard::SourceId source = t.source(Step::Number, v->source, static_cast<int>(dtype));
  for (size_t i = 0; i < impl->sources.size(); ++i)
    if (impl->sources[i] == source) {
      *number = impl->numbers[source];
      return true;
    }
  TensorRef real = scalar_tensor(PyFloat_CheckExact(v->real) ? Arg(PyFloat_AS_DOUBLE(v->real))
                                                             : Arg(static_cast<int64_t>(PyLong_AsLongLong(v->real))),
                                 dtype);
  if (PyErr_Occurred()) {
    PyErr_Clear();
    return false;
  }
  t.guard(Kind::TypeIs, v->source, reinterpret_cast<PyObject*>(v->cls));
  t.guard(Kind::TypeIs, source, reinterpret_cast<PyObject*>(tensor_type));
  impl->tracer = &t;
  TensorRef fake = impl->session.make_input(real.get(), input_name(t, v));
  *number = impl->numbers[source] = t.tensor(as_object(fake.get()));
  record_input(t, *number, as_object(fake.get()), source, false, t.tree.sources().describe(source, t.entry.code));
  impl->sources.push_back(source);
  impl->examples.push_back(t.keep(Ref::steal(real.release_object())));
  return true;
}

void TensorSession::locate(Tracer& t) {
  impl->tracer = &t;
  const SymFrame& f = *t.frame;
  const int line = f.code.line(f.pc);
  if (f.object() == impl->located_code && line == impl->located_line) return;
  impl->located_code = f.object();
  impl->located_line = line;
  auto where = std::make_shared<graph::Location>();
  where->file = py::utf8(f.object()->co_filename);
  where->function = py::utf8(f.object()->co_qualname);
  where->line = line;
  impl->session.location = std::move(where);
}

void TensorSession::expect_ops(Tape& tape) {
  if (impl->graph->nodes.size() != impl->known_ops) tape.give_up("ops that no leaf call made");
}

bool TensorSession::count_ops(TapeStep& step) {
  step.location = impl->session.location;
  const size_t before = std::exchange(impl->known_ops, impl->graph->nodes.size());
  return before != impl->known_ops;
}

const std::shared_ptr<const graph::Location>& TensorSession::location() const { return impl->session.location; }

TensorValue* TensorSession::input_of(PyObject* fake) const {
  auto it = impl->inputs.find(fake);
  return it == impl->inputs.end() ? nullptr : it->second;
}

bool TensorSession::is_followed(PyObject* fake) const {
  Layer* top = thread_state().top;
  while (top && dynamic_cast<VmapLayer*>(top)) top = top->below;
  return top == &impl->session && impl->session.value_of(plain_tensor(as_tensor(fake)).get());
}

bool TensorSession::made_here(PyObject* fake) const { return !impl->inputs.count(fake) && !impl->lifted.count(fake); }

bool TensorSession::noted_below_tape() const { return impl->session.noted_below_tape; }
bool& TensorSession::below_tape() { return impl->session.below_tape; }
graph::Graph& TensorSession::graph() { return *impl->graph; }
graph::Value* TensorSession::value_of(PyObject* fake) const { return impl->session.value_of(as_tensor(fake)); }

TensorRef TensorSession::fake_for(const graph::Value* value, Tracer& t) {
  TensorRef found;
  t.for_each_value([&](V v) {
    PyObject* fake = v->is == Is::Tensor ? as<TensorValue>(v)->fake : nullptr;
    if (!fake || value_of(fake) != value) return;
    if (!found || fj::tape::requires_grad(as_tensor(fake))) found = TensorRef::borrow(as_tensor(fake));
  });
  return found ? found : impl->session.make_fake(const_cast<graph::Value*>(value));
}

void TensorSession::leaf_made(Tracer& t) {
  if (impl->leaf_step < 0) impl->leaf_step = t.step;
}

void TensorSession::transform_leaf(Tracer& t, TensorRef leaf) {
  leaf_made(t);
  PyObject* object = as_object(leaf.get());
  impl->transform_leaves[object] = Ref::borrow(object);
}

int64_t TensorSession::hook_made(Tracer& t, Ref dict) {
  if (impl->hook_step < 0) impl->hook_step = t.step;
  impl->hook_dicts.push_back(std::move(dict));
  return static_cast<int64_t>(impl->hook_dicts.size()) - 1;
}

void TensorSession::hook_at_exit(Tracer& t, PyObject* fake) {
  if (impl->hook_step < 0) impl->hook_step = t.step;
  impl->hooked_at_exit.emplace_back(Ref::borrow(fake), fj::tape::edge_of(as_tensor(fake)).node);
}

void TensorSession::drop_hook(PyObject* number) {
  const size_t i = PyLong_AsSize_t(number);
  if (i >= impl->hook_dicts.size() || PyDict_DelItem(impl->hook_dicts[i].get(), number) < 0) PyErr_Clear();
}

void TensorSession::keep_exception() { impl->kept = std::current_exception(); }

void TensorSession::rethrow_kept() {
  if (!impl->kept) return;
  PyErr_Clear();
  std::rethrow_exception(std::exchange(impl->kept, nullptr));
}

bool TensorSession::failed_on_fake(bool* data_dependent, std::string* detail) {
  if (!PyErr_Occurred() || !py::error_is_break()) return false;
  *data_dependent = PyErr_ExceptionMatches(py::exception_type(ErrorKind::DataDependent));
  PyObject *type, *value, *tb;
  PyErr_Fetch(&type, &value, &tb);
  Ref t = Ref::steal(type), v = Ref::steal(value), b = Ref::steal(tb);
  Ref text = v ? Ref::steal(PyObject_Str(v.get())) : Ref();
  if (text) *detail = py::utf8(text.get());
  PyErr_Clear();
  return true;
}

namespace {

PyObject* take_error() {
  PyObject *type, *value, *tb;
  PyErr_Fetch(&type, &value, &tb);
  PyErr_NormalizeException(&type, &value, &tb);
  if (tb) PyException_SetTraceback(value, tb);
  Py_XDECREF(type);
  Py_XDECREF(tb);
  return value;
}

// The calls of a graph as back ends see it: a region is one, and its result another.
int count_calls(const graph::Graph& g) {
  std::unordered_set<const graph::Region*> seen;
  int calls = 0;
  for (const graph::Node* n : g.nodes) {
    const graph::Region* outermost = nullptr;
    for (const graph::Region* r = n->region.get(); r; r = r->parent.get())
      if (r->closed) outermost = r;
    if (!outermost)
      ++calls;
    else if (seen.insert(outermost).second)
      calls += 2;
  }
  return calls;
}

bool mutates(const graph::Graph& g) {
  for (const graph::Node* n : g.nodes)
    if (!n->op->args.empty() && n->op->args[0].mutated) return true;
  return false;
}

// When something is written, which inputs share memory is part of what the graph means.
void guard_storages(Tracer& t, const std::vector<guard::SourceId>& all, const std::vector<PyObject*>& examples,
                    const TraceObserver* observer) {
  std::unordered_map<Storage*, int64_t> first;
  std::vector<int64_t> numbers, firsts;
  for (size_t i = 0; i < all.size(); ++i) {
    if (observer && observer->has_found(as_tensor(examples[i]))) continue;  // it is nobody else's
    const auto number = static_cast<int64_t>(numbers.size());
    numbers.push_back(all[i]);
    firsts.push_back(first.emplace(as_tensor(examples[i])->storage, number).first->second);
  }
  const bool several = numbers.size() > 1;
  numbers.insert(numbers.end(), firsts.begin(), firsts.end());
  if (several) t.guard(Kind::Storages, guard::kNoSource, nullptr, std::move(numbers));
}

std::unique_ptr<Program> compile_graph(graph::Graph& g, const std::vector<PyObject*>& examples,
                                       const CompileOptions& options) {
  if (!compiler()) raise(ErrorKind::Unsupported, "no compiler is registered");
  LayerPause none;
  return compiler()(g, examples, options);
}

}  // namespace

namespace {

// The graph by a back end of the same kind under which the tape sees each op.
std::unique_ptr<Program> compile_on_tape(graph::Graph& g, const std::vector<PyObject*>& examples,
                                         CompileOptions options) {
  static constinit py::Imported on_tape{"framejit._backends", "on_tape"};
  Ref backend = py::check(PyObject_CallOneArg(on_tape.get(), options.backend ? options.backend : Py_None));
  options.backend = backend.get();
  return compile_graph(g, examples, options);
}

bool has_hook(const fj::tape::Node& n) {
  if (!n.hooks) return false;
  for (const auto& h : n.hooks->tensor_pre)
    if (h.dict && PyDict_GET_SIZE(h.dict)) return true;
  return false;
}

}  // namespace

void TensorSession::check_history(PyObject* output, bool* spent) const {
  TensorObj* t = as_tensor(output);
  if (!fj::tape::requires_grad(t) || input_of(output)) return;
  if (t->autograd && t->autograd->retains_grad)
    throw CannotRebuild{impl->leaf_step, "a tensor made here that is to keep its gradient"};
  const std::vector<fj::tape::Edge> roots{fj::tape::edge_of(t)};  // may hold the only reference to a node
  for (fj::tape::Node* n : fj::tape::nodes_reached(roots)) {
    *spent = *spent || n->is_spent();
    if (!n->is_spent() && has_hook(*n)) throw CannotRebuild{impl->hook_step, "a tensor with a hook made here"};
    TensorObj* leaf = fj::tape::accumulated_leaf_of(*n);
    if (leaf && made_here(as_object(leaf)) && (leaf == t || !impl->transform_leaves.count(as_object(leaf))))
      throw CannotRebuild{impl->leaf_step, "a tensor made here that requires a gradient, or a result of it"};
  }
}

void TensorSession::finish(Tracer& t, Segment& s, const std::vector<PyObject*>& outputs) {
  if (t.user_error) {
    s.error = t.user_error;
    return;
  }
  const Modes at_exit = thread_state();
  if (!(at_exit == impl->modes)) s.modes = at_exit;
  graph::Graph& g = *impl->graph;
  for (auto& [fake, node] : impl->hooked_at_exit)
    if (fj::tape::edge_of(as_tensor(fake.get())).node.get() != node.get())
      throw CannotRebuild{impl->hook_step, "a tensor with a hook that is written afterwards"};
  for (PyObject* fake : outputs) {
    graph::Value* value = impl->session.value_of(as_tensor(fake));
    FJ_CHECK(value, "an output of the trace is no value of its graph");
    bool spent = false;
    check_history(fake, &spent);
    if (spent) {  // nothing is kept for a backward pass that can only raise
      value = graph::value_of(graph::GraphBuilder(g).emit1(OpId::detach, {Arg(Val{value})}));
      s.spent_outputs.push_back(static_cast<int>(g.outputs.size()));
    }
    g.add_output(value);
    if (as_tensor(fake)->flags & kInferenceTensor && value->def)
      s.inference_outputs.push_back(static_cast<int>(g.outputs.size()) - 1);
  }
  const bool open = stays_open(t, outputs);
  if (g.nodes.empty() && outputs.empty()) return finish_sizes(t, s, open);
  if (mutates(g)) guard_storages(t, impl->sources, impl->examples, impl->observer.get());
  s.inputs = impl->sources;
  s.noutputs = static_cast<int>(outputs.size());
  s.nops = count_calls(g);
  s.graph = graph::print(g);
  static_cast<Modes&>(thread_state()) = impl->modes;
  try {
    if (open || t.takes_calls) s.program = program_of_calls(t, s);
    const bool looked = open && t.tape->looks;  // then its own run makes the program
    if (!s.program && !looked && !impl->hooked_at_exit.empty())
      s.program = compile_on_tape(g, impl->examples, t.options);
    if (!s.program && !looked) s.program = compile_graph(g, impl->examples, t.options);
  } catch (const py::PythonError&) {
    s.error = Ref::steal(take_error());
  }
  static_cast<Modes&>(thread_state()) = at_exit;
  finish_sizes(t, s, open);
}

}  // namespace fj::capture
