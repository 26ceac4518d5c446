// Declarations of the handlers, one an instruction of handlers.def. Included by the op_*.cpp files.
#pragma once
#include "capture/sym_frame.h"

namespace fj::capture {

using py::Instr;
#define FJ_HANDLER(name) void op_##name(Tracer& t, SymFrame& f, const Instr& in);
#include "capture/handlers.def"
#undef FJ_HANDLER
#define FJ_OPCODE(name) \
  void op_##name([[maybe_unused]] Tracer& t, [[maybe_unused]] SymFrame& f, [[maybe_unused]] const Instr& in)

constexpr bool kBefore312 = PY_VERSION_HEX < 0x030C0000;
constexpr bool kBefore313 = PY_VERSION_HEX < 0x030D0000;

}  // namespace fj::capture
