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

inline int levels_left(PyThreadState* ts) { return ts->recursion_remaining; }
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

inline Frame* make_frame(PyThreadState* ts, PyFunctionObject* function, PyCodeObject* code) {
  const size_t size = static_cast<size_t>(code->co_nlocalsplus + code->co_stacksize) + FRAME_SPECIALS_SIZE;
  if (!_PyThreadState_HasStackSpace(ts, size)) return nullptr;
  auto* f = reinterpret_cast<Frame*>(ts->datastack_top);
  ts->datastack_top += size;
  Py_INCREF(function);
  _PyFrame_InitializeSpecials(f, function, nullptr, code->co_nlocalsplus);
  return f;
}

// Somebody holds the frame's object: from now on that has the frame's contents. The frame is unlinked, so its caller is
// the thread's current frame.
inline void move_into_object(PyThreadState* ts, Frame* f, PyFrameObject* object) {
  const size_t bytes = reinterpret_cast<char*>(f->localsplus + f->stacktop) - reinterpret_cast<char*>(f);
  auto* own = reinterpret_cast<Frame*>(object->_f_frame_data);
  std::memcpy(static_cast<void*>(own), f, bytes);
  object->f_frame = own;
  own->owner = FRAME_OWNED_BY_FRAME_OBJECT;
  own->frame_obj = nullptr;
  own->previous = nullptr;
  if (_PyFrame_IsIncomplete(own)) own->prev_instr = _PyCode_CODE(own->f_code) + own->f_code->_co_firsttraceable;
  object->f_back = PyThreadState_GetFrame(ts);
  if (!PyObject_GC_IsTracked(reinterpret_cast<PyObject*>(object))) PyObject_GC_Track(object);
}

inline void drop_frame(PyThreadState* ts, Frame* f) {
  --ts->recursion_remaining;  // what is dropped may run code, which counts as called by the frame
  PyFrameObject* object = std::exchange(f->frame_obj, nullptr);
  const bool held = object && Py_REFCNT(object) > 1;
  if (held) move_into_object(ts, f, object);
  Py_XDECREF(object);
  if (!held) {
    for (int i = 0; i < f->stacktop; ++i) Py_XDECREF(f->localsplus[i]);
    Py_XDECREF(f->f_locals);
    Py_DECREF(f->f_func);
    Py_DECREF(f->f_code);
  }
  ++ts->recursion_remaining;
  ts->datastack_top = reinterpret_cast<PyObject**>(f);
}

inline bool watched(PyThreadState* ts) { return ts->cframe->use_tracing != 0; }
inline bool watched(PyCodeObject*) { return false; }

class Refund {
 public:
  Refund() {}
  explicit Refund(PyThreadState*) {}
};

}  // namespace fj::py::abi
