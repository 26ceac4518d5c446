// autograd.Function: a node whose backward pass is Python. The class and its context are in the package
// (framejit/autograd/function.py); here are its node, its saved tensors and `apply`.
#include <algorithm>

#include "bind/autograd.h"
#include "ops/calls.h"
#include "py/heap_type.h"
#include "py/text.h"
#include "tensor/layer.h"

namespace fj::bind {
namespace {

// Tensors that a context saved. Owned by the context and the node; neither owns the other through it.
struct Bundle {
  PyObject_HEAD std::vector<tape::Saved>* saved;
  tape::Node* owner;  // null once the node is gone
  bool freed;
};
PyTypeObject* bundle_type = nullptr;

int bundle_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(o));
  for (tape::Saved& s : *reinterpret_cast<Bundle*>(o)->saved) {
    Py_VISIT(as_object(s.tensor.get()));
    Py_VISIT(reinterpret_cast<PyObject*>(s.grad_fn.get()));
  }
  return 0;
}
int bundle_clear(PyObject* o) {
  std::vector<tape::Saved> dropped = std::move(*reinterpret_cast<Bundle*>(o)->saved);
  return 0;
}
void bundle_dealloc(PyObject* o) {
  PyObject_GC_UnTrack(o);
  delete reinterpret_cast<Bundle*>(o)->saved;
  py::free_object(o);
}

PyObject* bundle_tensors(PyObject* o, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    auto* b = reinterpret_cast<Bundle*>(o);
    if (b->freed) tape::raise_freed();
    py::Ref out = py::check(PyTuple_New(static_cast<Py_ssize_t>(b->saved->size())));
    for (size_t i = 0; i < b->saved->size(); ++i) {
      const tape::Saved& s = (*b->saved)[i];
      TensorRef t = !s ? TensorRef() : b->owner ? tape::unpack(s, *b->owner, thread_state().grad_mode) : s.tensor;
      PyTuple_SET_ITEM(out.get(), static_cast<Py_ssize_t>(i), t ? t.release_object() : Py_NewRef(Py_None));
    }
    return out.release();
  });
}

PyMethodDef bundle_methods[] = {{"tensors", bundle_tensors, METH_NOARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};

void make_bundle_type() {
  static PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(bundle_dealloc)},
                                {Py_tp_traverse, reinterpret_cast<void*>(bundle_traverse)},
                                {Py_tp_clear, reinterpret_cast<void*>(bundle_clear)},
                                {Py_tp_methods, bundle_methods},
                                {0, nullptr}};
  static PyType_Spec spec = {"framejit.autograd._SavedTensors", sizeof(Bundle), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  bundle_type = reinterpret_cast<PyTypeObject*>(py::check(PyType_FromSpec(&spec)).release());
}

py::Ref new_bundle(tape::Node* owner) {
  if (!bundle_type) make_bundle_type();
  Bundle* b = PyObject_GC_New(Bundle, bundle_type);
  if (!b) throw std::bad_alloc();
  b->saved = new std::vector<tape::Saved>();
  b->owner = owner;
  b->freed = false;
  PyObject_GC_Track(b);
  return py::Ref::steal(reinterpret_cast<PyObject*>(b));
}

class FunctionNode final : public tape::Node {
 public:
  FunctionNode(PyObject* cls, PyObject* ctx) : cls_(py::Ref::borrow(cls)), ctx_(py::Ref::borrow(ctx)) {
    py::Ref name = py::check(PyObject_GetAttrString(cls, "__name__"));
    name_ = py::utf8(name.get()) + "Backward";
  }
  ~FunctionNode() override {
    if (bundle) reinterpret_cast<Bundle*>(bundle.get())->owner = nullptr;
  }
  std::string name() const override { return name_; }
  bool check_results() const override { return true; }
  void apply(std::span<const TensorRef> grads, bool create_graph, Outs& out) override;
  void release_saved() override {
    if (!bundle) return;
    bundle_clear(bundle.get());
    reinterpret_cast<Bundle*>(bundle.get())->freed = saves;
  }
  int traverse(visitproc visit, void* arg) override {
    Py_VISIT(cls_.get());
    Py_VISIT(ctx_.get());
    Py_VISIT(bundle.get());
    return 0;
  }

  PyObject* parts() const {
    py::Ref tensors = py::check(PyTuple_New(static_cast<Py_ssize_t>(is_tensor_arg.size())));
    for (size_t i = 0; i < is_tensor_arg.size(); ++i)
      PyTuple_SET_ITEM(tensors.get(), static_cast<Py_ssize_t>(i), PyBool_FromLong(is_tensor_arg[i]));
    return py::check(PyTuple_Pack(4, cls_.get(), ctx_.get(), bundle.get(), tensors.get())).release();
  }

  py::Ref bundle;
  bool saves = false;
  std::vector<bool> is_tensor_arg;  // of the forward call

