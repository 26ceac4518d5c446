#include "capture/whole_call.h"

#include "capture/protocol.h"
#include "capture/tensors.h"
#include "capture/wrappers.h"
#include "py/imported.h"

namespace fj::capture {

namespace {

bool is_told_whole(PyObject* function) {
  static constinit py::Imported functions{"framejit._whole_calls", "functions"};
  return PyDict_Contains(functions.get(), function) == 1;
}

// What came out, where it is made of tensors that the tape has.
bool pattern_of(V v, Pattern* p) {
  if (v->is == Is::Tensor) {
    p->what = Pattern::Fill;
    p->slot = v->slot;
    return v->slot != kNoSlot;
  }
  const Values* items = sequence_items(v);
  if (!items) return v->is == Is::Const && v->real == Py_None;
  p->what = Pattern::Tuple;
  for (V item : *items) {
    p->parts.emplace_back();
    if (!pattern_of(item, &p->parts.back())) return false;
  }
  return !p->parts.empty();
}

}  // namespace

NoteCall::NoteCall(Tracer& t, FunctionValue* f, const Args& args) : t_(t) {
  if (!t.takes_calls || !t.tape || t.in_whole_call || !f->outside() || !is_told_whole(f->real)) return;
  t.tensors->locate(t);
  call_.location = t.tensors->location();
  call_.function = Ref::borrow(f->real);
  noting_ = take(args);
  call_.begin = t.tape->steps.size();
  t.in_whole_call = noting_;
}

NoteCall::~NoteCall() {
  if (noting_) t_.in_whole_call = false;
}

bool NoteCall::take(const Args& args) {
  std::vector<Leaf> positional;
  for (V v : args.pos)
    if (!try_leaf(t_, v, &positional.emplace_back())) return false;
  std::vector<std::pair<PyObject*, Leaf>> named;
  for (auto& [name, v] : args.named) {
    named.emplace_back(name, Leaf());
    if (!try_leaf(t_, v, &named.back().second)) return false;
  }
  if (t_.has_wrappers && has_outer(positional)) return false;
  for (auto& [name, leaf] : named)
    if (t_.has_wrappers && has_outer({leaf})) return false;
  call_.args = Leaf::tuple(std::move(positional)).operand;
  call_.named = Leaf::dict(std::move(named)).operand;
  return true;
}

V NoteCall::finish(V result) {
  if (!noting_ || !pattern_of(result, &call_.result)) return result;
  call_.end = t_.tape->steps.size();
  t_.tape->calls.push_back(std::move(call_));
  return result;
}

}  // namespace fj::capture
