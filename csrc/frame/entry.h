// Entry points of one compiled function: (code, offset) -> guard tree -> segments.
//
// An entry and its segments live as long as the table; a table is replaced as a whole by reset(), and whoever is
// running segments of the old one keeps it alive through TableRef. All of it is under the GIL.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "capture/capture.h"
#include "capture/segment.h"
#include "py/code.h"

namespace fj::frame {

using TraceFn = std::unique_ptr<capture::Segment> (*)(const capture::EntryPoint&, guard::Tree&,
                                                      const capture::CompileOptions&);
// Who traces; registered once by bind. Without one, compiled functions run plain.
void register_tracer(TraceFn fn);
TraceFn tracer();

// What is done at the end of a segment whose exit is a break.
struct Unit {
  enum How : uint8_t { Interpreter, Call, CallNamed, JumpIfTrue, JumpIfFalse, ToBool, Next } how = Interpreter;
  int at = 0;                 // the instruction that counts as being executed
  int count = 0;              // of a call's arguments
  PyObject* names = nullptr;  // of its keywords, where they are a constant; borrowed from the code
  int next = -1, target = -1;
};
Unit unit_of(const py::Code& code, const capture::Exit& exit);  // unit.cpp

struct EntryPoint;

// What a recipe that makes nothing names: an object, or what is found at a source; or nothing, a NULL.
struct Named {
  PyObject* object = nullptr;  // held by the recipe
  guard::SourceId source = guard::kNoSource;
};

// A segment with what its exit needs, worked out once.
struct LoadedSegment {
  std::unique_ptr<capture::Segment> segment;
  // Where control comes back to each frame of the exit, outermost first: after the unit that CPython executes, or after
  // the handlers of an exception that an inner frame raised. Empty: not at all.
  std::vector<std::vector<int32_t>> traps;
  Unit unit;
  bool compiles_callee = false;  // the break may be a call of something that is to be compiled too
  bool nothing = false;          // there is nothing to run: CPython goes on from the entry
  EntryPoint* after = nullptr;   // where control came back to last time, of the same table
  bool plain = false;            // every recipe only names an object that is there
  bool bare = false;             // nothing is run, made or changed: its exit only names objects (bare.h)
  std::vector<int32_t> changed;  // then: the locals of the exit that are not as they were
  std::vector<Named> given;      // and what these get, followed by what the stack does
  bool distinct = false;         // the exit's one frame names each recipe at most once
  bool returns = false;          // the exit is Return: no frame is needed when it runs from the function's start

  explicit LoadedSegment(std::unique_ptr<capture::Segment> s);
};

struct EntryPoint {
  py::Ref code;  // keeps the key alive
  const py::Code* decoded = nullptr;
  int offset = 0;
  guard::Tree tree;
  std::vector<std::unique_ptr<LoadedSegment>> segments;
  bool full = false;     // the recompile limit is reached: misses run plain
  int loosened = 0;      // how many segments were made past it
  bool tracing = false;  // a trace of this entry is going on (it may run code that calls us again)
};

class EntryTable {
 public:
  EntryPoint& at(PyCodeObject* code, int offset) {
    if (offset == 0 && last_start_ && last_start_->code.as<PyCodeObject>() == code) return *last_start_;
    return look_up(code, offset);
  }
  EntryPoint* find(PyCodeObject* code, int offset);
  // Visits the Python objects that segments hold, for the garbage collector.
  int traverse(visitproc visit, void* arg, guard::Held held) const;
  size_t size() const { return entries_.size(); }
  template <class F>
  void each(F&& f) const {
    for (const auto& [key, entry] : entries_) f(*entry);
  }

 private:
  friend class TableRef;
  EntryPoint& look_up(PyCodeObject* code, int offset);
  struct Key {
    PyCodeObject* code;
    int offset;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& k) const {
      return (reinterpret_cast<size_t>(k.code) >> 4) * 31 + static_cast<size_t>(k.offset) * 0x9E3779B9u;
    }
  };
  std::unordered_map<Key, std::unique_ptr<EntryPoint>, Hash> entries_;
  EntryPoint* last_start_ = nullptr;  // offset 0 of the code that is nearly always the one
  int users_ = 0;
};

// A counted reference to a table; plain ints, since the GIL is held.
class TableRef {
 public:
  TableRef() = default;
  explicit TableRef(EntryTable* t) : table_(t) { ++table_->users_; }
  TableRef(const TableRef& o) : table_(o.table_) {
    if (table_) ++table_->users_;
  }
  TableRef& operator=(TableRef o) noexcept {
    std::swap(table_, o.table_);
    return *this;
  }
  ~TableRef() {
    if (table_ && --table_->users_ == 0) delete table_;
  }
  EntryTable* operator->() const { return table_; }
  EntryTable* get() const { return table_; }
  bool unique() const { return table_ && table_->users_ == 1; }

 private:
  EntryTable* table_ = nullptr;
};

}  // namespace fj::frame
