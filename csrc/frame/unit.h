// The units of instructions that are carried out here, on the frame's own stack, instead of by CPython's loop: calls,
// jumps on a truth value, the next round of a for loop. The frame is linked and shows the instruction, as it would
// there.
#pragma once

#include "frame/run.h"

namespace fj::frame {

// False: a Python exception is set, to be raised by the instruction unit.at. Else the frame stands where it goes on.
bool carry_out_unit(const Unit& unit, py::FrameView& frame, const Context& context, bool compiles_callee);

}  // namespace fj::frame
