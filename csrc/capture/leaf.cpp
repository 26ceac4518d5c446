// See leaf.h: making a real call, and keeping it on the tape.
#include "capture/leaf.h"

#include "base/small_vec.h"
#include "capture/asks.h"
#include "capture/look.h"
#include "capture/number.h"
#include "capture/protocol.h"
#include "capture/tensors.h"
#include "capture/wrappers.h"

namespace fj::capture {

PyObject* leaf_power(PyObject* a, PyObject* b) { return PyNumber_Power(a, b, Py_None); }
PyObject* leaf_in_place_power(PyObject* a, PyObject* b) { return PyNumber_InPlacePower(a, b, Py_None); }
PyObject* leaf_binary(PyObject* const* args, intptr_t function) {
  return reinterpret_cast<binaryfunc>(function)(args[0], args[1]);
}
PyObject* leaf_unary(PyObject* const* args, intptr_t function) {
  return reinterpret_cast<unaryfunc>(function)(args[0]);
}
PyObject* leaf_compare(PyObject* const* args, intptr_t op) {
  return PyObject_RichCompare(args[0], args[1], static_cast<int>(op));
}
PyObject* leaf_attribute(PyObject* const* args, intptr_t) { return PyObject_GetAttr(args[0], args[1]); }
PyObject* leaf_item(PyObject* const* args, intptr_t) { return PyObject_GetItem(args[0], args[1]); }
PyObject* leaf_set_item(PyObject* const* args, intptr_t) {
  return PyObject_SetItem(args[0], args[1], args[2]) == 0 ? Py_NewRef(Py_None) : nullptr;
}
PyObject* leaf_contains(PyObject* const* args, intptr_t) {
  const int r = PySequence_Contains(args[0], args[1]);
  return r < 0 ? nullptr : PyBool_FromLong(r);
}
PyObject* leaf_length(PyObject* const* args, intptr_t) {
  const Py_ssize_t n = PyObject_Size(args[0]);
  return n < 0 ? nullptr : PyLong_FromSsize_t(n);
}
PyObject* leaf_truth(PyObject* const* args, intptr_t) {
  const int r = PyObject_IsTrue(args[0]);
  return r < 0 ? nullptr : PyBool_FromLong(r);
}

namespace {
PyObject* named_or_null(PyObject* dict) { return dict == Py_None ? nullptr : dict; }
}  // namespace

PyObject* leaf_call(PyObject* const* args, intptr_t) { return PyObject_Call(args[0], args[1], named_or_null(args[2])); }
PyObject* leaf_method(PyObject* const* args, intptr_t) {
  PyObject* self = args[1];
  Ref bound = Ref::steal(Py_TYPE(args[0])->tp_descr_get(args[0], self, reinterpret_cast<PyObject*>(Py_TYPE(self))));
  return bound ? PyObject_Call(bound.get(), args[2], named_or_null(args[3])) : nullptr;
}

Leaf Leaf::constant(PyObject* o) {
  Leaf leaf;
  leaf.object = leaf.operand.object = Ref::borrow(o);
  return leaf;
}

Leaf Leaf::tuple(std::vector<Leaf> items) {
  Leaf all;
  bool computed = false;
  all.object = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(items.size())));
  for (size_t i = 0; i < items.size(); ++i) {
    computed |= items[i].operand.what != Operand::Const;
    PyTuple_SET_ITEM(all.object.get(), static_cast<Py_ssize_t>(i), items[i].object.release());
    all.operand.parts.push_back(std::move(items[i].operand));
  }
  if (computed) {
    all.operand.what = Operand::Tuple;
    all.operand.object = Ref::borrow(&PyTuple_Type);
  } else {
    all.operand = {};
    all.operand.object = all.object;
  }
  return all;
}

Leaf Leaf::dict(std::vector<std::pair<PyObject*, Leaf>> items) {
  if (items.empty()) return constant(Py_None);
  Leaf all;
  all.object = Ref::steal(PyDict_New());
  all.operand.what = Operand::Dict;
  for (auto& [name, leaf] : items) {
    PyDict_SetItem(all.object.get(), name, leaf.object.get());
    all.operand.parts.push_back(constant(name).operand);
    all.operand.parts.push_back(std::move(leaf.operand));
  }
  return all;
}

