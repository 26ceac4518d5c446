// The path of a call: bind arguments, find a segment, run it; make a frame only if the exit needs one.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/flags.h"
#include "frame/bind_args.h"
#include "frame/compiled_function.h"
#include "frame/ledger.h"
#include "frame/take_all.h"
#include "frame/stats.h"
#include "py/error.h"
#include "tensor/overrides.h"
#include "tensor/python_dispatch.h"
#include "tensor/thread_state.h"

namespace fj::frame {

using py::check;
using py::Ref;

namespace {

uint64_t current_epoch = 1;
bool compiling = true;
const flags::Values& switches = flags::get();

PyObject* plain(const Call& c) {
  ++stats().plain_calls;
  return py::call_plain(c.callable, c.args, c.nargsf, c.kwnames);
}

// The frame is made in between, perhaps by CPython, which may run other code: what a plan has laid out is to be taken
// before.
void take_over_inputs(const std::vector<guard::SourceId>& ids, guard::Fetched& fetched) {
  const guard::Fetched::Inputs known = fetched.inputs();
  for (size_t i = 0; i < known.count; ++i)
    if (known.values[i]) fetched.preset(ids[i], known.values[i]);
  fetched.give_inputs({});
}

PyObject* with_frame(Context& context, const EntryPoint& entry, const Call& c, const BoundArgs& bound,
                     LoadedSegment* first, guard::Fetched* fetched) {
  if (fetched) take_over_inputs(first->segment->inputs, *fetched);
  SegmentDriver driver(context, first, fetched);
  return py::enter_bound(c.callable, c.args, c.nargsf, c.kwnames, *entry.decoded, bound.slots(), driver);
}

PyObject* without_frame(LoadedSegment& loaded, guard::Fetched& fetched, const Call& c) {
  PyObject* result = run_frameless(loaded, fetched);
  return result || PyErr_Occurred() ? result : plain(c);
}

PyObject* run(const Context& shared, const Call& c) {
  auto* function = reinterpret_cast<PyFunctionObject*>(c.callable);
  auto* code = reinterpret_cast<PyCodeObject*>(function->func_code);
  BoundArgs bound;
  if (!bound.bind(function, c.args, PyVectorcall_NARGS(c.nargsf), c.kwnames)) return plain(c);
  Context context = shared;  // keeps the table through a reset
  EntryPoint& entry = context.table->at(code, 0);
  capture::EntryPoint state{function, code, 0, {bound.slots(), bound.count(), nullptr, 0, c.callable}};
  LoadedSegment* chosen;
  {
    guard::Fetched fetched(entry.tree.sources(), state.values);
    chosen = find(entry, fetched);
    if (chosen && chosen->returns) return without_frame(*chosen, fetched, c);
    if (chosen && !chosen->nothing) return with_frame(context, entry, c, bound, chosen, &fetched);
  }
  if (!chosen) {
    const Found found = learn(context, entry, state, &chosen);
    if (found == Found::Error) return nullptr;
    if (found == Found::Plain) return plain(c);
  }
  if (chosen->nothing) {
    note_rest(entry.code.get(), chosen->segment->exit.reason);
    return plain(c);
  }
  if (!chosen->returns) return with_frame(context, entry, c, bound, chosen, nullptr);
  guard::Fetched fetched(entry.tree.sources(), state.values);
  return without_frame(*chosen, fetched, c);
}

void refresh(CompiledFunction* c) {
  if (c->epoch == current_epoch) return;
  c->epoch = current_epoch;
  c->context->table = TableRef(new EntryTable);
}

}  // namespace

void reset_all() { ++current_epoch; }
bool enabled() { return compiling; }
bool set_enabled(bool on) { return std::exchange(compiling, on); }

bool may_not_compile() {
  return !compiling || switches.disable || !tracer() || thread_state().top || overrides::mode_answers() ||
         python_dispatch::mode_active() || py::traced(PyThreadState_Get());
}

Target target_of(PyObject* callable, CallForm form) {
  switch (form) {
    case CallForm::Function: return {callable, nullptr};
    case CallForm::Method: return {PyMethod_GET_FUNCTION(callable), PyMethod_GET_SELF(callable)};
    case CallForm::Object: {
      PyObject* call = python_call(callable);
      return {call, call ? callable : nullptr};
    }
    case CallForm::Partial:
    case CallForm::Opaque: return {};
  }
  return {};
}

PyObject* call_target(const Context& context, Target target, const Call& c) {
  if (!target.function) return plain(c);
  auto* code = reinterpret_cast<PyCodeObject*>(reinterpret_cast<PyFunctionObject*>(target.function)->func_code);
  if (may_not_compile() || !py::drivable(code)) return plain(c);
  if (switches.force_capture && !py::c_stack_plenty()) {
    const py::Bare bare;
    return plain(c);
  }
  if (!py::c_stack_left()) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    if (!target.self) return run(context, {target.function, c.args, c.nargsf, c.kwnames});
    const auto nargs = static_cast<size_t>(PyVectorcall_NARGS(c.nargsf));
    const size_t total = nargs + (c.kwnames ? static_cast<size_t>(PyTuple_GET_SIZE(c.kwnames)) : 0);
    std::vector<PyObject*> shifted(total + 1);
    shifted[0] = target.self;
    std::copy(c.args, c.args + total, shifted.begin() + 1);
    return run(context, {target.function, shifted.data(), nargs + 1, c.kwnames});
  });
}

namespace {

// functools.partial: its arguments first, its keywords under the call's.
PyObject* call_partial(CompiledFunction* owner, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    Ref function = check(PyObject_GetAttrString(owner->wrapped, "func"));
    Ref first = check(PyObject_GetAttrString(owner->wrapped, "args"));
    Ref own = check(PyObject_GetAttrString(owner->wrapped, "keywords"));
    Ref named = check(PyDict_Copy(own.get()));
    for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); ++i) {
      check(PyDict_SetItem(named.get(), PyTuple_GET_ITEM(kwnames, i), args[nargs + i]));
    }
    std::vector<PyObject*> all;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(first.get()); ++i) all.push_back(PyTuple_GET_ITEM(first.get(), i));
    all.insert(all.end(), args, args + nargs);
    const size_t positional = all.size();
    Ref names = check(PySequence_Tuple(named.get()));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names.get()); ++i) {
      all.push_back(PyDict_GetItem(named.get(), PyTuple_GET_ITEM(names.get(), i)));
    }
    PyObject* keys = PyTuple_GET_SIZE(names.get()) ? names.get() : nullptr;
    return call_target(*owner->context, target_of(function.get(), form_of(function.get())),
                       {function.get(), all.data(), positional, keys});
  });
}

}  // namespace

PyObject* call_compiled(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  auto* c = reinterpret_cast<CompiledFunction*>(self);
  refresh(c);
  if (switches.force_capture && !py::taker_of_thread()) {
    TakeAll below(*c->context);
    return call_compiled(self, args, nargsf, kwnames);
  }
  if (c->form == CallForm::Partial) return call_partial(c, args, PyVectorcall_NARGS(nargsf), kwnames);
  return call_target(*c->context, target_of(c->wrapped, c->form), {c->wrapped, args, nargsf, kwnames});
}

}  // namespace fj::frame
