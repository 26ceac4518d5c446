// See wrappers.h.
#include "capture/wrappers.h"

#include <map>
#include <string_view>

#include "capture/asks.h"
#include "capture/tensors.h"
#include "capture/wrapper_history.h"
#include "graph/graph.h"
#include "py/imported.h"
#include "py/text.h"
#include "tensor/overrides.h"
#include "tensor/python_dispatch.h"

namespace fj::capture {

bool is_wrapper_type(PyTypeObject* type) {
  if (!is_tensor_type(type) || !is_python_class(type) || !python_dispatch::type_answers(type)) return false;
  PyObject* module = PyDict_GetItemWithError(type->tp_dict, FJ_NAME("__module__"));
  const std::string_view home = py::name_view(module);
  return !home.starts_with("framejit.sparse") && home != "framejit._fake_tensor";  // their handlers look at more
}

bool is_wrapper(PyObject* real) {
  return is_tensor(real) && python_dispatch::has_no_memory(as_tensor(real)) && is_wrapper_type(Py_TYPE(real));
}

void know_outer(TensorValue* plain, ObjectValue* o) {
  o->tensor = plain;
  plain->outer = o;
}

V make_wrapper(Tracer& t, Args& args) {
  static constinit py::Imported maker{"framejit._C", "_make_wrapper_subclass"};
  PyObject* cls = args.pos.empty() ? nullptr : const_object(args.pos[0]);
  if (!cls || !PyType_Check(cls) || !is_wrapper_type(reinterpret_cast<PyTypeObject*>(cls)) || t.made(cls))
    cut(Reason::unsupported_op, "Tensor._make_wrapper_subclass() of this class");
  auto* o = t.make<ObjectValue>(reinterpret_cast<PyTypeObject*>(cls));
  o->made_with = args.pos;
  Ref names = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(args.named.size())));
  for (size_t i = 0; i < args.named.size(); ++i) {
    PyTuple_SET_ITEM(names.get(), static_cast<Py_ssize_t>(i), Py_NewRef(args.named[i].first));
    o->made_with.push_back(args.named[i].second);
  }
  if (PyTuple_GET_SIZE(names.get())) o->made_names = t.keep(std::move(names));
  if (V leaf = args.take("requires_grad"); leaf && truth(t, leaf))
    cut(Reason::unsupported_op, "a ", o->cls->tp_name, " made here that requires a gradient");
  args.pos[0] = t.none();
  V plain = call_leaf(t, maker.get(), args);
  know_outer(as<TensorValue>(plain), o);
  t.has_wrappers = true;
  return o;
}

namespace {

bool holds_outer(PyObject* o) {
  if (is_tensor(o)) return python_dispatch::has_no_memory(as_tensor(o));
  if (PyTuple_Check(o) || PyList_Check(o)) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
      if (holds_outer(PySequence_Fast_ITEMS(o)[i])) return true;
  } else if (PyDict_Check(o)) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(o, &at, &key, &value))
      if (holds_outer(value)) return true;
  }
  return false;
}

const Inner* kept(LeafFn fn, intptr_t data) {
  static auto* const all = new std::map<std::pair<LeafFn, intptr_t>, Inner>;
  return &all->try_emplace({fn, data}, Inner{fn, data}).first->second;
}

// The arguments of the call and, last, the answers that are known: (False, result), or of the call that has no answer
// yet (True, does it write, operator's number, arguments, names, named arguments).
PyObject* leaf_listed(PyObject* const* args, intptr_t data) {
  static constinit py::Imported tell{"framejit.utils._python_dispatch", "_tell"};
  const auto* inner = reinterpret_cast<const Inner*>(data);
  const Py_ssize_t n = PyTuple_GET_SIZE(args[0]);
  python_dispatch::Listing listing{PyTuple_GET_ITEM(args[0], n - 1), 0, nullptr, {}};
  struct Scope {
    explicit Scope(python_dispatch::Listing* l) : before(std::exchange(python_dispatch::listing, l)) {}
    ~Scope() { python_dispatch::listing = before; }
    python_dispatch::Listing* before;
  };
  Ref result;
  {
    const Scope scope(&listing);
    result = Ref::steal(inner->fn(&PyTuple_GET_ITEM(args[0], 0), inner->data));
  }
  if (!listing.op) return result ? PyTuple_Pack(2, Py_False, result.get()) : nullptr;
  PyErr_Clear();
  Ref told = Ref::steal(PyObject_CallFunction(tell.get(), "sO", listing.op->full_name, listing.values.get()));
  if (!told) return nullptr;
  const bool writes = !listing.op->args.empty() && listing.op->args[0].mutated;
  Ref asked = Ref::steal(PyTuple_Pack(2, Py_True, writes ? Py_True : Py_False));
  return PySequence_Concat(asked.get(), told.get());
}

}  // namespace

