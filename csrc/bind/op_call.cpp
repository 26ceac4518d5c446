#include "bind/op_call.h"

#include <map>
#include <string>
#include <vector>

#include "bind/create.h"
#include "bind/module.h"
#include "bind/overrides.h"

namespace fj::bind {
namespace {

struct OpCallable {
  PyObject_HEAD vectorcallfunc vectorcall;
  const char* name;
  const OpDef* const* rows;
  Py_ssize_t nrows;
  PyObject* dict;  // attributes that users set (__module__, __doc__)
  PyObject* weakrefs;
};

PyTypeObject function_type = {PyVarObject_HEAD_INIT(nullptr, 0)};
PyTypeObject method_type = {PyVarObject_HEAD_INIT(nullptr, 0)};

OpCallable* as_callable(PyObject* o) { return reinterpret_cast<OpCallable*>(o); }
std::span<const OpDef* const> rows_of(PyObject* o) {
  return {as_callable(o)->rows, static_cast<size_t>(as_callable(o)->nrows)};
}

PyObject* places(PyObject* condition) {
  py::Ref module = py::Ref::steal(PyImport_ImportModule("framejit"));
  py::Ref nonzero = module ? py::Ref::steal(PyObject_GetAttrString(module.get(), "nonzero")) : py::Ref();
  py::Ref args = nonzero ? py::Ref::steal(PyTuple_Pack(1, condition)) : py::Ref();
  py::Ref named = args ? py::Ref::steal(Py_BuildValue("{s:O}", "as_tuple", Py_True)) : py::Ref();
  return named ? PyObject_Call(nonzero.get(), args.get(), named.get()) : nullptr;
}

PyObject* call_function(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  const Py_ssize_t all = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
  if (__builtin_expect(overrides::asked(args, all), 0)) return ask(self, args, n, kwnames);
  return py::guarded<PyObject*>(nullptr, [&] {
    CallArgs call{args, n, kwnames, false};
    return call_overloads(as_callable(self)->name, rows_of(self), call);
  });
}

// where(condition) alone: the places of its elements, a tensor for each dimension. Else the op.
PyObject* call_where(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t all = PyVectorcall_NARGS(nargsf) + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
  if (all != 1 || !is_tensor(args[0]) || overrides::asked(args, all)) return call_function(self, args, nargsf, kwnames);
  return places(args[0]);
}

PyObject* call_method(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  const Py_ssize_t all = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
  if (__builtin_expect(overrides::asked(args, all), 0)) return ask(self, args, n, kwnames);
  if (n < 1 || !is_tensor(args[0])) {
    PyErr_Format(PyExc_TypeError, "descriptor '%s' for 'framejit.Tensor' objects doesn't apply to %s",
                 as_callable(self)->name, n < 1 ? "no object" : Py_TYPE(args[0])->tp_name);
    return nullptr;
  }
  return py::guarded<PyObject*>(nullptr, [&] {
    CallArgs call{args, n, kwnames, true};
    return call_overloads(as_callable(self)->name, rows_of(self), call);
  });
}

PyObject* method_get(PyObject* self, PyObject* object, PyObject*) {
  if (!object || object == Py_None) return Py_NewRef(self);
  return PyMethod_New(self, object);
}

PyObject* repr(PyObject* self) {
  return Py_TYPE(self) == &method_type
             ? PyUnicode_FromFormat("<method '%s' of 'framejit.Tensor' objects>", as_callable(self)->name)
             : PyUnicode_FromFormat("<built-in function %s>", as_callable(self)->name);
}
PyObject* get_name(PyObject* self, void*) { return PyUnicode_FromString(as_callable(self)->name); }
PyObject* get_qualname(PyObject* self, void*) {
  return PyUnicode_FromFormat(Py_TYPE(self) == &method_type ? "Tensor.%s" : "%s", as_callable(self)->name);
}
PyObject* get_module(PyObject* self, void*) {
  if (Py_TYPE(self) == &method_type) Py_RETURN_NONE;
  return PyUnicode_FromString("framejit");
}
// Errors and examples of rows, which the package keeps beside the extension: a tuple of texts.
py::Ref doc_ends(std::span<const OpDef* const> rows) {
  py::Ref names = py::Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(rows.size())));
  for (size_t i = 0; names && i < rows.size(); ++i) {
    PyObject* name = PyUnicode_FromString(rows[i]->full_name);
    if (!name) return {};
    PyTuple_SET_ITEM(names.get(), static_cast<Py_ssize_t>(i), name);
  }
  py::Ref module = names ? py::Ref::steal(PyImport_ImportModule("framejit._op_docs")) : py::Ref();
  return module ? py::Ref::steal(PyObject_CallMethod(module.get(), "ends", "(O)", names.get())) : py::Ref();
}
PyObject* get_doc(PyObject* self, void*) {
  std::span<const OpDef* const> rows = rows_of(self);
  py::Ref ends = doc_ends(rows);
  if (!ends || !PyTuple_Check(ends.get()) || PyTuple_GET_SIZE(ends.get()) != static_cast<Py_ssize_t>(rows.size()))
    return PyErr_Occurred() ? nullptr : PyUnicode_FromString("");
  py::Ref text = py::Ref::steal(PyUnicode_FromString(""));
  for (size_t i = 0; text && i < rows.size(); ++i)
    text = py::Ref::steal(PyUnicode_FromFormat("%U%s%s\n\n%s\n%U", text.get(), i ? "\n" : "", rows[i]->schema,
                                               rows[i]->doc, PyTuple_GET_ITEM(ends.get(), static_cast<Py_ssize_t>(i))));
  return text.release();
}
PyObject* get_objclass(PyObject*, void*) { return Py_NewRef(reinterpret_cast<PyObject*>(tensor_type)); }
// By name: functions from the package, methods from the type.
PyObject* reduce(PyObject* self, PyObject*) {
  if (Py_TYPE(self) != &method_type) return PyUnicode_FromString(as_callable(self)->name);
  py::Ref builtins = py::Ref::steal(PyImport_ImportModule("builtins"));
  py::Ref getattr = builtins ? py::Ref::steal(PyObject_GetAttrString(builtins.get(), "getattr")) : py::Ref();
  return getattr ? Py_BuildValue("O(Os)", getattr.get(), tensor_type, as_callable(self)->name) : nullptr;
}

