#include "capture/arrays.h"

#include <string_view>
#include <unordered_set>

#include "capture/builtins.h"
#include "capture/number.h"
#include "capture/recipes.h"
#include "capture/sym_frame.h"
#include "capture/tensors.h"
#include "py/once.h"
#include "tensor/ndarray.h"

namespace fj::capture {

namespace {

// framejit._numpy's tables: functions by NumPy's callables, methods and properties by name. Held for the process's
// life.
struct Tables {
  Ref functions, methods, properties;
  std::unordered_set<PyObject*> globals, pure;
  std::unordered_map<PyObject*, Rule> primitives;
};

// What the package's own functions go through: framejit._numpy._bridge's functions of these names.
V r_tensor_of(Tracer& t, Args& args);
V r_target_of(Tracer& t, Args& args);
V r_array_of(Tracer& t, Args& args);
V r_scalar_of(Tracer& t, Args& args);
V r_fixed_of(Tracer& t, Args& args);
V r_mirrored_of(Tracer& t, Args& args);
V r_tensor_of_number(Tracer& t, Args& args);
V r_is_array(Tracer& t, Args& args);
V r_is_scalar(Tracer& t, Args& args);

constexpr RuleRow kPrimitives[] = {
    {"tensor_of", r_tensor_of}, {"target_of", r_target_of}, {"array_of", r_array_of},
    {"scalar_of", r_scalar_of}, {"fixed_of", r_fixed_of},   {"mirrored_of", r_mirrored_of},
    {"is_array", r_is_array},   {"is_scalar", r_is_scalar}, {"tensor_of_number", r_tensor_of_number},
};

Tables* load() {
  auto* t = new Tables;
  Ref module = Ref::steal(PyImport_ImportModule("framejit._numpy"));
  auto table = [&](const char* name) {
    Ref found = module ? Ref::steal(PyObject_GetAttrString(module.get(), name)) : Ref();
    PyErr_Clear();
    return found ? found : Ref::steal(PyDict_New());
  };
  t->functions = table("FUNCTIONS");
  t->methods = table("METHODS");
  t->properties = table("PROPERTIES");
  PyErr_Clear();
  // Each of the package's modules.
  PyObject *name, *part;
  Py_ssize_t at = 0;
  while (PyDict_Next(PyImport_GetModuleDict(), &at, &name, &part))
    if (PyUnicode_Check(name) && PyModule_Check(part) && py::name_view(name).starts_with("framejit._numpy"))
      t->globals.insert(Py_NewRef(PyModule_GetDict(part)));
  Ref pure = module ? Ref::steal(PyObject_GetAttrString(module.get(), "PURE")) : Ref();
  for (Py_ssize_t i = 0; pure && PyList_Check(pure.get()) && i < PyList_GET_SIZE(pure.get()); ++i)
    t->pure.insert(Py_NewRef(PyList_GET_ITEM(pure.get(), i)));
  Ref bridge = module ? Ref::steal(PyObject_GetAttrString(module.get(), "_bridge")) : Ref();
  for (const RuleRow& row : kPrimitives)
    if (PyObject* f = bridge ? PyObject_GetAttrString(bridge.get(), row.name) : nullptr) t->primitives[f] = row.rule;
  PyErr_Clear();
  return t;
}

Tables* loaded = nullptr;

const Tables& tables() {
  py::once(loaded, load);
  return *loaded;
}

PyObject* entry(const Ref& table, const char* name) { return PyDict_GetItemString(table.get(), name); }

bool begins_with_numpy(PyObject* text) { return py::name_view(text).starts_with("numpy"); }

bool may_be_numpy_class(PyTypeObject* type) {
  Ref module = Ref::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "__module__"));
  PyErr_Clear();
  return begins_with_numpy(module.get());
}

