// See wrapper_history.h.
#include "capture/wrapper_history.h"

#include <functional>
#include <unordered_set>

#include "capture/asks.h"
#include "capture/tensors.h"
#include "tensor/overrides.h"
#include "tensor/python_dispatch.h"

namespace fj::capture {

namespace {

struct Recorded {
  Inner inner;
  Modes modes;
};

void drop_recorded(PyObject* capsule) { delete static_cast<Recorded*>(PyCapsule_GetPointer(capsule, nullptr)); }

// (which, arguments of the call, answers)
PyObject* record_again(PyObject*, PyObject* const* args, Py_ssize_t) {
  const auto* which = static_cast<const Recorded*>(PyCapsule_GetPointer(args[0], nullptr));
  if (!which) return nullptr;
  python_dispatch::Listing listing{args[2], 0, nullptr, {}};
  const overrides::Pause nobody_is_asked;
  const Modes before = thread_state();
  static_cast<Modes&>(thread_state()) = which->modes;
  auto* outer = std::exchange(python_dispatch::listing, &listing);
  Ref result = Ref::steal(which->inner.fn(&PyTuple_GET_ITEM(args[1], 0), which->inner.data));
  python_dispatch::listing = outer;
  static_cast<Modes&>(thread_state()) = before;
  if (result && listing.answered != PyTuple_GET_SIZE(args[2]))
    return PyErr_Format(PyExc_SystemError, "framejit: other calls than in the trace");
  return result.release();
}

// (recorded, index, …)
PyObject* part_of_recorded(PyObject*, PyObject* const* args, Py_ssize_t n) {
  Ref found = Ref::borrow(args[0]);
  for (Py_ssize_t i = 1; i < n && found; ++i) found = Ref::steal(PyObject_GetItem(found.get(), args[i]));
  return found.release();
}

PyObject* function_of(PyMethodDef* def) { return PyCFunction_New(def, nullptr); }

PyObject* record_function() {
  static PyMethodDef def{"record_again", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(record_again)),
                         METH_FASTCALL, nullptr};
  static PyObject* const function = function_of(&def);
  return function;
}
PyObject* part_function() {
  static PyMethodDef def{"part_of_recorded",
                         reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(part_of_recorded)), METH_FASTCALL,
                         nullptr};
  static PyObject* const function = function_of(&def);
  return function;
}

// The value that an argument of a leaf call was.
V value_of(Tracer& t, PyObject* o, const Operand& from) {
  if (is_tensor(o)) {
    V known = t.fake_value(o);
    if (!known) cut(Reason::unsupported_op, "a history of this argument");
    if (needs_grad(o) && !as<TensorValue>(known)->outer && !t.tensors->input_of(o))  // its backward pass is compiled
      cut(Reason::unsupported_op, "a tensor with a history beside one whose class answers");
    return outer_of(t, known);
  }
  if (from.what == Operand::Computed) {
    auto* number = t.make<ConstValue>(Py_TYPE(o));
    number->real = t.keep(Ref::borrow(o));
    number->touched = false;
    number->slot = from.slot;
    return number;
  }
  const bool parted = !from.parts.empty();
  auto part = [&](PyObject* item, size_t i) { return value_of(t, item, parted ? from.parts[i] : Operand{}); };
  if (PyTuple_Check(o) || PyList_CheckExact(o)) {
    Values items;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
      items.push_back(part(PySequence_Fast_ITEMS(o)[i], static_cast<size_t>(i)));
    return PyTuple_Check(o) ? static_cast<V>(t.tuple(std::move(items), Py_TYPE(o))) : t.list(std::move(items));
  }
  if (PyDict_CheckExact(o)) {
    auto* d = t.dict();
    PyObject *key, *value;
    Py_ssize_t at = 0;
    for (size_t i = 1; PyDict_Next(o, &at, &key, &value); i += 2) dict_set(t, d, t.constant(key), part(value, i));
    return d;
  }
  if (PySlice_Check(o) && parted) {
    auto* s = reinterpret_cast<PySliceObject*>(o);
    auto* slice = t.make<SliceValue>(&PySlice_Type);
    slice->start = part(s->start, 0);
    slice->stop = part(s->stop, 1);
    slice->step = part(s->step, 2);
    return slice;
  }
  return is_plain_constant(o) || is_identity_constant(o) ? t.constant(o) : t.from_real(o);
}

V stand_for_made(Tracer& t, PyObject* callable, Values args) {
  Ref unique = Ref::steal(PyObject_CallNoArgs(reinterpret_cast<PyObject*>(&PyBaseObject_Type)));
  return t.made_constant(std::move(unique), callable, std::move(args));
}

bool has_history(V v) {
  TensorValue* plain = v->is == Is::Tensor ? as<TensorValue>(v) : plain_tensor(v);
  return plain && plain->fake && needs_grad(plain->fake);
}

void each_tensor(V v, Values path, const std::function<void(V, const Values&)>& f, Tracer& t) {
  if (v->is == Is::Tensor || plain_tensor(v)) return f(v, path);
  if ((v->is != Is::Tuple && v->is != Is::List) || v->outside()) return;
  int64_t i = 0;
  for (V item : *sequence_items(v)) {
    Values inner = path;
    inner.push_back(t.integer(i++));
    each_tensor(item, std::move(inner), f, t);
  }
}

// What the answer was before the tape took it.
V without_history(Tracer& t, V v) {
  if (v->is != Is::Object || v->outside() || as<ObjectValue>(v)->made_with.empty()) return v;
  auto* o = as<ObjectValue>(v);
  auto* raw = t.make<ObjectValue>(o->cls);
  raw->tensor = o->tensor;
  raw->made_with = o->made_with;
  raw->made_names = o->made_names;
  raw->dict = o->dict;
  raw->before_history = true;
  return raw;
}

}  // namespace

void keep_history(Tracer& t, Inner inner, const std::vector<Leaf>& args, const Values& given, V result) {
  if (!thread_state().grad_mode || given.empty()) return;
  bool needed = false;
  each_tensor(
      result, {}, [&](V v, const Values&) { needed |= has_history(v); }, t);
  if (!needed) return;
  Values answers, values;
  std::unordered_set<V> fresh;
  for (V answer : given) {
    Values one;
    for (V v : as<TupleValue>(answer)->items) {
      V outer = outer_of(t, v);
      one.push_back(without_history(t, outer));
      if (one.back() != outer && !as<ObjectValue>(outer)->recorded) fresh.insert(outer);
    }
    answers.push_back(t.tuple(std::move(one)));
  }
  for (const Leaf& a : args) values.push_back(value_of(t, a.object.get(), a.operand));
  Ref which = Ref::steal(PyCapsule_New(new Recorded{inner, thread_state()}, nullptr, drop_recorded));
  V recorded = stand_for_made(t, record_function(),
                              {t.constant(std::move(which)), t.tuple(std::move(values)), t.tuple(std::move(answers))});
  each_tensor(
      result, {},
      [&](V v, const Values& path) {
        if (!has_history(v)) return;
        if (!fresh.count(v)) cut(Reason::unsupported_op, "a tensor with a history through a class that answers");
        Values parts{recorded};
        parts.insert(parts.end(), path.begin(), path.end());
        as<ObjectValue>(v)->recorded = stand_for_made(t, part_function(), std::move(parts));
      },
      t);
}

}  // namespace fj::capture
