// Outside objects: which kind of value stands for them. No guard is added here, except that two paths which lead to one
// mutable object must go on doing so.
#include <string_view>

#include "capture/arrays.h"
#include "capture/asks.h"
#include "capture/builtins.h"
#include "capture/tensors.h"
#include "capture/tracer.h"
#include "capture/wrappers.h"
#include "py/imported.h"
#include "py/iterators.h"
#include "tensor/ndarray.h"
#include "tensor/overrides.h"

namespace fj::capture {

namespace {

bool is_enum_member(PyObject* object) {
  static PyObject* enum_type = nullptr;
  if (!enum_type) {  // where nobody has imported enum there is no member of one
    PyObject* name = PyUnicode_FromString("enum");
    PyObject* module = name ? PyImport_GetModule(name) : nullptr;
    Py_XDECREF(name);
    enum_type = module ? PyObject_GetAttrString(module, "Enum") : nullptr;
    Py_XDECREF(module);
    PyErr_Clear();
  }
  return enum_type && PyType_IsSubtype(Py_TYPE(object), reinterpret_cast<PyTypeObject*>(enum_type));
}

// operator.itemgetter and attrgetter objects never change.
bool is_getter(PyObject* object) {
  const std::string_view name = Py_TYPE(object)->tp_name;
  return name == "operator.itemgetter" || name == "operator.attrgetter";
}

}  // namespace

// int | str
bool is_union(PyObject* object) {
  static PyTypeObject* const type = [] {
    Ref made = Ref::steal(PyNumber_Or(reinterpret_cast<PyObject*>(&PyLong_Type), Py_None));
    return made ? Py_TYPE(made.get()) : nullptr;
  }();
  return Py_TYPE(object) == type;
}

namespace {

// Compiled regular expressions never change.
// What re.sub() has for arguments that are not given, from 3.13 on: a zero that is told by its identity.
bool is_re_default(PyObject* o) { return PyLong_Check(o) && std::string_view(Py_TYPE(o)->tp_name) == "_ZeroSentinel"; }
bool is_pattern(PyObject* object) { return std::string_view(Py_TYPE(object)->tp_name) == "re.Pattern"; }

bool is_timezone(PyObject* object) { return std::string_view(Py_TYPE(object)->tp_name) == "datetime.timezone"; }

bool is_default_dict(PyTypeObject* type) { return std::string_view(type->tp_name) == "collections.defaultdict"; }

template <class T>
T* shell(Tracer& t, PyObject* real) {
  T* v = t.make<T>(Py_TYPE(real));
  return v;
}

}  // namespace

PyTypeObject* partial_type() {
  static constinit py::Imported partial{"functools", "partial"};
  return partial.type();
}

bool is_text_match(PyObject* object) {
  return is_pattern(object) || std::string_view(Py_TYPE(object)->tp_name) == "re.Match";
}

// Classes made by a class statement share one deallocator that no class written in C has.
bool is_python_class(PyTypeObject* type) {
  static const destructor dealloc = [] {
    Ref made = Ref::steal(PyObject_CallFunction(reinterpret_cast<PyObject*>(&PyType_Type), "s(){}", "probe"));
    return reinterpret_cast<PyTypeObject*>(made.get())->tp_dealloc;
  }();
  return (type->tp_flags & Py_TPFLAGS_HEAPTYPE) && type->tp_dealloc == dealloc;
}

namespace {

bool adds_nothing_special(PyTypeObject* type) {
  for (; is_python_class(type); type = type->tp_base) {
    PyObject *name, *value;
    Py_ssize_t pos = 0;
    while (PyDict_Next(type->tp_dict, &pos, &name, &value)) {
      const std::string_view text = py::name_view(name);
      const bool special = text.size() > 4 && text.substr(0, 2) == "__" && text.substr(text.size() - 2) == "__";
      if (special && PyFunction_Check(value) && text != "__repr__" && text != "__str__") return false;
      if (text == "__new__") return false;
    }
    if (PyTuple_GET_SIZE(type->tp_bases) != 1) return false;
  }
  return true;
}

}  // namespace

bool is_plain_instance(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  if (!is_python_class(type) || Py_TYPE(reinterpret_cast<PyObject*>(type)) != &PyType_Type) return false;
  return (PyLong_Check(o) || PyFloat_Check(o) || PyUnicode_Check(o) || PyBytes_Check(o)) && adds_nothing_special(type);
}

PyTypeObject* native_base(PyTypeObject* type) {
  while (is_python_class(type)) type = type->tp_base;
  return type;
}

PyTypeObject* method_wrapper_type() {
  static PyTypeObject* const type = [] {  // not exported by 3.13
    Ref wrapper = Ref::steal(PyObject_GetAttrString(FJ_NAME(""), "__add__"));
    return Py_TYPE(wrapper.get());
  }();
  return type;
}

bool is_method_wrapper(PyObject* o) { return Py_TYPE(o) == method_wrapper_type(); }

// sys.version_info, sys.flags, sys.float_info: there is one of each.
bool is_interpreter_facts(PyObject* o) {
  return PyTuple_Check(o) && std::string_view(Py_TYPE(o)->tp_name).substr(0, 4) == "sys.";
}

bool is_plain_constant(PyObject* o) {
  if (o == Py_None || PyBool_Check(o) || PyLong_CheckExact(o) || PyFloat_CheckExact(o) || PyUnicode_CheckExact(o) ||
      PyBytes_CheckExact(o) || PyComplex_CheckExact(o) || o == Py_Ellipsis || o == Py_NotImplemented ||
      Py_TYPE(o) == &PyRange_Type)
    return true;
  if (PySlice_Check(o)) {
    auto* s = reinterpret_cast<PySliceObject*>(o);
    return is_plain_constant(s->start) && is_plain_constant(s->stop) && is_plain_constant(s->step);
  }
  return is_tensor_constant(o);
}

bool is_identity_constant(PyObject* o) {
  PyTypeObject* t = Py_TYPE(o);
  return PyType_Check(o) || PyModule_Check(o) || PyCFunction_Check(o) || t == &PyMethodDescr_Type ||
         t == &PyWrapperDescr_Type || t == &PyGetSetDescr_Type || t == &PyMemberDescr_Type ||
         t == &PyClassMethodDescr_Type || is_method_wrapper(o) || PyCode_Check(o) || t == &PyStaticMethod_Type ||
         t == &PyClassMethod_Type || t == &PyProperty_Type || t == &Py_GenericAliasType || is_getter(o) ||
         is_union(o) || is_pattern(o) || is_timezone(o) || is_enum_member(o) || is_re_default(o) ||
         is_interpreter_facts(o) || is_tensor_identity_constant(o) || ndarray::is_dtype(o) || ndarray::is_function(o);
}

bool is_constant_key(PyObject* o, int depth) {
  if (!PyTuple_CheckExact(o) && !is_size_type(Py_TYPE(o))) return is_plain_constant(o) || is_identity_constant(o);
  if (depth == 0) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i)
    if (!is_constant_key(PyTuple_GET_ITEM(o, i), depth - 1)) return false;
  return true;
}

