// `__torch_dispatch__`: puts calls below the tape to modes and classes written in Python (tensor/python_dispatch.h),
// and makes the tensors of such classes. What a call is in PyTorch's names framejit.utils._python_dispatch says.
#include "bind/create.h"
#include "bind/module.h"
#include "bind/op_call.h"
#include "bind/overrides.h"
#include "bind/record.h"
#include "bind/tensor_type.h"
#include "py/imported.h"
#include "py/text.h"
#include "tensor/python_dispatch.h"

namespace fj::bind {
namespace {

constinit py::Imported answer{"framejit.utils._python_dispatch", "_answer"};
constinit py::Imported number_in{"framejit.utils._python_dispatch", "_item"};

// The classes that are asked.
py::Ref types_of(Args args) {
  SmallVec<PyTypeObject*, 4> types;
  for_each_val(args, [&](Val v) {
    TensorObj* t = tensor_of(v);
    if (!python_dispatch::is_asked(t)) return;
    overrides::add_asked(types, Py_TYPE(python_dispatch::object_of(t)), [](PyTypeObject* each) { return each; });
  });
  py::Ref out = py::check(PyTuple_New(static_cast<Py_ssize_t>(types.size())));
  for (size_t i = 0; i < types.size(); ++i)
    PyTuple_SET_ITEM(out.get(), static_cast<Py_ssize_t>(i), Py_NewRef(reinterpret_cast<PyObject*>(types[i])));
  return out;
}

PyObject* known_object(Val v) { return v ? Py_NewRef(python_dispatch::object_of(tensor_of(v))) : Py_NewRef(Py_None); }

void take_result(const OpDef& op, PyObject* o, Outs& outs) {
  if (is_tensor(o)) return outs.push_back(TensorRef::borrow(as_tensor(o)));
  FJ_USER_CHECK(PyTuple_Check(o) || PyList_Check(o), ErrorKind::Type, "__torch_dispatch__ of ", op.full_name,
                " gave a ", Py_TYPE(o)->tp_name, " where a Tensor is needed");
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) take_result(op, PySequence_Fast_ITEMS(o)[i], outs);
}

// The tape makes results its own: what is an argument, too, is given as another object.
void separate(Args args, Outs& outs) {
  for (TensorRef& t : outs) {
    bool given = false;
    for_each_val(args, [&](Val v) { given |= tensor_of(v) == t.get(); });
    if (given && is_exact_tensor(as_object(t.get()))) t = make_alias(t.get());
  }
}

// Below the tape: no gradients, no casts, and no class is asked by `__torch_function__`.
struct BelowTape {
  BelowTape() : autocast(thread_state().autocast) { thread_state().autocast.cpu = false; }
  ~BelowTape() { thread_state().autocast = autocast; }
  AutocastState autocast;
  GradModeGuard no_grad{false};
  overrides::Pause pause;
};

py::Ref values_of(Args args) {
  py::Ref values = py::check(PyTuple_New(static_cast<Py_ssize_t>(args.size())));
  for (size_t i = 0; i < args.size(); ++i)
    PyTuple_SET_ITEM(values.get(), static_cast<Py_ssize_t>(i), py::check(arg_object(args[i], known_object)).release());
  return values;
}

bool writes_to_first(const OpDef& op) { return !op.args.empty() && op.args[0].mutated; }

// For capture, which finds the answers itself.
void list_call(python_dispatch::Listing& listing, const OpDef& op, Args args, Outs& outs) {
  if (listing.answered < PyTuple_GET_SIZE(listing.answers)) {
    PyObject* answer = PyTuple_GET_ITEM(listing.answers, listing.answered++);
    if (writes_to_first(op)) return outs.push_back(TensorRef::borrow(tensor_of(args[0].val())));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(answer); ++i) {
      outs.push_back(TensorRef::borrow(as_tensor(PyTuple_GET_ITEM(answer, i))));
      if (thread_state().grad_mode) outs.back()->flags &= ~kNoGradView;
    }
    return;
  }
  listing.op = &op;
  listing.values = values_of(args);
  raise(ErrorKind::Unsupported, op.name, "() of a tensor whose class answers");
}