// Could it be one of NumPy's? Asked of everything that is called, so quick.
bool may_be_numpy(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  if (PyCFunction_Check(o)) {
    auto* f = reinterpret_cast<PyCFunctionObject*>(o);
    if (f->m_self && !PyModule_Check(f->m_self)) return std::string_view(Py_TYPE(f->m_self)->tp_name) == "numpy.ufunc";
    return begins_with_numpy(f->m_module);
  }
  if (PyType_Check(o)) {
    const std::string_view name = reinterpret_cast<PyTypeObject*>(o)->tp_name;
    return name.substr(0, 6) == "numpy." || name == "finfo" || name == "iinfo";
  }
  if (PyFunction_Check(o)) return begins_with_numpy(reinterpret_cast<PyFunctionObject*>(o)->func_module);
  const std::string_view name = type->tp_name;
  return name == "numpy.ufunc" || name == "numpy._ArrayFunctionDispatcher";
}

bool is_ufunc(PyObject* o) { return std::string_view(Py_TYPE(o)->tp_name) == "numpy.ufunc"; }

// A number from outside is not looked at: it may vary.
bool is_settled(Tracer& t, V v) {
  return v->is == Is::Const && !(v->outside() && !v->touched && varies(t, v)) && v->slot < 0 &&
         (is_plain_constant(v->real) || is_identity_constant(v->real));
}

bool all_settled(Tracer& t, const Args& args) {
  if (!args.named.empty()) return false;
  for (V v : args.pos)
    if (!is_settled(t, v)) return false;
  return true;
}

// numpy.dtype, numpy.finfo, numpy.iinfo: what they make of constants is one.
bool describes(PyTypeObject* type) {
  const std::string_view name = type->tp_name;
  return name == "numpy.dtype" || ((name == "finfo" || name == "iinfo") && may_be_numpy_class(type));
}

bool is_description(PyObject* o) { return ndarray::is_dtype(o) || describes(Py_TYPE(o)); }

// np.sqrt(2): carried out, since nothing of it can vary.
V call_with_constants(Tracer& t, PyObject* callable, const Args& args) {
  Ref pos = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(args.pos.size())));
  for (size_t i = 0; i < args.pos.size(); ++i) {
    t.use(args.pos[i]);
    PyTuple_SET_ITEM(pos.get(), static_cast<Py_ssize_t>(i), Py_NewRef(args.pos[i]->real));
  }
  Ref result = Ref::steal(PyObject_Call(callable, pos.get(), nullptr));
  if (!result) PyErr_Clear();
  if (!result || !(is_array_like(result.get()) || is_description(result.get()))) return nullptr;
  return t.wrap_known(result.get());
}

}  // namespace

bool is_array_like(PyObject* o) { return ndarray::is_array(o) || ndarray::is_scalar(o); }

V outside_array(Tracer& t, PyObject* real) {
  if (!is_array_like(real)) return nullptr;
  TensorRef over = ndarray::tensor_over(real);
  if (!over) return nullptr;
  auto* v = t.make<ArrayValue>(Py_TYPE(real));
  v->example = t.keep(Ref::steal(over.release_object()));
  return v;
}

TensorValue* tensor_of_array(Tracer& t, ArrayValue* v) {
  t.use(v);
  const bool writeable = v->outside() && ndarray::is_array(v->real) && ndarray::is_writeable(v->real);
  if (!v->tensor) v->tensor = as<TensorValue>(t.wrap(v->example, t.source(Step::Array, v->source, writeable)));
  return v->tensor;
}

V call_array_function(Tracer& t, PyObject* callable, const Args& args) {
  if (!may_be_numpy(callable)) return nullptr;
  const bool converts = PyType_Check(callable) && (ndarray::is_scalar_type(reinterpret_cast<PyTypeObject*>(callable)) ||
                                                   describes(reinterpret_cast<PyTypeObject*>(callable)));
  if ((converts || is_ufunc(callable)) && all_settled(t, args))
    if (V result = call_with_constants(t, callable, args)) return result;
  PyObject* function = PyDict_GetItemWithError(tables().functions.get(), callable);
  if (!function) {
    PyErr_Clear();
    return nullptr;
  }
  Args given = args;
  return call(t, t.wrap_known(function), std::move(given));
}

