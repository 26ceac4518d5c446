// Segment: what runs from an entry point to the next exit. Plain data: capture writes it, frame carries it out, tests
// read its text.
//
// How it is run, in this order (see frame):
//   1. guards passed; `inputs` are fetched through the tree's sources and `program` runs on them (nothing is changed
//   yet);
//   2. every recipe that an effect or the exit names is built, once each: recipes are a DAG and carry identity. Mutable
//      containers, cells and objects are created empty first and filled after all are created, so cycles work;
//   3. effects are applied in order;
//   4. `modes` are set if the segment changes them;
//   5. the exit: return the value, or fill the frame from the snapshot and let CPython go on at `offset`.
// If step 1 fails, nothing has happened, and CPython runs the frame from the entry.
#pragma once
#include <Python.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/program.h"
#include "guard/guard.h"
#include "py/ref.h"
#include "tensor/thread_state.h"

namespace fj::capture {

using RecipeId = int32_t;
constexpr RecipeId kNoRecipe = -1;      // a NULL slot
constexpr RecipeId kAsItWas = -2;       // a local of the frame of the entry: what it holds, if anything
constexpr RecipeId kBeingWritten = -3;  // only while a segment is made

enum class Make : uint8_t {
  Source,     // index: the source, fetched before any effect
  Const,      // object
  Output,     // index: output of the program
  Number,     // index: a number that depends on sizes, of the instance
  Tuple,      // parts; object: the type when it is a subclass (tuple.__new__(type, parts))
  List,       // parts; object: the type when it is a subclass
  Set,        // parts
  FrozenSet,  // parts
  Dict,       // parts: key, value, key, value, …; object: the type when it is a subclass; names: known hashes or None
  Slice,      // parts: start, stop, step
  Cell,       // parts[0]: contents or kNoRecipe
  Function,   // object: code; parts: globals, qualname, defaults, kwdefaults, closure (a tuple of cells), annotations
  Method,     // parts: function, self
  Object,     // object: type, or NULL and parts[0] the type; object.__new__(type), then attrs
  Exception,  // object: type; parts: args; BaseException's own __new__, then attrs
  Iterator,   // parts[0]: list, tuple, str or range; index: position; object: reversed, or NULL for iter;
              // object(parts[0]) set to that position
  Call,       // object: a C callable without side effects; object(*parts), the last ones by `names`
  Generator,  // parts: function, localsplus, value stack; index: where it is suspended, or kFresh, kFinished
};

constexpr int kFresh = -1, kFinished = -2;

struct Recipe {
  Make make;
  int32_t index = 0;
  py::Ref object;
  std::vector<RecipeId> parts;
  py::Ref names;  // Call: NULL or a tuple of names, as a vectorcall takes them
  // Instance attributes, set with object.__setattr__ after creation: name, value.
  std::vector<std::pair<py::Ref, RecipeId>> attrs;
};

enum class Do : uint8_t {
  SetAttr,   // target.key = value; past a Python-level __setattr__ (that one has been traced): object.__setattr__
  DelAttr,   // del target.key
  SetItem,   // dict: target[key] = value, with dict's own method
  DelItem,   // dict: del target[key]
  Clear,     // dict or set: target.clear()
  SetList,   // target[:] = value (a list recipe); with a key, as many elements in their places, for iterators over a
             // deque
  Append,    // target.append(value), list's own method
  SetSet,    // target.clear(); target.update(value)
  SetCell,   // contents of the cell target; value may be kNoRecipe
  Advance,   // iterator target: next() key times, the last of which may find it exhausted
  SetCount,  // enumerate target: its count
  Call,      // target(), after everything else
};

struct Effect {
  Do what;
  RecipeId target = kNoRecipe;
  RecipeId key = kNoRecipe;
  RecipeId value = kNoRecipe;
};

// What the instruction that called an inner frame does with its result, so that the frame around can go on after it.
enum class Resume : uint8_t {
  None,      // there is no rule: no exit is written inside that call
  Push,      // pushes it
  Drop,      // drops it: assignments
  Instance,  // __init__: it must be None and is dropped; the instance is on the stack already
  Next,      // __next__: pushes it; StopIteration pops the iterator and jumps to `target`
};

// One frame at an instruction boundary. Locals hold cells where the code says so (MAKE_CELL and COPY_FREE_VARS done).
// Of a frame that is calling another one, the stack is without the operands of the calling instruction.
struct Snapshot {
  py::Ref code;
  int offset = 0;  // code-unit index of the next instruction, its first EXTENDED_ARG if any; of the call being made
  std::vector<RecipeId> locals;  // nlocalsplus
  std::vector<RecipeId> stack;
  RecipeId function = kNoRecipe;  // of an inner frame
  Resume resume = Resume::None;   // of a calling frame: what becomes of the result
  int next = -1;                  // of a calling frame: offset after the unit
  int target = -1;                // and where Resume::Next jumps to
};

enum class ExitKind : uint8_t {
  Return,  // value
  Break,   // CPython executes the one instruction unit at frames.back().offset (KW_NAMES..CALL is one unit), then the
           // continuation at the offset where it lands (next, or target if it jumped) is compiled
  Loop,    // nothing for CPython: go on at frames.back().offset, the header of a loop, at once
  Branch,  // the instruction at frames.back().offset has been carried out but for this: its result, the top of the
           // stack, becomes its truth as a bool; then the continuation at `next`
  Resume,  // CPython runs the rest of the frame from frames.back().offset
};

struct Exit {
  ExitKind kind = ExitKind::Resume;
  RecipeId value = kNoRecipe;
  std::vector<Snapshot> frames;  // outermost first; each has called the next one
  int next = -1;                 // offset after the unit
  int target = -1;               // jump target of the unit, or -1
  const char* reason = nullptr;  // a name from break_reasons.def, NULL for Return
  std::string detail;            // what exactly, in words
  int line = 0;                  // where, in the user's file
  py::Ref where;                 // code object of the line (may be an inlined function's)
};

class Shapes;

struct Segment {
  std::vector<guard::Check> guards;
  std::vector<guard::SourceId> inputs;
  std::unique_ptr<Program> program;  // NULL when the graph is empty, and with `shapes`
  std::shared_ptr<Shapes> shapes;    // when sizes vary: the programs for the combinations that have been met
  int noutputs = 0;
  int nops = 0;                                      // graph nodes, for counters and logs
  int64_t instructions = 0;                          // bytecode instructions that it stands for
  std::vector<std::pair<py::Ref, int64_t>> by_code;  // the same for each code object, with config.force_capture
  std::string graph;                                 // the graph's text, when a log or a test asked for it
  std::vector<Recipe> recipes;
  std::vector<Effect> effects;
  py::Ref error;  // what a back end written in Python raised: to be raised to the user, the rest is unusable then
  std::optional<Modes> modes;          // to set at the exit: grad mode, autocast and the like; empty: unchanged
  std::vector<int> spent_outputs;      // outputs whose history a backward pass in the segment has used up
  std::vector<int> inference_outputs;  // outputs of the program that were made in inference mode
  Exit exit;

  std::string to_string(const guard::SourceTable& sources) const;
};

}  // namespace fj::capture
