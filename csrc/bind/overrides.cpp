#include "bind/overrides.h"

#include "bind/module.h"
#include "bind/tensor_type.h"
#include "py/text.h"
#include "tensor/autograd.h"
#include "tensor/meta_device.h"
#include "tensor/python_dispatch.h"

namespace fj::bind {
namespace {

using overrides::state;
using overrides::State;

// --- asking ---

// Those that answer.
struct Asked {
  SmallVec<PyObject*, 4> objects;

  void walk(PyObject* const* items, Py_ssize_t n, int depth) {
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* o = items[i];
      if (!o) continue;
      if (overrides::answers(o))
        overrides::add_asked(objects, o, [](PyObject* each) { return Py_TYPE(each); });
      else if (depth > 0 && (PyTuple_Check(o) || PyList_Check(o)))
        walk(PySequence_Fast_ITEMS(o), PySequence_Fast_GET_SIZE(o), depth - 1);
    }
  }
};

// While a mode answers, the modes around it are the innermost.
class WithoutInnermost {
 public:
  WithoutInnermost() : mode_(std::move(state().modes.back())) { state().modes.pop_back(); }
  ~WithoutInnermost() { state().modes.push_back(std::move(mode_)); }
  PyObject* mode() const { return mode_.get(); }

 private:
  py::Ref mode_;
};

py::Ref call_handler(PyObject* object, PyObject* function, PyObject* types, PyObject* args, PyObject* kwargs) {
  py::Ref handler = py::check(PyObject_GetAttrString(object, "__torch_function__"));
  return py::check(PyObject_CallFunctionObjArgs(handler.get(), function, types, args, kwargs, nullptr));
}

py::Ref name_of_function(PyObject* function) {
  py::Ref name = py::Ref::steal(PyObject_GetAttrString(function, "__name__"));
  if (!name) PyErr_Clear();
  return name ? name : py::Ref::steal(PyObject_Repr(function));
}

// Nobody knew what to do.
[[noreturn]] void refuse(PyObject* function, const Asked& asked) {
  py::Ref name = name_of_function(function);
  std::string text = cat("Multiple dispatch failed for '", name ? py::utf8(name.get()) : "?",
                         "'; all __torch_function__ handlers returned NotImplemented:\n");
  for (PyObject* o : asked.objects) {
    py::Ref type = py::check(PyObject_Repr(reinterpret_cast<PyObject*>(Py_TYPE(o))));
    text += cat("\n  - tensor subclass ", py::utf8(type.get()));
  }
  raise(ErrorKind::Type, text);
}

// The package's functions that are written in Python begin to ask when the first object answers.
void begin() {
  static bool begun = false;
  if (std::exchange(begun, true)) return;
  py::Ref module = py::check(PyImport_ImportModule("framejit._overridable"));
  py::check(PyObject_CallMethod(module.get(), "install", nullptr));
}

// --- the tensors of subclasses ---

bool same_layout(PyTypeObject* type) {
  return type->tp_basicsize == tensor_type->tp_basicsize && type->tp_itemsize == tensor_type->tp_itemsize;
}

void change_type(TensorObj* t, PyTypeObject* type) {
  PyTypeObject* before = Py_TYPE(t);
  Py_INCREF(type);
  Py_SET_TYPE(as_object(t), type);
  Py_DECREF(before);
  track(t);
  facts_changed(t);
}

// A value of a function as the subclass has it: tensors become its instances, also in tuples and lists.
py::Ref converted(py::Ref value, PyTypeObject* type) {
  PyObject* o = value.get();
  if (is_tensor(o)) {
    if (PyType_IsSubtype(Py_TYPE(o), type)) return value;
    return py::Ref::steal(wrap(to_subclass(TensorRef::steal(as_tensor(value.release())), type)));
  }
  if (!PyTuple_Check(o) && !PyList_Check(o)) return value;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  bool any = false;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = PySequence_Fast_ITEMS(o)[i];
    any |= is_tensor(item) || PyTuple_Check(item) || PyList_Check(item);
  }
  if (!any) return value;
  py::Ref items = py::check(PyList_New(n));
  for (Py_ssize_t i = 0; i < n; ++i)
    PyList_SET_ITEM(items.get(), i, converted(py::Ref::borrow(PySequence_Fast_ITEMS(o)[i]), type).release());
  return PyList_CheckExact(o) ? items
                              : py::check(PyObject_CallOneArg(reinterpret_cast<PyObject*>(Py_TYPE(o)), items.get()));
}

// Attributes that stay what they are: another tensor's gradient, or the tensor that this is a view of.
bool stays(PyObject* function) {
  static PyObject* const names[] = {PyUnicode_InternFromString("_base"), PyUnicode_InternFromString("grad"),
                                    PyUnicode_InternFromString("_grad")};
  static PyTypeObject* const method_wrapper = [] {  // not exported by 3.13
    py::Ref one = py::Ref::steal(PyObject_GetAttrString(names[0], "__add__"));
    return Py_TYPE(one.get());
  }();
  if (!Py_IS_TYPE(function, method_wrapper)) return false;
  py::Ref owner = py::Ref::steal(PyObject_GetAttrString(function, "__self__"));
  for (PyObject* name : names)
    if (owner && PyDict_GetItem(tensor_type->tp_dict, name) == owner.get()) return true;
  PyErr_Clear();
  return false;
}