bool is_array_part(PyObject* globals) { return loaded && loaded->globals.count(globals) != 0; }
bool is_pure_array_code(PyCodeObject* code) {
  return loaded && loaded->pure.count(reinterpret_cast<PyObject*>(code)) != 0;
}

bool is_own_source(const guard::SourceTable& sources, SourceId id) {
  if (!loaded || id < 0) return false;
  while (sources[id].parent >= 0) id = sources[id].parent;
  PyObject* root = sources[id].step == Step::Const ? sources[id].key.get() : nullptr;
  return root && PyFunction_Check(root) && is_array_part(PyFunction_GET_GLOBALS(root));
}

V call_array_part(Tracer& t, FunctionValue* f, Args args) {
  if (auto it = loaded->primitives.find(f->real); it != loaded->primitives.end()) return it->second(t, args);
  const bool from_outside = !t.frame || !is_array_part(t.frame->globals);
  if (!from_outside) return call_function(t, f, std::move(args));
  try {
    return call_function(t, f, std::move(args));
  } catch (Raised& r) {  // NumPy says it in its own words, or does what framejit._numpy does not
    cut(Reason::native_call, "NumPy's ", py::utf8(f->code->co_name));
  }
}

V array_attr(Tracer& t, ArrayValue* v, PyObject* name) {
  if (is_text(name, "__class__")) return t.constant(reinterpret_cast<PyObject*>(t.type_of(v)));
  if (PyObject* getter = PyDict_GetItemWithError(tables().properties.get(), name))
    return call_values(t, t.wrap_known(getter), {v});
  if (PyObject* method = PyDict_GetItemWithError(tables().methods.get(), name))
    return t.method(t.wrap_known(method), v);
  cut(Reason::native_object, v->cls->tp_name, ".", py::utf8(name));
}

V array_method(Tracer& t, V array, const char* name, Values others) {
  PyObject* method = entry(tables().methods, name);
  if (!method) cut(Reason::native_object, array->cls->tp_name, ".", name);
  others.insert(others.begin(), array);
  return call_values(t, t.wrap_known(method), std::move(others));
}

namespace {

// Another object that may have the say about the operator.
bool has_own_operators(V v) { return v->is == Is::Tensor || v->is == Is::Object || v->is == Is::Opaque; }

}  // namespace

V array_binary(Tracer& t, const char* name, const char* reflected, const char* in_place, V a, V b) {
  if (has_own_operators(a) || has_own_operators(b) || !name)
    cut(Reason::native_object, "an operator on ", a->cls->tp_name, " and ", b->cls->tp_name);
  V result = nullptr;
  if (a->is == Is::Array) {
    const bool writes = in_place && entry(tables().methods, in_place) && a->cls == ndarray::array_type();
    result = array_method(t, a, writes ? in_place : name, {b});
  } else {
    if (!reflected) cut(Reason::native_object, "an operator on ", a->cls->tp_name, " and ", b->cls->tp_name);
    result = array_method(t, b, reflected, {a});
  }
  if (is_const(t, result, Py_NotImplemented)) cut(Reason::native_object, "an operator of NumPy's");
  return result;
}

namespace {

// Does a 0-d tensor of a float give what the bare number gives? Then it is an input, whatever its value.
bool is_weak_beside(const TensorMeta& m) {
  return !m.sizes.empty() && (m.dtype == DType::F32 || m.dtype == DType::F64);
}

}  // namespace

void number_beside_tensor(Tracer& t, V* a, V* b, bool input) {
  if ((*b)->is == Is::Tensor) std::swap(a, b);
  V scalar = *b;
  if ((*a)->is != Is::Tensor || scalar->is != Is::Array || !scalar->real || !ndarray::is_scalar(scalar->real)) return;
  if (input && scalar->outside() && is_float(as_tensor(as<ArrayValue>(scalar)->example)->meta.dtype)) {
    t.use(*a);
    if (is_weak_beside(as_tensor(as<TensorValue>(*a)->fake)->meta)) {
      *b = tensor_of_array(t, as<ArrayValue>(scalar));
      return;
    }
  }
  Ref number = Ref::steal(PyObject_CallMethod(scalar->real, "item", nullptr));
  if (!number || !is_plain_constant(number.get())) return PyErr_Clear();
  if (scalar->outside()) t.guard(Kind::Equal, scalar->source, scalar->real);
  *b = t.constant(t.keep(number));
}