PyGetSetDef getset[] = {
    {"__name__", get_name, nullptr, nullptr, nullptr},     {"__qualname__", get_qualname, nullptr, nullptr, nullptr},
    {"__module__", get_module, nullptr, nullptr, nullptr}, {"__doc__", get_doc, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyGetSetDef method_getset[] = {
    {"__name__", get_name, nullptr, nullptr, nullptr}, {"__qualname__", get_qualname, nullptr, nullptr, nullptr},
    {"__doc__", get_doc, nullptr, nullptr, nullptr},   {"__objclass__", get_objclass, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMethodDef methods[] = {{"__reduce__", reduce, METH_NOARGS, "Pickled by name."}, {nullptr, nullptr, 0, nullptr}};

using RowMap = std::map<std::string, std::vector<const OpDef*>, std::less<>>;
const RowMap& row_map() {
  static const RowMap* map = [] {
    auto* m = new RowMap();
    for (const OpDef& op : all_ops()) {
      (*m)[op.name].push_back(&op);
      for (std::string_view rest = op.aliases; !rest.empty();) {
        size_t end = std::min(rest.find(' '), rest.size());
        (*m)[std::string(rest.substr(0, end))].push_back(&op);
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
    return m;
  }();
  return *map;
}

// framejit.return_types.max(
// values=…,
// indices=…)
PyObject* repr_named(PyObject* self) {
  py::Ref fields = py::Ref::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(self)), "__match_args__"));
  py::Ref text = py::Ref::steal(PyUnicode_FromFormat("%s(", Py_TYPE(self)->tp_name));
  for (Py_ssize_t i = 0; fields && text && i < PyTuple_GET_SIZE(self); ++i)
    text = py::Ref::steal(PyUnicode_FromFormat("%U\n%U=%R%s", text.get(), PyTuple_GET_ITEM(fields.get(), i),
                                               PyTuple_GET_ITEM(self, i), i + 1 < PyTuple_GET_SIZE(self) ? "," : ")"));
  return text.release();
}

// Named results get a struct sequence type, made on first use.
PyTypeObject* named_tuple_type(const OpDef& op) {
  static std::map<const OpDef*, PyTypeObject*> types;
  PyTypeObject*& type = types[&op];
  if (type) return type;
  auto* fields = new std::vector<PyStructSequence_Field>();
  for (const RetDef& r : op.rets) fields->push_back({r.name, ""});
  fields->push_back({nullptr, nullptr});
  auto* name = new std::string(cat("framejit.return_types.", op.name));
  PyStructSequence_Desc desc{name->c_str(), op.doc, fields->data(), static_cast<int>(op.rets.size())};
  type = PyStructSequence_NewType(&desc);
  if (!type) throw py::PythonError();
  type->tp_repr = repr_named;
  return type;
}

// out=: one tensor, or a sequence of as many as there are results.
PyObject* call_out(const OpDef& op, Args args, PyObject* out) {
  SmallVec<TensorObj*, 2> targets;
  if (is_tensor(out))
    targets.push_back(as_tensor(out));
  else if (PyTuple_Check(out) || PyList_Check(out)) {
    py::Ref items = py::check(PySequence_Fast(out, ""));
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
      PyObject* item = PySequence_Fast_GET_ITEM(items.get(), i);
      FJ_USER_CHECK(is_tensor(item), ErrorKind::Type, op.name,
                    "(): argument 'out' must be tuple of Tensors, but found element of type ", Py_TYPE(item)->tp_name,
                    " at pos ", i);
      targets.push_back(as_tensor(item));
    }
  }
  FJ_USER_CHECK(targets.size() == op.rets.size(), ErrorKind::Type, op.name, "(): argument 'out' must be ",
                op.rets.size() == 1 ? "Tensor" : "tuple of Tensors", ", not ", Py_TYPE(out)->tp_name);
  Outs outs;
  call_op_out(op, args, targets, outs);
  if (targets.size() == 1) return Py_NewRef(out);
  return to_python(op, outs);
}

void set_requires_grad(Outs& outs) {
  for (TensorRef& t : outs) {
    require_grad(t.get());
  }
}

bool ready(PyTypeObject& t, const char* name, unsigned long flags, PyGetSetDef* gets, descrgetfunc bind) {
  t.tp_name = name;
  t.tp_basicsize = sizeof(OpCallable);
  t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | flags;
  t.tp_vectorcall_offset = offsetof(OpCallable, vectorcall);
  t.tp_call = PyVectorcall_Call;
  t.tp_repr = repr;
  t.tp_getset = gets;
  t.tp_methods = methods;
  t.tp_descr_get = bind;
  t.tp_dictoffset = offsetof(OpCallable, dict);
  t.tp_weaklistoffset = offsetof(OpCallable, weakrefs);
  return PyType_Ready(&t) == 0;
}

// The rows of one name that have a flag and are bound by the table; the list lives for ever.
std::span<const OpDef* const> with_flag(const std::vector<const OpDef*>& rows, uint32_t flag) {
  auto* kept = new std::vector<const OpDef*>();
  for (const OpDef* op : rows)
    if (op->has(flag) && !op->has(kSpecial)) kept->push_back(op);
  return *kept;
}

bool bind_function(PyObject* where, const std::string& name, std::span<const OpDef* const> rows) {
  py::Ref f = py::Ref::steal(new_op_callable(name.c_str(), rows, false));
  return f && PyModule_AddObjectRef(where, name.c_str(), f.get()) == 0;
}

}  // namespace

PyObject* new_tuple(Outs& outs) {
  py::Ref tuple = py::check(PyTuple_New(static_cast<Py_ssize_t>(outs.size())));
  for (size_t i = 0; i < outs.size(); ++i)
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), outs[i].release_object());
  return tuple.release();
}

