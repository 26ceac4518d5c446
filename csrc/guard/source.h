// Sources: how an object of the outside world is reached at run time, as a path of access steps.
//
// Steps are shared: a SourceTable interns (step, parent, index, key), and a guard evaluation fetches each source at
// most once. No step runs Python code. A step checks what it relies on itself (an Item of something that is no longer a
// list is simply absent), so checks may stand in any order. To add a step: one row here, one case in fetch.cpp and
// describe.
#pragma once
#include <Python.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "py/ref.h"

namespace fj::guard {

enum class Step : uint8_t {
  Local,         // slot `index` of localsplus at the entry
  Stack,         // slot `index` of the value stack at the entry
  Function,      // the function object that is called
  Const,         // the object `key`, held by the table
  Item,          // element `index` of a list or tuple (or subclass)
  Key,           // value under the constant `key` in a dict (or subclass); what stands in the dict, not __missing__
  InstanceDict,  // the instance's __dict__
  InstanceAttr,  // value under the name `key` in the instance's __dict__
  TypeOf,        // the object's type
  TypeAttr,      // what the type's MRO holds under the name `key`, unbound
  Slot,          // value behind the member descriptor `key`
  Getter,        // value from the C getter `key`, known to run no Python code
  Cell,          // contents of a cell
  Closure,       // cell `index` of a function's closure
  Defaults,      // a function's __defaults__
  KwDefaults,    // a function's __kwdefaults__
  MethodFunc,    // a bound method's function
  MethodSelf,    // a bound method's instance
  Array,     // a tensor over the memory of a NumPy array (index: may it be written to?), or with a NumPy scalar's value
  Number,    // a 0-d tensor of dtype `index` made of a Python number
  Arith,     // operation `index` (arith.def) on the numbers `parent` and, if it has two operands, `other`
  Peek,      // what the iterator's next() number `index` from now will give; the iterator is not moved
  IterPart,  // iterator `index` below a zip or an enumerate
  IterCount,  // an enumerate's count
};

using SourceId = int32_t;
constexpr SourceId kNoSource = -1;

struct Source {
  Step step;
  SourceId parent = kNoSource;
  int32_t index = 0;
  py::Ref key;
  SourceId other = kNoSource;
};

// What a segment's sources start from.
struct Entry {
  PyObject* const* locals = nullptr;  // borrowed; NULL where unbound
  int32_t nlocals = 0;
  PyObject* const* stack = nullptr;
  int32_t nstack = 0;
  PyObject* function = nullptr;
};

class SourceTable {
 public:
  SourceId add(Step step, SourceId parent = kNoSource, int32_t index = 0, PyObject* key = nullptr,
               SourceId other = kNoSource);
  // References stay good while others are added.
  const Source& operator[](SourceId id) const { return *rows_[static_cast<size_t>(id)]; }
  int32_t size() const { return static_cast<int32_t>(rows_.size()); }
  // "x.layers[3].weight", with `code` giving the names of locals where it is known.
  std::string describe(SourceId id, PyCodeObject* code = nullptr) const;

 private:
  // At most so many results of arithmetic are written out: one that is used twice in each round of a loop would double
  // the text with each.
  static constexpr int kMostResults = 100;
  std::string describe(SourceId id, PyCodeObject* code, int* results) const;

  std::vector<std::unique_ptr<Source>> rows_;
  std::unordered_multimap<uint64_t, SourceId> by_hash_;
};

// The objects fetched for one evaluation. Values are borrowed from their containers, except those that a getter made,
// which `owned` keeps. A caller that applies side effects takes its own references first.
class Fetched {
 public:
  Fetched(const SourceTable& table, const Entry& entry);
  ~Fetched();
  Fetched(const Fetched&) = delete;
  Fetched& operator=(const Fetched&) = delete;

  // The object, or NULL if the path does not exist any more. Never leaves a Python error.
  PyObject* get(SourceId id) {
    PyObject* v = values_[id];
    return v > absent() ? v : v ? nullptr : fetch(id);
  }
  // Saves fetching: the caller knows what is there.
  void preset(SourceId id, PyObject* value) { set(id, value); }
  // The same for what a segment's program takes, in its order, without looking at sources: `inputs` may be used until
  // other code runs; those that are NULL in it are fetched. `live` has their positions.
  struct Inputs {
    PyObject* const* values = nullptr;
    size_t count = 0;
    const std::vector<int32_t>* live = nullptr;
  };
  void give_inputs(Inputs inputs) { inputs_ = inputs; }
  const Inputs& inputs() const { return inputs_; }
  const Entry& entry() const { return entry_; }
  // Drops what getters made; nothing is fetched after it.
  void finish() { owned_.clear(); }

 private:
  // NULL: not fetched yet.
  static PyObject* absent() { return reinterpret_cast<PyObject*>(1); }
  PyObject* fetch(SourceId id);
  void set(SourceId id, PyObject* value) {
    values_[id] = value;
    if (values_ == inline_) return;
    if (nset_ < kTracked) set_[nset_] = id;
    ++nset_;
  }
  PyObject* walk(const Source& s);
  PyObject* walk_made(const Source& s, PyObject* p);
  PyObject* own(py::Ref value);

  static constexpr size_t kInline = 48;
  static constexpr int kTracked = 64;
  const SourceTable& table_;
  const Entry& entry_;
  const size_t size_;
  size_t capacity_ = 0;  // of what was allocated
  PyObject** values_;
  PyObject* inline_[kInline];
  SourceId set_[kTracked];  // of a large table: what is to be cleared again, if these are all
  int nset_ = 0;
  Inputs inputs_;
  std::vector<py::Ref> owned_;
};

}  // namespace fj::guard
