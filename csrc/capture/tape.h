// The tape: every call of C code that a trace made on tensors and on numbers that came from sizes, so that the same
// calls can be made again for other sizes (replay.h) without running Python.
//
// There is no algebra of symbolic sizes: an expression is the calls that computed it, and what the trace concluded from
// one (the outcome of a comparison, a size used as a plain constant) is a result that a replay must meet again.
#pragma once
#include <Python.h>

#include <memory>
#include <string>
#include <vector>

#include "guard/source.h"
#include "py/ref.h"
#include "tensor/thread_state.h"

namespace fj::graph {
struct Location;
}

namespace fj::capture {

using Slot = int32_t;  // a value that the tape computes
constexpr Slot kNoSlot = -1;

// The real call that a leaf stands for: new reference or NULL with a Python error. `data` says which, where one
// function serves several.
using LeafFn = PyObject* (*)(PyObject* const* args, intptr_t data);

// How an argument is made.
struct Operand {
  enum What : uint8_t { Const, Computed, Tuple, List, Dict, Slice } what = Const;
  Slot slot = kNoSlot;
  py::Ref object;              // the constant; the class of a tuple
  std::vector<Operand> parts;  // Dict: key, value, key, value, …
};

// What a result must look like, and where its parts go.
struct Pattern {
  enum What : uint8_t {
    Any,    // does not depend on sizes
    Fill,   // becomes the slot's value; of the type `object`
    Same,   // the tensor that the slot already holds
    Equal,  // a constant that compares equal to `object`
    Tuple,  // of as many parts, each matching; of the type `object`
    List,
    Raises,  // no result but an exception of the type `object`, parts: its args
  } what = Any;
  Slot slot = kNoSlot;
  py::Ref object;
  std::vector<Pattern> parts;
};

struct TapeStep {
  enum What : uint8_t {
    Input,   // the tensor at `source` enters the graph
    Number,  // the int at `source`
    Outer,   // the tensor at `source` takes part, but its class answers (wrappers.h): it is no value of the graph
    Call,
    Check,  // args[0] must match `result`: a number that was used as a constant
  } what = Call;
  LeafFn fn = nullptr;
  intptr_t data = 0;
  guard::SourceId source = guard::kNoSource;
  std::vector<Operand> args;
  Pattern result;
  Modes modes;  // under which the call was made
  std::shared_ptr<const graph::Location> location;
  std::string name;   // Input: of the graph's input
  bool acts = false;  // the call adds to the graph, or was made for what it does
};

// A call of one of the package's functions that are written in Python: the steps that its code made. A back end written
// in Python may be told the call in their place.
struct WholeCall {
  size_t begin = 0, end = 0;
  py::Ref function;
  Operand args, named;
  Pattern result;
  std::shared_ptr<const graph::Location> location;
};

// A number of the outside world that may differ from call to call of one segment.
struct Symbol {
  enum What : uint8_t { Size, Stride, Value } what = Size;
  guard::SourceId source = guard::kNoSource;
  int32_t dim = 0;
  bool promised = false, ranged = false;  // mark_dynamic: a segment for one value alone is an error
  int64_t least = 2, most = INT64_MAX;    // of a promised size
};

class Tape {
 public:
  struct Known {
    bool symbolic;      // depends on a symbol
    py::Ref value;      // while tracing
    py::Ref name = {};  // of the local variable that it was stored to first; kept for back ends written in Python alone
  };

  Slot add_slot(bool symbolic, PyObject* value) {
    slots.push_back({symbolic, py::Ref::borrow(value)});
    return static_cast<Slot>(slots.size()) - 1;
  }
  bool symbolic(Slot s) const { return slots[static_cast<size_t>(s)].symbolic; }
  // The number that an exit's recipe asks for; its index among `numbers`.
  int32_t number(Slot s);
  // The trace did what cannot be done again: its sizes stay constants.
  void give_up(std::string why) {
    if (broken.empty()) broken = std::move(why);
  }

  // The call being made has looked at data (look.h), in the instruction `step` of the trace.
  void look(int64_t step) {
    if (looks++) return;
    first_look = steps.size();
    look_step = step;
  }
  // Does it matter before the program runs what is found?
  bool relies_on_looks() const;

  // Takes out a step that nothing depends on.
  void drop_step(size_t i);

  std::vector<TapeStep> steps;
  std::vector<WholeCall> calls;  // none in another
  std::vector<Known> slots;
  std::vector<Symbol> symbols;
  std::vector<Slot> numbers, outputs;
  bool layered = false;  // calls run under vmap layers of the trace: no program but a replay makes them again
  int64_t looks = 0, look_step = -1;  // how often the trace has looked at data, and when first
  size_t first_look = 0;              // the step that did so
  bool all_sizes = false;             // one program takes all sizes: at the tape's Input and Number steps, in order
  std::string broken;
};

// Is the slot's value the argument or somewhere inside it?
bool has_slot(const Operand& o, Slot slot);

// Is the tensor of an Outer step looked at other than by its class's handlers?
bool is_read(const Tape& tape, Slot outer);

// In words, for explain: "x.shape[0] // 2 > 8".
std::string describe(const Tape& tape, const TapeStep& step, const guard::SourceTable& sources, PyCodeObject* code);

}  // namespace fj::capture