V iterate_array(Tracer& t, V array) {
  TensorValue* tensor = tensor_of_array(t, as<ArrayValue>(array));
  const int64_t n = to_index(t, tensor_length(t, tensor), "iteration");
  t.check_size(n);
  Values items;
  for (int64_t i = 0; i < n; ++i) items.push_back(array_method(t, array, "__getitem__", {t.integer(i)}));
  return iterate(t, t.list(std::move(items)));
}

// --- what the package itself calls

namespace {

// A function of framejit._C, kept for the process's life.
PyObject* native(const char* name) {
  Ref module = Ref::steal(PyImport_ImportModule("framejit._C"));
  return module ? PyObject_GetAttrString(module.get(), name) : nullptr;
}

ArrayValue* array_argument(V v, const char* what) {
  if (v->is != Is::Array) cut(Reason::native_object, what, " of ", v->cls->tp_name);
  return as<ArrayValue>(v);
}

// x[::-1] is a view in NumPy and a copy here: it must neither leave the trace nor be there when something is written.
bool is_mirrored(Tracer& t, TensorValue* tensor) {
  return !t.mirrored.empty() && tensor->fake && t.mirrored.count(as_tensor(tensor->fake)->storage) != 0;
}

V tensor_method(Tracer& t, V tensor, PyObject* name, Values args) {
  Args given;
  given.pos = std::move(args);
  return call_leaf_method(t, _PyType_Lookup(tensor->cls, name), tensor, given);
}

// Another tensor over the same memory, without a history.
V alias_of(Tracer& t, V tensor) { return tensor_method(t, tensor, FJ_NAME("detach"), {}); }

V r_tensor_of(Tracer& t, Args& args) {
  want(args, 1, 1);
  return tensor_of_array(t, array_argument(args.pos[0], "a tensor"));
}

V r_target_of(Tracer& t, Args& args) {
  want(args, 1, 1);
  ArrayValue* v = array_argument(args.pos[0], "a write to memory");
  TensorValue* tensor = tensor_of_array(t, v);
  t.use(tensor);
  if (!t.mirrored.empty()) cut(Reason::native_object, "a write while a reversed view is in use");
  if (v->fixed || v->cls != ndarray::array_type() || (v->outside() && !ndarray::is_writeable(v->real)))
    cut(Reason::raises, "a write to an array that is read-only");
  return tensor;
}

ArrayValue* array_from(Tracer& t, V from, bool scalar) {
  t.use(from);
  if (from->is != Is::Tensor) cut(Reason::internal, "an array of ", from->cls->tp_name);
  const DType dtype = as_tensor(as<TensorValue>(from)->fake)->meta.dtype;
  PyTypeObject* type = ndarray::scalar_type(dtype);
  if (!type) cut(Reason::native_object, "an array of ", name_of(dtype));
  auto* v = t.make<ArrayValue>(scalar ? type : ndarray::array_type());
  v->tensor = as<TensorValue>(from);
  return v;
}

V r_array_of(Tracer& t, Args& args) {
  want(args, 1, 1);
  return array_from(t, args.pos[0], false);
}
V r_scalar_of(Tracer& t, Args& args) {
  want(args, 1, 1);
  return array_from(t, args.pos[0], true);
}
V r_fixed_of(Tracer& t, Args& args) {
  want(args, 1, 1);
  ArrayValue* v = array_from(t, args.pos[0], false);
  v->fixed = true;
  return v;
}

V r_mirrored_of(Tracer& t, Args& args) {
  want(args, 2, 2);
  static PyObject* flip = nullptr;
  py::once(flip, [] { return native("flip"); });
  Args given;
  given.pos = {tensor_of_array(t, array_argument(args.pos[0], "a reversed view")), args.pos[1]};
  V copy = call_leaf(t, flip, given);
  t.mirrored.insert(as_tensor(as<TensorValue>(copy)->fake)->storage);
  return array_from(t, copy, false);
}

// Of a number that varies, an input of the graph.
V r_tensor_of_number(Tracer& t, Args& args) {
  want(args, 2, 2);
  PyObject* dtype = const_object(args.pos[1]);
  V number = args.pos[0];
  if (dtype && t.tensors->number_input(t, &number, dtype)) return number;
  static PyObject* scalar = nullptr;
  py::once(scalar, [] { return native("scalar_tensor"); });
  Args made;
  made.pos = {args.pos[0]};
  made.named = {{FJ_NAME("dtype"), args.pos[1]}};
  return call_leaf(t, scalar, made);
}

V r_is_array(Tracer& t, Args& args) {
  want(args, 1, 1);
  return t.boolean(args.pos[0]->is == Is::Array && t.type_of(args.pos[0]) == ndarray::array_type());
}
V r_is_scalar(Tracer& t, Args& args) {
  want(args, 1, 1);
  return t.boolean(args.pos[0]->is == Is::Array && t.type_of(args.pos[0]) != ndarray::array_type());
}

}  // namespace

