// Entering and running frames: the one-shot hook and the loop that carries out a driver's actions.
#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "py/frame_abi.h"
#include "py/error.h"
#include "py/frame.h"
#include "py/generator.h"
#include "py/watch.h"

namespace fj::py {

// Carries out the actions of one driver on one frame. Owns the original code object while shadows stand in for it.
class FrameRunner {
 public:
  FrameRunner(PyThreadState* ts, _PyInterpreterFrame* frame) : FrameRunner(ts, frame, Code::of(abi::code_of(frame))) {}
  FrameRunner(PyThreadState* ts, _PyInterpreterFrame* frame, const Code& decoded)
      : ts_(ts), frame_(frame), view_(ts, frame, decoded), code_(Ref::borrow(view_.code())) {}

  bool stand_at_next() { return view_.stand_at_next(); }

  PyObject* run(FrameDriver& driver) {
    for (;;) {
      Action action = driver.step(view_);
      if (action.kind == Action::kReturn) return finish(action.value.release());
      PyObject* result = nullptr;
      if (!proceed(action, &result)) return result;
    }
  }

 private:
  // False when the frame is gone and *result is what the call gives.
  bool proceed(const Action& action, PyObject** result) {
    PyCodeObject* running = view_.code_;
    if (!action.traps.empty()) {
      PyCodeObject* shadow = nullptr;
      SavedErrorIf saved(action.kind == Action::kRaise);
      shadow = guarded<PyCodeObject*>(nullptr, [&] { return view_.decoded_->with_traps(action.traps); });
      if (shadow) {
        running = shadow;
      } else {
        PyErr_Clear();  // out of memory for the copy: the rest of the frame runs plain
      }
    }
    const bool shadowed = running != view_.code_;
    if (shadowed) abi::replace_code(frame_, running);
    const bool raising = action.kind == Action::kRaise;
    place(running, action.index, raising);
    view_.sync_depth();
    abi::TrapProbe probe(ts_);
    {
      abi::Refund refund(ts_);
      *result = _PyEval_EvalFrameDefault(ts_, frame_, raising ? 1 : 0);
    }
    int index = 0;
    if (!shadowed) return false;
    if (!probe.trapped(ts_, frame_, running, *result, action.traps, &index)) {
      leave_suspended(running);
      return false;
    }
    *result = nullptr;  // not a reference: the value is still in its stack slot
    view_.index_ = index;
    view_.depth_ = view_.decoded_->depth(index);
    view_.sync_depth();
    abi::replace_code(frame_, view_.code_);
    abi::set_next(frame_, view_.code_, index);
    return true;
  }

  // A generator that has yielded keeps its frame, and the frame its own code.
  void leave_suspended(PyCodeObject* running) {
    if (!generator_ || !is_suspended(frame_)) return;
    const int index = abi::next_index(frame_, running);
    abi::replace_code(frame_, view_.code_);
    abi::set_next(frame_, view_.code_, index);
  }

  void place(PyCodeObject* running, int index, bool raising) {
    if (!raising) return abi::set_next(frame_, running, index);
    const Code& code = *view_.decoded_;
    const Instr& in = code.at(index);
    const Handler* own = code.handler(index);
    const Handler* before = in.index > 0 ? code.handler(in.index - 1) : nullptr;
    const bool same = own && before ? own->target == before->target && own->depth == before->depth : own == before;
    abi::set_raising(frame_, running, in.at, in.caches > 0, in.at == in.index && !same);
  }

