// Between values and real objects, for calls that are really carried out.
#include "capture/asks.h"
#include "capture/owned.h"
#include "capture/sizes.h"
#include "capture/tensors.h"
#include "tensor/overrides.h"

namespace fj::capture {

namespace {

Ref real_sequence(Tracer& t, const Values& items, bool tuple) {
  const auto n = static_cast<Py_ssize_t>(items.size());
  Ref out = Ref::steal(tuple ? PyTuple_New(n) : PyList_New(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref item = t.to_real(items[static_cast<size_t>(i)]);
    if (!item) return {};
    if (tuple)
      PyTuple_SET_ITEM(out.get(), i, item.release());
    else
      PyList_SET_ITEM(out.get(), i, item.release());
  }
  return out;
}

Ref real_dict(Tracer& t, DictValue* d) {
  Ref out = Ref::steal(PyDict_New());
  for (auto& [k, v] : dict_items(t, d)) {
    Ref key = t.to_real(k), value = t.to_real(v);
    if (!key || !value || PyDict_SetItem(out.get(), key.get(), value.get()) < 0) return {};
  }
  return out;
}

Ref real_set(Tracer& t, SetValue* s) {
  Ref items = real_sequence(t, set_items(s), true);
  if (!items) return {};
  return Ref::steal(s->cls == &PySet_Type ? PySet_New(items.get()) : PyFrozenSet_New(items.get()));
}

Ref real_tuple(Tracer& t, TupleValue* v) {
  Ref plain = real_sequence(t, v->items, true);
  if (!plain || v->cls == &PyTuple_Type) return plain;
  if (v->attrs) return {};
  if (!is_python_class(v->cls))
    return Ref::steal(PyObject_CallOneArg(reinterpret_cast<PyObject*>(v->cls), plain.get()));
  Ref args = Ref::steal(PyTuple_Pack(1, plain.get()));
  return Ref::steal(PyTuple_Type.tp_new(v->cls, args.get(), nullptr));
}

}  // namespace

Ref Tracer::to_real(V v) {
  if (!v) return {};
  Nested deeper(*this);
  if (!keep_symbols_ || !symbolise(*this, v)) use(v);
  switch (v->is) {
    case Is::Const: return Ref::borrow(v->real);
    case Is::Opaque: return is_owned(v) ? Ref::borrow(v->real) : Ref();
    case Is::Tensor: return Ref::borrow(as<TensorValue>(v)->fake);
    case Is::Object: {
      TensorValue* plain = plain_tensor(v);
      return plain && !answers_now(v->cls) ? to_real(plain) : Ref();
    }
    case Is::Tuple: return real_tuple(*this, as<TupleValue>(v));
    case Is::List: return v->cls == &PyList_Type ? real_sequence(*this, as<ListValue>(v)->items, false) : Ref();
    case Is::Dict: return v->cls == &PyDict_Type ? real_dict(*this, as<DictValue>(v)) : Ref();
    case Is::Set: return real_set(*this, as<SetValue>(v));
    case Is::Slice: {
      auto* s = as<SliceValue>(v);
      Ref a = to_real(s->start), b = to_real(s->stop), c = to_real(s->step);
      return a && b && c ? Ref::steal(PySlice_New(a.get(), b.get(), c.get())) : Ref();
    }
    default: return {};
  }
}

Ref Tracer::need_real(V v, Reason why, const char* what) {
  Ref real = to_real(v);
  if (!real) {
    PyErr_Clear();
    cut(why, what, " with an argument of type ", v ? v->cls->tp_name : "NULL");
  }
  return real;
}

bool Tracer::constant_of(V v, PyObject** out) {
  if (!v || v->is != Is::Const) return false;
  use(v);
  *out = v->real;
  return true;
}

namespace {

// C | str or list[C] of a class C that the trace has made: it would lead to the trace's class, not to the program's.
bool names_made_class(Tracer& t, PyObject* o) {
  if (!is_union(o) && Py_TYPE(o) != &Py_GenericAliasType) return false;
  for (const char* name : {"__origin__", "__args__"}) {
    Ref part = Ref::steal(PyObject_GetAttrString(o, name));
    if (!part) PyErr_Clear();
    if (!part) continue;
    if (t.made(part.get())) return true;
    for (Py_ssize_t i = 0; PyTuple_Check(part.get()) && i < PyTuple_GET_SIZE(part.get()); ++i) {
      PyObject* arg = PyTuple_GET_ITEM(part.get(), i);
      if (t.made(arg) || names_made_class(t, arg)) return true;
    }
  }
  return false;
}

}  // namespace

V Tracer::from_real(PyObject* o) {
  if (!o) raise_pending();
  if (is_tensor(o)) {
    V known = fake_value(o);
    return known ? known : tensor(o);
  }
  if (names_made_class(*this, o)) cut(Reason::native_call, "a type that names a class made here");
  if (is_plain_constant(o) || is_identity_constant(o) || is_text_match(o) || is_date_type(Py_TYPE(o)))
    return constant(o);
  if (PyTuple_Check(o)) {
    Values items;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) items.push_back(from_real(PyTuple_GET_ITEM(o, i)));
    return tuple(std::move(items), Py_TYPE(o));
  }
  if (PyList_CheckExact(o)) {
    Values items;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(o); ++i) items.push_back(from_real(PyList_GET_ITEM(o, i)));
    return list(std::move(items));
  }
  if (PyDict_CheckExact(o)) {
    auto* d = dict();
    PyObject *k, *v;
    Py_ssize_t pos = 0;
    while (PyDict_Next(o, &pos, &k, &v)) dict_set(*this, d, from_real(k), from_real(v));
    return d;
  }
  if (PyAnySet_CheckExact(o)) {
    auto* s = set(Py_TYPE(o));
    Ref elements = Ref::steal(PySequence_List(o));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(elements.get()); ++i)
      set_add(*this, s, from_real(PyList_GET_ITEM(elements.get(), i)));
    return s;
  }
  if (is_vmap_layer(o)) {  // the trace's own: no exit stands inside it (is_transformation)
    auto* v = make<OpaqueValue>(Py_TYPE(o));
    v->owned = true;
    v->real = keep(Ref::borrow(o));
    return v;
  }
  cut(Reason::native_call, "a result of type ", Py_TYPE(o)->tp_name);
}

}  // namespace fj::capture
