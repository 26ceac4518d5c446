// Which objects answer functions of tensors themselves, by `__torch_function__`: instances of subclasses of Tensor and
// of classes that have the attribute, and the modes of TorchFunctionMode, which answer for all arguments.
//
// A plain tensor, a Parameter and whatever is of a static type (numbers, lists) are told apart by their type alone.
#pragma once
#include <utility>
#include <vector>

#include "py/ref.h"
#include "tensor/tensor.h"
#include "tensor/thread_state.h"

namespace fj::overrides {

// Of one thread.
struct State {
  std::vector<py::Ref> modes;  // the innermost is the last
  bool ask_modes = true;
};
extern thread_local State state_;
extern constinit thread_local bool objects_asked;  // false: no object is asked; apart, since every call reads it
inline State& state() { return state_; }
extern int modes_anywhere;  // of all threads: while there are none nobody looks further

// The attribute of Tensor and the function that, in its place, says "ask no more" (what Parameter has); borrowed.
void set_functions(PyObject* disabled);
bool type_answers(PyTypeObject* type);  // one whose instances are asked, were it not for the state
bool heap_answers(PyObject* o);

inline bool answers(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  return type != tensor_type && (type->tp_flags & Py_TPFLAGS_HEAPTYPE) && heap_answers(o);
}
// All modes in one word, with the bit for whether objects are asked.
inline uint64_t modes_word() { return fj::modes_word() ^ (objects_asked ? 0 : uint64_t{1} << 63); }
inline bool mode_answers() { return modes_anywhere && state().ask_modes && !state().modes.empty(); }
// Does one of these objects answer, or one that a list or tuple among them holds?
bool any_answers(PyObject* const* items, Py_ssize_t n);
inline bool asked(PyObject* const* items, Py_ssize_t n) { return mode_answers() || any_answers(items, n); }

// Who is asked, and in which order: one of each class, but a subclass before what it is made from. Adds `item` to those
// known, unless its class is there.
template <class List, class T, class TypeOf>
void add_asked(List& known, const T& item, TypeOf type_of) {
  PyTypeObject* const type = type_of(item);
  size_t at = known.size();
  for (size_t i = known.size(); i-- > 0;) {
    PyTypeObject* const other = type_of(known[i]);
    if (other == type) return;
    if (PyType_IsSubtype(type, other)) at = i;
  }
  known.push_back(item);
  for (size_t i = known.size() - 1; i > at; --i) std::swap(known[i], known[i - 1]);
}

// No object is asked while this lives.
class Pause {
 public:
  Pause() : before_(objects_asked) { objects_asked = false; }
  ~Pause() { objects_asked = before_; }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  bool before_;
};

}  // namespace fj::overrides
