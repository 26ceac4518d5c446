// The row of break_reasons.def with a name, for those who tell the user about an exit.
#pragma once
#include "capture/break.h"

namespace fj::capture {

const ReasonRow* find_row(const char* name);  // NULL if there is none

}  // namespace fj::capture
