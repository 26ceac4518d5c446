// Frames: entering a Python function under our control, stopping it, and starting it again anywhere.
//
// enter_frame calls a function's own vectorcall, so CPython binds the arguments and makes the frame; a one-shot PEP 523
// hook then hands that frame to a driver. The driver reads and writes the frame through FrameView and answers with an
// Action. No hook stays installed, and one that somebody else installed is chained.
//
// Rules for drivers:
//  - step() never throws. For a Python error it returns Action::raise.
//  - Anything in step() that may run Python code (a DECREF may) happens inside a FrameLink, so that the user's frame is
//  seen
//    by tracebacks, sys._getframe and the recursion check. While linked the stack and locals must be valid.
//  - A frame is never started afresh at an instruction that is not Code::resumable, or inside a handler
//    (Code::in_handler) unless it was stopped in that same handler.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "py/code.h"
#include "py/ref.h"

struct _PyInterpreterFrame;

namespace fj::py {

class FrameView {
 public:
  FrameView(PyThreadState* ts, _PyInterpreterFrame* frame, const Code& decoded);

  PyCodeObject* code() const { return code_; }  // the user's code object, never a shadow copy
  const Code& decoded() const { return *decoded_; }
  PyFunctionObject* function() const;
  PyObject* globals() const;
  PyObject* builtins() const;

  // The next instruction to run.
  int index() const { return index_; }
  void set_index(int index) { index_ = index; }

  int nlocals() const { return nlocals_; }
  // Slots of localsplus, cells as cells; NULL where unbound. Valid until the frame runs.
  PyObject* const* locals() const { return slots_; }
  PyObject* local(int i) const { return slots_[i]; }
  void set_local(int i, Ref value);

  int depth() const { return depth_; }
  PyObject* const* stack() const { return slots_ + nlocals_; }
  PyObject* stack(int i) const { return slots_[nlocals_ + i]; }  // 0 is the bottom
  void set_stack(int i, Ref value);
  void push(Ref value);
  Ref pop();
  void cut_stack(int depth);

  // Replaces locals and stack as a whole; the old values are dropped only when the new ones are in place.
  void fill(std::vector<Ref> locals, std::vector<Ref> stack);
  // The same with owned references to locals and then `depth` stack values; what is left in `values` is to be dropped
  // by the caller, who passes room for it (`room` says how much).
  size_t room(size_t depth) const {
    return static_cast<size_t>(nlocals_) + std::max(depth, static_cast<size_t>(depth_));
  }
  void exchange(PyObject** values, size_t depth);
  // Gives these locals and then the whole stack, `depth` values, what `values` has, borrowed. What was there before is
  // left in `values` for the caller to drop; gives how many that are, at most slots + max(depth, the old depth).
  size_t put(std::span<const int32_t> slots, PyObject** values, size_t depth);
  // One value in the place of all that is on the stack from `depth` on.
  void replace_top(int depth, Ref value);

  // What COPY_FREE_VARS and MAKE_CELL would do, for a frame that starts past them. Throws PythonError.
  void run_prologue();

  // For a suspended generator's frame that is being resumed: where it goes on. False if the stack is not as it should
  // be.
  bool stand_at_next();

  // While linked: the instruction that the frame shows as the one being executed.
  void show(int index);

  PyThreadState* thread() const { return ts_; }
  _PyInterpreterFrame* raw() const { return frame_; }

 private:
  friend class FrameRunner;
  friend class FrameLink;
  void sync_depth();  // tells the frame how much of the stack is in use

  PyThreadState* ts_;
  _PyInterpreterFrame* frame_;
  PyObject** slots_;
  PyCodeObject* code_;
  const Code* decoded_;
  int nlocals_;
  int depth_ = 0;
  int index_ = 0;
};

// Links a frame into the thread as if it were executing the instruction `index` (past RESUME, or it stays invisible),
// for as long as this object lives. ok() is false, with RecursionError set, when the recursion limit is reached.
class FrameLink {
 public:
  FrameLink(FrameView& view, int index);
  ~FrameLink();
  FrameLink(const FrameLink&) = delete;
  FrameLink& operator=(const FrameLink&) = delete;
  bool ok() const { return ok_; }

