// Recording: executes an op below the tape and makes the node that its derivative rule runs in.
#include <algorithm>

#include "ops/vjp_reads.h"
#include "tensor/autograd_internal.h"
#include "tensor/tape_api.h"

namespace fj::tape {
namespace {

struct NodeName {
  std::string_view op;
  int arg;
  const char *name, *other;
};
constexpr NodeName kNodeNames[] = {
#define FJ_NODE(op, arg, name, other) {op, arg, name, other},
#include "tensor/node_names.def"
#undef FJ_NODE
};

std::string node_name(const OpDef& op, Args args) {
  const OpDef& plain = op.has(kInplace) && op.partner ? *op.partner : op;
  for (const NodeName& n : kNodeNames) {
    if (n.op != plain.full_name) continue;
    if (n.arg < 0) return n.name;
    const Arg& a = args[static_cast<size_t>(n.arg)];
    return a.is_none() || a.is_number() ? n.name : n.other;
  }
  std::string out;
  bool upper = true;
  for (const char* p = op.name; *p; ++p) {
    if (*p == '_') {
      upper = true;
      continue;
    }
    out.push_back(upper ? static_cast<char>(std::toupper(*p)) : *p);
    upper = false;
  }
  return out + "Backward0";
}

// One tensor among the arguments (list elements counted one by one) or results.
struct Slot {
  TensorMeta meta;
  Saved saved;
  bool there = false;  // false: an index list's None
};

// Calls f(argument index, position in flat order, Val) for every tensor place of the arguments, null ones included.
template <class F>
void each_place(Args args, F&& f) {
  size_t at = 0;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].tag() == ArgTag::Tensor)
      f(i, at++, args[i].val());
    else if (args[i].tag() == ArgTag::TensorList)
      for (Val v : args[i].as_vals()) f(i, at++, v);
  }
}

class OpNode final : public Node {
 public:
  OpNode(const OpDef& op, Args args) : op_(&op), args_(args.begin(), args.end()) {}

  void apply(std::span<const TensorRef> grads, bool create_graph, Outs& out) override;
  std::string name() const override { return node_name(*op_, {args_.data(), args_.size()}); }
  void release_saved() override {
    for (Slot& s : slots) s.saved = Saved();
    freed_ = true;
  }
  bool is_spent() const override { return freed_ && saves_anything(); }
  int traverse(visitproc visit, void* arg) override {
    for (Slot& s : slots) {
      Py_VISIT(as_object(s.saved.tensor.get()));
      if (s.saved.packed && s.saved.packed.use_count() == 1) Py_VISIT(s.saved.packed->object.get());
      Py_VISIT(reinterpret_cast<PyObject*>(s.saved.grad_fn.get()));
    }
    return 0;
  }

  bool describe(std::string& text, std::vector<const Saved*>& saved) const override {
    if (freed_ && saves_anything()) return false;
    text += op_->schema;
    for (const Arg& a : args_) {
      if (a.tag() == ArgTag::Object) return false;
      text += cat(";", to_string(a));
    }
    for (const Slot& s : slots) {
      text += s.there ? cat("|", name_of(s.meta.dtype), s.meta.sizes, s.meta.strides, s.saved ? "!" : "") : "|";
      saved.push_back(&s.saved);
    }
    return true;
  }

  const OpDef& op() const { return *op_; }
  std::vector<Slot> slots;  // arguments, then results
  size_t arg_slots = 0;

 private:
  ArgVec rebuilt(std::span<const Val> vals) const;
  bool saves_anything() const { return op_->vjp_saves_args || op_->vjp_saves_outs; }

  const OpDef* op_;
  ArgVec args_;  // attributes; tensors only say where they were
  bool freed_ = false;
};

// The arguments with `vals` in the places of tensors.
ArgVec OpNode::rebuilt(std::span<const Val> vals) const {
  ArgVec out;
  size_t at = 0;
  for (const Arg& a : args_) {
    if (a.tag() == ArgTag::Tensor)
      out.push_back(Arg(vals[at++]));
    else if (a.tag() == ArgTag::TensorList) {
      size_t n = a.as_vals().size();
      out.push_back(Arg::tensors(vals.subspan(at, n)));
      at += n;
    } else
      out.push_back(a);
  }
  return out;
}

// Where a place's gradient is in what a rule gave.
TensorRef result_at(EagerBuilder& b, const Arg& r, size_t in_list) {
  Val v;
  if (r.tag() == ArgTag::Tensor)
    v = r.val();
  else if (r.tag() == ArgTag::TensorList && in_list < r.as_vals().size())
    v = r.as_vals()[in_list];
  return v ? b.take(v) : TensorRef();
}

void OpNode::apply(std::span<const TensorRef> grads, bool create_graph, Outs& out) {
  if (freed_ && saves_anything()) raise_freed();
  SmallVec<TensorRef, 8> keep;
  SmallVec<Val, 8> vals;
  for (Slot& s : slots) {
    keep.push_back(unpack(s.saved, *this, create_graph));
    vals.push_back(keep.back() ? keep.back().val() : s.there ? Val{&s.meta} : Val{});
  }
  std::span<const Val> all(vals.data(), vals.size());
  ArgVec args = rebuilt(all.first(arg_slots));
  SmallVec<Val, 2> gvals;
  for (const TensorRef& g : grads) gvals.push_back(g ? g.val() : Val{});
  uint64_t needs = 0;
  each_place(args_, [&](size_t i, size_t at, Val) {
    if (wants(at)) needs |= uint64_t{1} << i;
  });
  EagerBuilder b;
  VjpCtx c{b, *op_, args, all.subspan(arg_slots), gvals, needs};
  c.result.resize(args.size());
  op_->vjp(c);
  size_t arg_before = SIZE_MAX, in_list = 0;
  each_place(args_, [&](size_t i, size_t at, Val) {
    in_list = i == arg_before ? in_list + 1 : 0;
    arg_before = i;
    out.push_back(wants(at) ? result_at(b, c.result[i], in_list) : TensorRef());
  });
}

