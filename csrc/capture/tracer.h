// Tracer: one trace of one entry point. Owns the values, the guards and the graph, and remembers where it may be cut.
//
// Tracing is deterministic, so a trace that cannot go on is simply run again with `stop_at` set to the outermost
// instruction that failed; it then ends there with a snapshot. Nothing outside has changed in between.
#pragma once
#include <Python.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "capture/break.h"
#include "capture/capture.h"
#include "capture/tape.h"
#include "capture/value.h"
#include "py/text.h"

namespace fj::capture {

using guard::Kind;
using guard::SourceId;
using guard::Step;
using py::Ref;

class TensorSession;
struct Leaf;

// An interned name that lives as long as the process.
PyObject* intern(const char* text);
#define FJ_NAME(text)                                    \
  ([]() -> PyObject* {                                   \
    static PyObject* name = ::fj::capture::intern(text); \
    return name;                                         \
  }())

struct CallRule {
  Resume resume = Resume::None;
  V instance = nullptr;  // Resume::Instance: what the instruction pushes
};

class Tracer {
 public:
  Tracer(const EntryPoint& entry, guard::Tree& tree, const CompileOptions& options);
  ~Tracer();
  Tracer(const Tracer&) = delete;

  // --- making values (make.cpp)
  template <class T, class... A>
  T* make(PyTypeObject* cls, A&&... a) {
    auto owned = std::make_unique<T>(std::forward<A>(a)...);
    T* v = owned.get();
    v->cls = cls;
    v->touched = true;
    v->born = step;
    arena_.push_back(std::move(owned));
    return v;
  }
  V constant(PyObject* object);
  V constant(Ref object) { return constant(object.get()); }
  V none() { return constant(Py_None); }
  V boolean(bool b) { return constant(b ? Py_True : Py_False); }
  V integer(int64_t i) { return constant(Ref::steal(PyLong_FromLongLong(i))); }
  V string(const std::string& s) { return constant(py::to_str(s)); }
  TupleValue* tuple(Values items, PyTypeObject* cls = &PyTuple_Type);
  ListValue* list(Values items = {}, PyTypeObject* cls = &PyList_Type);
  DictValue* dict(PyTypeObject* cls = &PyDict_Type);
  SetValue* set(PyTypeObject* cls = &PySet_Type);
  CellValue* cell(V contents);
  MethodValue* method(V func, V self);
  NativeValue* native(PyObject* descr, PyObject* name, V self);
  IteratorValue* iterator(Iter how, PyTypeObject* cls);
  IteratorValue* items_iterator(Values items, PyTypeObject* cls);
  TensorValue* tensor(PyObject* fake);
  // A constant of the trace that calling `callable` makes anew outside: a class, a property, a match (class_body.cpp).
  V made_constant(Ref real, PyObject* callable, Values args);
  // Objects with their own __hash__ as keys (keys.cpp).
  struct CustomKey {
    Py_hash_t hash;
    V key;
    PyObject* stand;
  };
  struct Table {
    PyObject* index;  // stand-in → position
    Value* owner;
    V (*key_at)(Value* owner, size_t position);  // NULL: removed
  };
  PyObject* custom_stand(V key);
  const CustomKey* custom_key(PyObject* stand) const;  // NULL: another kind of key
  PyObject* resolve(const Table& table, V key, PyObject* stand);
  PyObject* stand_in(V v);  // a real object that wrap_known takes back to v
  void write_class_attr(V cls, PyObject* name, V value);
  PyObject* written_class_attr(PyTypeObject* type, PyObject* name);
  V identity_of(V v);  // id(v), as a value that can be compared and hashed
  SymFrame* new_frame(PyCodeObject* code);
  std::vector<std::pair<Ref, int64_t>> executed_by_code() const;
  PyObject* keep(Ref object);  // alive as long as the trace

  // --- outside objects (wrap.cpp) and the guards that using them needs (touch.cpp)
  V wrap(PyObject* real, SourceId source);
  V seen(PyObject* real) const {  // the value that stands for it already, or NULL
    auto it = seen_.find(real);
    return it == seen_.end() ? nullptr : it->second;
  }
  V wrap_known(PyObject* real);  // reached by a path that guards its identity
  void use(V v) {
    if (!v->touched) touch(v);
  }
  PyTypeObject* type_of(V v) {
    if (!v->touched && v->slot < 0) touch_type(v);  // a size's type is known without its value
    return v->cls;
  }
  SourceId source(Step step, SourceId parent, int index = 0, PyObject* key = nullptr,
                  SourceId other = guard::kNoSource) {
    return tree.sources().add(step, parent, index, key, other);
  }
  SourceId const_source(PyObject* object) { return source(Step::Const, guard::kNoSource, 0, object); }
  void guard(Kind kind, SourceId source, PyObject* object = nullptr, std::vector<int64_t> numbers = {},
             PyObject* extra = nullptr, SourceId other = guard::kNoSource);
  // What the MRO of a class holds under a name (borrowed, or NULL), as a guarded fact.
  PyObject* type_lookup(PyTypeObject* type, PyObject* name);
  void check_type_keys(PyTypeObject* type);
  // What a dict that is known by identity holds under a name, as a guarded fact: globals, modules.
  PyObject* dict_fact(PyObject* dict, PyObject* name);
  V global_lookup(PyObject* globals, PyObject* name);  // NULL if there is no such name
  DictValue* known_dict(PyObject* dict);

