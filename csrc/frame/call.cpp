// The path of a call: bind arguments, find a segment, run it; make a frame only if the exit needs one.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/flags.h"
#include "frame/bind_args.h"
#include "frame/compiled_function.h"
#include "frame/stats.h"
#include "py/error.h"
#include "tensor/thread_state.h"

namespace fj::frame {

namespace {

uint64_t current_epoch = 1;
bool compiling = true;

// The Python function behind the callable and the first argument that it is bound to, both borrowed.
struct Target {
  PyObject* function = nullptr;
  PyObject* self = nullptr;
};

Target target_of(const CompiledFunction* c) {
  switch (c->form) {
    case CallForm::Function: return {c->wrapped, nullptr};
    case CallForm::Method: return {PyMethod_GET_FUNCTION(c->wrapped), PyMethod_GET_SELF(c->wrapped)};
    case CallForm::Object: {
      static PyObject* const name = PyUnicode_InternFromString("__call__");
      PyObject* call = _PyType_Lookup(Py_TYPE(c->wrapped), name);
      if (call && PyFunction_Check(call)) return {call, c->wrapped};
      return {};
    }
    case CallForm::Opaque: return {};
  }
  return {};
}

struct Call {
  PyObject* function;
  PyObject* const* args;
  size_t nargsf;
  PyObject* kwnames;
};

PyObject* plain(const Call& c) {
  ++stats().plain_calls;
  return PyObject_Vectorcall(c.function, c.args, c.nargsf, c.kwnames);
}

PyObject* with_frame(Context& context, const Call& c, LoadedSegment* first) {
  SegmentDriver driver(context, first);
  return py::enter_frame(c.function, c.args, c.nargsf, c.kwnames, driver);
}

PyObject* run(Context& shared, const Call& c) {
  auto* function = reinterpret_cast<PyFunctionObject*>(c.function);
  auto* code = reinterpret_cast<PyCodeObject*>(function->func_code);
  BoundArgs bound;
  if (!bound.bind(function, c.args, PyVectorcall_NARGS(c.nargsf), c.kwnames)) return plain(c);
  Context context = shared;  // keeps the table through a reset
  EntryPoint& entry = context.table->at(code, 0);
  capture::EntryPoint state{function, code, 0, {bound.slots(), bound.count(), nullptr, 0, c.function}};
  LoadedSegment* chosen = nullptr;
  switch (choose(context, entry, state, &chosen)) {
    case Found::Error: return nullptr;
    case Found::Plain: return plain(c);
    case Found::Segment: break;
  }
  if (!chosen->returns) return with_frame(context, c, chosen);
  guard::Fetched fetched(entry.tree.sources(), state.values);
  PyObject* result = run_frameless(*chosen, fetched);
  return result || PyErr_Occurred() ? result : plain(c);
}

void refresh(CompiledFunction* c) {
  if (c->epoch == current_epoch) return;
  c->epoch = current_epoch;
  c->context->table = TableRef(new EntryTable);
}

bool must_run_plain(PyObject* function) {
  return !compiling || !tracer() || thread_state().top || py::traced(PyThreadState_Get()) ||
         !py::drivable(reinterpret_cast<PyCodeObject*>(reinterpret_cast<PyFunctionObject*>(function)->func_code));
}

}  // namespace

void reset_all() { ++current_epoch; }
bool enabled() { return compiling; }
bool set_enabled(bool on) { return std::exchange(compiling, on); }

PyObject* call_compiled(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  auto* c = reinterpret_cast<CompiledFunction*>(self);
  const Target target = target_of(c);
  if (!target.function || must_run_plain(target.function)) return plain({c->wrapped, args, nargsf, kwnames});
  if (!py::c_stack_left()) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    refresh(c);
    if (!target.self) return run(*c->context, {target.function, args, nargsf, kwnames});
    const auto nargs = static_cast<size_t>(PyVectorcall_NARGS(nargsf));
    const size_t total = nargs + (kwnames ? static_cast<size_t>(PyTuple_GET_SIZE(kwnames)) : 0);
    std::vector<PyObject*> shifted(total + 1);
    shifted[0] = target.self;
    std::copy(args, args + total, shifted.begin() + 1);
    return run(*c->context, {target.function, shifted.data(), nargs + 1, kwnames});
  });
}

}  // namespace fj::frame
