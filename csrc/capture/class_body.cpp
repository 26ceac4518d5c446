// Classes that a trace makes. The class statement's body is interpreted; the class itself is a real one that serves the
// trace alone: its functions and objects are stand-ins for values (Tracer::stand_in), its recipe makes the class anew.
#include "capture/class_body.h"

#include "capture/builtins.h"
#include "capture/left_alone.h"
#include "capture/sym_frame.h"
#include "py/imported.h"

namespace fj::capture {

namespace {

// A function of the same code, for what asks a class which attributes are functions; it is never called.
Ref function_stand(FunctionValue* f) {
  Ref made = Ref::steal(PyFunction_New(reinterpret_cast<PyObject*>(f->code), f->globals));
  if (made && !f->closure.empty()) {
    Ref cells = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(f->closure.size())));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(cells.get()); ++i)
      PyTuple_SET_ITEM(cells.get(), i, PyCell_New(nullptr));
    PyFunction_SetClosure(made.get(), cells.get());
  }
  return made;
}

// An instance of its class that nothing has been done to.
Ref object_stand(Tracer& t, V v) {
  if (t.type_lookup(v->cls, FJ_NAME("__set_name__"))) cut(Reason::class_body, "__set_name__ of ", v->cls->tp_name);
  if (native_base(v->cls) != &PyBaseObject_Type) cut(Reason::class_body, "an attribute of type ", v->cls->tp_name);
  Ref none = Ref::steal(PyTuple_New(0));
  Ref made = Ref::steal(PyBaseObject_Type.tp_new(v->cls, none.get(), nullptr));
  if (!made) t.raise_pending();
  return made;
}

}  // namespace

PyObject* Tracer::stand_in(V v) {
  if (v->is == Is::Const) {
    use(v);
    return v->real;
  }
  if (v->outside()) {
    stand_ins_[v->real] = v;
    return v->real;
  }
  Ref made = v->is == Is::Function ? function_stand(as<FunctionValue>(v))
             : v->is == Is::Object ? object_stand(*this, v)
                                   : Ref::steal(PyObject_CallNoArgs(reinterpret_cast<PyObject*>(&PyBaseObject_Type)));
  PyObject* o = keep(std::move(made));
  stand_ins_[o] = v;
  return o;
}

V Tracer::made_constant(Ref real, PyObject* callable, Values args) {
  if (!real) raise_pending();
  V v = constant(real);
  makers_[v] = {callable, std::move(args)};
  return v;
}

namespace {

bool is_abc_meta(PyTypeObject* meta) {
  static constinit py::Imported abc_meta{"abc", "ABCMeta"};
  return meta == abc_meta.type();
}

// Making the class runs no Python code: then the recipe may do it again.
void check_meta(Tracer& t, PyTypeObject* meta) {
  if (is_abc_meta(meta)) return;
  for (const char* name : {"__new__", "__init__", "__prepare__", "__setattr__", "mro"}) {
    PyObject* raw = t.type_lookup(meta, intern(name));
    if (raw && raw != _PyType_Lookup(&PyType_Type, intern(name))) cut(Reason::class_body, "a metaclass with ", name);
  }
}

PyTypeObject* base_type(Tracer& t, V base) {
  PyObject* o;
  if (!t.constant_of(base, &o) || !PyType_Check(o)) cut(Reason::class_body, "a base that is no class");
  PyObject* raw = t.type_lookup(reinterpret_cast<PyTypeObject*>(o), FJ_NAME("__init_subclass__"));
  if (raw != _PyType_Lookup(&PyBaseObject_Type, FJ_NAME("__init_subclass__")))
    cut(Reason::class_body, "a base with __init_subclass__");
  return reinterpret_cast<PyTypeObject*>(o);
}

PyObject* class_attribute(Tracer& t, PyObject* name, V v) {
  if (is_text(name, "__slots__")) return t.keep(t.need_real(v, Reason::class_body, "__slots__"));
  return t.stand_in(v);
}

}  // namespace