  // --- between values and real objects (convert.cpp)
  Ref to_real(V v);  // NULL if v is not made of constants and tensors alone
  Ref need_real(V v, Reason why, const char* what);
  V from_real(PyObject* result);          // result of a leaf call; cuts on what cannot be a constant
  bool constant_of(V v, PyObject** out);  // out: the object if v is a Const

  // --- leaf calls and numbers that depend on sizes (leaf.cpp)
  V leaf(LeafFn fn, intptr_t data, std::vector<Leaf> args);
  Leaf leaf_of(V v, Reason why, const char* what);
  Ref known_real(V v);   // to_real without making a constant of what depends on sizes
  void specialise(V v);  // a number that depends on sizes is used as a constant
  V fake_value(PyObject* fake) const {
    auto it = fakes_.find(fake);
    return it == fakes_.end() ? nullptr : it->second;
  }
  void know_fake(PyObject* fake, V v) { fakes_[fake] = v; }
  PyObject* value_at(SourceId source);          // what an outside number is now
  static void check_size(Py_ssize_t elements);  // of an outside container that is to be looked at element by element

  // --- exceptions (raise.cpp)
  [[noreturn]] void raise(PyObject* type, const std::string& message);
  [[noreturn]] void raise(PyObject* type, V arg);
  [[noreturn]] void raise_pending();  // the Python error that is set
  V exception_from_pending();
  ObjectValue* exception(PyTypeObject* type, Values args);
  [[noreturn]] void throw_value(V exception) { throw_value(exception, handled); }
  [[noreturn]] void throw_value(V exception, V context);

  // Does the loop that begins at the entry point store to this local? (false when none begins there)
  bool stored_in_loop(int slot) const { return !loop_stores.empty() && loop_stores[static_cast<size_t>(slot)]; }

  // --- state
  const EntryPoint& entry;
  guard::Tree& tree;
  const CompileOptions& options;
  const bool takes_calls;      // the back end does (sizes.h)
  bool in_whole_call = false;  // code of the package's own runs that a back end is told as one call
  int64_t units = -1;          // instruction units begun so far in frames that nest
  int64_t step = -1;           // the number of the one being executed in the innermost frame that nests
  int64_t stop_at = -1;
  SymFrame* stopped_in = nullptr;
  bool instruction_wise = false;  // CPython executes each instruction; only what they call is compiled
  // Ends the trace in the middle of the instruction, as it now stands: what is left to do is to take the truth of the
  // top of the stack. Cuts before it where no exit can be written.
  [[noreturn]] void stop_for_truth(SymFrame& frame);
  // The same before the instruction, for one that CPython has to execute; its operands are on the stack.
  [[noreturn]] void stop_before(SymFrame& frame, Break why);
  Break stopped_for{Reason::internal, ""};
  std::vector<bool> loop_stores;
  // Set by an instruction just before the call that it makes as its last act, taken by the function called: what
  // becomes of its result. What calls something else on the way takes it away.
  CallRule call_rule;
  CallRule take_rule() { return std::exchange(call_rule, {}); }
  CutPoint cut_point() const;
  int64_t instructions = 0;
  int64_t taken = 0;  // from iterators
  int depth = 0;
  int nesting = 0;  // of C++ functions that call one another for parts of a value
  SymFrame* outermost = nullptr;
  SymFrame* frame = nullptr;  // the innermost
  V handled = nullptr;        // the exception being handled
  V stop = nullptr;           // the StopIteration by which the last next() ended, NULL if it raised none
  struct Maker {
    PyObject* callable;
    Values args;
  };
  std::vector<ObjectValue*> subclass_tensors;  // that the trace made (asks.h)
  std::vector<ObjectValue*> outside_wrappers;  // whose class answers ops (wrappers.h)
  std::unordered_set<const Value*> accepted;   // numbers of which a __metadata_guard__ takes more than one
  Ref user_error;                              // to be raised in place of running the segment
  bool has_wrappers = false;                   // from outside, or made here
  bool asked_at_start = false;                 // were objects asked for __torch_function__ when the trace began?
  int64_t asking_changed = -1;                 // the last step at which that was switched
  // The bodies of pure operators that are being run (framejit._regions): where each began, and whose frame it is.
  struct Body {
    int64_t began;
    SymFrame* frame;
  };
  std::vector<Body> bodies;
  const Maker* maker_of(V v) const {
    auto it = makers_.find(v);
    return it == makers_.end() ? nullptr : &it->second;
  }
  V made(PyObject* object) const {  // the value of an object that a recipe has to make anew, or NULL
    auto it = constants_.find(object);
    return it != constants_.end() && makers_.count(it->second) ? it->second : nullptr;
  }
  struct ClassWrite {
    V cls;
    PyObject* name;
    V value;
  };
  std::vector<ClassWrite> class_writes;
  std::vector<V> made_for_effect;            // that making them does something: hooks of inputs
  std::vector<V> late_calls;                 // functions without arguments that each run calls when all else is done
  std::vector<IteratorValue*> generators;    // all that the trace made
  std::unordered_set<const void*> mirrored;  // storages of copies that stand for views (arrays.cpp)
  std::unique_ptr<TensorSession> tensors;
  std::unique_ptr<Tape> tape;  // NULL while no size can vary