// Stands for a derivative that nobody has written: raises when a gradient arrives.
class MissingNode final : public Node {
 public:
  explicit MissingNode(const OpDef& op) : op_(&op) {}
  std::string name() const override { return "NotImplemented"; }
  void apply(std::span<const TensorRef>, bool, Outs&) override {
    raise(ErrorKind::Runtime, "derivative for ", op_->full_name, " is not implemented");
  }

 private:
  const OpDef* op_;
};

void attach_missing(const OpDef& op, Args args, Outs& outs) {
  auto node = std::make_unique<MissingNode>(op);
  for_each_val(args, [&](Val v) { node->next.push_back(edge_of(tensor_of(v))); });
  for (TensorRef& t : outs) node->add_result(t->meta);
  NodeRef ref = wrap_node(std::move(node));
  for (size_t i = 0; i < outs.size(); ++i)
    if (is_differentiable(outs[i]->meta.dtype)) set_history(outs[i].get(), ref, static_cast<int32_t>(i));
}

struct Call {
  const OpDef& op;
  Args args;
  bool inplace;
};

bool is_inplace(const OpDef& op) { return op.has(kInplace) || (!op.args.empty() && op.args[0].mutated); }

// Edges of all argument places: only differentiable ones lead anywhere. `needs`: bit i, one in argument i does.
std::vector<Edge> edges_of(const Call& c, uint64_t* needs) {
  std::vector<Edge> out;
  each_place(c.args, [&](size_t i, size_t, Val v) {
    Edge e;
    if (v && (c.op.vjp_args >> i & 1) && is_differentiable(v->dtype)) e = edge_of(tensor_of(v));
    if (e.node) *needs |= uint64_t{1} << i;
    out.push_back(std::move(e));
  });
  return out;
}

// A rule that reads what an in-place op overwrites gets a copy from before.
Saved saved_before_write(TensorObj* self) {
  Saved s = describe_input(self);
  GradModeGuard off(false);
  Outs copy;
  execute_op(op_def(OpId::clone), ArgVec{Arg(val_of(self)), Arg()}, copy);
  s.tensor = copy[0];
  s.version = version_of(copy[0].get());
  pack(s);
  return s;
}

std::unique_ptr<OpNode> make_node(const Call& c, std::vector<Edge> edges, uint64_t saves) {
  auto node = std::make_unique<OpNode>(c.op, c.args);
  node->next = std::move(edges);
  each_place(c.args, [&](size_t i, size_t, Val v) {
    Slot s;
    if (v) {
      s.meta = *v;
      s.there = true;
      if (saves >> i & 1) s.saved = c.inplace && i == 0 ? saved_before_write(tensor_of(v)) : save_input(tensor_of(v));
    }
    node->slots.push_back(std::move(s));
  });
  node->arg_slots = node->slots.size();
  return node;
}

void add_results(OpNode& node, Outs& outs, uint64_t saves) {
  for (size_t i = 0; i < outs.size(); ++i) {
    Slot s;
    s.meta = outs[i]->meta;
    s.there = true;
    if (saves >> i & 1) s.saved = save_output(outs[i].get(), static_cast<int32_t>(i));
    node.add_result(s.meta);
    node.slots.push_back(std::move(s));
  }
}

// Results of ops that are no views own their memory, whatever the execution made them from.
void forget_base(const Call& c, Outs& outs) {
  if (c.op.is_view() || c.inplace) return;
  for (TensorRef& t : outs) {
    Py_CLEAR(t->base);
    t->flags &= ~kNoGradView;
  }
}

}  // namespace

void call(const OpDef& op, Args args, Outs& outs) {
  Call c{op, args, is_inplace(op)};
  if (c.inplace) check_inplace(tensor_of(args[0].val()), true);
  uint64_t needs = 0;
  std::vector<Edge> edges;
  if (op.vjp) edges = edges_of(c, &needs);
  if (!needs) {
    execute_op(op, args, outs);
    if (!op.vjp && op.no_vjp && !c.inplace && std::string_view(op.no_vjp).starts_with("missing"))
      attach_missing(op, args, outs);
    return;
  }
  Edge self_edge = c.inplace ? edge_of(tensor_of(args[0].val())) : Edge{};
  const VjpReads reads = vjp_reads(op, needs);
  std::unique_ptr<OpNode> node = make_node(c, std::move(edges), reads.args);
  execute_op(op, args, outs);
  forget_base(c, outs);
  add_results(*node, outs, reads.outs);
  NodeRef ref = wrap_node(std::move(node));
  if (c.inplace) return rebase_history(outs[0].get(), std::move(ref), self_edge);
  for (size_t i = 0; i < outs.size(); ++i)
    if (is_differentiable(outs[i]->meta.dtype)) set_history(outs[i].get(), ref, static_cast<int32_t>(i));
}

void install() {
  tape_api.call = call;
  tape_api.check_inplace = [](TensorObj* t) { check_inplace(t, false); };
  tape_api.traverse = traverse_tensor;
  tape_api.clear = traverse_tensor_clear;
  tape_api.has_grad_fn = [](const TensorObj* t) { return t->autograd->grad_fn != nullptr; };
}

}  // namespace fj::tape