// Tensor.__torch_function__(func, types, args=(), kwargs=None)
PyObject* default_handler(PyObject* cls, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"func", "types", "args", "kwargs", nullptr};
  PyObject *function, *types, *positional = nullptr, *named = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OO:__torch_function__", const_cast<char**>(names), &function,
                                   &types, &positional, &named))
    return nullptr;
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    auto* type = reinterpret_cast<PyTypeObject*>(cls);
    py::Ref known = py::check(PySequence_Tuple(types));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(known.get()); ++i) {
      const int sub = PyObject_IsSubclass(cls, PyTuple_GET_ITEM(known.get(), i));
      if (py::check(sub) == 0) return Py_NewRef(Py_NotImplemented);
    }
    overrides::Pause none;
    py::Ref result = call_plainly(function, positional, named);
    if (type == tensor_type || stays(function)) return result.release();
    return converted(std::move(result), type).release();
  });
}

// What stands in a class's `__torch_function__` says that its instances are not asked; called, it just calls.
PyObject* disabled_handler(PyObject*, PyObject* args) {
  PyObject *function, *types, *positional = nullptr, *named = nullptr;
  if (!PyArg_ParseTuple(args, "OO|OO", &function, &types, &positional, &named)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    overrides::Pause none;
    return call_plainly(function, positional, named).release();
  });
}

// --- functions of the package ---

PyObject* has_override(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return PyBool_FromLong(overrides::asked(args, n));
}

// _asks(args, kwargs)
PyObject* asks_any(PyObject*, PyObject* const* args, Py_ssize_t n) {
  if (overrides::mode_answers()) Py_RETURN_TRUE;
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (PyTuple_Check(args[i])) {
      if (overrides::any_answers(PySequence_Fast_ITEMS(args[i]), PyTuple_GET_SIZE(args[i]))) Py_RETURN_TRUE;
    } else if (PyDict_Check(args[i])) {
      PyObject* value;
      for (Py_ssize_t at = 0; PyDict_Next(args[i], &at, nullptr, &value);)
        if (overrides::any_answers(&value, 1)) Py_RETURN_TRUE;
    }
  }
  Py_RETURN_FALSE;
}

// _ask(function, args, kwargs, relevant=None): what the arguments make of the call.
PyObject* ask_with(PyObject* function, PyObject* relevant, PyObject* args, PyObject* kwargs) {
  Asked asked;
  asked.walk(PySequence_Fast_ITEMS(relevant), PyTuple_GET_SIZE(relevant), 2);
  if (relevant == args && kwargs) {
    PyObject* value;
    for (Py_ssize_t at = 0; PyDict_Next(kwargs, &at, nullptr, &value);) asked.walk(&value, 1, 2);
  }
  begin();
  py::Ref types = py::check(PyTuple_New(static_cast<Py_ssize_t>(asked.objects.size())));
  for (size_t i = 0; i < asked.objects.size(); ++i)
    PyTuple_SET_ITEM(types.get(), static_cast<Py_ssize_t>(i),
                     Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(asked.objects[i]))));
  if (overrides::mode_answers()) {
    WithoutInnermost outer;
    py::Ref result = call_handler(outer.mode(), function, types.get(), args, kwargs);
    if (result.get() != Py_NotImplemented) return result.release();
  }
  for (PyObject* o : asked.objects) {
    py::Ref result = call_handler(o, function, types.get(), args, kwargs);
    if (result.get() != Py_NotImplemented) return result.release();
  }
  refuse(function, asked);
}

PyObject* ask_function(PyObject*, PyObject* args) {
  PyObject *function, *positional, *named, *relevant = nullptr;
  if (!PyArg_ParseTuple(args, "OO!O!|O!:_ask", &function, &PyTuple_Type, &positional, &PyDict_Type, &named,
                        &PyTuple_Type, &relevant))
    return nullptr;
  return py::guarded<PyObject*>(
      nullptr, [&] { return ask_with(function, relevant ? relevant : positional, positional, named); });
}

// --- the state ---

PyObject* push_mode(PyObject*, PyObject* mode) {
  return py::guarded<PyObject*>(nullptr, [&] {
    begin();
    state().modes.push_back(py::Ref::borrow(mode));
    ++overrides::modes_anywhere;
    return Py_NewRef(Py_None);
  });
}
PyObject* pop_mode(PyObject*, PyObject*) {
  if (state().modes.empty()) return PyErr_Format(PyExc_RuntimeError, "no mode of __torch_function__ is active");
  py::Ref mode = std::move(state().modes.back());
  state().modes.pop_back();
  --overrides::modes_anywhere;
  return mode.release();
}
PyObject* modes(PyObject*, PyObject*) {
  py::Ref out = py::Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(state().modes.size())));
  for (size_t i = 0; out && i < state().modes.size(); ++i)
    PyTuple_SET_ITEM(out.get(), static_cast<Py_ssize_t>(i), state().modes[i].new_ref());
  return out.release();
}
// (are objects asked, are modes): sets both and gives what was.
PyObject* set_asking(PyObject*, PyObject* args) {
  int objects, with_modes;
  if (!PyArg_ParseTuple(args, "pp:_set_overrides", &objects, &with_modes)) return nullptr;
  State& s = state();
  PyObject* before =
      Py_BuildValue("(OO)", overrides::objects_asked ? Py_True : Py_False, s.ask_modes ? Py_True : Py_False);
  overrides::objects_asked = objects;
  s.ask_modes = with_modes;
  return before;
}
PyObject* is_asking(PyObject*, PyObject*) { return PyBool_FromLong(overrides::objects_asked); }

