#include "tensor/python_dispatch.h"

#include "ops/calls.h"
#include "tensor/autograd.h"
#include "tensor/dispatch.h"

namespace fj::python_dispatch {

bool in_use = false;
Ask ask;
thread_local Listing* listing = nullptr;

namespace {

PyObject* disabled = nullptr;

struct State {
  std::vector<py::Ref> modes;  // the innermost is the last
  Layer* before = nullptr;     // what executes when none is active
};
State& state() {
  static thread_local auto* s = new State;
  return *s;
}

class AskedLayer final : public Layer {
 public:
  void dispatch(const OpDef& op, Args, Outs&) override { raise(ErrorKind::Internal, op.name, "() of an asked tensor"); }
  TensorObj* data_access(TensorObj* t, const char* what) override;
};
AskedLayer asked_layer;

struct Asked final : Wrapper {
  explicit Asked(bool has_memory) : has_memory(has_memory) {
    layer = &asked_layer;
    keeps_memory = true;
  }
  ~Asked() override = default;
  int traverse(visitproc visit, void* arg) override {
    Py_VISIT(origin.get());
    return 0;
  }
  Wrapper* clone() const override {
    auto* w = new Asked(has_memory);
    w->origin = origin ? origin : py::Ref::borrow(as_object(self));
    return w;
  }
  void attached(TensorObj* t) override { self = t; }

  bool has_memory;
  TensorObj* self = nullptr;  // whose wrapper this is
  py::Ref origin;             // of an alias: the object that it is an alias of
  TensorRef element;          // what was asked for last
};

Asked* wrapper_of(const TensorObj* t) {
  return t->wrapper && t->wrapper->layer == &asked_layer ? static_cast<Asked*>(t->wrapper) : nullptr;
}

TensorObj* AskedLayer::data_access(TensorObj* t, const char* what) {
  Asked* w = wrapper_of(t);
  const std::string_view wanted = what;
  if (w->has_memory || wanted == "data_ptr" || wanted == "untyped_storage" || wanted == "memory") return t;
  FJ_USER_CHECK(t->meta.numel() == 1 && ask.item, ErrorKind::Runtime, "Cannot access data pointer of Tensor (e.g. ",
                "FakeTensor, FunctionalTensor) that doesn't have storage (", what, ")");
  w->element = ask.item(t, what);
  return w->element.get();
}

// What is one op here and several in PyTorch is told in its parts: a linear layer is a product.
bool taken_apart(const OpDef& op, Args args, Outs& outs) {
  if (op.id != OpId::linear || args[1].val()->dim() != 2 || args[0].val()->dim() == 0) return false;
  GradModeGuard no_grad(false);
  EagerBuilder b;
  Val x = args[0].val(), weight = t::t(b, args[1]), rows = x;
  Shape sizes = x->sizes;
  if (x->dim() != 2) rows = t::reshape(b, x, Arg::ints({-1, sizes.back()}));
  Val out = args[2].is_tensor() ? t::addmm(b, args[2], rows, weight) : t::mm(b, rows, weight);
  sizes.back() = weight->sizes[1];
  if (x->dim() != 2) out = t::view(b, out, Arg(sizes));
  outs.push_back(b.take(out));
  return true;
}

// A mode in the place of execution.
class ModeLayer final : public Layer {
 public:
  void dispatch(const OpDef& op, Args, Outs&) override { raise(ErrorKind::Internal, op.name, "() of a mode"); }
  TensorObj* data_access(TensorObj* t, const char*) override { return t; }
  void execute(const OpDef& op, Args args, Outs& outs) override {
    if (taken_apart(op, args, outs)) return;
    const Answering answering;
    ask.call(answering.mode.get(), op, args, outs);
  }

  struct Answering {
    Answering() : mode(pop_mode()) {}
    ~Answering() { push_mode(mode.get()); }
    py::Ref mode;
  };
};
ModeLayer mode_layer;

}  // namespace

void set_disabled(PyObject* function) { disabled = Py_NewRef(function); }

bool type_answers(PyTypeObject* type) {
  static PyObject* const name = PyUnicode_InternFromString("__torch_dispatch__");
  if (type == tensor_type) return false;
  py::Ref found = py::Ref::steal(PyObject_GetAttr(reinterpret_cast<PyObject*>(type), name));
  if (!found) PyErr_Clear();
  return found && found.get() != Py_None && found.get() != disabled;
}

void settle(TensorObj* t, bool has_memory) {
  if (!type_answers(Py_TYPE(t))) return;
  in_use = true;
  set_wrapper(t, new Asked(has_memory));
}

void settle_without_memory(TensorObj* t) {
  in_use = true;
  set_wrapper(t, new Asked(false));
}

bool is_asked(const TensorObj* t) { return wrapper_of(t) != nullptr; }
bool has_no_memory(const TensorObj* t) {
  const Asked* w = wrapper_of(t);
  return w && !w->has_memory;
}

bool involves(Args args) {
  bool found = false;
  for_each_val(args, [&](Val v) { found |= is_asked(tensor_of(v)); });
  return found;
}

PyObject* object_of(TensorObj* t) {
  Asked* w = wrapper_of(t);
  return w && w->origin ? w->origin.get() : as_object(t);
}

int modes_anywhere = 0;
bool mode_active_here() { return thread_state().recorder == &mode_layer; }

void push_mode(PyObject* mode) {
  State& s = state();
  if (s.modes.empty()) s.before = std::exchange(thread_state().recorder, &mode_layer);
  s.modes.push_back(py::Ref::borrow(mode));
  ++modes_anywhere;
}

py::Ref pop_mode() {
  State& s = state();
  if (s.modes.empty()) return {};
  py::Ref mode = std::move(s.modes.back());
  s.modes.pop_back();
  --modes_anywhere;
  if (s.modes.empty()) thread_state().recorder = std::exchange(s.before, nullptr);
  return mode;
}

const std::vector<py::Ref>& modes() { return state().modes; }

void execute(const OpDef& op, Args args, Outs& outs) {
  if (!taken_apart(op, args, outs)) ask.call(nullptr, op, args, outs);
}

}  // namespace fj::python_dispatch