PyObject* to_python(const OpDef& op, Outs& outs) {
  if (op.rets.size() == 1) return op.rets[0].type == ArgType::TensorList ? new_tuple(outs) : outs[0].release_object();
  if (op.rets.empty()) return Py_NewRef(Py_None);
  if (!op.rets[0].name || !*op.rets[0].name) return new_tuple(outs);
  py::Ref result = py::check(PyStructSequence_New(named_tuple_type(op)));
  for (size_t i = 0; i < outs.size(); ++i)
    PyStructSequence_SetItem(result.get(), static_cast<Py_ssize_t>(i), outs[i].release_object());
  return result.release();
}

PyObject* call_overloads(const char* name, std::span<const OpDef* const> overloads, const CallArgs& call) {
  ArgVec args;
  for (const OpDef* op : overloads) {
    CallExtras extras;
    if (parse_call(*op, call, &args, &extras, nullptr) == Match::No) {
      args.clear();
      continue;
    }
    if (extras.out) return call_out(*op, args, extras.out);
    Outs outs;
    call_op(*op, args, outs);
    if (extras.requires_grad == 1) set_requires_grad(outs);
    return to_python(*op, outs);
  }
  raise_no_match(name, overloads, call);
}

PyObject* new_op_callable(const char* name, std::span<const OpDef* const> overloads, bool method) {
  OpCallable* o = PyObject_New(OpCallable, method ? &method_type : &function_type);
  if (!o) return nullptr;
  o->vectorcall = method ? call_method : overloads[0]->id == OpId::where ? call_where : call_function;
  o->name = name;
  o->rows = overloads.data();
  o->nrows = static_cast<Py_ssize_t>(overloads.size());
  o->dict = o->weakrefs = nullptr;
  return reinterpret_cast<PyObject*>(o);
}