 private:
  py::Ref cls_, ctx_;
  std::string name_;
};

// The gradients as Python sees them: absent ones are zeros unless the context said otherwise.
py::Ref backward_args(PyObject* ctx, const tape::Node& node, std::span<const TensorRef> grads) {
  py::Ref flag = py::check(PyObject_GetAttrString(ctx, "materialize_grads"));
  bool zeros = PyObject_IsTrue(flag.get()) == 1;
  py::Ref args = py::check(PyTuple_New(static_cast<Py_ssize_t>(grads.size()) + 1));
  PyTuple_SET_ITEM(args.get(), 0, Py_NewRef(ctx));
  for (size_t i = 0; i < grads.size(); ++i) {
    PyObject* item = Py_None;
    TensorRef made;
    if (grads[i])
      item = as_object(grads[i].get());
    else if (zeros) {
      made = call1(OpId::_zeros, {Arg(node.results[i].sizes), Arg(node.results[i].dtype)});
      item = as_object(made.get());
    }
    PyTuple_SET_ITEM(args.get(), static_cast<Py_ssize_t>(i) + 1, Py_NewRef(item));
  }
  return args;
}

void FunctionNode::apply(std::span<const TensorRef> grads, bool, Outs& out) {
  py::Ref backward = py::check(PyObject_GetAttrString(cls_.get(), "backward"));
  py::Ref args = backward_args(ctx_.get(), *this, grads);
  py::Ref result = py::check(PyObject_Call(backward.get(), args.get(), nullptr));
  py::Ref tuple = PyTuple_Check(result.get()) ? result : py::check(PyTuple_Pack(1, result.get()));
  size_t got = static_cast<size_t>(PyTuple_GET_SIZE(tuple.get())), want = is_tensor_arg.size();
  while (got > want && PyTuple_GET_ITEM(tuple.get(), static_cast<Py_ssize_t>(got) - 1) == Py_None) --got;
  FJ_USER_CHECK(got == want, ErrorKind::Runtime, "function ", name_,
                " returned an incorrect number of gradients (expected ", want, ", got ", got, ")");
  for (size_t i = 0; i < want; ++i) {
    PyObject* g = PyTuple_GET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i));
    if (!is_tensor_arg[i]) {
      FJ_USER_CHECK(g == Py_None, ErrorKind::Runtime, "function ", name_,
                    " returned a gradient different from None at position ", i + 1,
                    ", but the corresponding forward input was not a Variable");
      continue;
    }
    FJ_USER_CHECK(g == Py_None || is_tensor(g), ErrorKind::Type, "expected Variable or None (got ", Py_TYPE(g)->tp_name,
                  ")");
    out.push_back(g == Py_None ? TensorRef() : TensorRef::borrow(as_tensor(g)));
  }
}

// -- apply ---------------------------------------------------------------------------------------------------------

struct Application {
  PyObject* cls;
  py::Ref ctx;
  std::vector<TensorObj*> inputs;  // tensor arguments
  std::vector<bool> is_tensor_arg;
  std::vector<tape::Edge> edges;
  bool needs = false;
};

void read_inputs(Application& a, PyObject* args) {
  py::Ref needs = py::check(PyTuple_New(PyTuple_GET_SIZE(args)));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) {
    PyObject* o = PyTuple_GET_ITEM(args, i);
    bool tensor = is_tensor(o), need = false;
    if (tensor) {
      TensorObj* t = as_tensor(o);
      if (is_wrapped(t)) raise(ErrorKind::Unsupported, "an autograd.Function applied to a traced or batched tensor");
      need = tape::requires_grad(t);
      a.inputs.push_back(t);
      a.edges.push_back(tape::edge_of(t));
    }
    a.needs = a.needs || need;
    a.is_tensor_arg.push_back(tensor);
    PyTuple_SET_ITEM(needs.get(), i, PyBool_FromLong(need));
  }
  a.needs = a.needs && thread_state().grad_mode;
  py::check(PyObject_SetAttrString(a.ctx.get(), "needs_input_grad", needs.get()));
}

py::Ref run_forward(Application& a, PyObject* args) {
  GradModeGuard off(false);
  py::Ref forward = py::check(PyObject_GetAttrString(a.cls, "forward"));
  py::Ref split = py::check(PyObject_GetAttrString(a.cls, "_has_setup_context"));
  if (PyObject_IsTrue(split.get()) == 1) {
    py::Ref out = py::check(PyObject_Call(forward.get(), args, nullptr));
    py::Ref setup = py::check(PyObject_GetAttrString(a.cls, "setup_context"));
    py::check(PyObject_CallFunctionObjArgs(setup.get(), a.ctx.get(), args, out.get(), nullptr));
    return out;
  }
  py::Ref head = py::check(PyTuple_Pack(1, a.ctx.get())), all = py::check(PySequence_Concat(head.get(), args));
  return py::check(PyObject_Call(forward.get(), all.get(), nullptr));
}