namespace {

bool computes(const Operand& o) {
  if (o.what == Operand::Computed) return true;
  for (const Operand& part : o.parts)
    if (computes(part)) return true;
  return false;
}

bool fills(const Pattern& p) {
  if (p.what == Pattern::Fill) return true;
  for (const Pattern& part : p.parts)
    if (fills(part)) return true;
  return false;
}

bool depends_on_sizes(const Tape& tape, const Operand& o) {
  if (o.what == Operand::Computed) return tape.symbolic(o.slot);
  for (const Operand& part : o.parts)
    if (depends_on_sizes(tape, part)) return true;
  return false;
}

// How a value is made again; its object is at hand already.
Operand operand_of(Tracer& t, V v, PyObject* object) {
  if (TensorValue* plain = plain_tensor(v)) v = plain;
  Operand o;
  auto add = [&](const Values& items) {
    for (V item : items) o.parts.push_back(operand_of(t, item, t.known_real(item).get()));
  };
  switch (v->is) {
    case Is::Tensor:
      if (v->slot == kNoSlot) t.tape->give_up("a tensor that no leaf call made");
      [[fallthrough]];
    case Is::Const:
    case Is::Opaque:
      if (v->slot != kNoSlot) {
        o.what = Operand::Computed;
        o.slot = v->slot;
        return o;
      }
      break;
    case Is::Tuple:
      o.what = Operand::Tuple;
      o.object = Ref::borrow(v->cls);
      add(as<TupleValue>(v)->items);
      break;
    case Is::List:
      o.what = Operand::List;
      add(as<ListValue>(v)->items);
      break;
    case Is::Dict:
      o.what = Operand::Dict;
      for (auto& [key, value] : dict_items(t, as<DictValue>(v))) add({key, value});
      break;
    case Is::Slice:
      o.what = Operand::Slice;
      add({as<SliceValue>(v)->start, as<SliceValue>(v)->stop, as<SliceValue>(v)->step});
      break;
    default: break;
  }
  if (!computes(o)) {
    o = {};
    o.object = Ref::borrow(object);
  }
  return o;
}

}  // namespace

// The object of an argument whose real form has been made before.
Ref Tracer::known_real(V v) {
  KeepSymbols keep(*this);
  return to_real(v);
}

Leaf Tracer::leaf_of(V v, Reason why, const char* what) {
  Leaf leaf;
  KeepSymbols keep(*this);
  leaf.object = need_real(v, why, what);
  if (tape)
    leaf.operand = operand_of(*this, v, leaf.object.get());
  else
    leaf.operand.object = leaf.object;
  return leaf;
}

bool try_leaf(Tracer& t, V v, Leaf* leaf) {
  if (varies(t, v)) return false;
  leaf->object = t.known_real(v);
  PyErr_Clear();
  if (!leaf->object || (v->is == Is::Tensor && v->slot == kNoSlot)) return false;
  leaf->operand = operand_of(t, v, leaf->object.get());
  return true;
}

// A value for the result of a leaf call, and what a replay has to meet in its place.
V Tracer::bind_result(PyObject* o, bool symbolic, Pattern* p) {
  if (is_tensor(o)) {
    auto known = fakes_.find(o);
    if (known != fakes_.end()) {
      p->what = Pattern::Same;
      p->slot = known->second->slot;
      return known->second;
    }
    V v = tensor(o);
    if (tape) {
      p->what = Pattern::Fill;
      p->object = Ref::borrow(Py_TYPE(o));
      p->slot = v->slot = tape->add_slot(symbolic, o);
    }
    return v;
  }
  if (tape && (PyTuple_Check(o) || PyList_CheckExact(o))) {
    const bool tuple_like = PyTuple_Check(o);
    p->what = tuple_like ? Pattern::Tuple : Pattern::List;
    p->object = Ref::borrow(Py_TYPE(o));
    Values items;
    const Py_ssize_t n = tuple_like ? PyTuple_GET_SIZE(o) : PyList_GET_SIZE(o);
    p->parts.resize(static_cast<size_t>(n));
    for (Py_ssize_t i = 0; i < n; ++i)
      items.push_back(bind_result(tuple_like ? PyTuple_GET_ITEM(o, i) : PyList_GET_ITEM(o, i), symbolic,
                                  &p->parts[static_cast<size_t>(i)]));
    return tuple_like ? static_cast<V>(tuple(std::move(items), Py_TYPE(o))) : list(std::move(items));
  }
  if (tape && is_vmap_layer(o)) {  // each replay enters a layer of its own
    V v = from_real(o);
    p->what = Pattern::Fill;
    p->object = Ref::borrow(Py_TYPE(o));
    p->slot = v->slot = tape->add_slot(symbolic, o);
    tape->layered = true;
    return v;
  }
  if (!symbolic) return from_real(o);
  p->object = Ref::borrow(o);
  if (PyLong_CheckExact(o) || PyFloat_CheckExact(o) || PyUnicode_CheckExact(o)) {
    p->what = Pattern::Fill;
    p->object = Ref::borrow(Py_TYPE(o));
    auto* v = make<ConstValue>(Py_TYPE(o));
    v->real = keep(Ref::borrow(o));
    v->touched = false;
    p->slot = v->slot = tape->add_slot(true, o);
    return v;
  }
  p->what = Pattern::Equal;
  if (!is_plain_constant(o) && !is_identity_constant(o)) tape->give_up("a result of an unknown type");
  return from_real(o);
}