V make_class(Tracer& t, PyTypeObject* meta, V name, const Values& bases, DictValue* space) {
  Ref base_tuple = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(bases.size())));
  for (size_t i = 0; i < bases.size(); ++i) {
    PyTypeObject* base = base_type(t, bases[i]);
    if (PyType_IsSubtype(Py_TYPE(base), meta)) meta = Py_TYPE(base);
    PyTuple_SET_ITEM(base_tuple.get(), static_cast<Py_ssize_t>(i), Py_NewRef(base));
  }
  check_meta(t, meta);
  t.use(name);
  auto* kept = t.dict();
  V cell = nullptr;
  Ref real_space = Ref::steal(PyDict_New());
  for (auto& [k, v] : dict_items(t, space)) {
    PyObject* key = name_of(t, k, "an attribute's name");
    if (is_text(key, "__classcell__")) {
      t.use(v);
      if (v->is != Is::Cell) cut(Reason::class_body, "__classcell__");
      cell = v;
      continue;
    }
    dict_set(t, kept, k, v);
    PyDict_SetItem(real_space.get(), key, class_attribute(t, key, v));
  }
  Ref made = Ref::steal(PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(meta), name->real, base_tuple.get(),
                                                     real_space.get(), nullptr));
  V cls;
  if (V made_meta = t.made(reinterpret_cast<PyObject*>(meta))) {  // itself made by the segment: what a call of it does
    static PyObject* const make = PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyType_Type), "__new__");
    cls = t.made_constant(std::move(made), make, {made_meta, name, t.tuple(bases), kept});
  } else {
    cls = t.made_constant(std::move(made), reinterpret_cast<PyObject*>(meta), {name, t.tuple(bases), kept});
  }
  if (cell) {
    auto* c = as<CellValue>(cell);
    c->known = true;
    c->contents = cls;
    c->changed = c->outside();
  }
  return cls;
}

V build_class(Tracer& t, Args& a) {
  V meta_value = a.take("metaclass");
  if (!a.named.empty()) cut(Reason::class_body, "a class with keyword arguments");
  for (V v : a.pos) t.use(v);
  if (a.pos.size() < 2 || a.pos[0]->is != Is::Function) cut(Reason::argument_form, "__build_class__");
  PyObject* meta = reinterpret_cast<PyObject*>(&PyType_Type);
  if (meta_value && (!t.constant_of(meta_value, &meta) || !PyType_Check(meta)))
    cut(Reason::class_body, "a metaclass that is no class");
  auto* body = as<FunctionValue>(a.pos[0]);
  Values bases(a.pos.begin() + 2, a.pos.end());
  for (V base : bases) base_type(t, base);
  check_meta(t, reinterpret_cast<PyTypeObject*>(meta));
  auto* space = t.dict();
  run_in_namespace(t, body->code, body->globals, space, body);
  return make_class(t, reinterpret_cast<PyTypeObject*>(meta), a.pos[1], bases, space);
}

V run_in_namespace(Tracer& t, PyCodeObject* code, PyObject* globals, DictValue* space, FunctionValue* function) {
  if (t.depth >= kMaxDepth) cut(Reason::too_deep, "a class body");
  t.take_rule();
  SymFrame* frame = t.new_frame(code);
  frame->globals = globals;
  frame->function = function;
  frame->space = space;
  frame->locals.resize(static_cast<size_t>(frame->code.locals_count()));
  ++t.depth;
  struct Leave {
    Tracer& t;
    ~Leave() { --t.depth; }
  } leave{t};
  return run_frame(t, *frame);
}