  std::vector<guard::Check> finish_guards();
  template <class F>
  void for_each_value(F&& f) {
    for (auto& v : arena_) f(v.get());
  }
  const std::vector<guard::Check>& guards_so_far() const { return guards_; }
  const std::vector<V>& outside_values() const { return outside_; }
  const std::vector<TensorValue*>& inputs() const { return inputs_; }
  std::vector<TensorValue*> inputs_;  // in the graph's order

 private:
  void touch(V v);
  void touch_type(V v);
  void touch_const(V v);
  Pattern exception_pattern(ObjectValue* e);
  V bind_result(PyObject* o, bool symbolic, Pattern* p);
  V new_outside(PyObject* real, SourceId source);
  Ref facts_of(std::unordered_map<PyObject*, Ref>& facts, PyObject* owner);

  std::vector<std::unique_ptr<Value>> arena_;
  std::vector<std::unique_ptr<SymFrame>> frames_;
  std::vector<Ref> kept_;
  std::unordered_map<PyObject*, V> seen_;  // outside objects with identity
  std::unordered_map<PyObject*, V> constants_;
  std::unordered_map<PyObject*, V> fakes_;
  struct KeepSymbols {
    explicit KeepSymbols(Tracer& t) : tracer(t), before(t.keep_symbols_) { t.keep_symbols_ = true; }
    ~KeepSymbols() { tracer.keep_symbols_ = before; }
    Tracer& tracer;
    bool before;
  };
  bool keep_symbols_ = false;  // to_real is preparing a leaf call
  std::unordered_map<V, V> identities_;
  std::unordered_map<PyObject*, V> stand_ins_;
  std::vector<CustomKey> custom_keys_;
  std::unordered_map<V, Maker> makers_;
  std::vector<V> outside_;
  std::vector<guard::Check> guards_;
  std::unordered_map<uint64_t, std::vector<size_t>> guard_index_;
  std::unordered_map<PyObject*, Ref> type_facts_, dict_facts_;
  std::unordered_set<PyTypeObject*> plain_types_;  // that have been looked through by check_type_keys
};

// Held by functions that recurse over values: a value may contain itself.
struct Nested {
  explicit Nested(Tracer& t) : tracer(t) {
    if (++t.nesting <= kMost) return;
    --t.nesting;
    cut(Reason::too_deep, "a value that is nested too deeply, or contains itself");
  }
  ~Nested() { --tracer.nesting; }
  static constexpr int kMost = 600;
  Tracer& tracer;
};

bool is_python_class(PyTypeObject* type);
PyTypeObject* native_base(PyTypeObject* type);  // the nearest base written in C: it decides what an instance is
bool is_text_match(PyObject* object);           // a re.Pattern or re.Match
bool is_method_wrapper(PyObject* object);       // "abc".__add__
PyTypeObject* method_wrapper_type();
bool is_union(PyObject* object);           // int | str
bool is_plain_instance(PyObject* object);  // of a class that adds methods of its own names to int, float, str, bytes
bool is_plain_constant(PyObject* object);  // an immutable built-in value, all the way down
bool is_constant_key(PyObject* object, int depth = 8);  // that, one known by identity, or a tuple of such
bool is_identity_constant(PyObject* object);            // a type, module, builtin, …: known by identity

}  // namespace fj::capture
