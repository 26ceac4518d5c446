// Objects of C types that a trace makes and owns: a bytearray, an array, a text buffer, a hash. The real object is at
// hand and only the trace sees it, so its methods are simply called with constants; what leaves the trace is a copy
// that the recipe makes. Values of immutable C types (dates) are constants.
#include "capture/owned.h"

#include <algorithm>

#include "capture/builtins.h"
#include "capture/tensors.h"
#include "py/once.h"

namespace fj::capture {

namespace {

struct Row {
  const char *module, *name;
};
constexpr Row kOwned[] = {{"builtins", "bytearray"}, {"array", "array"}, {"_io", "StringIO"}, {"_io", "BytesIO"}};
constexpr const char* kDates[] = {"date", "time", "datetime", "timedelta", "timezone"};

using TypeSet = std::vector<PyTypeObject*>;

void add_type(TypeSet& set, const char* module, const char* name) {
  PyObject* m = PyImport_GetModule(Ref::steal(PyUnicode_FromString(module)).get());
  PyObject* found = m ? PyObject_GetAttrString(m, name) : nullptr;
  PyErr_Clear();
  Py_XDECREF(m);
  if (found && PyType_Check(found)) set.push_back(reinterpret_cast<PyTypeObject*>(found));
}

bool has(const TypeSet& set, PyTypeObject* type) { return std::find(set.begin(), set.end(), type) != set.end(); }

// A type is only met once its module has been imported: what is not known then is looked for again.
bool is_owned_type(PyTypeObject* type) {
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE && is_python_class(type)) return false;
  static std::unordered_map<PyTypeObject*, bool>* known = new std::unordered_map<PyTypeObject*, bool>;
  auto it = known->find(type);
  if (it != known->end()) return it->second;
  TypeSet set;
  for (const Row& row : kOwned) add_type(set, row.module, row.name);
  const bool hash = std::string_view(type->tp_name) == "_hashlib.HASH";
  Py_INCREF(type);
  return (*known)[type] = hash || has(set, type);
}

bool is_hash_maker(PyObject* f) {
  if (!PyCFunction_Check(f)) return false;
  auto* c = reinterpret_cast<PyCFunctionObject*>(f);
  const std::string_view name = c->m_ml->ml_name;
  if (name.substr(0, 8) != "openssl_" && name != "new") return false;
  return c->m_module && PyUnicode_Check(c->m_module) && is_text(c->m_module, "_hashlib");
}

Ref plain(Tracer& t, V v, const char* what) {
  if (has_tensor(v)) cut(Reason::data_dependent, what, " with a tensor");
  return t.need_real(v, Reason::native_call, what);
}

V result_of(Tracer& t, Ref result, V self) {
  if (!result) t.raise_pending();
  if (self && result.get() == self->real) return self;
  if (!is_owned_type(Py_TYPE(result.get()))) return t.from_real(result.get());
  auto* v = t.make<OpaqueValue>(Py_TYPE(result.get()));
  v->owned = true;
  v->real = t.keep(std::move(result));
  return v;
}

V call_plainly(Tracer& t, PyObject* callable, const Args& args, V self) {
  const char* what = PyType_Check(callable) ? reinterpret_cast<PyTypeObject*>(callable)->tp_name : "its method";
  Ref pos = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(args.pos.size()))), named = Ref::steal(PyDict_New());
  for (size_t i = 0; i < args.pos.size(); ++i)
    PyTuple_SET_ITEM(pos.get(), static_cast<Py_ssize_t>(i), plain(t, args.pos[i], what).release());
  for (auto& [name, v] : args.named) PyDict_SetItem(named.get(), name, plain(t, v, what).get());
  return result_of(t, Ref::steal(PyObject_Call(callable, pos.get(), named.get())), self);
}

}  // namespace

bool is_date_type(PyTypeObject* type) {
  static TypeSet* set = nullptr;
  if (std::string_view(type->tp_name).substr(0, 9) != "datetime.") return false;
  return has(*py::once(set,
                       [] {
                         auto* all = new TypeSet;
                         for (const char* name : kDates) add_type(*all, "datetime", name);
                         return all;
                       }),
             type);
}

// Methods that ask for the clock, the local time zone or the locale are left to CPython.
bool is_date_method(PyObject* self, std::string_view name) {
  if (!is_date_type(Py_TYPE(self))) return false;
  for (std::string_view refused : {"astimezone", "timestamp", "strftime", "__format__", "__reduce_ex__"})
    if (name == refused) return false;
  return true;
}

V make_owned(Tracer& t, PyObject* callable, const Args& args) {
  const bool type = PyType_Check(callable);
  auto* cls = reinterpret_cast<PyTypeObject*>(callable);
  if (type && is_date_type(cls)) return call_plainly(t, callable, args, nullptr);
  if (!(type ? is_owned_type(cls) : is_hash_maker(callable))) return nullptr;
  if (t.tape) t.tape->give_up("an object of a C type");
  return call_plainly(t, callable, args, nullptr);
}

V owned_attr(Tracer& t, V v, PyObject* name) {
  if (is_text(name, "__class__")) return t.constant(reinterpret_cast<PyObject*>(v->cls));
  PyObject* raw = _PyType_Lookup(v->cls, name);
  if (!raw) return nullptr;
  if (Py_TYPE(raw) == &PyMethodDescr_Type || Py_TYPE(raw) == &PyWrapperDescr_Type) return t.native(raw, name, v);
  return result_of(t, Ref::steal(PyObject_GetAttr(v->real, name)), v);
}

V call_owned(Tracer& t, V self, PyObject* name, const Args& args) {
  Ref bound = Ref::steal(PyObject_GetAttr(self->real, name));
  if (!bound) t.raise_pending();
  return call_plainly(t, bound.get(), args, self);
}

V owned_operator(Tracer& t, PyObject* (*function)(PyObject*, PyObject*), V a, V b) {
  Ref x = plain(t, a, "an operator"), y = plain(t, b, "an operator");
  return result_of(t, Ref::steal(function(x.get(), y.get())), is_owned(a) ? a : nullptr);
}

V owned_item(Tracer& t, V v, V key) {
  return result_of(t, Ref::steal(PyObject_GetItem(v->real, plain(t, key, "a subscript").get())), v);
}

void set_owned_item(Tracer& t, V v, V key, V value) {
  Ref k = plain(t, key, "a subscript"), x = value ? plain(t, value, "a subscript") : Ref();
  if ((value ? PyObject_SetItem(v->real, k.get(), x.get()) : PyObject_DelItem(v->real, k.get())) < 0) t.raise_pending();
}

// A bound method without arguments that makes a copy, or NULL.
Ref copier_of(V v) {
  for (const char* name : {"copy", "__copy__"})
    if (Ref found = Ref::steal(PyObject_GetAttrString(v->real, name))) return found;
  PyErr_Clear();
  return {};
}

}  // namespace fj::capture
