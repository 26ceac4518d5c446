#include "capture/asks.h"

#include <string_view>

#include "capture/leaf.h"
#include "capture/tensors.h"
#include "py/imported.h"
#include "tensor/overrides.h"

namespace fj::capture {

namespace {

PyObject* obj(PyTypeObject* type) { return reinterpret_cast<PyObject*>(type); }

bool answers(Tracer& t, V v, int depth) {
  if (v->is != Is::Const) t.type_of(v);
  if (v->is == Is::Object) return overrides::type_answers(v->cls);
  const bool list = (v->is == Is::Tuple && v->cls == &PyTuple_Type) || (v->is == Is::List && v->cls == &PyList_Type);
  if (!list || depth == 0) return false;
  for (V item : unpack(t, v))
    if (answers(t, item, depth - 1)) return true;
  return false;
}

void walk(Tracer& t, const Values& items, int depth, Values& asked) {
  for (V v : items) {
    if (v->is == Is::Object && overrides::type_answers(v->cls)) {
      t.use(v);
      overrides::add_asked(asked, v, [](V each) { return each->cls; });
    } else if (depth > 0 && answers(t, v, depth)) {
      walk(t, unpack(t, v), depth - 1, asked);
    }
  }
}

V ask(Tracer& t, V function, const Values& relevant, V args, V kwargs) {
  Values asked, types;
  walk(t, relevant, 2, asked);
  for (V v : asked) types.push_back(t.constant(obj(v->cls)));
  V all_types = t.tuple(std::move(types));
  for (V v : asked) {
    V handler = get_attr(t, v, FJ_NAME("__torch_function__"));
    V result = call_values(t, handler, {function, all_types, args, kwargs});
    if (!is_const(t, result, Py_NotImplemented)) return result;
  }
  cut(Reason::unsupported_op, "a call that every __torch_function__ leaves to others");
}

Values all_of(const Args& args) {
  Values all = args.pos;
  for (auto& [name, v] : args.named) all.push_back(v);
  return all;
}

// As operators ask: by the function of the same meaning (bind/tensor_number.cpp).
PyObject* asked_as(PyObject* descriptor, PyObject* name) {
  static constexpr struct {
    const char *slot, *function;
  } kRows[] = {{"__add__", "add"},       {"__radd__", "add"},     {"__sub__", "sub"}, {"__mul__", "mul"},
               {"__rmul__", "mul"},      {"__truediv__", "div"},  {"__pow__", "pow"}, {"__rtruediv__", "__rdiv__"},
               {"__mod__", "remainder"}, {"__matmul__", "matmul"}};
  for (const auto& row : kRows)
    if (is_text(name, row.slot)) {
      PyObject* found = PyDict_GetItemString(tensor_type->tp_dict, row.function);
      return found ? found : descriptor;
    }
  return descriptor;
}

}  // namespace

bool is_asking() { return overrides::objects_asked; }

bool answers_now(PyTypeObject* type) { return is_asking() && overrides::type_answers(type); }

// Left to CPython: sparse tensors, whose handlers look at data, and classes that are asked below the tape, too.
bool is_overriding(PyTypeObject* type) {
  if (!is_tensor_type(type) || !overrides::type_answers(type)) return false;
  PyObject* dispatch = FJ_NAME("__torch_dispatch__");
  if (_PyType_Lookup(type, dispatch) != _PyType_Lookup(tensor_type, dispatch)) return false;
  PyObject* module = PyDict_GetItemWithError(type->tp_dict, FJ_NAME("__module__"));
  return !py::name_view(module).starts_with("framejit.");
}

bool asks(Tracer& t, const Args& args) {
  if (!is_asking()) return false;
  for (V v : args.pos)
    if (answers(t, v, 2)) return true;
  for (auto& [name, v] : args.named)
    if (answers(t, v, 2)) return true;
  return false;
}

V ask_call(Tracer& t, PyObject* function, const Args& args) {
  auto* named = t.dict();
  for (auto& [name, v] : args.named) dict_set(t, named, t.constant(name), v);
  return ask(t, t.wrap_known(function), all_of(args), t.tuple(args.pos), named);
}

V has_override(Tracer& t, Args& a) { return t.boolean(asks(t, a)); }

V asks_any(Tracer& t, Args& a) {
  Args all;
  for (V v : a.pos) {
    if (v->is == Is::Dict)
      for (auto& [key, value] : dict_items(t, as<DictValue>(v))) all.pos.push_back(value);
    else
      for (V item : unpack(t, v)) all.pos.push_back(item);
  }
  return t.boolean(asks(t, all));
}

V ask_any(Tracer& t, Args& a) {
  want(a, 3, 4);
  if (a.pos[1]->is != Is::Tuple || a.pos[2]->is != Is::Dict) cut(Reason::raises, "_ask() of no arguments");
  Values relevant = unpack(t, a.pos.back()->is == Is::Dict ? a.pos[1] : a.pos.back());
  if (a.pos.size() == 3)
    for (auto& [key, value] : dict_items(t, as<DictValue>(a.pos[2]))) relevant.push_back(value);
  return ask(t, a.pos[0], relevant, a.pos[1], a.pos[2]);
}

V set_overrides(Tracer& t, Args& a) {
  static constinit py::Imported function{"framejit._C", "_set_overrides"};
  t.asking_changed = t.step;
  return call_leaf(t, function.get(), a);
}

TensorValue* plain_tensor(V v) { return v->is == Is::Object ? as<ObjectValue>(v)->tensor : nullptr; }

V as_subclass(Tracer& t, TensorValue* v, PyTypeObject* type) {
  if (type == tensor_type) return v;
  if (!is_overriding(type)) cut(Reason::unsupported_op, "a tensor made here as ", type->tp_name);
  for (ObjectValue* known : t.subclass_tensors)
    if (known->tensor == v && PyType_IsSubtype(known->cls, type)) return known;
  auto* o = t.make<ObjectValue>(type);
  o->tensor = v;
  t.subclass_tensors.push_back(o);
  return o;
}

V overriding_attr(Tracer& t, ObjectValue* o, PyObject* name) {
  if (!o->tensor || is_text(name, "__dict__") || is_text(name, "__class__")) return nullptr;
  PyObject* raw = t.type_lookup(o->cls, name);
  if (raw && is_tensor_method(raw)) return t.native(raw, name, o);
  if (!raw || Py_TYPE(raw) != &PyGetSetDescr_Type || !PyType_IsSubtype(tensor_type, PyDescr_TYPE(raw))) return nullptr;
  if (!answers_now(o->cls)) return get_attr(t, o->tensor, name);
  Ref getter = Ref::steal(PyObject_GetAttrString(raw, "__get__"));
  Args args;
  args.pos = {o};
  return ask_call(t, t.keep(std::move(getter)), args);
}

V call_on_overriding(Tracer& t, NativeValue* n, Args& args) {
  V self = n->self;
  if (is_text(n->name, "as_subclass") || !answers_now(self->cls))
    return call_native(t, t.native(n->descr, n->name, plain_tensor(self)), std::move(args));
  Args all = args;
  all.pos.insert(all.pos.begin(), self);
  return ask_call(t, asked_as(n->descr, n->name), all);
}

V new_overriding(Tracer& t, PyTypeObject* type, const Args& args) {
  if (args.pos.size() != 1 || !args.named.empty()) cut(Reason::argument_form, type->tp_name, "()");
  V data = args.pos[0];
  t.use(data);
  TensorValue* plain = data->is == Is::Tensor ? as<TensorValue>(data) : plain_tensor(data);
  if (!plain) cut(Reason::unsupported_op, type->tp_name, "() of ", data->cls->tp_name);
  return as_subclass(t, plain, type);
}

}  // namespace fj::capture
