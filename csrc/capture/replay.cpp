// See replay.h.
#include "capture/replay.h"

#include <algorithm>

#include "capture/tracer.h"
#include "capture/wrappers.h"
#include "py/error.h"
#include "tensor/autocast.h"
#include "tensor/batched.h"
#include "tensor/facts.h"

namespace fj::capture {

using py::Ref;

Replay::Replay(const Tape& tape, guard::Fetched& fetched, const std::vector<Look>* looks)
    : tape_(tape), fetched_(fetched), looks_(looks) {
  slots_.resize(tape.slots.size());
  session_.set_lift(lift, this);
  if (tape.looks) session_.set_observer(this);
}
Replay::~Replay() = default;

TensorRef Replay::lift(void* context, trace::TraceSession& session, TensorObj* real) {
  auto& self = *static_cast<Replay*>(context);
  TensorRef fake = session.make_input(real);
  int32_t number = 0, found = -1;
  for (size_t i = 0; self.looks_ && i < self.looks_->size(); ++i)
    for (const TensorRef& t : (*self.looks_)[i].found) {
      if (t.get() == real) found = number;
      ++number;
    }
  self.made_.push_back(found < 0 ? Ref::borrow(as_object(real)) : Ref());
  self.examples_.push_back(as_object(real));
  self.sources_.push_back(guard::kNoSource);
  self.found_.push_back(found);
  return fake;
}

void Replay::look(trace::TraceSession& session, const OpDef* op, fj::Args args, Outs& results) {
  const size_t i = looked_++;
  if (looks_ && i < looks_->size()) return tell((*looks_)[i], results);
  if (!next_look_) next_look_ = make_finder(session.graph(), op, args, examples_);
  reads_next_ = !op;
  raise(ErrorKind::DataDependent, "this has not been looked at yet");
}

bool Replay::run() {
  const Modes before = thread_state();
  FuncDepthScope transformations;
  bool ok = py::guarded(false, [&] {
    LayerScope active(session_);
    for (const TapeStep& s : tape_.steps) {
      static_cast<Modes&>(thread_state()) = s.modes;
      if (!step(s)) return false;
    }
    for (Slot s : tape_.outputs) {
      graph::Value* value = session_.value_of(as_tensor(slot(s)));
      if (!value) return false;
      graph_->add_output(value);
    }
    return true;
  });
  static_cast<Modes&>(thread_state()) = before;
  autocast::drop_traced();
  PyErr_Clear();
  return ok;
}

bool Replay::step(const TapeStep& s) {
  switch (s.what) {
    case TapeStep::Input: return input(s);
    case TapeStep::Outer: return outer(s);
    case TapeStep::Number: return number(s);
    case TapeStep::Check: {
      Ref now = make(s.args[0]);
      return now && match(s.result, now.get());
    }
    case TapeStep::Call: return call(s);
  }
  return false;
}

bool Replay::input(const TapeStep& s) {
  PyObject* real = fetched_.get(s.source);
  if (!real || !is_tensor(real) || as_tensor(real)->wrapper) return false;
  TensorRef other;
  if (values_) other = resized(as_tensor(real), s.source);
  TensorRef fake = session_.make_input(other ? other.get() : as_tensor(real), s.name);
  made_.emplace_back();
  examples_.push_back(real);
  sources_.push_back(s.source);
  found_.push_back(-1);
  slots_[static_cast<size_t>(s.result.slot)] = Ref::steal(fake.release_object());
  return true;
}

bool Replay::outer(const TapeStep& s) {
  PyObject* real = fetched_.get(s.source);
  if (!real || !is_wrapper(real)) return false;
  TensorRef other;
  if (values_) other = resized(as_tensor(real), s.source);
  TensorRef fake = session_.make_outer(other ? other.get() : as_tensor(real));
  slots_[static_cast<size_t>(s.result.slot)] = Ref::steal(fake.release_object());
  return true;
}

bool Replay::number(const TapeStep& s) {
  Ref other;
  for (size_t i = 0; values_ && i < values_->size(); ++i)
    if (tape_.symbols[i].source == s.source) other = Ref::steal(PyLong_FromLongLong((*values_)[i]));
  PyObject* now = other ? other.get() : fetched_.get(s.source);
  return now && match(s.result, now);
}

// A tensor like `real` with the sizes that are tried, dense in the same order of dimensions.
TensorRef Replay::resized(TensorObj* real, guard::SourceId source) {
  TensorMeta m = real->meta;
  for (size_t i = 0; i < values_->size(); ++i) {
    const Symbol& symbol = tape_.symbols[i];
    if (symbol.source == source && symbol.what == Symbol::Size)
      m.sizes[static_cast<size_t>(symbol.dim)] = (*values_)[i];
  }
  SmallVec<int, 8> order;
  for (int i = 0; i < static_cast<int>(m.sizes.size()); ++i) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return m.strides[a] < m.strides[b]; });
  if (layout_class(real->meta) == LayoutClass::Contiguous) {
    m.strides = contiguous_strides(m.sizes);
  } else {
    Dim step = 1;
    for (int d : order) {
      m.strides[static_cast<size_t>(d)] = step;
      step *= std::max<Dim>(m.sizes[static_cast<size_t>(d)], 1);
    }
  }
  m.offset = 0;
  m.requires_grad = tape_needs(real);
  TensorRef t = new_tensor(m, StorageRef::steal(new_fake_storage(m.numel() * size_of(m.dtype))));
  t->flags = real->flags;
  return t;
}

