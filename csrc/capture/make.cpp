// Making the values that a trace creates itself.
#include "capture/tracer.h"

namespace fj::capture {

PyObject* intern(const char* text) { return PyUnicode_InternFromString(text); }

PyObject* Tracer::keep(Ref object) {
  kept_.push_back(std::move(object));
  return kept_.back().get();
}

V Tracer::constant(PyObject* object) {
  if (!object) raise_pending();
  auto it = constants_.find(object);
  if (it != constants_.end()) return it->second;
  if (PyTuple_CheckExact(object)) {
    Values items;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); ++i) items.push_back(constant(PyTuple_GET_ITEM(object, i)));
    keep(Ref::borrow(object));
    auto* v = tuple(std::move(items));
    v->real = object;
    return constants_[object] = v;
  }
  if (PyFrozenSet_CheckExact(object)) return from_real(object);
  auto* v = make<ConstValue>(Py_TYPE(object));
  v->real = keep(Ref::borrow(object));
  return constants_[object] = v;
}

TupleValue* Tracer::tuple(Values items, PyTypeObject* cls) {
  auto* v = make<TupleValue>(cls);
  v->items = std::move(items);
  return v;
}

ListValue* Tracer::list(Values items, PyTypeObject* cls) {
  auto* v = make<ListValue>(cls);
  v->items = std::move(items);
  return v;
}

DictValue* Tracer::dict(PyTypeObject* cls) {
  auto* v = make<DictValue>(cls);
  v->full = true;
  v->index = Ref::steal(PyDict_New());
  return v;
}

SetValue* Tracer::set(PyTypeObject* cls) {
  auto* v = make<SetValue>(cls);
  v->index = Ref::steal(PyDict_New());
  return v;
}

CellValue* Tracer::cell(V contents) {
  auto* v = make<CellValue>(&PyCell_Type);
  v->known = true;
  v->contents = contents;
  return v;
}

MethodValue* Tracer::method(V func, V self) {
  auto* v = make<MethodValue>(&PyMethod_Type);
  v->func = func;
  v->self = self;
  return v;
}

NativeValue* Tracer::native(PyObject* descr, PyObject* name, V self) {
  auto* v = make<NativeValue>(Py_TYPE(descr) == &PyWrapperDescr_Type ? method_wrapper_type() : &PyCFunction_Type);
  v->descr = keep(Ref::borrow(descr));
  v->name = name;
  v->self = self;
  return v;
}

IteratorValue* Tracer::iterator(Iter how, PyTypeObject* cls) { return make<IteratorValue>(cls, how); }

IteratorValue* Tracer::items_iterator(Values items, PyTypeObject* cls) {
  auto* v = iterator(Iter::Items, cls);
  v->parts = std::move(items);
  return v;
}

TensorValue* Tracer::tensor(PyObject* fake) {
  auto* v = make<TensorValue>(Py_TYPE(fake));
  v->fake = keep(Ref::borrow(fake));
  know_fake(fake, v);
  return v;
}

V Tracer::identity_of(V v) {
  V& id = identities_[v];
  if (!id) {
    id = make<OpaqueValue>(&PyLong_Type);
    id->real = keep(Ref::steal(PyObject_CallNoArgs(reinterpret_cast<PyObject*>(&PyBaseObject_Type))));
  }
  return id;
}

V Args::take(const char* name) {
  for (size_t i = 0; i < named.size(); ++i) {
    if (PyUnicode_CompareWithASCIIString(named[i].first, name) != 0) continue;
    V v = named[i].second;
    named.erase(named.begin() + static_cast<long>(i));
    return v;
  }
  return nullptr;
}

}  // namespace fj::capture