 private:
  FrameView& view_;
  bool ok_;
#if PY_VERSION_HEX < 0x030D0000
  _PyCFrame cframe_;
#endif
};

// What a driver wants next. Traps are sorted indices of resumable instructions; when the interpreter is about to run
// one of them, step() is called again with the frame as it then stands. Without traps the frame is CPython's to the
// end.
struct Action {
  enum Kind : uint8_t {
    kReturn,  // the frame is done and returns `value`
    kResume,  // CPython goes on at `index`
    kRaise,   // the Python exception that is set is raised by the instruction at `index`
  };
  Kind kind;
  int index = 0;
  Ref value;
  std::span<const int32_t> traps;

  static Action done(Ref value) { return {kReturn, 0, std::move(value), {}}; }
  // `traps` has to live until the next step().
  static Action resume(int index, std::span<const int32_t> traps = {}) { return {kResume, index, {}, traps}; }
  static Action raise(int index, std::span<const int32_t> traps = {}) { return {kRaise, index, {}, traps}; }
};

class FrameDriver {
 public:
  virtual Action step(FrameView& frame) noexcept = 0;

 protected:
  ~FrameDriver() = default;
};

// Calls `function` (a Python function) with vectorcall arguments, its frame driven by `driver`. If the driver cannot
// have the frame (a generator, tracing switched on, arguments that do not bind) the function simply runs and step() is
// never called. Returns a new reference, or NULL with an exception set. `taken`, if given, says whether the driver had
// the frame.
PyObject* enter_frame(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* kwnames, FrameDriver& driver,
                      bool* taken = nullptr) noexcept;

// The same for a caller that has just seen that the code is drivable, that nobody watches the thread and that there is
// C stack left, and has decoded the code and bound the arguments: `locals` is localsplus as a new frame has it. The
// frame is made of it without the interpreter, where the thread's stack of frames has room.
PyObject* enter_bound(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* kwnames, const Code& code,
                      PyObject* const* locals, FrameDriver& driver) noexcept;

// A vectorcall that costs no more of the recursion limits than the interpreter's own call would.
PyObject* call_plain(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) noexcept;

// As enter_frame, for a driver that fills every local itself, whatever they are before. The function has to be
// drivable; the driver gets the frame even while a tracer is active.
PyObject* enter_blank_frame(PyObject* function, FrameDriver& driver, bool* taken = nullptr) noexcept;

// A frame that anybody is about to run: a call of a Python function, or a generator that is resumed.
class OfferedFrame {
 public:
  virtual PyFunctionObject* function() const = 0;
  virtual PyObject* run(FrameDriver& driver) = 0;
  virtual PyObject* run_plain() = 0;
  virtual PyObject* run_bare() = 0;  // within a Bare

 protected:
  ~OfferedFrame() = default;
};

// Who is offered every frame that a driver may have and that nobody entered by enter_frame, in this thread, for as long
// as an Offers of it is the innermost one.
class FrameTaker {
 public:
  // False: the frame is left alone. Else it has been run, and *result is what it gave.
  virtual bool take(OfferedFrame& frame, PyObject** result) noexcept = 0;

 protected:
  ~FrameTaker() = default;
};

class Offers {
 public:
  explicit Offers(FrameTaker& taker);
  ~Offers();
  Offers(const Offers&) = delete;
  Offers& operator=(const Offers&) = delete;

 private:
  FrameTaker* before_;
};
FrameTaker* taker_of_thread();

// While one lives nobody is offered frames: the interpreter runs as without framejit, so that calls between Python
// functions take no C stack.
class Bare {
 public:
  Bare();
  ~Bare();
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

 private:
  int offers_ = 0;
};

// May a driver have calls of this code? Not while a monitoring tool watches it.
bool drivable(PyCodeObject* code);

// Is a debugger, a profiler or sys.monitoring watching this thread? Then nothing may be skipped.
bool traced(PyThreadState* ts);

// Does what the interpreter loop does between instructions, for code that does not pass through it: lets other threads
// run and signal handlers in. False with an exception set when a handler raised.
bool poll(PyThreadState* ts) noexcept;

// May Python functions of our own still be called? Near the recursion limit they would raise an error that is not the
// program's.
bool levels_left() noexcept;

// False with RecursionError set when the C stack is nearly used up. By its addresses, not by a counter.
bool c_stack_left() noexcept;
// Is more than three quarters of it left? CPython's own frames take less of it than driven ones, or none.
bool c_stack_plenty() noexcept;

}  // namespace fj::py
