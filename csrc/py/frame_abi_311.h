// CPython 3.11 frames; frame_abi.h says what each function means. The caller of the eval function clears and pops the
// frame.
#pragma once

namespace fj::py::abi {

inline PyCodeObject* code_of(Frame* f) { return f->f_code; }
inline PyObject* function_of(Frame* f) { return reinterpret_cast<PyObject*>(f->f_func); }

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

inline void unlink(PyThreadState* ts, Frame*, LinkState& state) {
  ts->cframe = state.previous;
  ts->cframe->use_tracing = state.use_tracing;
}

inline bool enter_recursion(PyThreadState*) { return Py_EnterRecursiveCall(" while calling a Python object") == 0; }
inline void leave_recursion(PyThreadState*) { Py_LeaveRecursiveCall(); }

// The eval loop returned with the trap as its last instruction and no exception.
class TrapProbe {
 public:
  explicit TrapProbe(PyThreadState*) {}
  bool trapped(PyThreadState*, Frame* f, PyCodeObject* shadow, PyObject* result, std::span<const int32_t> traps,
               int* index) {
    if (!result && PyErr_Occurred()) return false;
    *index = static_cast<int>(f->prev_instr - _PyCode_CODE(shadow));
    return std::binary_search(traps.begin(), traps.end(), *index);
  }
};

inline PyObject* give_back(PyThreadState*, Frame*, PyObject* value) { return value; }
inline bool needs_return_instruction(Frame*) { return false; }

inline bool watched(PyThreadState* ts) { return ts->cframe->use_tracing != 0; }
inline bool watched(PyCodeObject*) { return false; }

class Refund {
 public:
  explicit Refund(PyThreadState*) {}
};

}  // namespace fj::py::abi
