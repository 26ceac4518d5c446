// Symbolic values: what the trace knows in place of an object.
//
// Rules. (1) `kind` follows from the real object's type as soon as it is seen, but nothing may be concluded from that
// before `touch` has put the guard there: always go through Tracer::use / the protocol functions. (2) Real objects are
// never changed: writes go to the value (`changed` is set) and become effects at the exit. (3) Values live as long as
// their Tracer; plain pointers are fine, NULL is an empty slot.
#pragma once
#include <Python.h>

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "capture/segment.h"
#include "guard/source.h"
#include "py/ref.h"

namespace fj::capture {

class Tracer;
struct SymFrame;

enum class Is : uint8_t {
  Const,  // an immutable real object, or one known by identity (type, module, builtin)
  Tensor,
  Tuple,
  List,
  Dict,
  Set,       // also frozenset, by type
  Object,    // instance of a Python class, exceptions included
  Function,  // Python function
  Method,    // bound method
  Native,    // method of a C type, bound
  Cell,
  Slice,
  Iterator,
  Super,
  View,     // dict.keys() and the like
  Partial,  // functools.partial
  Array,    // a NumPy array or scalar
  Opaque,   // an outside object of a C type that capture knows nothing about
};

struct Value {
  explicit Value(Is kind) : is(kind) {}
  virtual ~Value() = default;

  const Is is;
  bool touched = false;  // its guard stands (always true for what the trace made)
  bool changed = false;  // an outside object whose state differs from the real one's
  bool raised = false;   // an exception that has been raised (it would carry a traceback)
  guard::SourceId source = guard::kNoSource;
  PyObject* real = nullptr;     // the outside object, alive while the trace runs
  PyTypeObject* cls = nullptr;  // its type
  int64_t born = 0;             // outermost step at which it was made or last became impossible to rebuild
  RecipeId recipe = kNoRecipe;  // while an exit is being written
  int32_t slot = -1;            // on the tape: tensors, and numbers that depend on sizes (not touched then)