V outer_of(Tracer& t, V v) {
  if (v->is == Is::Tensor) {
    auto* plain = as<TensorValue>(v);
    if (plain->outer) return plain->outer;
    if (!plain->fake || !python_dispatch::is_asked(as_tensor(plain->fake))) return v;
    V origin = t.fake_value(python_dispatch::object_of(as_tensor(plain->fake)));
    if (!origin || origin == v) cut(Reason::unsupported_op, "a tensor that stands for one whose class answers");
    return outer_of(t, origin);
  }
  Values* items = sequence_items(v);
  if (items && !v->outside())
    for (V& item : *items) item = outer_of(t, item);
  return v;
}

namespace {

void add_tensors(Tracer& t, V v, Values& out) {
  t.use(v);
  if (TensorValue* plain = plain_tensor(v)) {
    out.push_back(plain);
  } else if (v->is == Is::Tensor) {
    out.push_back(v);
  } else if (sequence_items(v)) {
    for (V item : unpack(t, v)) add_tensors(t, item, out);
  } else {
    t.raise(PyExc_TypeError, cat("__torch_dispatch__ gave a ", v->cls->tp_name, " where a Tensor is needed"));
  }
}

// As in eager mode: no gradients, no casts, and no class is asked by `__torch_function__`.
struct BelowTape {
  explicit BelowTape(Tracer& t) : autocast(thread_state().autocast), below(t.tensors->below_tape()), before(below) {
    thread_state().autocast.cpu = false;
    below = true;
  }
  ~BelowTape() {
    thread_state().autocast = autocast;
    below = before;
  }
  AutocastState autocast;
  bool &below, before;
  GradModeGuard no_grad{false};
  overrides::Pause pause;
};

void refuse(Tracer& t, const char* message) {
  static constinit py::Imported type{"framejit.dynamo.exc", "InternalTorchDynamoError"};
  if (!t.user_error) t.user_error = Ref::steal(PyObject_CallFunction(type.get(), "s", message));
}

// What metadata is now, without guards on numbers and texts; those may be others where the class lets them.
V metadata_now(Tracer& t, V v) {
  if (v->is == Is::Const && v->outside() && is_plain_constant(v->real)) {
    t.accepted.insert(v);
    return t.constant(v->real);
  }
  if (v->is == Is::Tuple) {
    Values items;
    for (V item : unpack(t, v)) items.push_back(metadata_now(t, item));
    return t.tuple(std::move(items), v->cls);
  }
  if (v->is == Is::Dict && v->cls == &PyDict_Type) {
    auto* d = t.dict();
    for (auto& [key, value] : dict_items(t, as<DictValue>(v))) dict_set(t, d, key, metadata_now(t, value));
    return d;
  }
  return v;
}

// A class's `__metadata_guard__(cls, metadata, other)` says which other metadata its tensors may have: that it does is
// a guard.
void check_metadata(Tracer& t, ObjectValue* o) {
  PyObject* name = FJ_NAME("__metadata_guard__");
  PyObject* raw = o->outside() && !o->metadata_checked ? t.type_lookup(o->cls, name) : nullptr;
  if (!raw) return;
  o->metadata_checked = true;
  if (Py_TYPE(raw) != &PyClassMethod_Type)
    return refuse(t, "Tensor subclass method __metadata_guard__ must be a classmethod");
  Ref function = Ref::steal(PyObject_GetAttrString(raw, "__func__"));
  if (!function || !PyFunction_Check(function.get()) ||
      reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(function.get()))->co_argcount != 3)
    return refuse(t, "Tensor subclass method __metadata_guard__ must take exactly two subclass metadata arguments");
  const Values flat = unpack(t, call_values(t, get_attr(t, o, FJ_NAME("__tensor_flatten__")), {}));
  if (flat.size() != 2) cut(Reason::unsupported_op, "what __tensor_flatten__ gave");
  V now = metadata_now(t, flat[1]);
  V accepted = call_values(t, get_attr(t, t.constant(reinterpret_cast<PyObject*>(o->cls)), name), {now, flat[1]});
  if (!truth(t, accepted)) cut(Reason::unsupported_op, "metadata that its own __metadata_guard__ does not accept");
}