// collections.namedtuple(…) of constants: a real class for the trace, which the recipe makes anew by the same call.
V make_namedtuple(Tracer& t, FunctionValue* f, const Args& args) {
  static constinit py::Imported function{"collections", "namedtuple"};
  if (f->real != function.get()) return nullptr;
  Ref pos = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(args.pos.size()) + 1)), named = Ref::steal(PyDict_New());
  PyTuple_SET_ITEM(pos.get(), 0, Py_NewRef(f->real));
  for (size_t i = 0; i < args.pos.size(); ++i)
    PyTuple_SET_ITEM(pos.get(), static_cast<Py_ssize_t>(i) + 1,
                     t.need_real(args.pos[i], Reason::class_body, "namedtuple()").release());
  PyObject* home = module_name(t.frame->globals);
  PyDict_SetItem(named.get(), FJ_NAME("module"), home ? home : FJ_NAME("__main__"));
  for (auto& [name, v] : args.named)
    PyDict_SetItem(named.get(), name, t.need_real(v, Reason::class_body, "namedtuple()").get());
  Ref maker = Ref::steal(PyObject_Call(reinterpret_cast<PyObject*>(partial_type()), pos.get(), named.get()));
  Ref made = Ref::steal(maker ? PyObject_CallNoArgs(maker.get()) : nullptr);
  return t.made_constant(std::move(made), t.keep(std::move(maker)), {});
}

// type.__setattr__
void write_class(Tracer& t, V cls, PyObject* name, V value) {
  auto* type = reinterpret_cast<PyTypeObject*>(cls->real);
  PyObject* hook = t.type_lookup(Py_TYPE(cls->real), value ? FJ_NAME("__setattr__") : FJ_NAME("__delattr__"));
  if (!value || hook != _PyType_Lookup(&PyType_Type, FJ_NAME("__setattr__")) ||
      (type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE))
    cut(Reason::class_change, "a write to ", type->tp_name, ".", py::utf8(name));
  PyObject* meta_raw = t.type_lookup(Py_TYPE(cls->real), name);
  const bool dunder =
      PyUnicode_READ_CHAR(name, 0) == '_' && PyUnicode_GET_LENGTH(name) > 2 && PyUnicode_READ_CHAR(name, 1) == '_';
  if (dunder || (meta_raw && Py_TYPE(meta_raw)->tp_descr_set))
    cut(Reason::class_change, "a write to ", type->tp_name, ".", py::utf8(name));
  t.write_class_attr(cls, name, value);
}

void Tracer::write_class_attr(V cls, PyObject* name, V value) {
  auto made = makers_.find(cls);
  if (made != makers_.end()) {
    if (!PyType_Check(made->second.callable)) cut(Reason::class_change, "a write to a class that a function has made");
    if (type_lookup(type_of(value), FJ_NAME("__set_name__")))  // the class is made with it in place
      cut(Reason::class_change, "an attribute with __set_name__");
    dict_set(*this, as<DictValue>(made->second.args.at(2)), constant(name), value);
    if (PyType_Type.tp_setattro(cls->real, name, stand_in(value)) < 0) raise_pending();
    return;
  }
  for (auto& w : class_writes)
    if (w.cls == cls && PyUnicode_Compare(w.name, name) == 0) {
      w.value = value;
      return;
    }
  class_writes.push_back({cls, keep(Ref::borrow(name)), value});
}

// What the trace has written to a class from outside, seen through the MRO of `type`; NULL if the real one counts.
PyObject* Tracer::written_class_attr(PyTypeObject* type, PyObject* name) {
  PyObject* mro = type->tp_mro;
  for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); ++i) {
    PyObject* base = PyTuple_GET_ITEM(mro, i);
    for (auto& w : class_writes)
      if (w.cls->real == base && PyUnicode_Compare(w.name, name) == 0) return stand_in(w.value);
    PyObject* dict = reinterpret_cast<PyTypeObject*>(base)->tp_dict;
    if (dict && PyDict_GetItemWithError(dict, name)) return nullptr;
  }
  return nullptr;
}

}  // namespace fj::capture
