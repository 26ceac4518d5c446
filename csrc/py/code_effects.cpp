// What single instructions do to control, stack and locals. The stack effect comes from CPython's own table, except
// where that table books it at another instruction than the one that acts at run time.
#include "py/code.h"

namespace fj::py {

JumpShape jump_shape(Op op) {
  switch (op) {
    case Op::JUMP_FORWARD: return {JumpShape::kForward, true};
    case Op::JUMP_BACKWARD:
    case Op::JUMP_BACKWARD_NO_INTERRUPT: return {JumpShape::kBackward, true};
    case Op::FOR_ITER:
    case Op::SEND:
    case Op::JUMP_IF_FALSE_OR_POP:
    case Op::JUMP_IF_TRUE_OR_POP:
    case Op::POP_JUMP_IF_FALSE:
    case Op::POP_JUMP_IF_TRUE:
    case Op::POP_JUMP_IF_NONE:
    case Op::POP_JUMP_IF_NOT_NONE:
    case Op::POP_JUMP_FORWARD_IF_FALSE:
    case Op::POP_JUMP_FORWARD_IF_TRUE:
    case Op::POP_JUMP_FORWARD_IF_NONE:
    case Op::POP_JUMP_FORWARD_IF_NOT_NONE: return {JumpShape::kForward, false};
    case Op::POP_JUMP_BACKWARD_IF_FALSE:
    case Op::POP_JUMP_BACKWARD_IF_TRUE:
    case Op::POP_JUMP_BACKWARD_IF_NONE:
    case Op::POP_JUMP_BACKWARD_IF_NOT_NONE: return {JumpShape::kBackward, false};
    default: return {};
  }
}

bool never_falls_through(Op op) {
  return op == Op::RETURN_VALUE || op == Op::RETURN_CONST || op == Op::RAISE_VARARGS || op == Op::RERAISE ||
         op == Op::INTERPRETER_EXIT;
}

int stack_effect(const Instr& in, bool jumped) {
  switch (in.op) {
    case Op::kInvalid: return 0;
    case Op::PRECALL: return 0;  // 3.11 books the call's effect here; it happens at the CALL
    case Op::CALL: return -(in.arg + 1);
    case Op::FOR_ITER: return jumped ? -1 : 1;
    case Op::RETURN_GENERATOR: return 1;  // what the first send() pushes
    default: break;
  }
  const int effect = PyCompile_OpcodeStackEffectWithJump(in.number, in.arg, jumped ? 1 : 0);
  return effect == PY_INVALID_STACK_EFFECT ? 0 : effect;
}

LocalUse local_use(const Instr& in) {
  switch (in.op) {
    case Op::LOAD_FAST:
    case Op::LOAD_FAST_CHECK: return {{in.arg, -1}, {-1, -1}};
    case Op::STORE_FAST: return {{-1, -1}, {in.arg, -1}};
    case Op::DELETE_FAST:
    case Op::LOAD_FAST_AND_CLEAR:
    case Op::MAKE_CELL: return {{in.arg, -1}, {in.arg, -1}};
    case Op::LOAD_FAST_LOAD_FAST: return {{in.arg >> 4, in.arg & 15}, {-1, -1}};
    // The load comes after the store: reading the slot just written is no read of the old value.
    case Op::STORE_FAST_LOAD_FAST: return {{(in.arg & 15) == in.arg >> 4 ? -1 : in.arg & 15, -1}, {in.arg >> 4, -1}};
    case Op::STORE_FAST_STORE_FAST: return {{-1, -1}, {in.arg >> 4, in.arg & 15}};
    default: return {};
  }
}

}  // namespace fj::py
