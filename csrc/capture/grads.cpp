// Gradients inside a frame: `.grad` of tensors, and backward passes while tracing.
//
// The tape runs on fake tensors, so a backward pass is a leaf call that records ops. What it adds to leaves from
// outside shows in their `.grad`: read and written here as an overlay, and set for good at the exit.
#include "capture/grads.h"

#include <algorithm>
#include <unordered_set>

#include "capture/protocol.h"
#include "capture/tensors.h"
#include "tensor/autograd.h"
#include "tensor/batched.h"
#include "tensor/tape_api.h"
#include "tensor/trace.h"

namespace fj::capture {

namespace {

TensorObj* fake_of(TensorValue* v) { return as_tensor(v->fake); }

// The gradient that the fake of a leaf from outside has for the tape: what the overlay says.
void show_to_tape(Tracer& t, TensorValue* v) {
  V grad = tensor_grad(t, v);
  t.use(grad);
  PyObject* to = grad->is == Is::Tensor ? as<TensorValue>(grad)->fake : nullptr;
  AutogradMeta& m = tape::need_meta(fake_of(v));
  if (as_object(m.grad) == to) return;
  TensorObj* old = std::exchange(m.grad, to ? as_tensor(Py_NewRef(to)) : nullptr);
  Py_XDECREF(old);
}

// What the pass made of it.
void take_from_tape(Tracer& t, TensorValue* v) {
  AutogradMeta* m = fake_of(v)->autograd;
  PyObject* now = m ? as_object(m->grad) : nullptr;
  PyObject* before = v->grad->is == Is::Tensor ? as<TensorValue>(v->grad)->fake : nullptr;
  if (now == before) return;
  v->grad = now ? t.from_real(now) : t.none();
  v->grad_changed = true;
}

// Of a tensor, or of those of a tuple; what else is in there, the call itself refuses.
void collect_tensors(Tracer& t, V v, std::vector<TensorObj*>& out) {
  t.use(v);
  const Values* items = sequence_items(v);
  for (V item : items ? *items : Values{v}) {
    t.use(item);
    if (item->is == Is::Tensor) out.push_back(fake_of(as<TensorValue>(item)));
  }
}

// The leaves from outside whose .grad a pass from these tensors may change.
std::vector<TensorValue*> leaves_reached(Tracer& t, V outputs) {
  std::vector<TensorObj*> roots;
  collect_tensors(t, outputs, roots);
  std::vector<tape::Edge> edges;
  for (TensorObj* r : roots)
    if (tape::requires_grad(r)) edges.push_back(tape::edge_of(r));
  std::vector<TensorValue*> found;
  for (tape::Node* n : tape::nodes_reached(edges)) {
    TensorObj* leaf = tape::accumulated_leaf_of(*n);
    if (!leaf || t.tensors->made_here(as_object(leaf))) continue;
    TensorValue* v = t.tensors->input_of(as_object(leaf));
    if (!v) cut(Reason::unsupported_op, "a backward pass to a tensor that no path leads to");
    found.push_back(v);
  }
  return found;
}

// Gradients for tensors from outside, of something whose history goes on there: a part of them may come that way.
void check_ends(Tracer& t, V outputs, V inputs) {
  std::vector<TensorObj*> roots, wanted;
  collect_tensors(t, outputs, roots);
  collect_tensors(t, inputs, wanted);
  if (std::none_of(wanted.begin(), wanted.end(), [&](TensorObj* x) { return t.tensors->input_of(as_object(x)); }))
    return;
  std::vector<tape::Edge> stops;
  std::vector<tape::Node*> reached;
  std::unordered_set<tape::Node*> seen;
  auto enter = [&](const tape::Edge& e) {
    if (!e.node) return;
    for (const tape::Edge& s : stops)
      if (s.node.get() == e.node.get() && s.nr == e.nr) return;
    tape::Node* n = e.node.get()->node;
    if (seen.insert(n).second) reached.push_back(n);
  };
  for (TensorObj* x : wanted)
    if (tape::requires_grad(x)) stops.push_back(tape::edge_of(x));
  for (TensorObj* r : roots)
    if (tape::requires_grad(r)) enter(tape::edge_of(r));
  for (size_t i = 0; i < reached.size(); ++i) {
    if (trace::ends_trace(*reached[i])) cut(Reason::unsupported_op, "a backward pass through what was computed before");
    for (const tape::Edge& e : reached[i]->next) enter(e);
  }
}

void check_hooks(TensorValue* v) {
  AutogradMeta* m = as_tensor(v->real)->autograd;
  if (m && (m->hooks || m->post_hooks)) cut(Reason::unsupported_op, "a backward pass to a leaf that has hooks");
}

PyObject* own_function(const char* name) {
  PyObject* own = PyDict_GetItemString(PyImport_GetModuleDict(), "framejit._C");
  return PyObject_GetAttrString(own, name);
}

}  // namespace

V tensor_grad(Tracer& t, TensorValue* v) {
  t.use(v);
  if (v->grad) return v->grad;
  if (!v->outside()) {
    AutogradMeta* m = fake_of(v)->autograd;
    if (m && m->grad) return t.from_real(as_object(m->grad));
    if (tape::requires_grad(fake_of(v)) && !tape::is_leaf(fake_of(v)) && !(m && m->retains_grad))
      cut(Reason::unsupported_op, "the .grad of a tensor that is no leaf");
    return t.none();
  }
  if (is_non_leaf(as_tensor(v->real))) cut(Reason::unsupported_op, "the .grad of a tensor that is no leaf");
  PyObject* getter = t.type_lookup(v->cls, FJ_NAME("grad"));
  Ref real = Ref::steal(PyObject_GetAttr(v->real, FJ_NAME("grad")));
  if (!real) t.raise_pending();
  return v->grad = t.wrap(t.keep(real), t.source(Step::Getter, v->source, 0, getter));
}

void set_tensor_grad(Tracer& t, TensorValue* v, V grad) {
  t.use(v);
  t.use(grad);
  PyObject* real = grad->is == Is::Tensor ? as<TensorValue>(grad)->fake : nullptr;
  if (!real && !(grad->is == Is::Const)) cut(Reason::unsupported_op, "a write to .grad");
  if (!v->outside() && real) cut(Reason::unsupported_op, "a write to .grad of a tensor made here");
  if (t.tape) t.tape->give_up("a write to .grad");
  if (PyObject_SetAttr(v->fake, FJ_NAME("grad"), real ? real : grad->real) < 0) t.raise_pending();
  v->grad = grad;
  v->grad_changed = v->outside();
}

V run_backward(Tracer& t, Args& args) {
  want(args, 7, 7);
  if (!t.made_for_effect.empty()) cut(Reason::unsupported_op, "a backward pass after a hook of an input");
  const bool accumulate = truth(t, args.pos[6]);
  std::vector<TensorValue*> leaves;
  check_ends(t, args.pos[0], args.pos[4]);
  if (accumulate) leaves = leaves_reached(t, args.pos[0]);
  if (accumulate && t.tape) t.tape->give_up("a backward pass that adds to leaves");
  for (TensorValue* v : leaves) {
    check_hooks(v);
    show_to_tape(t, v);
  }
  static PyObject* const function = own_function("_run_backward");
  V result = call_leaf(t, function, args);
  for (TensorValue* v : leaves) take_from_tape(t, v);
  return result;
}

V func_input(Tracer& t, Args& args) {
  static PyObject* const function = own_function("_func_input");
  V result = call_leaf(t, function, args);
  V x = as<TupleValue>(result)->items[0];
  if (x->is != Is::Tensor) cut(Reason::unsupported_op, "a transform of a function of ", x->cls->tp_name);
  t.tensors->transform_leaf(t, plain_tensor(fake_of(as<TensorValue>(x))));
  return result;
}

}  // namespace fj::capture
