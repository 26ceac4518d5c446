// Private to csrc/py: what the three versions do differently with a frame. One implementation a version,
// frame_abi_3XX.h.
//
// Every version defines, in namespace fj::py::abi, for Frame = _PyInterpreterFrame:
//   code_of, function_of, replace_code     the frame's (strong) code and function
//   set_next(f, code, index)               the next instruction to run
//   set_current(f, code, index)            the instruction that counts as running, for a linked frame
//   next_index(f, code)                    inverse of set_next, for a generator's frame that is resumed
//   set_raising(f, code, instr, boundary)  the instruction that raises; boundary: its handler differs from that of the
//                                          unit before it
//   link, unlink, LinkState                put the frame on the thread's stack of frames
//   TrapProbe                              made before the interpreter runs a shadow copy, tells afterwards whether it
//                                          trapped
//   give_back(ts, f, value)                the frame is done without the interpreter; clears what the caller will not
//   make_frame(ts, function, code)         a new frame on the thread's stack of frames, its locals not set; NULL where
//                                          that has no room. drop_frame(ts, f): after its run, what the eval loop
//                                          leaves
//   levels_left(ts)                        how many calls deeper Python functions may be
//   breaker_set(ts)                        the loop would look for signals and other threads now
//   watched(ts)                            a tracer, profiler or monitoring tool is active
//   watched(code)                          a monitoring tool is active for this code alone
#pragma once

#define Py_BUILD_CORE 1
#include <Python.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
// CPython's own headers fall back to compiler built-ins, whose layout is the same; <stdatomic.h> is no C++.
#undef HAVE_STD_ATOMIC
#include "internal/pycore_code.h"
#include "internal/pycore_frame.h"
#include "internal/pycore_interp.h"
#include "internal/pycore_pystate.h"

namespace fj::py::abi {
using Frame = _PyInterpreterFrame;
}

#if PY_VERSION_HEX >= 0x030D0000
#include "py/frame_abi_313.h"
#elif PY_VERSION_HEX >= 0x030C0000
#include "py/frame_abi_312.h"
#else
#include "py/frame_abi_311.h"
#endif
