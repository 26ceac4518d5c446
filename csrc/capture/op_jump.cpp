// Jumps and loops.
#include "capture/handlers.h"

namespace fj::capture {

namespace {

void jump_if(Tracer& t, SymFrame& f, const Instr& in, bool wanted) {
  if (has_data(f.top())) t.stop_for_truth(f);
  V v = f.pop();
  if (truth(t, v) == wanted) f.jump(in.target);
}

void jump_if_none(Tracer& t, SymFrame& f, const Instr& in, bool wanted) {
  if (same(t, f.pop(), t.none()) == wanted) f.jump(in.target);
}

void jump_or_pop(Tracer& t, SymFrame& f, const Instr& in, bool wanted) {
  if (has_data(f.top())) cut(Reason::data_branch, "and/or on a tensor");
  if (truth(t, f.top()) == wanted)
    f.jump(in.target);
  else
    f.pop();
}

}  // namespace

FJ_OPCODE(JUMP_FORWARD) { f.jump(in.target); }
FJ_OPCODE(JUMP_BACKWARD) { f.jump(in.target); }
FJ_OPCODE(JUMP_BACKWARD_NO_INTERRUPT) { f.jump(in.target); }
FJ_OPCODE(POP_JUMP_IF_TRUE) { jump_if(t, f, in, true); }
FJ_OPCODE(POP_JUMP_IF_FALSE) { jump_if(t, f, in, false); }
FJ_OPCODE(POP_JUMP_FORWARD_IF_TRUE) { jump_if(t, f, in, true); }
FJ_OPCODE(POP_JUMP_FORWARD_IF_FALSE) { jump_if(t, f, in, false); }
FJ_OPCODE(POP_JUMP_BACKWARD_IF_TRUE) { jump_if(t, f, in, true); }
FJ_OPCODE(POP_JUMP_BACKWARD_IF_FALSE) { jump_if(t, f, in, false); }
FJ_OPCODE(POP_JUMP_IF_NONE) { jump_if_none(t, f, in, true); }
FJ_OPCODE(POP_JUMP_IF_NOT_NONE) { jump_if_none(t, f, in, false); }
FJ_OPCODE(POP_JUMP_FORWARD_IF_NONE) { jump_if_none(t, f, in, true); }
FJ_OPCODE(POP_JUMP_FORWARD_IF_NOT_NONE) { jump_if_none(t, f, in, false); }
FJ_OPCODE(POP_JUMP_BACKWARD_IF_NONE) { jump_if_none(t, f, in, true); }
FJ_OPCODE(POP_JUMP_BACKWARD_IF_NOT_NONE) { jump_if_none(t, f, in, false); }
FJ_OPCODE(JUMP_IF_TRUE_OR_POP) { jump_or_pop(t, f, in, true); }
FJ_OPCODE(JUMP_IF_FALSE_OR_POP) { jump_or_pop(t, f, in, false); }

FJ_OPCODE(GET_ITER) { f.push(iterate(t, f.pop())); }
FJ_OPCODE(GET_YIELD_FROM_ITER) {
  V v = f.pop();
  f.push(v->is == Is::Iterator ? v : iterate(t, v));
}
FJ_OPCODE(FOR_ITER) {
  enter_round(t, f, f.top());
  t.call_rule = {Resume::Next};
  if (V v = next(t, f.top())) {
    f.push(v);
    return;
  }
  f.pop();
  f.jump(in.target);
}
FJ_OPCODE(GET_LEN) { f.push(t.integer(length(t, f.top()))); }

}  // namespace fj::capture