std::span<const OpDef* const> overloads_of(PyObject* o) {
  if (Py_TYPE(o) != &function_type && Py_TYPE(o) != &method_type) return {};
  return rows_of(o);
}

std::span<const OpDef* const> rows_named(std::string_view name) {
  auto it = row_map().find(name);
  if (it == row_map().end()) return {};
  return it->second;
}

// Binds every row that is not special: functions into the module, methods into the type.
bool init_ops(PyObject* module) {
  if (!ready(function_type, "framejit._C.OpFunction", 0, getset, nullptr)) return false;
  if (!ready(method_type, "framejit._C.OpMethod", Py_TPFLAGS_METHOD_DESCRIPTOR, method_getset, method_get))
    return false;
  py::Ref nn = py::Ref::steal(PyModule_New("framejit._C._nn"));
  if (!nn || PyModule_AddObjectRef(module, "_nn", nn.get()) < 0) return false;
  for (auto& [name, rows] : row_map()) {
    if (auto f = with_flag(rows, kFunction); !f.empty() && !bind_function(module, name, f)) return false;
    if (auto f = with_flag(rows, kNnFunction); !f.empty() && !bind_function(nn.get(), name, f)) return false;
    auto m = with_flag(rows, kMethod);
    if (m.empty()) continue;
    py::Ref method = py::Ref::steal(new_op_callable(name.c_str(), m, true));
    if (!method || PyObject_SetAttrString(reinterpret_cast<PyObject*>(tensor_type), name.c_str(), method.get()) < 0)
      return false;
  }
  return true;
}

}  // namespace fj::bind
