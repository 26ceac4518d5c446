// Code objects: one decoded, version-independent form of CPython's bytecode.
//
// Offsets ("index") are in code units of two bytes. An instruction is known by the index of its first unit, its first
// EXTENDED_ARG if it has one: that is where a frame can be resumed. Code::of decodes once per code object and keeps the
// result with it. What differs between 3.11, 3.12 and 3.13 is in opcodes.def and in code_effects.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "py/ref.h"

namespace fj::py {

enum class Op : uint8_t {
#define FJ_OP(name, ...) name,
#include "py/opcodes.def"
#undef FJ_OP
  kInvalid,
};

const char* op_name(Op op);
// The number that this interpreter gives an instruction, or -1 where it has none.
int op_number(Op op);
Op op_from_number(int number);

struct Instr {
  Op op = Op::kInvalid;
  uint8_t number = 0;      // as this interpreter numbers it
  uint8_t caches = 0;      // inline cache units after it
  bool ends = false;       // control never goes on at `next`
  bool resumable = false;  // a frame may be stopped before it and started again there, see Code::of
  int16_t depth = -1;      // values on the stack before it; -1: never reached
  int32_t arg = 0;         // with EXTENDED_ARG folded in
  int32_t index = 0;       // first unit
  int32_t at = 0;          // the unit of the opcode itself
  int32_t next = 0;        // the unit after its caches
  int32_t target = -1;     // where it may jump to (a finished FOR_ITER's target is past END_FOR), or -1
};

// One row of the exception table: instructions in [start, end) go to `target` with the stack cut to `depth`, then the
// raising offset pushed if `lasti`, then the exception.
struct Handler {
  int32_t start, end, target;
  int16_t depth;
  bool lasti;
};

enum class LocalKind : uint8_t { kFast, kCell, kArgCell, kFree };

struct Position {
  int line = 0, column = -1, end_line = 0, end_column = -1;  // lines from 1; 0 and -1: unknown
};

class Code {
 public:
  // Raises PythonError when memory runs out; otherwise every code object has a decoded form. An instruction is not
  // resumable when the interpreter keeps state outside the frame there: between KW_NAMES and its CALL, at the CALL
  // after a PRECALL, and at an END_FOR, which a finished loop skips.
  static const Code& of(PyCodeObject* code);

  PyCodeObject* object() const { return code_; }
  std::span<const Instr> instrs() const { return instrs_; }
  // Place in instrs() of the instruction that has the unit `index` (caches count to the instruction before them).
  int ordinal(int index) const { return ordinal_[static_cast<size_t>(index)]; }
  const Instr& at(int index) const { return instrs_[static_cast<size_t>(ordinal(index))]; }
  int units() const { return static_cast<int>(ordinal_.size()); }
  int depth(int index) const { return at(index).depth; }
  bool resumable(int index) const { return at(index).resumable; }
  // The first instruction after MAKE_CELL / COPY_FREE_VARS / RESUME.
  int body_start() const { return body_start_; }

  std::span<const Handler> handlers() const { return handlers_; }
  const Handler* handler(int index) const;
  // True inside an except or finally handler, between PUSH_EXC_INFO and the end of it: never start a frame there
  // afresh.
  bool in_handler(int index) const { return in_handler_[static_cast<size_t>(ordinal(index))]; }

  int locals_count() const { return static_cast<int>(kinds_.size()); }
  std::span<const LocalKind> local_kinds() const { return kinds_; }
  PyObject* local_name(int slot) const;
  // May the value in a fast slot still be read from `index` on? Cells and free variables always may.
  bool live(int index, int slot) const;

  int line(int index) const;
  Position position(int index) const;

  bool is_generator() const;  // or a coroutine or an asynchronous generator

  // A copy of the code object with the instructions at these indices replaced by one that hands control back to
  // run_frame (kept with the code; sorted, without repeats), or by a plain return.
  PyCodeObject* with_traps(std::span<const int32_t> indices) const;
  PyCodeObject* with_return(int index) const;

  ~Code();
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;

 private:
  struct Shadow {
    std::vector<int32_t> indices;
    int number;
    PyCodeObject* code;  // owned
  };
  explicit Code(PyCodeObject* code);
  void decode();
  void read_handlers();
  void find_depths();
  void find_resumable();
  void find_live() const;
  PyCodeObject* shadow(std::span<const int32_t> indices, int number) const;

  PyCodeObject* code_;  // borrowed: the code object owns us
  std::vector<Instr> instrs_;
  std::vector<int32_t> ordinal_;
  std::vector<Handler> handlers_;
  std::vector<LocalKind> kinds_;
  std::vector<bool> in_handler_;
  int body_start_ = 0;
  mutable std::vector<bool> live_;  // instruction-major, filled on the first question
  mutable std::vector<Shadow> shadows_;
};

// For decode(): the fixed facts of an instruction. In code_effects.cpp.
struct JumpShape {
  enum Kind : uint8_t { kNone, kForward, kBackward } kind = kNone;
  bool always = false;
};
JumpShape jump_shape(Op op);
bool never_falls_through(Op op);
int stack_effect(const Instr& instr, bool jumped);
// Fast slots that an instruction reads, then writes (slot or -1).
struct LocalUse {
  int reads[2] = {-1, -1};
  int writes[2] = {-1, -1};
};
LocalUse local_use(const Instr& instr);

}  // namespace fj::py