PyCFunction fast(PyObject* (*f)(PyObject*, PyObject* const*, Py_ssize_t)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

PyMethodDef functions[] = {
    {"_disabled_torch_function_impl", disabled_handler, METH_VARARGS,
     "As a class's __torch_function__: its instances are not asked."},
    {"_has_override", fast(has_override), METH_FASTCALL, "Does one of the arguments, or a mode, answer functions?"},
    {"_asks", fast(asks_any), METH_FASTCALL, "The same of the values of tuples and dicts."},
    {"_ask", ask_function, METH_VARARGS, "What the arguments make of a call: function, args, kwargs, those to ask."},
    {"_push_override_mode", push_mode, METH_O, "Makes a mode the innermost."},
    {"_pop_override_mode", pop_mode, METH_NOARGS, "Leaves the innermost mode, and gives it."},
    {"_override_modes", modes, METH_NOARGS, "The modes of this thread, the innermost last."},
    {"_set_overrides", set_asking, METH_VARARGS, "Whether objects and modes are asked; gives what was."},
    {"_is_torch_function_enabled", is_asking, METH_NOARGS, "Are objects asked?"},
    {nullptr, nullptr, 0, nullptr},
};

PyMethodDef handler_method[] = {
    {"__torch_function__", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(default_handler)),
     METH_VARARGS | METH_KEYWORDS | METH_CLASS,
     "Calls the function; tensors among its results become instances of this class."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

py::Ref call_plainly(PyObject* function, PyObject* positional, PyObject* named) {
  py::Ref args = positional ? py::check(PySequence_Tuple(positional)) : py::check(PyTuple_New(0));
  py::Ref keywords = py::Ref::borrow(named == Py_None ? nullptr : named);
  if (keywords && !PyDict_Check(named)) {
    FJ_USER_CHECK(PyMapping_Check(named) && PyObject_HasAttrString(named, "keys"), ErrorKind::Type,
                  "kwargs must be a mapping, not ", Py_TYPE(named)->tp_name);
    keywords = py::check(PyDict_New());
    py::check(PyDict_Update(keywords.get(), named));
  }
  return py::check(PyObject_Call(function, args.get(), keywords.get()));
}

PyObject* ask(PyObject* function, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return py::guarded<PyObject*>(nullptr, [&] {
    const Py_ssize_t nkw = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    py::Ref positional = py::check(PyTuple_New(n)), named = py::check(PyDict_New());
    for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(positional.get(), i, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; i < nkw; ++i)
      py::check(PyDict_SetItem(named.get(), PyTuple_GET_ITEM(kwnames, i), args[n + i]));
    return ask_with(function, positional.get(), positional.get(), named.get());
  });
}

PyObject* ask_method(const char* name, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  py::Ref function = py::Ref::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), name));
  return function ? ask(function.get(), args, n, kwnames) : nullptr;
}

void begin_overrides(PyTypeObject* type) {
  if (overrides::type_answers(type)) begin();
}

TensorRef to_subclass(TensorRef t, PyTypeObject* type) {
  if (meta_device::is_traced(t.get())) raise(ErrorKind::Unsupported, "a subclass instance of a traced tensor");
  begin_overrides(type);
  const bool ours = Py_REFCNT(as_object(t.get())) == 1 && is_exact_tensor(as_object(t.get()));
  if (!ours) {
    overrides::Pause none;
    t = call1(OpId::alias, {Arg(t.val())});
  }
  if (same_layout(type)) {
    change_type(t.get(), type);
    python_dispatch::settle(t.get(), true);
    return t;
  }
  TensorRef out = new_tensor_of(type, t->meta, StorageRef::borrow(t->storage));
  std::swap(out->autograd, t->autograd);
  std::swap(out->base, t->base);
  std::swap(out->version, t->version);
  out->flags = t->flags;
  meta_device::settle(out.get());
  python_dispatch::settle(out.get(), true);
  return out;
}

bool init_overrides(PyObject* module) {
  if (PyModule_AddFunctions(module, functions) < 0) return false;
  py::Ref disabled = py::Ref::steal(PyObject_GetAttrString(module, "_disabled_torch_function_impl"));
  if (!disabled || !add_tensor_methods(handler_method)) return false;
  overrides::set_functions(disabled.get());
  return true;
}

}  // namespace fj::bind