  bool outside() const { return source != guard::kNoSource; }
};
using V = Value*;
using Values = std::vector<V>;

struct ConstValue : Value {
  ConstValue() : Value(Is::Const) {}
  PyObject* object() const { return real; }
};

struct TensorValue : Value {
  TensorValue() : Value(Is::Tensor) {}
  PyObject* fake = nullptr;             // NULL until touched
  struct ObjectValue* outer = nullptr;  // of a tensor without memory: the instance that it is the plain part of
  Value* grad = nullptr;                // what `.grad` holds, once it has been looked at or written (grads.h)
  bool grad_changed = false;            // it is set at the exit
  // The path by which it was reached last before it was used; kNoSource: the first one. Its input is called after that.
  guard::SourceId called = guard::kNoSource;
};

// Which of the two, and which scalar, its class says.
struct ArrayValue : Value {
  ArrayValue() : Value(Is::Array) {}
  TensorValue* tensor = nullptr;  // over its memory; NULL until asked for
  PyObject* example = nullptr;    // of an outside array: the tensor over the one at hand
  bool fixed = false;             // must not be written to
};

struct TupleValue : Value {
  TupleValue() : Value(Is::Tuple) {}
  Values items;
  struct DictValue* attrs = nullptr;  // instances of subclasses
  bool reused = false;                // by the iterator that gave it: CPython may give the same object again
};

struct ListValue : Value {
  ListValue() : Value(Is::List) {}
  Values items;  // of a list from outside that was only appended to so far (changed, not touched): what was appended
  int64_t maxlen = -1;  // of a deque that has one
  uint32_t writes = 0;  // how often it was changed
  struct DictValue* attrs = nullptr;
};

// A dict is read lazily while it comes from outside: `entries` holds what was looked up or written, until `full`.
struct DictValue : Value {
  DictValue() : Value(Is::Dict) {}
  struct Entry {
    V key;
    PyObject* stand;  // what the key is found by: the constant itself, or a stand-in for an object compared by identity
    V value;          // NULL: known to be absent, or deleted
  };
  struct Write {
    V key;
    V value;  // NULL: delete; key NULL: clear
  };
  bool full = false;
  int8_t strangers = -1;    // does the outside dict have keys with an __eq__ of their own? -1: not looked yet
  uint32_t key_writes = 0;  // how often a key was added or deleted
  Value* owner = nullptr;   // the object or function made by the trace whose __dict__ it is
  py::Ref index;            // stand → position in entries
  std::vector<Entry> entries;
  std::vector<Write> writes;   // to an outside dict, in order
  DictValue* attrs = nullptr;  // instances of subclasses
  V default_factory = nullptr;
};

struct SetValue : Value {
  SetValue() : Value(Is::Set) {}
  py::Ref index;  // stand → position
  Values items;   // NULL where removed
};

struct ObjectValue : Value {
  ObjectValue() : Value(Is::Object) {}
  DictValue* dict = nullptr;                   // instance attributes; NULL until asked for, or if there are none
  std::vector<std::pair<PyObject*, V>> slots;  // written or read __slots__ (member descriptor, value or NULL)
  std::vector<std::pair<PyObject*, V>> slot_writes;
  TupleValue* args = nullptr;            // exceptions
  V cause = nullptr, context = nullptr;  // exceptions
  V traceback = nullptr;                 // of one that has been raised, once it is asked for
  TensorValue* tensor = nullptr;         // of a subclass of Tensor with handlers (asks.h, wrappers.h)
  Values made_with;                      // the arguments of _make_wrapper_subclass that has made it here …
  PyObject* made_names = nullptr;        // … the last ones by these names
  Value* recorded = nullptr;             // what gives it with its history (wrappers.cpp)
  bool metadata_checked = false;         // by its class's __metadata_guard__
  bool before_history = false;           // it stands for that instance as it was without
  bool has_cause = false;
};

struct FunctionValue : Value {
  FunctionValue() : Value(Is::Function) {}
  PyCodeObject* code = nullptr;
  PyObject* globals = nullptr;
  V qualname = nullptr;    // of a function made here
  V defaults = nullptr;    // NULL or a tuple
  V kwdefaults = nullptr;  // NULL or a dict
  V annotations = nullptr;
  Values closure;
  DictValue* attrs = nullptr;
  // __name__, __doc__ and the like that the trace has written.
  std::vector<std::pair<PyObject*, V>> members;
};

struct MethodValue : Value {
  MethodValue() : Value(Is::Method) {}
  V func = nullptr;
  V self = nullptr;
};

// A C-level method that has its instance: how it is carried out depends on the instance's kind and on `name`.
struct NativeValue : Value {
  NativeValue() : Value(Is::Native) {}
  PyObject* descr = nullptr;  // method or wrapper descriptor
  PyObject* name = nullptr;
  V self = nullptr;
};

struct CellValue : Value {
  CellValue() : Value(Is::Cell) {}
  bool known = false;  // contents have been read or written
  V contents = nullptr;
};

struct SliceValue : Value {
  SliceValue() : Value(Is::Slice) {}
  V start, stop, step;
};

enum class Iter : uint8_t {
  Sequence,
  Items,
  Range,
  Enumerate,
  Zip,
  Map,
  Filter,
  Generator,
  Sentinel,
  Reversed,  // over a list, which may change meanwhile: `at` is the index of the next element
  Count,
  Chain,
  Peek,    // from outside: over a range, list, tuple or dict; `at`: how many were taken
  Outside  // from outside: calling next() may do anything
};

struct IteratorValue : Value {
  explicit IteratorValue(Iter how) : Value(Is::Iterator), how(how) {}
  const Iter how;
  V over = nullptr;   // Sequence: list, tuple or constant; Map, Filter, Sentinel: the function
  Values parts;       // Items: the elements; Zip, Map, Filter, Enumerate, Chain: the iterators
  int64_t at = 0;     // position or count
  V count = nullptr;  // Enumerate, Count
  bool strict = false;
  bool done = false;
  SymFrame* frame = nullptr;  // Generator
  V yield_from = nullptr;
  uint32_t live_writes = 0;
  struct DictValue* live = nullptr;  // Items of a dict: its size must not change, its values are read when they are due
  struct SetValue* live_set = nullptr;  // Items of a set: its size must not change
  int64_t live_size = 0;
  int live_what = 0;          // ViewValue::What
  bool substitute = false;    // a generator of framejit._polyfills in place of an object of a C type …
  PyObject* maker = nullptr;  // … that calling this with these arguments makes, as long as it has not begun
  Values maker_args;
};

// Is its truth known only when the graph has run?
inline bool has_data(const Value* v) { return v->is == Is::Tensor || v->is == Is::Array; }

struct SuperValue : Value {
  SuperValue() : Value(Is::Super) {}
  PyTypeObject* after = nullptr;
  PyTypeObject* start = nullptr;
  V self = nullptr;
};

struct ViewValue : Value {
  ViewValue() : Value(Is::View) {}
  enum What : uint8_t { Keys, Items_, Values_, Proxy } what = Keys;
  DictValue* dict = nullptr;
};

inline bool is_proxy(const Value* v) {  // a mappingproxy
  return v->is == Is::View && static_cast<const ViewValue*>(v)->what == ViewValue::Proxy;
}

struct PartialValue : Value {
  PartialValue() : Value(Is::Partial) {}
  V func = nullptr;
  Values args;
  std::vector<std::pair<PyObject*, V>> keywords;
  DictValue* attrs = nullptr;
};

struct OpaqueValue : Value {
  OpaqueValue() : Value(Is::Opaque) {}
  bool owned = false;  // made by the trace, which calls it for real (owned.h)
};

template <class T>
T* as(V v) {
  return static_cast<T*>(v);
}

// Arguments of a call: positional ones, then named ones.
struct Args {
  Values pos;
  std::vector<std::pair<PyObject*, V>> named;  // interned names, kept by the tracer
  size_t size() const { return pos.size() + named.size(); }
  V take(const char* name);  // removes and returns a named argument, or NULL
};

}  // namespace fj::capture