  // The frame is done with `value` (owned).
  PyObject* finish(PyObject* value) {
    view_.sync_depth();
    if (!abi::needs_return_instruction(frame_)) return abi::give_back(ts_, frame_, value);
    // Somebody holds a frame object of this frame: only the interpreter can hand the frame over to it.
    view_.cut_stack(0);
    const int at = view_.decoded_->at(std::max(view_.index_, view_.decoded_->body_start())).index;
    PyCodeObject* shadow = guarded<PyCodeObject*>(nullptr, [&] { return view_.decoded_->with_return(at); });
    if (!shadow) {
      Py_DECREF(value);
      abi::set_raising(frame_, view_.code_, at, false, false);
      return _PyEval_EvalFrameDefault(ts_, frame_, 1);
    }
    abi::replace_code(frame_, shadow);
    if (view_.code_->co_stacksize > 0) {
      view_.push(Ref::steal(value));
    } else {  // 3.12 may give a frame no stack at all; its last local is no longer needed
      view_.set_local(view_.nlocals_ - 1, Ref::steal(value));
    }
    abi::set_next(frame_, shadow, at);
    abi::Refund refund(ts_);
    return _PyEval_EvalFrameDefault(ts_, frame_, 0);
  }

  // Puts an exception aside while a shadow is made, if there is one.
  struct SavedErrorIf {
    explicit SavedErrorIf(bool active) : active_(active) {
      if (active_) PyErr_Fetch(&type_, &value_, &trace_);
    }
    ~SavedErrorIf() {
      if (active_) PyErr_Restore(type_, value_, trace_);
    }
    bool active_;
    PyObject *type_ = nullptr, *value_ = nullptr, *trace_ = nullptr;
  };