void add_types(Tracer& t, V v, Values& asked) {
  if (TensorValue* plain = plain_tensor(v)) {
    if (!plain->outer) return;
    check_metadata(t, plain->outer);
    overrides::add_asked(asked, v, [](V each) { return each->cls; });
  } else if (const Values* items = sequence_items(v)) {
    for (V item : *items) add_types(t, item, asked);
  }
}

// What the classes make of the call that `asked` describes.
V answer(Tracer& t, const Values& asked) {
  static constinit py::Imported told{"framejit.utils._python_dispatch", "_told"};
  t.use(asked[2]);
  V function = t.wrap_known(PyList_GET_ITEM(told.get(), PyLong_AsSsize_t(asked[2]->real)));
  auto* named = t.dict();
  const Values names = unpack(t, asked[4]), values = unpack(t, asked[5]);
  for (size_t i = 0; i < names.size(); ++i) {
    t.use(names[i]);
    PyObject* name = Py_NewRef(names[i]->real);
    PyUnicode_InternInPlace(&name);
    dict_set(t, named, t.constant(t.keep(Ref::steal(name))), values[i]);
  }
  Values classes, types;
  add_types(t, asked[3], classes);
  for (V v : values) add_types(t, v, classes);
  for (V v : classes) types.push_back(t.constant(reinterpret_cast<PyObject*>(v->cls)));
  V all_types = t.tuple(types);
  const BelowTape below(t);
  for (V type : types) {
    V handler = get_attr(t, type, FJ_NAME("__torch_dispatch__"));
    V result = call_values(t, handler, {function, all_types, asked[3], named});
    if (!is_const(t, result, Py_NotImplemented)) return result;
  }
  cut(Reason::unsupported_op, "an op that every __torch_dispatch__ leaves to others");
}

void check_nothing_written(Tracer& t, size_t nodes) {
  const graph::Graph& g = t.tensors->graph();
  for (size_t i = nodes; i < g.nodes.size(); ++i)
    if (!g.nodes[i]->op->args.empty() && g.nodes[i]->op->args[0].mutated)
      cut(Reason::unsupported_op, "an op that writes before it asks");
}

// A write to a tensor from outside counts there, too.
void note_write(Tracer& t, V self) {
  static constinit py::Imported count{"framejit.autograd.graph", "increment_version"};
  if (!self->outside()) return;
  auto* call = t.make<PartialValue>(partial_type());
  call->func = t.wrap_known(count.get());
  call->args = {self};
  t.late_calls.push_back(call);
}

}  // namespace

bool has_outer(const std::vector<Leaf>& args) {
  for (const Leaf& a : args)
    if (holds_outer(a.object.get())) return true;
  return false;
}

bool is_listed(LeafFn fn) { return fn == leaf_listed; }

V leaf_of_wrappers(Tracer& t, LeafFn fn, intptr_t data, const std::vector<Leaf>& args) {
  std::vector<Leaf> answers;
  Values given;  // a tuple for each answer
  for (int asked = 0; asked < 100; ++asked) {
    std::vector<Leaf> all = args;
    all.push_back(Leaf::tuple(answers));
    const size_t nodes = t.tensors->graph().nodes.size();
    V told = t.leaf(leaf_listed, reinterpret_cast<intptr_t>(kept(fn, data)), {Leaf::tuple(std::move(all))});
    Values parts = as<TupleValue>(told)->items;
    t.use(parts[0]);
    if (parts[0]->real == Py_False) {
      V result = outer_of(t, parts[1]);
      keep_history(t, {fn, data}, args, given, result);
      return result;
    }
    check_nothing_written(t, nodes);
    for (V& part : parts) part = outer_of(t, part);
    t.use(parts[1]);
    const bool writes = parts[1]->real == Py_True;
    if (writes) note_write(t, as<TupleValue>(parts[3])->items[0]);
    Values tensors;
    V answered = answer(t, parts);
    if (!writes) add_tensors(t, answered, tensors);
    std::vector<Leaf> one;
    for (V v : tensors) one.push_back(t.leaf_of(v, Reason::unsupported_op, "an answer"));
    answers.push_back(Leaf::tuple(std::move(one)));
    given.push_back(t.tuple(std::move(tensors)));
  }
  cut(Reason::too_long, "an op that asks a hundred times");
}

SourceId wrapper_around(Tracer& t, SourceId source) {
  while (source != guard::kNoSource) {
    source = t.tree.sources()[source].parent;
    for (ObjectValue* o : t.outside_wrappers)
      if (o->source == source && source != guard::kNoSource) return source;
  }
  return guard::kNoSource;
}

}  // namespace fj::capture