void ask(PyObject* mode, const OpDef& op, Args args, Outs& outs) {
  if (python_dispatch::listing) return list_call(*python_dispatch::listing, op, args, outs);
  const bool recording = thread_state().grad_mode;
  const bool writes = writes_to_first(op);
  py::Ref types = types_of(args);
  py::Ref values = values_of(args);
  py::Ref result;
  {
    const BelowTape below;
    result = py::check(
        PyObject_CallFunction(answer.get(), "OOsO", mode ? mode : Py_None, types.get(), op.full_name, values.get()));
  }
  if (writes) {
    TensorObj* self = tensor_of(args[0].val());
    if (!mode) bump_version(self);
    return outs.push_back(TensorRef::borrow(self));
  }
  take_result(op, result.get(), outs);
  const bool list = op.rets.size() == 1 && op.rets[0].type == ArgType::TensorList;
  FJ_USER_CHECK(list || outs.size() == op.rets.size(), ErrorKind::Type, "__torch_dispatch__ of ", op.full_name,
                " gave ", outs.size(), " tensors where ", op.rets.size(), " are needed");
  if (!recording) return;
  separate(args, outs);
  for (TensorRef& t : outs) t->flags &= ~kNoGradView;
}

TensorRef ask_item(TensorObj* t, const char* what) {
  if (python_dispatch::listing) raise(ErrorKind::DataDependent, what, "() of a tensor whose class answers");
  const BelowTape below;
  py::Ref number = py::check(PyObject_CallOneArg(number_in.get(), python_dispatch::object_of(t)));
  return tensor_from_data(number.get(), &t->meta.dtype);
}

// -- functions of the module -----------------------------------------------------------------------------------------

PyObject* push(PyObject*, PyObject* mode) {
  python_dispatch::push_mode(mode);
  Py_RETURN_NONE;
}
PyObject* pop(PyObject*, PyObject*) {
  py::Ref mode = python_dispatch::pop_mode();
  return mode ? mode.release() : PyErr_Format(PyExc_RuntimeError, "no mode of __torch_dispatch__ is active");
}
PyObject* modes(PyObject*, PyObject*) {
  const auto& active = python_dispatch::modes();
  py::Ref out = py::Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(active.size())));
  for (size_t i = 0; out && i < active.size(); ++i)
    PyTuple_SET_ITEM(out.get(), static_cast<Py_ssize_t>(i), active[i].new_ref());
  return out.release();
}

const OpDef& row_named(PyObject* name) {
  const OpDef* op = find_op(py::name_view(name));
  FJ_USER_CHECK(op, ErrorKind::Attribute, "there is no op row of that name");
  return *op;
}
PyObject* row_schema(PyObject*, PyObject* name) {
  return py::guarded<PyObject*>(nullptr, [&] { return PyUnicode_FromString(row_named(name).schema); });
}
// _call_row(name, *args): the op of that row, with positional arguments.
PyObject* call_row(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return py::guarded<PyObject*>(nullptr, [&] {
    FJ_USER_CHECK(n > 0, ErrorKind::Type, "_call_row() needs a name");
    const OpDef& op = row_named(args[0]);
    FJ_USER_CHECK(static_cast<size_t>(n - 1) == op.args.size(), ErrorKind::Type, op.full_name, "() takes ",
                  op.args.size(), " arguments");
    ArgVec values(op.args.size());
    for (size_t i = 0; i < values.size(); ++i)
      FJ_USER_CHECK(convert(op.args[i], args[i + 1], &values[i]) == Match::Yes, ErrorKind::Type, op.full_name,
                    "(): argument '", op.args[i].name, "' must not be ", type_name_for_message(args[i + 1]));
    Outs outs;
    call_op(op, values, outs);
    return to_python(op, outs);
  });
}

Shape shape_of(PyObject* o, const char* what) {
  Shape out;
  py::Ref items = py::check(PySequence_Fast(o, what));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    int64_t n = 0;
    if (!as_int64(PySequence_Fast_GET_ITEM(items.get(), i), &n)) throw py::PythonError();
    out.push_back(n);
  }
  return out;
}