V array_of_tensor(Tracer& t, TensorValue* v, Args& args) {
  V force = args.take("force");
  want(args, 0, 0);
  t.use(v);
  if (!ndarray::array_type() && !Ref::steal(PyImport_ImportModule("numpy"))) t.raise_pending();
  TensorObj* fake = as_tensor(v->fake);
  if (fake->meta.device.type != DeviceType::CPU) cut(Reason::native_object, "numpy() of a tensor elsewhere");
  if (fake->meta.requires_grad) {
    if (!force || !truth(t, force))
      t.raise(PyExc_RuntimeError,
              "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.");
    return array_from(t, alias_of(t, v), false);
  }
  return array_from(t, v, false);
}

V tensor_from_array(Tracer& t, PyObject* callable, Args& args) {
  if (args.pos.empty() || args.pos[0]->is != Is::Array || !PyCFunction_Check(callable)) return nullptr;
  auto* f = reinterpret_cast<PyCFunctionObject*>(callable);
  if (!f->m_module || !PyUnicode_Check(f->m_module) || !is_text(f->m_module, "framejit._C")) return nullptr;
  const std::string_view name = f->m_ml->ml_name;
  const bool copies = name == "tensor";
  if (!copies && name != "from_numpy" && name != "as_tensor" && name != "asarray") return nullptr;
  auto* array = as<ArrayValue>(args.pos[0]);
  if (name == "from_numpy" && array->cls != ndarray::array_type()) return nullptr;
  const bool only_dtype = args.named.empty() || (args.named.size() == 1 && is_text(args.named[0].first, "dtype"));
  if (args.size() > 2 || !only_dtype) return nullptr;
  V dtype = arg(args, 1, "dtype");
  V tensor = tensor_of_array(t, array);
  tensor = copies ? tensor_method(t, tensor, FJ_NAME("clone"), {}) : alias_of(t, tensor);
  return dtype && !is_const(t, dtype, Py_None) ? tensor_method(t, tensor, FJ_NAME("to"), {dtype}) : tensor;
}

RecipeId write_array(RecipeWriter& w, Tracer& t, ArrayValue* v) {
  static PyObject* makers[3] = {};
  static constexpr const char* kMakers[3] = {"_tensor_array", "_tensor_fixed", "_tensor_scalar"};
  TensorValue* tensor = tensor_of_array(t, v);
  if (is_mirrored(t, tensor)) throw CannotRebuild{v->born, "a reversed view"};
  const int which = v->cls != ndarray::array_type() ? 2 : v->fixed;
  py::once(makers[which], [&] { return native(kMakers[which]); });
  return w.call(makers[which], {w.of(tensor)});
}

}  // namespace fj::capture
