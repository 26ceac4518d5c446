// CPython 3.12 frames; frame_abi.h says what each function means. The eval loop itself clears and pops the frame.
#pragma once

namespace fj::py::abi {

inline PyCodeObject* code_of(Frame* f) { return f->f_code; }
inline PyObject* function_of(Frame* f) { return f->f_funcobj; }

inline void replace_code(Frame* f, PyCodeObject* code) {
  PyCodeObject* old = f->f_code;
  f->f_code = reinterpret_cast<PyCodeObject*>(Py_NewRef(reinterpret_cast<PyObject*>(code)));
  Py_DECREF(old);
}

inline void set_next(Frame* f, PyCodeObject* code, int index) { f->prev_instr = _PyCode_CODE(code) + index - 1; }
inline int next_index(Frame* f, PyCodeObject* code) { return static_cast<int>(f->prev_instr + 1 - _PyCode_CODE(code)); }
inline void set_current(Frame* f, PyCodeObject* code, int index) { f->prev_instr = _PyCode_CODE(code) + index; }
inline void set_raising(Frame* f, PyCodeObject* code, int at, bool, bool) { f->prev_instr = _PyCode_CODE(code) + at; }

inline bool breaker_set(PyThreadState* ts) { return ts->interp->ceval.eval_breaker._value != 0; }

using LinkState = _PyCFrame;

inline void link(PyThreadState* ts, Frame* f, LinkState& state) {
  state = *ts->cframe;
  state.previous = ts->cframe;
  f->previous = ts->cframe->current_frame;
  state.current_frame = f;
  ts->cframe = &state;
}

inline void unlink(PyThreadState* ts, Frame*, LinkState& state) { ts->cframe = state.previous; }

inline Frame** current_frame(PyThreadState* ts) { return &ts->cframe->current_frame; }
inline int trap_index(Frame* f, PyCodeObject* shadow) { return static_cast<int>(f->prev_instr - _PyCode_CODE(shadow)); }

// Copied from CPython, which does not export it.
inline void pop_frame(PyThreadState* ts, Frame* f) {
  PyObject** base = reinterpret_cast<PyObject**>(f);
  if (base != &ts->datastack_chunk->data[0]) {
    ts->datastack_top = base;
    return;
  }
  _PyStackChunk* chunk = ts->datastack_chunk;
  _PyStackChunk* previous = chunk->previous;
  ts->datastack_top = &previous->data[previous->top];
  ts->datastack_chunk = previous;
  PyObjectArenaAllocator arena;
  PyObject_GetArenaAllocator(&arena);
  arena.free(arena.ctx, chunk, chunk->size);
  ts->datastack_limit = reinterpret_cast<PyObject**>(reinterpret_cast<char*>(previous) + previous->size);
}

}  // namespace fj::py::abi

#include "py/frame_abi_312up.h"
