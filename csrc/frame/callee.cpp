// See callee.h.
#include "frame/callee.h"

#include <cstddef>
#include <new>
#include <structmember.h>

#include "base/flags.h"
#include "capture/capture.h"
#include "capture/left_alone.h"
#include "frame/compiled_function.h"
#include "py/error.h"
#include "py/heap_type.h"
#include "py/watch.h"

namespace fj::frame {

using py::check;
using py::Op;
using py::Ref;

namespace {

struct CompiledCall {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject* callable;
  Context context;
};

PyTypeObject* call_type = nullptr;

CompiledCall* as(PyObject* o) { return reinterpret_cast<CompiledCall*>(o); }

PyObject* vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  CompiledCall* c = as(self);
  return call_target(c->context, target_of(c->callable, form_of(c->callable)), {c->callable, args, nargsf, kwnames});
}

void dealloc(PyObject* self) {
  CompiledCall* c = as(self);
  Py_CLEAR(c->callable);
  c->context.~Context();
  py::free_object(self);
}

PyMemberDef kMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(CompiledCall, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot kSlots[] = {
    {Py_tp_dealloc, py::slot(dealloc)},
    {Py_tp_call, py::slot(PyVectorcall_Call)},
    {Py_tp_members, kMembers},
    {0, nullptr},
};

PyType_Spec kSpec = {
    "framejit._C._CompiledCall",
    sizeof(CompiledCall),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    kSlots,
};

// Where on the stack the callable of the unit's call is, or -1.
int callable_slot(py::FrameView& frame, int unit) {
  const py::Code& code = frame.decoded();
  constexpr bool kNewLayout = PY_VERSION_HEX >= 0x030D0000;  // callable, self or NULL, arguments
  for (int at = unit; at < code.units(); at = code.at(at).next) {
    const py::Instr& in = code.at(at);
    switch (in.op) {
      case Op::KW_NAMES:
      case Op::PRECALL: continue;
      case Op::CALL: {
        const int first = frame.depth() - in.arg - 2;
        if (first < 0) return -1;
        return kNewLayout || frame.stack(first) ? first : first + 1;
      }
      case Op::CALL_KW: return frame.depth() - in.arg - 3;
      case Op::CALL_FUNCTION_EX: return frame.depth() - 2 - (in.arg & 1) - (kNewLayout ? 1 : 0);
      default: return -1;
    }
  }
  return -1;
}

}  // namespace

bool is_disabled(PyObject* function) {
  PyObject* dict = reinterpret_cast<PyFunctionObject*>(function)->func_dict;
  if (!dict) return false;
  // Asked about last, one that is and one that is not: no other dict ever has that version.
  static uint64_t known[2];
  const uint64_t version = py::word_at(py::dict_version(dict));
  for (bool disabled : {true, false})
    if (version && known[disabled] == version) return disabled;
  static PyObject* const name = PyUnicode_InternFromString("_framejit_disable");
  PyObject* mark = PyDict_GetItemWithError(dict, name);
  // "calls": it runs instruction by instruction, so that what it calls is compiled
  const bool disabled = mark && !(PyUnicode_Check(mark) && PyUnicode_CompareWithASCIIString(mark, "calls") == 0);
  known[disabled] = version;
  return disabled;
}

bool worth_compiling(PyObject* function) {
  auto* f = reinterpret_cast<PyFunctionObject*>(function);
  if (is_disabled(function) || capture::is_transformation(f->func_globals)) return false;
  return flags::get().force_capture || !capture::left_alone(f->func_module);
}

bool init_compiled_call() {
  if (!call_type) call_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&kSpec));
  return call_type != nullptr;
}

namespace {

bool is_worth_calling(PyObject* function) {
  return function && worth_compiling(function) &&
         py::drivable(reinterpret_cast<PyCodeObject*>(reinterpret_cast<PyFunctionObject*>(function)->func_code));
}

}  // namespace

PyObject* call_compiling(const Context& context, const Call& call) {
  if (PyFunction_Check(call.callable) && is_disabled(call.callable))
    return py::call_plain(call.callable, call.args, call.nargsf, call.kwnames);
  const Target target = target_of(call.callable, form_of(call.callable));
  if (!is_worth_calling(target.function)) return py::call_plain(call.callable, call.args, call.nargsf, call.kwnames);
  Context own = context;
  own.name =
      reinterpret_cast<PyCodeObject*>(reinterpret_cast<PyFunctionObject*>(target.function)->func_code)->co_qualname;
  return call_target(own, target, call);
}

void compile_callee(py::FrameView& frame, int unit, const Context& context) {
  const int slot = callable_slot(frame, unit);
  PyObject* callable = slot >= 0 ? frame.stack(slot) : nullptr;
  if (!callable) return;
  const Target target = target_of(callable, form_of(callable));
  if (!is_worth_calling(target.function)) return;
  PyObject* made = call_type->tp_alloc(call_type, 0);
  if (!made) return PyErr_Clear();
  CompiledCall* c = as(made);
  c->vectorcall = vectorcall;
  c->callable = Py_NewRef(callable);
  new (&c->context) Context(context);
  c->context.name =
      reinterpret_cast<PyCodeObject*>(reinterpret_cast<PyFunctionObject*>(target.function)->func_code)->co_qualname;
  frame.set_stack(slot, Ref::steal(made));
}

}  // namespace fj::frame
