// CPython 3.13 frames; frame_abi.h says what each function means. The eval loop itself clears and pops the frame.
#pragma once

namespace fj::py::abi {

inline PyCodeObject* code_of(Frame* f) { return reinterpret_cast<PyCodeObject*>(f->f_executable); }
inline PyObject* function_of(Frame* f) { return f->f_funcobj; }

inline void replace_code(Frame* f, PyCodeObject* code) {
  PyObject* old = f->f_executable;
  f->f_executable = Py_NewRef(reinterpret_cast<PyObject*>(code));
  Py_DECREF(old);
}

inline void set_next(Frame* f, PyCodeObject* code, int index) { f->instr_ptr = _PyCode_CODE(code) + index; }
inline int next_index(Frame* f, PyCodeObject* code) { return static_cast<int>(f->instr_ptr - _PyCode_CODE(code)); }
inline void set_current(Frame* f, PyCodeObject* code, int index) { f->instr_ptr = _PyCode_CODE(code) + index; }

// The handler is looked up one unit before instr_ptr, the line at instr_ptr: an instruction with caches can satisfy
// both; one without moves on only where its own handler would be missed.
inline void set_raising(Frame* f, PyCodeObject* code, int at, bool has_caches, bool boundary) {
  f->instr_ptr = _PyCode_CODE(code) + at + (has_caches || boundary ? 1 : 0);
}

inline bool breaker_set(PyThreadState* ts) {
  return (_Py_atomic_load_uintptr_relaxed(&ts->eval_breaker) & 0xFF) != 0;  // the other bits are a version
}

struct LinkState {};

inline void link(PyThreadState* ts, Frame* f, LinkState&) {
  f->previous = ts->current_frame;
  ts->current_frame = f;
}

inline void unlink(PyThreadState* ts, Frame* f, LinkState&) { ts->current_frame = f->previous; }

inline Frame** current_frame(PyThreadState* ts) { return &ts->current_frame; }
inline int trap_index(Frame* f, PyCodeObject* shadow) { return static_cast<int>(f->instr_ptr - _PyCode_CODE(shadow)); }
inline void pop_frame(PyThreadState* ts, Frame* f) { _PyThreadState_PopFrame(ts, f); }

}  // namespace fj::py::abi

#include "py/frame_abi_312up.h"