bool Replay::call(const TapeStep& s) {
  SmallVec<Ref, 6> args;
  SmallVec<PyObject*, 6> borrowed;
  for (const Operand& o : s.args) {
    args.push_back(make(o));
    if (!args.back()) return false;
    borrowed.push_back(args.back().get());
  }
  session_.location = s.location;
  Ref result = Ref::steal(s.fn(borrowed.data(), s.data));
  if (next_look_) return false;
  if (!result) return raised(s.result);
  return match(s.result, result.get());
}

bool Replay::raised(const Pattern& p) {
  if (p.what != Pattern::Raises) return false;
  PyObject *type, *value, *tb;
  PyErr_Fetch(&type, &value, &tb);
  PyErr_NormalizeException(&type, &value, &tb);
  Ref t = Ref::steal(type), v = Ref::steal(value), b = Ref::steal(tb);
  if (reinterpret_cast<PyObject*>(Py_TYPE(v.get())) != p.object.get()) return false;
  Ref args = Ref::steal(PyObject_GetAttrString(v.get(), "args"));
  if (!args || !PyTuple_Check(args.get()) || PyTuple_GET_SIZE(args.get()) != static_cast<Py_ssize_t>(p.parts.size()))
    return false;
  for (size_t i = 0; i < p.parts.size(); ++i)
    if (!match(p.parts[i], PyTuple_GET_ITEM(args.get(), static_cast<Py_ssize_t>(i)))) return false;
  return true;
}

bool Replay::match(const Pattern& p, PyObject* o) {
  switch (p.what) {
    case Pattern::Any: return true;
    case Pattern::Fill:
      if (reinterpret_cast<PyObject*>(Py_TYPE(o)) != p.object.get()) return false;
      slots_[static_cast<size_t>(p.slot)] = Ref::borrow(o);
      return true;
    case Pattern::Same: return slot(p.slot) == o;
    case Pattern::Equal:
      return o == p.object.get() ||
             (Py_TYPE(o) == Py_TYPE(p.object.get()) && PyObject_RichCompareBool(o, p.object.get(), Py_EQ) == 1);
    case Pattern::Raises: return false;
    case Pattern::Tuple:
    case Pattern::List: break;
  }
  if (reinterpret_cast<PyObject*>(Py_TYPE(o)) != p.object.get()) return false;
  const bool tuple = p.what == Pattern::Tuple;
  const auto n = static_cast<size_t>(tuple ? PyTuple_GET_SIZE(o) : PyList_GET_SIZE(o));
  if (n != p.parts.size()) return false;
  for (size_t i = 0; i < n; ++i) {
    const auto at = static_cast<Py_ssize_t>(i);
    if (!match(p.parts[i], tuple ? PyTuple_GET_ITEM(o, at) : PyList_GET_ITEM(o, at))) return false;
  }
  return true;
}

Ref Replay::make(const Operand& o) {
  if (o.what == Operand::Const) return o.object;
  if (o.what == Operand::Computed) return slots_[static_cast<size_t>(o.slot)];
  SmallVec<Ref, 6> parts;
  for (const Operand& part : o.parts) {
    parts.push_back(make(part));
    if (!parts.back()) return {};
  }
  const auto n = static_cast<Py_ssize_t>(parts.size());
  if (o.what == Operand::Slice) return Ref::steal(PySlice_New(parts[0].get(), parts[1].get(), parts[2].get()));
  if (o.what == Operand::Dict) {
    Ref dict = Ref::steal(PyDict_New());
    for (size_t i = 0; dict && i + 1 < parts.size(); i += 2)
      if (PyDict_SetItem(dict.get(), parts[i].get(), parts[i + 1].get()) < 0) return {};
    return dict;
  }
  Ref list = Ref::steal(o.what == Operand::List ? PyList_New(n) : PyTuple_New(n));
  for (Py_ssize_t i = 0; list && i < n; ++i) {
    PyObject* part = parts[static_cast<size_t>(i)].release();
    if (o.what == Operand::List)
      PyList_SET_ITEM(list.get(), i, part);
    else
      PyTuple_SET_ITEM(list.get(), i, part);
  }
  if (o.what == Operand::List || !list || o.object.get() == reinterpret_cast<PyObject*>(&PyTuple_Type)) return list;
  if (!is_python_class(o.object.as<PyTypeObject>())) return Ref::steal(PyObject_CallOneArg(o.object.get(), list.get()));
  Ref args = Ref::steal(PyTuple_Pack(1, list.get()));
  return args ? Ref::steal(PyTuple_Type.tp_new(o.object.as<PyTypeObject>(), args.get(), nullptr)) : Ref();
}

}  // namespace fj::capture
