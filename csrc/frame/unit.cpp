// See unit.h.
#include "frame/unit.h"

#include "frame/callee.h"
#include "py/error.h"

namespace fj::frame {

using py::Op;
using py::Ref;

Unit unit_of(const py::Code& code, const capture::Exit& exit) {
  Unit unit;
  unit.next = exit.next;
  unit.target = exit.target;
  int at = exit.frames.back().offset;
  for (;; at = code.at(at).next) {
    const py::Instr& in = code.at(at);
    unit.at = in.index;
    unit.count = in.arg;
    switch (in.op) {
      case Op::KW_NAMES: unit.names = PyTuple_GET_ITEM(code.object()->co_consts, in.arg); continue;
      case Op::PRECALL: continue;
      case Op::CALL: unit.how = Unit::Call; break;
      case Op::CALL_KW: unit.how = Unit::CallNamed; break;
      case Op::POP_JUMP_IF_TRUE:
      case Op::POP_JUMP_FORWARD_IF_TRUE:
      case Op::POP_JUMP_BACKWARD_IF_TRUE: unit.how = Unit::JumpIfTrue; break;
      case Op::POP_JUMP_IF_FALSE:
      case Op::POP_JUMP_FORWARD_IF_FALSE:
      case Op::POP_JUMP_BACKWARD_IF_FALSE: unit.how = Unit::JumpIfFalse; break;
      case Op::TO_BOOL: unit.how = Unit::ToBool; break;
      case Op::FOR_ITER: unit.how = Unit::Next; break;
      default: break;
    }
    return unit;
  }
}

namespace {

bool call(const Unit& unit, py::FrameView& frame, const Context& context, bool compiles_callee) {
  constexpr bool kCallableFirst = PY_VERSION_HEX >= 0x030D0000;  // callable, self or NULL, arguments
  Ref names = unit.how == Unit::CallNamed ? frame.pop() : Ref::borrow(unit.names);
  const int first = frame.depth() - unit.count - 2;
  PyObject* const* slots = frame.stack() + first;
  const bool bound = slots[kCallableFirst ? 1 : 0] != nullptr;
  PyObject* callable = slots[kCallableFirst || bound ? 0 : 1];
  const Py_ssize_t total = unit.count + bound, named = names ? PyTuple_GET_SIZE(names.get()) : 0;
  const size_t nargsf = static_cast<size_t>(total - named) | PY_VECTORCALL_ARGUMENTS_OFFSET;
  PyObject* const* args = slots + (bound ? 1 : 2);
  Ref result = Ref::steal(compiles_callee ? call_compiling(context, {callable, args, nargsf, names.get()})
                                          : py::call_plain(callable, args, nargsf, names.get()));
  if (!result) return false;
  frame.replace_top(first, std::move(result));
  frame.set_index(unit.next);
  return true;
}

bool jump(const Unit& unit, py::FrameView& frame) {
  const int truth = PyObject_IsTrue(frame.stack(frame.depth() - 1));
  if (truth < 0) return false;
  frame.pop();
  frame.set_index((truth != 0) == (unit.how == Unit::JumpIfTrue) ? unit.target : unit.next);
  return true;
}

bool to_bool(const Unit& unit, py::FrameView& frame) {
  const int truth = PyObject_IsTrue(frame.stack(frame.depth() - 1));
  if (truth < 0) return false;
  frame.pop();
  frame.push(Ref::borrow(truth ? Py_True : Py_False));
  frame.set_index(unit.next);
  return true;
}

bool next(const Unit& unit, py::FrameView& frame) {
  PyObject* iterator = frame.stack(frame.depth() - 1);
  Ref item = Ref::steal(Py_TYPE(iterator)->tp_iternext(iterator));
  if (item) {
    frame.push(std::move(item));
    frame.set_index(unit.next);
    return true;
  }
  if (PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return false;
    PyErr_Clear();
  }
  frame.pop();
  frame.set_index(unit.target);
  return true;
}

}  // namespace

bool carry_out_unit(const Unit& unit, py::FrameView& frame, const Context& context, bool compiles_callee) {
  switch (unit.how) {
    case Unit::Call:
    case Unit::CallNamed: return call(unit, frame, context, compiles_callee);
    case Unit::JumpIfTrue:
    case Unit::JumpIfFalse: return jump(unit, frame);
    case Unit::ToBool: return to_bool(unit, frame);
    case Unit::Next: return next(unit, frame);
    case Unit::Interpreter: break;
  }
  PyErr_SetString(PyExc_SystemError, "framejit: a unit that only the interpreter can carry out");
  return false;
}

}  // namespace fj::frame
