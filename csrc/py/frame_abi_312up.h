// What CPython 3.12 and 3.13 share, over the functions of frame_abi_312.h / frame_abi_313.h.
#pragma once

namespace fj::py::abi {

inline int python_depth(PyThreadState* ts) { return ts->py_recursion_limit - ts->py_recursion_remaining; }

inline int levels_left(PyThreadState* ts) { return ts->py_recursion_remaining; }
inline bool enter_recursion(PyThreadState* ts) {
  if (ts->py_recursion_remaining-- > 0 || ts->recursion_headroom) return true;
  ts->py_recursion_remaining++;
  ts->recursion_headroom++;
  PyErr_SetString(PyExc_RecursionError, "maximum recursion depth exceeded");
  ts->recursion_headroom--;
  return false;
}
inline void leave_recursion(PyThreadState* ts) { ts->py_recursion_remaining++; }

// INTERPRETER_EXIT leaves without giving back the level of Python recursion that the frame took, and 3.13 leaves the
// thread's current frame pointing into the C frame of the eval loop. Depth, not the counter: sys.setrecursionlimit
// moves the counter.
class TrapProbe {
 public:
  explicit TrapProbe(PyThreadState* ts) : depth_(python_depth(ts)), current_(*current_frame(ts)) {}
  bool trapped(PyThreadState* ts, Frame* f, PyCodeObject* shadow, PyObject*, std::span<const int32_t>, int* index) {
    if (python_depth(ts) != depth_ + 1) return false;
    ts->py_recursion_remaining++;
    *current_frame(ts) = current_;
    *index = trap_index(f, shadow);
    return true;
  }

 private:
  int depth_;
  Frame* current_;
};

inline bool needs_return_instruction(Frame* f) { return f->frame_obj != nullptr; }

// Only for a frame that nobody has made a frame object of.
inline PyObject* give_back(PyThreadState* ts, Frame* f, PyObject* value) {
  const int used = f->stacktop;
  f->stacktop = 0;
  for (int i = 0; i < used; ++i) Py_XDECREF(f->localsplus[i]);
  Py_XDECREF(f->f_locals);
  Py_DECREF(f->f_funcobj);
  Py_DECREF(reinterpret_cast<PyObject*>(code_of(f)));
  pop_frame(ts, f);
  return value;
}

inline Frame* make_frame(PyThreadState* ts, PyFunctionObject* function, PyCodeObject* code) {
  if (!_PyThreadState_HasStackSpace(ts, code->co_framesize)) return nullptr;
  Py_INCREF(function);
  return _PyFrame_PushUnchecked(ts, function, code->co_nlocalsplus);
}
inline void drop_frame(PyThreadState*, Frame*) {}

inline bool watched(PyThreadState* ts) {
  if (ts->c_tracefunc || ts->c_profilefunc) return true;
  static constexpr decltype(ts->interp->monitors) kNone{};
  return std::memcmp(&ts->interp->monitors, &kNone, sizeof kNone) != 0;
}

// Tools may watch single code objects.
inline bool watched(PyCodeObject* code) {
  const _PyCoMonitoringData* data = code->_co_monitoring;
  if (!data) return false;
  static constexpr decltype(data->local_monitors) kNone{};
  return std::memcmp(&data->local_monitors, &kNone, sizeof kNone) != 0;
}

// Gives back the C recursion units that the eval loop takes: each of our calls passes through it once, where a plain
// call takes none, and the limit would come too early. The C stack itself is measured instead (c_stack_left).
class Refund {
 public:
  Refund() : Refund(PyThreadState_Get()) {}
  explicit Refund(PyThreadState* ts) : ts_(ts) { ts_->c_recursion_remaining += kUnits; }
  ~Refund() { ts_->c_recursion_remaining -= kUnits; }
  Refund(const Refund&) = delete;
  Refund& operator=(const Refund&) = delete;

 private:
  static constexpr int kUnits = 2;
  PyThreadState* ts_;
};

}  // namespace fj::py::abi