// The message may name sizes: it is known only where it is looked at.
Pattern Tracer::exception_pattern(ObjectValue* e) {
  Pattern p;
  p.what = Pattern::Raises;
  p.object = Ref::borrow(e->cls);
  for (V& arg : e->args->items) {
    p.parts.emplace_back();
    if (arg->is != Is::Const || !PyUnicode_CheckExact(arg->real)) {
      tape->give_up("an exception with an argument that is no text");
      continue;
    }
    V text = make<ConstValue>(arg->cls);
    text->real = arg->real;
    text->touched = false;
    p.parts.back().what = Pattern::Fill;
    p.parts.back().object = Ref::borrow(arg->cls);
    p.parts.back().slot = text->slot = tape->add_slot(true, arg->real);
    arg = text;
  }
  e->real = nullptr;
  return p;
}

V Tracer::leaf(LeafFn fn, intptr_t data, std::vector<Leaf> args) {
  if (has_wrappers && !is_listed(fn) && has_outer(args)) return leaf_of_wrappers(*this, fn, data, args);
  tensors->locate(*this);
  SmallVec<PyObject*, 6> real;
  for (Leaf& a : args) real.push_back(a.object.get());
  const Modes modes = thread_state();
  if (tape) tensors->expect_ops(*tape);
  const int64_t looks = tape ? tape->looks : 0;
  Ref result = Ref::steal(fn(real.data(), data));
  if (!result) tensors->rethrow_kept();
  bool data_dependent = false;
  std::string detail;
  if (!result && TensorSession::failed_on_fake(&data_dependent, &detail))
    cut(data_dependent ? Reason::data_dependent : Reason::unsupported_op, detail);
  bool symbolic = tape && tape->looks != looks, computed = false;
  if (tape) {
    for (const Leaf& a : args) {
      symbolic |= depends_on_sizes(*tape, a.operand);
      computed |= computes(a.operand);
    }
  }
  TapeStep step;
  step.acts = tape && tensors->count_ops(step);
  auto record = [&] {
    step.fn = fn;
    step.data = data;
    step.modes = modes;
    for (Leaf& a : args) step.args.push_back(std::move(a.operand));
    tape->steps.push_back(std::move(step));
  };
  if (!result) {
    V e = exception_from_pending();
    if (symbolic) {
      step.result = exception_pattern(as<ObjectValue>(e));
      record();
    }
    throw_value(e);
  }
  V v = bind_result(result.get(), symbolic, &step.result);
  step.acts = step.acts || result.get() == Py_None;  // it may have switched a mode
  if (tape && (computed || step.acts || fills(step.result))) record();
  if (tape && !takes_calls && tape->looks == looks + 1 && (fn == leaf_call || fn == leaf_method))
    if (V copy = copy_for_reading(*this, v, fn, args)) makers_[v] = {keep(args[0].object), {copy}};
  return v;
}

void Tracer::specialise(V v) {
  if (!tape) return;
  TapeStep step;
  step.what = TapeStep::Check;
  step.args.emplace_back();
  step.args[0].what = Operand::Computed;
  step.args[0].slot = v->slot;
  step.result.what = Pattern::Equal;
  step.result.object = Ref::borrow(v->real);
  tape->steps.push_back(std::move(step));
  v->slot = kNoSlot;
}

}  // namespace fj::capture
