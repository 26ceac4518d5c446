// Writing and deleting attributes, and the attributes of exceptions.
#include <algorithm>

#include "capture/class_body.h"
#include "capture/grads.h"
#include "capture/handlers.h"
#include "capture/left_alone.h"
#include "capture/protocol.h"
#include "capture/tensors.h"

namespace fj::capture {

namespace {

// Is there something in a slot of an object from outside? Guarded.
bool slot_is_set(Tracer& t, ObjectValue* o, PyObject* raw) {
  const SourceId source = t.source(Step::Slot, o->source, 0, raw);
  Ref real = Ref::steal(Py_TYPE(raw)->tp_descr_get(raw, o->real, reinterpret_cast<PyObject*>(o->cls)));
  if (real) {
    t.guard(Kind::Absent, source, nullptr, {1});  // it is there
    return true;
  }
  PyErr_Clear();
  t.guard(Kind::Absent, source);
  return false;
}

void write_slot(Tracer& t, ObjectValue* o, PyObject* raw, V value) {
  auto put = [&](std::vector<std::pair<PyObject*, V>>& into) {
    for (auto& [descr, old] : into)
      if (descr == raw) {
        old = value;
        return;
      }
    into.push_back({raw, value});
  };
  check_write(t, o);
  put(o->slots);
  if (!o->outside()) return;
  if (!value && !slot_is_set(t, o, raw)) {  // what the trace has put there is all that goes
    auto& w = o->slot_writes;
    w.erase(std::remove_if(w.begin(), w.end(), [&](auto& row) { return row.first == raw; }), w.end());
    return;
  }
  put(o->slot_writes);
  o->changed = true;
}

[[noreturn]] void no_attribute(Tracer& t, V v, PyObject* name) {
  t.raise(PyExc_AttributeError, cat("'", v->cls->tp_name, "' object has no attribute '", py::utf8(name), "'"));
}

void set_traceback(Tracer& t, ObjectValue* e, V value) {
  const bool none = is_const(t, value, Py_None);
  if (!none && (value->is != Is::Opaque || value->cls != &PyTraceBack_Type))
    t.raise(PyExc_TypeError, "__traceback__ must be a traceback or None");
  if (!none && value->outside()) cut(Reason::traceback, "__traceback__ is set");
  e->raised = !none;
  e->traceback = none ? nullptr : value;
  e->born = t.step;
}

bool write_exception(Tracer& t, ObjectValue* e, PyObject* name, V value) {
  if (is_text(name, "__cause__")) {
    e->cause = value;
    e->has_cause = true;
  } else if (is_text(name, "__context__")) {
    e->context = is_const(t, value, Py_None) ? nullptr : value;
  } else if (is_text(name, "args")) {
    e->args = t.tuple(unpack(t, value));
  } else if (is_text(name, "__traceback__") || is_text(name, "__suppress_context__")) {
    if (is_text(name, "__suppress_context__")) cut(Reason::native_object, "__suppress_context__ is set");
    set_traceback(t, e, value);
  } else {
    return false;
  }
  if (e->outside()) cut(Reason::native_object, "an exception from outside is changed");
  return true;
}

// CPython's own words for a property without setter or deleter, which are found before anything is called.
[[noreturn]] void no_setter(Tracer& t, V v, PyObject* raw, V value) {
  Ref self = Ref::borrow(v->real);
  if (!self && native_base(v->cls) == &PyBaseObject_Type) {
    Ref none = Ref::steal(PyTuple_New(0));
    self = Ref::steal(PyBaseObject_Type.tp_new(v->cls, none.get(), nullptr));
    PyErr_Clear();
  }
  if (!self) cut(Reason::raises, "a property without a setter");
  PyProperty_Type.tp_descr_set(raw, self.get(), value ? Py_None : nullptr);
  t.raise_pending();
}

// Data descriptors take the write; true if one did.
bool write_descriptor(Tracer& t, V v, PyObject* raw, PyObject* name, V value) {
  PyTypeObject* kind = Py_TYPE(raw);
  if (!kind->tp_descr_set) return false;
  if (kind == &PyProperty_Type) {
    Ref f = Ref::steal(PyObject_GetAttrString(raw, value ? "fset" : "fdel"));
    if (!f || f.get() == Py_None) no_setter(t, v, raw, value);
    call_values(t, t.wrap_known(f.get()), value ? Values{v, value} : Values{v});
    return true;
  }
  if (v->is == Is::Object && is_exception_type(v->cls) && value && write_exception(t, as<ObjectValue>(v), name, value))
    return true;
  if (v->is == Is::Function && write_function_attr(t, as<FunctionValue>(v), name, value)) return true;
  if (kind == &PyMemberDescr_Type && v->is == Is::Object) {
    if (!value && !find_attr(t, v, name)) t.raise(PyExc_AttributeError, py::utf8(name));
    write_slot(t, as<ObjectValue>(v), raw, value);
    return true;
  }
  if (kind->tp_flags & Py_TPFLAGS_HEAPTYPE) {
    V descriptor = t.wrap_known(raw);
    if (descriptor->is == Is::Object) {
      V set = special(t, descriptor, value ? FJ_NAME("__set__") : FJ_NAME("__delete__"));
      if (set) {
        call_values(t, set, value ? Values{v, value} : Values{v});
        return true;
      }
    }
  }
  cut(Reason::native_object, "a write to ", v->cls->tp_name, ".", py::utf8(name));
}

}  // namespace

namespace {

void write_module(Tracer& t, PyObject* module, PyObject* name, V value) {
  PyObject* raw = t.type_lookup(Py_TYPE(module), name);
  if (raw && Py_TYPE(raw)->tp_descr_set) cut(Reason::class_change, "a write to a module's ", py::utf8(name));
  DictValue* d = t.known_dict(PyModule_GetDict(module));
  if (value) return dict_set(t, d, t.constant(name), value);
  if (!t.global_lookup(d->real, name))
    t.raise(PyExc_AttributeError,
            cat(module_text(PyModule_GetDict(module)), " has no attribute '", py::utf8(name), "'"));
  dict_del(t, d, t.constant(name));
}

}  // namespace

namespace {

// An object of the trace gets another class: CPython is asked, with two empty objects, whether it may.
bool become(Tracer& t, V v, V value) {
  PyObject* cls;
  if (v->outside() || v->is != Is::Object || as<ObjectValue>(v)->args || !t.constant_of(value, &cls) ||
      !PyType_Check(cls))
    return false;
  auto* type = reinterpret_cast<PyTypeObject*>(cls);
  for (PyTypeObject* each : {v->cls, type})
    if (native_base(each) != &PyBaseObject_Type || !is_python_class(each)) return false;
  Ref none = Ref::steal(PyTuple_New(0)), sample = Ref::steal(PyBaseObject_Type.tp_new(v->cls, none.get(), nullptr));
  if (!sample || PyObject_GenericSetAttr(sample.get(), FJ_NAME("__class__"), cls) < 0) t.raise_pending();
  v->cls = type;
  return true;
}

}  // namespace

void generic_set_attr(Tracer& t, V v, PyObject* name, V value) {
  PyTypeObject* type = t.type_of(v);
  if (v->is == Is::Const && PyType_Check(v->real)) return write_class(t, v, name, value);
  if (v->is == Is::Const && PyModule_CheckExact(v->real)) return write_module(t, v->real, name, value);
  if (v->is == Is::Tensor && is_text(name, "grad"))
    return set_tensor_grad(t, as<TensorValue>(v), value ? value : t.none());
  if (v->is == Is::Tensor && is_text(name, "requires_grad") && value && !v->outside()) {
    t.tensors->leaf_made(t);
    if (t.tape) t.tape->give_up("a write to requires_grad");
    Ref on = t.need_real(value, Reason::unsupported_op, "requires_grad");
    if (PyObject_SetAttr(as<TensorValue>(v)->fake, name, on.get()) < 0) t.raise_pending();
    return;
  }
  if (v->is == Is::Const || v->is == Is::Tensor || v->is == Is::Opaque) {
    cut(v->is == Is::Tensor ? Reason::unsupported_op : Reason::class_change, "a write to ", type->tp_name, ".",
        py::utf8(name));
  }
  if (is_text(name, "__class__") && value && become(t, v, value)) return;
  if (is_text(name, "__class__") || is_text(name, "__dict__"))
    cut(Reason::native_object, "a write to __class__ or __dict__");
  if (PyObject* raw = t.type_lookup(type, name))
    if (write_descriptor(t, v, raw, name, value)) return;
  DictValue* d = instance_dict(t, v);
  if (!d && v->is != Is::Object) cut(Reason::native_object, "a write to ", type->tp_name, ".", py::utf8(name));
  if (!d) {
    if (kBefore313 || type->tp_setattro != PyObject_GenericSetAttr) no_attribute(t, v, name);
    t.raise(PyExc_AttributeError, cat("'", type->tp_name, "' object has no attribute '", py::utf8(name),
                                      "' and no __dict__ for setting new attributes"));
  }
  if (value)
    dict_set(t, d, t.constant(name), value);
  else if (!dict_del(t, d, t.constant(name)))
    no_attribute(t, v, name);
}

namespace {

void write_attr(Tracer& t, V v, PyObject* name, V value) {
  t.use(v);
  if (v->is != Is::Const && v->is != Is::Tensor) {
    PyObject* hook = value ? FJ_NAME("__setattr__") : FJ_NAME("__delattr__");
    if (PyObject* raw = overridden(t, v->cls, hook)) {
      Values args{t.constant(name)};
      if (value) args.push_back(value);
      call_values(t, bind(t, raw, v, v->cls, hook), args);
      return;
    }
  }
  generic_set_attr(t, v, name, value);
}

}  // namespace

void set_attr(Tracer& t, V v, PyObject* name, V value) { write_attr(t, v, name, value); }
void del_attr(Tracer& t, V v, PyObject* name) { write_attr(t, v, name, nullptr); }

V traceback_of(Tracer& t, V exception) {
  auto* e = as<ObjectValue>(exception);
  if (e->outside()) cut(Reason::traceback, "__traceback__");
  if (!e->raised) return t.none();
  if (!e->traceback) e->traceback = t.make<OpaqueValue>(&PyTraceBack_Type);
  return e->traceback;
}

V exception_attr(Tracer& t, ObjectValue* e, PyObject* name) {
  if (e->outside()) {
    if (is_text(name, "__traceback__")) cut(Reason::traceback, "__traceback__");
    PyObject* raw = t.type_lookup(e->cls, name);
    Ref real = Ref::steal(PyObject_GetAttr(e->real, name));
    if (!real) t.raise_pending();
    return t.wrap(t.keep(real), t.source(Step::Getter, e->source, 0, raw));
  }
  if (is_text(name, "args")) return e->args;
  if (is_text(name, "__cause__")) return e->cause ? e->cause : t.none();
  if (is_text(name, "__context__")) {
    if (!e->context && e->raised) nothing_handled(t);
    return e->context ? e->context : t.none();
  }
  if (is_text(name, "__suppress_context__")) return t.boolean(e->has_cause);
  if (is_text(name, "__traceback__")) return traceback_of(t, e);
  if (is_group_type(e->cls) && is_text(name, "message") && !e->slots.empty()) return e->args->items.at(0);
  if (is_text(name, "exceptions"))
    for (auto& [descr, value] : e->slots)
      if (is_group_type(e->cls)) return value;
  if (is_text(name, "value") && PyType_IsSubtype(e->cls, reinterpret_cast<PyTypeObject*>(PyExc_StopIteration)))
    return e->args->items.empty() ? t.none() : e->args->items[0];
  if (is_text(name, "code") && e->cls == reinterpret_cast<PyTypeObject*>(PyExc_SystemExit))
    return e->args->items.empty() ? t.none() : e->args->items[0];
  if (e->real) {
    Ref real = Ref::steal(PyObject_GetAttr(e->real, name));
    if (!real) t.raise_pending();
    return t.from_real(real.get());
  }
  if (is_text(name, "name") || is_text(name, "obj") || is_text(name, "path") || is_text(name, "msg")) {
    if (is_text(name, "msg") && !e->args->items.empty()) return e->args->items[0];
    return t.none();
  }
  cut(Reason::native_object, e->cls->tp_name, ".", py::utf8(name));
}

}  // namespace fj::capture