  PyThreadState* ts_;
  _PyInterpreterFrame* frame_;
  const bool generator_ = frame_->owner == FRAME_OWNED_BY_GENERATOR;  // whose caller keeps it alive
  FrameView view_;
  Ref code_;
};

namespace {

// The call that waits for its frame. Binding arguments can run other Python code (a finalizer, in this thread or, when
// it releases the GIL, in another), so each thread has its own and the hook compares code and function.
struct Request {
  PyCodeObject* code;
  PyObject* function;
  FrameDriver* driver;
  Request* outer;
  bool taken;
};

thread_local Request* waiting = nullptr;
thread_local FrameTaker* taker = nullptr;
int waiting_count = 0;  // of all threads, with those who take frames; under the GIL
int requests = 0;       // how many of them wait for the frame of a call
_PyFrameEvalFunction chained = nullptr;

PyObject* hook(PyThreadState* ts, _PyInterpreterFrame* frame, int throwflag);

void arm(PyInterpreterState* interp) {
  if (waiting_count++ > 0 || _PyInterpreterState_GetEvalFrameFunc(interp) == hook) return;
  chained = _PyInterpreterState_GetEvalFrameFunc(interp);
  _PyInterpreterState_SetEvalFrameFunc(interp, hook);
}

void disarm(PyInterpreterState* interp) {
  if (--waiting_count > 0) return;
  if (_PyInterpreterState_GetEvalFrameFunc(interp) == hook) _PyInterpreterState_SetEvalFrameFunc(interp, chained);
}

struct Offered final : OfferedFrame {
  Offered(PyThreadState* t, _PyInterpreterFrame* f) : ts(t), frame(f) {}
  PyFunctionObject* function() const override { return reinterpret_cast<PyFunctionObject*>(abi::function_of(frame)); }
  PyObject* run(FrameDriver& driver) override {
    FrameRunner runner(ts, frame);
    if (frame->owner == FRAME_OWNED_BY_GENERATOR && !runner.stand_at_next()) return run_plain();
    return runner.run(driver);
  }
  PyObject* run_plain() override { return _PyEval_EvalFrameDefault(ts, frame, 0); }
  PyObject* run_bare() override {
    const Bare bare;
    return run_plain();
  }
  PyThreadState* ts;
  _PyInterpreterFrame* frame;
};

bool offer(PyThreadState* ts, _PyInterpreterFrame* frame, PyObject** result) {
  PyCodeObject* code = abi::code_of(frame);
  const bool called = frame->owner == FRAME_OWNED_BY_THREAD && drivable(code);
  const bool resumed = frame->owner == FRAME_OWNED_BY_GENERATOR && (code->co_flags & CO_GENERATOR) != 0;
  if ((!called && !resumed) || traced(ts)) return false;
  Offered offered(ts, frame);
  return taker->take(offered, result);
}

PyObject* hook(PyThreadState* ts, _PyInterpreterFrame* frame, int throwflag) {
  Request* request = waiting;
  if (!request || throwflag || frame->owner != FRAME_OWNED_BY_THREAD || abi::code_of(frame) != request->code ||
      abi::function_of(frame) != request->function) {
    PyObject* result = nullptr;
    if (taker && !throwflag && offer(ts, frame, &result)) return result;
    _PyFrameEvalFunction next = chained ? chained : _PyEval_EvalFrameDefault;
    return next(ts, frame, throwflag);
  }
  waiting = request->outer;
  --requests;
  disarm(ts->interp);
  request->taken = true;
  try {
    FrameRunner runner(ts, frame);
    return runner.run(*request->driver);
  } catch (...) {  // decoding failed: nothing has happened to the frame
    PyErr_Clear();
    return _PyEval_EvalFrameDefault(ts, frame, 0);
  }
}

// The thread's C stack. Plain words, so that a look at them is a load and a compare.
struct StackBounds {
  char* low;     // stop here: what is below is for CPython's own C code
  char* plenty;  // what is below is for as many of CPython's own frames as it allows
  bool known;
};
constinit thread_local StackBounds bounds{};

[[gnu::noinline, gnu::cold]] void find_bounds() {
  bounds.known = true;
  pthread_attr_t attr;
  if (pthread_getattr_np(pthread_self(), &attr) != 0) return;
  void* base = nullptr;
  size_t size = 0;
  if (pthread_attr_getstack(&attr, &base, &size) == 0) {
    bounds.low = static_cast<char*>(base) + std::min<size_t>(size / 4, 512 * 1024);
    bounds.plenty = static_cast<char*>(base) + size / 4 * 3;
  }
  pthread_attr_destroy(&attr);
}

inline bool above(char* StackBounds::*line) {
  StackBounds& own = bounds;
  if (!own.known) [[unlikely]]
    find_bounds();
  return static_cast<char*>(__builtin_frame_address(0)) > own.*line;
}

}  // namespace

bool c_stack_plenty() noexcept { return above(&StackBounds::plenty); }

bool c_stack_left() noexcept {
  if (above(&StackBounds::low)) return true;
  PyErr_SetString(PyExc_RecursionError, "maximum recursion depth exceeded (the C stack is used up)");
  return false;
}

bool levels_left() noexcept { return abi::levels_left(PyThreadState_Get()) > 40; }

bool poll(PyThreadState* ts) noexcept {
  if (!abi::breaker_set(ts)) return true;
  { ReleaseGil others; }
  return Py_MakePendingCalls() == 0 && PyErr_CheckSignals() == 0;
}

Bare::Bare() {
  if (requests > 0) return;  // another thread's call would miss its frame
  offers_ = std::exchange(waiting_count, 0);
  PyInterpreterState* interp = PyInterpreterState_Get();
  if (_PyInterpreterState_GetEvalFrameFunc(interp) == hook) _PyInterpreterState_SetEvalFrameFunc(interp, chained);
}
Bare::~Bare() {
  if (!offers_) return;
  waiting_count += offers_ - 1;
  arm(PyInterpreterState_Get());
}

FrameTaker* taker_of_thread() { return taker; }

Offers::Offers(FrameTaker& t) : before_(std::exchange(taker, &t)) { arm(PyInterpreterState_Get()); }
Offers::~Offers() {
  disarm(PyInterpreterState_Get());
  taker = before_;
}

bool traced(PyThreadState* ts) { return abi::watched(ts); }

bool drivable(PyCodeObject* code) {
  constexpr int kOther = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR;
  return (code->co_flags & kOther) == 0 && (code->co_flags & CO_OPTIMIZED) != 0 &&
         code->co_nlocalsplus + code->co_stacksize > 0 && !abi::watched(code);
}

PyObject* call_plain(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) noexcept {
  if (!c_stack_left()) return nullptr;
  const abi::Refund refund;
  return PyObject_Vectorcall(callable, args, nargsf, kwnames);
}

namespace {
PyObject* drive(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* kwnames, FrameDriver& driver,
                bool* taken) noexcept;
}

PyObject* enter_frame(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* kwnames, FrameDriver& driver,
                      bool* taken) noexcept {
  auto* code = reinterpret_cast<PyCodeObject*>(reinterpret_cast<PyFunctionObject*>(function)->func_code);
  if (taken) *taken = false;
  if (traced(PyThreadState_Get()) || !drivable(code)) return call_plain(function, args, nargsf, kwnames);
  if (!c_stack_left()) return nullptr;
  return drive(function, args, nargsf, kwnames, driver, taken);
}

namespace {

PyObject* drive(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* kwnames, FrameDriver& driver,
                bool* taken) noexcept {
  PyThreadState* ts = PyThreadState_Get();
  auto* callee = reinterpret_cast<PyFunctionObject*>(function);
  auto* code = reinterpret_cast<PyCodeObject*>(callee->func_code);
  Request request{code, function, &driver, waiting, false};
  waiting = &request;
  ++requests;
  arm(ts->interp);
  PyObject* result = callee->vectorcall(function, args, nargsf, kwnames);
  if (!request.taken) {  // the arguments did not bind
    waiting = request.outer;
    --requests;
    disarm(ts->interp);
  }
  if (taken) *taken = request.taken;
  return result;
}

}  // namespace

namespace {

// A frame of the function with these locals (NULL: with none), made without the interpreter and driven to its end.
// False: there is no room for one.
bool drive_made(PyThreadState* ts, PyFunctionObject* function, const Code& code, PyObject* const* locals,
                FrameDriver& driver, PyObject** result) noexcept {
  const bool usual = is_called_as_usual(reinterpret_cast<PyObject*>(function)) &&
                     function->func_code == reinterpret_cast<PyObject*>(code.object());
  _PyInterpreterFrame* frame = usual ? abi::make_frame(ts, function, code.object()) : nullptr;
  if (!frame) return false;
  const int count = code.object()->co_nlocalsplus;
  for (int i = 0; i < count; ++i) frame->localsplus[i] = locals ? Py_XNewRef(locals[i]) : nullptr;
  *result = FrameRunner(ts, frame, code).run(driver);
  abi::drop_frame(ts, frame);
  return true;
}

}  // namespace

PyObject* enter_bound(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* kwnames, const Code& code,
                      PyObject* const* locals, FrameDriver& driver) noexcept {
  PyObject* result;
  auto* callee = reinterpret_cast<PyFunctionObject*>(function);
  if (drive_made(PyThreadState_Get(), callee, code, locals, driver, &result)) return result;
  return drive(function, args, nargsf, kwnames, driver, nullptr);
}

PyObject* enter_blank_frame(PyObject* function, FrameDriver& driver, bool* taken) noexcept {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    auto* callee = reinterpret_cast<PyFunctionObject*>(function);
    auto* code = reinterpret_cast<PyCodeObject*>(callee->func_code);
    if (taken) *taken = false;
    if (!c_stack_left()) return nullptr;
    PyObject* result;
    if (drive_made(PyThreadState_Get(), callee, Code::of(code), nullptr, driver, &result)) {
      if (taken) *taken = true;
      return result;
    }
    Ref names;
    std::vector<PyObject*> args = blank_arguments(code, &names);
    const size_t nargsf = static_cast<size_t>(code->co_argcount) | PY_VECTORCALL_ARGUMENTS_OFFSET;
    return drive(function, args.data() + 1, nargsf, names.get(), driver, taken);
  });
}

}  // namespace fj::py