// `cls` is None for what stands for such a tensor in a trace: of the plain type.
PyObject* make_wrapper(PyObject*, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"cls",
                                "size",
                                "strides",
                                "storage_offset",
                                "memory_format",
                                "dtype",
                                "layout",
                                "device",
                                "pin_memory",
                                "requires_grad",
                                "dispatch_sizes_strides_policy",
                                "dispatch_device",
                                "dispatch_layout",
                                "_extra_dispatch_keys",
                                "storage_size",
                                nullptr};
  PyObject *cls, *size, *strides = Py_None, *offset = Py_None, *format = Py_None, *dtype = Py_None, *layout = Py_None,
                        *device = Py_None, *policy, *keys, *bytes;
  int pinned, grad = 0, by_device, by_layout;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OOOOOOppOppOO:_make_wrapper_subclass", const_cast<char**>(names),
                                   &cls, &size, &strides, &offset, &format, &dtype, &layout, &device, &pinned, &grad,
                                   &policy, &by_device, &by_layout, &keys, &bytes))
    return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    const bool stands_in = cls == Py_None && thread_state().top;
    PyTypeObject* type = stands_in ? tensor_type : reinterpret_cast<PyTypeObject*>(cls);
    FJ_USER_CHECK(stands_in || (PyType_Check(cls) && PyType_IsSubtype(type, tensor_type)), ErrorKind::Type,
                  "cls must be a subclass of Tensor");
    FJ_USER_CHECK(stands_in || python_dispatch::type_answers(type), ErrorKind::Runtime, type->tp_name,
                  " must define __torch_dispatch__");
    DType element = default_dtype();
    FJ_USER_CHECK(dtype == Py_None || as_dtype(dtype, &element), ErrorKind::Type, "dtype must be a framejit.dtype");
    TensorMeta meta = make_meta(shape_of(size, "size must be a sequence"), element);
    for (Dim s : meta.sizes) FJ_USER_CHECK(s >= 0, ErrorKind::Runtime, "sizes must be non-negative");
    if (strides != Py_None) meta.strides = shape_of(strides, "strides must be a sequence");
    FJ_USER_CHECK(meta.strides.size() == meta.sizes.size(), ErrorKind::Runtime, "as many strides as sizes are needed");
    if (offset != Py_None && !as_int64(offset, &meta.offset)) throw py::PythonError();
    FJ_USER_CHECK(meta.offset >= 0, ErrorKind::Runtime, "storage_offset must be non-negative");
    for (Dim s : meta.strides) FJ_USER_CHECK(s >= 0, ErrorKind::Runtime, "strides must be non-negative");
    if (device != Py_None && !as_device(device, &meta.device)) throw py::PythonError();
    if (meta.device.type != DeviceType::CUDA) meta.device = {};
    begin_overrides(type);
    TensorRef t = new_tensor_of(type, meta, StorageRef::steal(new_fake_storage(extent_nbytes(meta))));
    python_dispatch::settle_without_memory(t.get());
    if (grad) require_grad(t.get());
    return wrap(std::move(t));
  });
}

PyObject* disabled_handler(PyObject*, PyObject* args) {
  PyObject *function, *types, *positional = nullptr, *named = nullptr;
  if (!PyArg_ParseTuple(args, "OO|OO:__torch_dispatch__", &function, &types, &positional, &named)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] { return call_plainly(function, positional, named).release(); });
}

PyCFunction any_function(auto* f) { return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f)); }

PyMethodDef functions[] = {
    {"_push_dispatch_mode", push, METH_O, "Makes a mode of __torch_dispatch__ the innermost."},
    {"_pop_dispatch_mode", pop, METH_NOARGS, "Leaves the innermost mode, and gives it."},
    {"_dispatch_modes", modes, METH_NOARGS, "The modes of this thread, the innermost last."},
    {"_row_schema", row_schema, METH_O, "The schema of an op row, by its full name."},
    {"_call_row", any_function(call_row), METH_FASTCALL, "The op of a row, by its full name, with all its arguments."},
    {"_disabled_torch_dispatch_impl", disabled_handler, METH_VARARGS,
     "As a class's __torch_dispatch__: its instances are not asked."},
    {nullptr, nullptr, 0, nullptr},
};

PyMethodDef methods[] = {
    {"_make_wrapper_subclass", any_function(make_wrapper), METH_VARARGS | METH_KEYWORDS | METH_STATIC,
     "A tensor without memory of a subclass that defines __torch_dispatch__, with the given sizes and dtype."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_torch_dispatch(PyObject* module) {
  if (PyModule_AddFunctions(module, functions) < 0 || !add_tensor_methods(methods)) return false;
  py::Ref disabled = py::Ref::steal(PyObject_GetAttrString(module, "_disabled_torch_dispatch_impl"));
  if (!disabled) return false;
  python_dispatch::set_disabled(disabled.get());
  if (PyDict_SetItemString(tensor_type->tp_dict, "__torch_dispatch__", disabled.get()) < 0) return false;
  PyType_Modified(tensor_type);
  py::Ref maker = py::Ref::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), methods[0].ml_name));
  if (!maker || PyModule_AddObjectRef(module, methods[0].ml_name, maker.get()) < 0) return false;  // capture finds it
  python_dispatch::ask = {ask, ask_item};
  return true;
}

}  // namespace fj::bind