namespace {

// A class whose __torch_dispatch__ carries out the ops itself: CPython's matter.
bool is_asked_below(PyTypeObject* type) {
  PyObject* name = FJ_NAME("__torch_dispatch__");
  return type != tensor_type && _PyType_Lookup(type, name) != _PyType_Lookup(tensor_type, name);
}

V subclass_shell(Tracer& t, PyObject* real, SourceId source) {
  auto* inner = shell<TensorValue>(t, real);
  inner->touched = false;
  inner->source = source;
  inner->real = real;
  inner->born = 0;
  auto* o = shell<ObjectValue>(t, real);
  o->tensor = inner;
  if (!is_wrapper(real)) return o;
  know_outer(inner, o);
  t.has_wrappers = true;
  t.outside_wrappers.push_back(o);
  return o;
}

}  // namespace

V Tracer::new_outside(PyObject* real, SourceId source) {
  PyTypeObject* t = Py_TYPE(real);
  // Inside a metaclass's mro(): not even its bases may be there.
  if (PyType_Check(real) && !reinterpret_cast<PyTypeObject*>(real)->tp_mro)
    cut(Reason::native_object, "a class that is being made");
  if (is_plain_constant(real) || is_identity_constant(real)) return shell<ConstValue>(*this, real);
  if (is_wrapper(real)) return subclass_shell(*this, real, source);
  if (is_tensor(real) && is_asked_below(t)) return shell<OpaqueValue>(*this, real);
  if (is_tensor(real) && !overrides::type_answers(t)) return shell<TensorValue>(*this, real);
  if (is_tensor(real) && is_overriding(t)) return subclass_shell(*this, real, source);
  if (V array = outside_array(*this, real)) return array;
  if (PyFunction_Check(real)) return shell<FunctionValue>(*this, real);
  if (PyMethod_Check(real)) return shell<MethodValue>(*this, real);
  if (PyCell_Check(real)) return shell<CellValue>(*this, real);
  if (Py_TYPE(real) == partial_type()) return shell<PartialValue>(*this, real);
  PyTypeObject* base = native_base(t);
  if (base == &PyTuple_Type || is_size_type(t)) return shell<TupleValue>(*this, real);
  if (base == &PyList_Type || t == deque_type()) return shell<ListValue>(*this, real);
  if (base == &PyDict_Type || base == &PyODict_Type || is_default_dict(t)) return shell<DictValue>(*this, real);
  if (PyAnySet_CheckExact(real)) return shell<SetValue>(*this, real);
  if (base == &PyBaseObject_Type && is_python_class(t)) return shell<ObjectValue>(*this, real);
  if (PyIter_Check(real) && base != &PyBaseObject_Type && !PyWeakref_CheckProxy(real)) {
    if (py::can_peek(real)) return make<IteratorValue>(t, Iter::Peek);
    if (t == &PyZip_Type && !py::is_strict_zip(real)) return make<IteratorValue>(t, Iter::Zip);
    if (t == &PyEnum_Type && py::count_of(real)) return make<IteratorValue>(t, Iter::Enumerate);
    return make<IteratorValue>(t, Iter::Outside);
  }
  return shell<OpaqueValue>(*this, real);
}

V Tracer::wrap(PyObject* real, SourceId source) {
  if (!real) return nullptr;
  const bool by_value = is_plain_constant(real) || is_identity_constant(real);
  if (!by_value) {
    auto it = seen_.find(real);
    if (it != seen_.end()) {
      V v = it->second;
      if (v->source != source) {
        guard(Kind::SameObject, source, nullptr, {}, nullptr, v->source);
        if (v->is == Is::Tensor && !v->touched) as<TensorValue>(v)->called = source;
      }
      return v;
    }
  }
  V v = new_outside(real, source);
  v->touched = false;
  v->source = source;
  v->real = real;
  v->born = 0;
  if (!by_value) {
    seen_[real] = v;
    outside_.push_back(v);
  }
  return v;
}

V Tracer::wrap_known(PyObject* real) {
  if (is_plain_constant(real) || is_identity_constant(real)) return constant(real);
  if (auto it = stand_ins_.find(real); it != stand_ins_.end()) return it->second;
  keep(Ref::borrow(real));
  return wrap(real, const_source(real));
}

}  // namespace fj::capture