// A tuple of tensors that the context keeps under `name`; empty where it is None.
std::vector<TensorObj*> marked(const Application& a, const char* name) {
  py::Ref v = py::check(PyObject_GetAttrString(a.ctx.get(), name));
  std::vector<TensorObj*> out;
  if (v.get() == Py_None) return out;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(v.get()); ++i) {
    PyObject* o = PyTuple_GET_ITEM(v.get(), i);
    FJ_USER_CHECK(is_tensor(o) || o == Py_None, ErrorKind::Type,
                  "save_for_backward can only save variables, but argument ", i, " is of type ", Py_TYPE(o)->tp_name);
    out.push_back(o == Py_None ? nullptr : as_tensor(o));
  }
  return out;
}

bool contains(const std::vector<TensorObj*>& list, TensorObj* t) {
  return std::find(list.begin(), list.end(), t) != list.end();
}

void save_tensors(const Application& a, FunctionNode& node, const std::vector<TensorRef>& outputs) {
  auto& saved = *reinterpret_cast<Bundle*>(node.bundle.get())->saved;
  for (TensorObj* t : marked(a, "to_save")) {
    int32_t nr = -1;
    for (size_t i = 0; t && i < outputs.size(); ++i)
      if (outputs[i].get() == t) nr = static_cast<int32_t>(i);
    saved.push_back(!t ? tape::Saved() : nr >= 0 ? tape::save_output(t, nr) : tape::save_input(t));
    node.saves = true;
  }
}

// Gives one output its place in the tape; an input that is returned as it was becomes an alias.
TensorRef link(const Application& a, TensorObj* out, const tape::NodeRef& node, int32_t nr,
               const std::vector<TensorObj*>& dirty, const std::vector<TensorObj*>& fixed) {
  TensorRef t = TensorRef::borrow(out);
  bool is_input = contains(a.inputs, out);
  if (contains(dirty, out)) {
    tape::check_inplace(out, true);
    tape::Edge before = tape::edge_of(out);
    tape::rebase_history(out, node, before);
    return t;
  }
  if (is_input) t = make_alias(out);
  if (contains(fixed, out) || !is_differentiable(out->meta.dtype)) return t;
  Py_CLEAR(t->base);
  t->flags &= ~kNoGradView;
  tape::set_history(t.get(), node, nr);
  return t;
}

py::Ref link_outputs(Application& a, const py::Ref& result) {
  bool single = !PyTuple_Check(result.get());
  py::Ref tuple = single ? py::check(PyTuple_Pack(1, result.get())) : result;
  auto made = std::make_unique<FunctionNode>(a.cls, a.ctx.get());
  FunctionNode& node = *made;
  node.next = std::move(a.edges);
  node.is_tensor_arg = a.is_tensor_arg;
  node.bundle = new_bundle(&node);
  Py_ssize_t n = PyTuple_GET_SIZE(tuple.get());
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = PyTuple_GET_ITEM(tuple.get(), i);
    node.add_result(is_tensor(o) ? as_tensor(o)->meta : TensorMeta());
  }
  tape::NodeRef ref = tape::wrap_node(std::move(made));
  std::vector<TensorObj*> dirty = marked(a, "dirty_tensors"), fixed = marked(a, "non_differentiable");
  std::vector<TensorRef> outputs;
  py::Ref out = py::check(PyTuple_New(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = PyTuple_GET_ITEM(tuple.get(), i);
    TensorRef t = is_tensor(o) ? link(a, as_tensor(o), ref, static_cast<int32_t>(i), dirty, fixed) : TensorRef();
    PyTuple_SET_ITEM(out.get(), i, Py_NewRef(t ? as_object(t.get()) : o));
    outputs.push_back(std::move(t));
  }
  save_tensors(a, node, outputs);
  py::check(PyObject_SetAttrString(a.ctx.get(), "_saved", node.bundle.get()));
  py::check(PyObject_SetAttrString(a.ctx.get(), "to_save", Py_None));
  return single ? py::Ref::borrow(PyTuple_GET_ITEM(out.get(), 0)) : out;
}

// _function_apply(cls, ctx, args)
PyObject* function_apply(PyObject*, PyObject* call) {
  PyObject *cls, *ctx, *args;
  if (!PyArg_ParseTuple(call, "OOO!:_function_apply", &cls, &ctx, &PyTuple_Type, &args)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    Application a{cls, py::Ref::borrow(ctx), {}, {}, {}};
    read_inputs(a, args);
    py::Ref out = run_forward(a, args);
    return a.needs ? link_outputs(a, out).release() : out.release();
  });
}

}  // namespace

PyObject* function_parts(const tape::Node& node) {
  const auto* function = dynamic_cast<const FunctionNode*>(&node);
  return function ? function->parts() : Py_NewRef(Py_None);
}

PyMethodDef kFunctionFunctions[] = {
    {"_function_apply", function_apply, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace fj::bind
