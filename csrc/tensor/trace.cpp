#include "tensor/trace.h"

#include "ops/infer.h"
#include "tensor/autocast.h"
#include "tensor/autograd.h"
#include "tensor/dispatch.h"
#include "tensor/execute_internal.h"
#include "tensor/python_dispatch.h"
#include "tensor/tape_api.h"

namespace fj::trace {

namespace {

// What fake tensors belong to when their session is over.
class DeadLayer final : public Layer {
 public:
  void dispatch(const OpDef& op, Args, Outs&) override {
    raise(ErrorKind::Runtime, op.name, "(): a traced tensor outlived its trace");
  }
  TensorObj* data_access(TensorObj*, const char* what) override {
    raise(ErrorKind::Runtime, what, ": a traced tensor outlived its trace and has no data");
  }
};
DeadLayer dead_layer;

}  // namespace

struct FakeWrapper final : Wrapper {
  graph::Value* value;
  FakeWrapper *previous = nullptr, *next = nullptr;

  FakeWrapper(TraceSession& session, graph::Value* v) : value(v) {
    layer = &session;
    next = session.live_;
    if (next) next->previous = this;
    session.live_ = this;
  }
  Wrapper* clone() const override {
    return layer == &dead_layer ? nullptr : new FakeWrapper(static_cast<TraceSession&>(*layer), value);
  }
  ~FakeWrapper() override {
    if (layer == &dead_layer) return;
    if (next) next->previous = previous;
    (previous ? previous->next : static_cast<TraceSession*>(layer)->live_) = next;
  }
};

namespace {

// A wrapper of ours is known by its layer: a session that knows it, or the dead one.
FakeWrapper* wrapper_in(const TensorObj* t, const TraceSession* session) {
  return t->wrapper && t->wrapper->layer == session ? static_cast<FakeWrapper*>(t->wrapper) : nullptr;
}

// Does a result of `op` carry gradients back?
bool result_requires_grad(const OpDef& op, Args fakes) {
  const OpDef& rule = op.has(kInplace) && op.partner ? *op.partner : op;
  if (!thread_state().grad_mode || !rule.vjp) return false;
  for (size_t i = 0; i < fakes.size(); ++i) {
    if (!(rule.vjp_args >> i & 1)) continue;
    bool needs = false;
    for_each_val(fakes.subspan(i, 1), [&](Val v) { needs |= tape_needs(tensor_of(v)); });
    if (needs) return true;
  }
  return false;
}

// Where the tape of a trace ends: an input that has a history outside.
class OutsideNode final : public tape::Node {
 public:
  explicit OutsideNode(TensorObj* real) : name_(tape::grad_fn_of(real)->node->name()) { add_result(real->meta); }
  std::string name() const override { return name_; }
  void apply(std::span<const TensorRef>, bool, Outs&) override {
    raise(ErrorKind::Unsupported, "a backward pass through what was computed before");
  }

 private:
  std::string name_;
};

}  // namespace

TraceSession::TraceSession(graph::Graph& graph) : graph_(graph) {}

TraceSession::~TraceSession() {
  for (FakeWrapper* w = live_; w; w = w->next) {
    w->layer = &dead_layer;
    w->value = nullptr;
  }
}

TensorRef TraceSession::wrap(const TensorMeta& meta, StorageRef storage, graph::Value* value) {
  TensorRef t = new_tensor(meta, std::move(storage));
  set_wrapper(t.get(), new FakeWrapper(*this, value));
  return t;
}

TensorRef TraceSession::make_fake(graph::Value* value) {
  return wrap(*value, StorageRef::steal(new_fake_storage(extent_nbytes(*value))), value);
}

StorageRef TraceSession::fake_storage_of(TensorObj* real) {
  for (auto& [from, to] : storages_)
    if (from.get() == real->storage) return to;
  StorageRef fake = StorageRef::steal(new_fake_storage(real->storage->nbytes));
  storages_.emplace_back(StorageRef::borrow(real->storage), fake);
  return fake;
}

TensorRef TraceSession::make_input(TensorObj* real, std::string name) {
  FJ_CHECK(!real->wrapper, "an input of a trace is itself traced");
  TensorMeta meta = real->meta;
  meta.requires_grad = tape_needs(real);
  TensorRef t = wrap(meta, fake_storage_of(real), graph_.add_input(meta, std::move(name)));
  mark_input(t.get(), real);
  lifted_.emplace_back(TensorRef::borrow(real), t);
  return t;
}

TensorRef TraceSession::make_outer(TensorObj* real) {
  TensorMeta meta = real->meta;
  meta.requires_grad = tape_needs(real);
  TensorRef t = new_tensor(meta, fake_storage_of(real));
  python_dispatch::settle_without_memory(t.get());
  mark_input(t.get(), real);
  return t;
}

// What an input's fake has of its tensor beside what its meta says.
void TraceSession::mark_input(TensorObj* fake, TensorObj* real) {
  fake->flags |= real->flags & kInferenceTensor;
  if (real->base) fake->flags |= kFakeView;
  if (!is_non_leaf(real)) return;
  fake->flags |= kNonLeaf;
  if (fake->meta.requires_grad && tape::grad_fn_of(real))
    tape::set_history(fake, tape::wrap_node(std::make_unique<OutsideNode>(real)), 0);
}

TraceSession* active_session() {
  for (Layer* l = thread_state().top; l; l = l->below)
    if (auto* session = dynamic_cast<TraceSession*>(l)) return session;
  return nullptr;
}

bool ends_trace(const tape::Node& node) { return dynamic_cast<const OutsideNode*>(&node) != nullptr; }

void enter_region(std::string name) {
  TraceSession* session = active_session();
  if (!session) return;
  auto inner = std::make_shared<graph::Region>();
  inner->name = std::move(name);
  inner->parent = session->region;
  session->region = std::move(inner);
}

void exit_region(const std::string& name) {
  TraceSession* session = active_session();
  if (!session) return;
  // Those that an exception has left stay open.
  std::shared_ptr<graph::Region> r = session->region;
  while (r && r->name != name) r = std::const_pointer_cast<graph::Region>(r->parent);
  if (!r) return;
  r->closed = true;
  session->region = std::const_pointer_cast<graph::Region>(r->parent);
}

bool TraceSession::is_mine(const TensorObj* t) const { return wrapper_in(t, this) != nullptr; }
graph::Value* TraceSession::value_of(const TensorObj* t) const {
  FakeWrapper* w = wrapper_in(t, this);
  return w ? w->value : nullptr;
}

TensorRef TraceSession::fake_of(TensorObj* real) {
  if (is_mine(real)) return TensorRef::borrow(real);
  if (python_dispatch::listing && python_dispatch::is_asked(real)) return TensorRef::borrow(real);
  for (auto& [from, fake] : lifted_)
    if (from.get() == real) return fake;
  if (real->wrapper)
    raise(ErrorKind::Unsupported, "a tensor of another layer (vmap, an older trace) inside this trace");
  if (!lift_) raise(ErrorKind::Unsupported, "a real tensor inside a trace");
  size_t before = lifted_.size();
  TensorRef fake = lift_(lift_context_, *this, real);
  if (lifted_.size() == before) lifted_.emplace_back(TensorRef::borrow(real), fake);
  return fake;
}

TensorRef TraceSession::to_fake(Val v) { return fake_of(tensor_of(v)); }

TensorRef TraceSession::adopt(TensorRef fresh) {
  TensorRef constant = fake_of(fresh.get());
  // A copy for each run: the program may write to what it thinks it has just made.
  return call1(OpId::clone, {Arg(constant.val()), Arg(MemoryFormat::Preserve)});
}

namespace {

bool any_requires_grad(Args values) {
  bool any = false;
  for_each_val(values, [&](Val v) { any |= v->requires_grad; });
  return any;
}

}  // namespace

void TraceSession::append(const OpDef& op, Args values, std::span<const TensorMeta> metas,
                          SmallVec<graph::Value*, 2>& results) {
  graph::Node* n = graph_.add_node(op, values, metas);
  n->location = location;
  n->region = region;
  n->no_grad = !thread_state().grad_mode && !(below_tape && !any_requires_grad(values));
  noted_below_tape |= below_tape && n->no_grad;
  const AutocastState& cast = thread_state().autocast;
  if (cast.cpu) n->autocast = graph::Autocast{true, cast.cache, cast.cpu_dtype};
  for (graph::Value* v : n->outs) results.push_back(v);
}

void TraceSession::dispatch(const OpDef& op, Args args, Outs& outs) {
  LayerPause active(this);
  const bool listed = python_dispatch::listing && python_dispatch::involves(args);
  if (!listed && (op.has(kDynamicShape) || op.has(kDataAccess))) return look(op, args, outs);
  if (thread_state().autocast.cpu && autocast::call(op, args, outs)) return;
  if (is_transparent(op) && !op.has(kInplace)) {
    autocast::Inside inside;
    EagerBuilder b;
    SmallVec<Val, 2> vals;
    op.decompose(b, op, args, vals);
    for (Val v : vals) outs.push_back(b.take(v));
    return;
  }
  if (op.has(kInplace) && is_transparent(*op.partner)) {  // compute, then write
    Outs result;
    call_op(*op.partner, args, result);
    check_result_fits(args[0].val(), result[0].val());
    ArgVec copy{args[0], Arg(result[0].val()), Arg(false)};
    return call_op(*find_op("copy_"), copy, outs);
  }
  SmallVec<TensorRef, 6> keep;
  call_fakes(op, to_fakes(args, keep), outs);
}

ArgVec TraceSession::to_fakes(Args args, SmallVec<TensorRef, 6>& keep) {
  ArgVec fakes(args.begin(), args.end());
  for (Arg& a : fakes)
    a = map_vals(a, [&](Val v) {
      keep.push_back(to_fake(v));
      return keep.back().val();
    });
  return fakes;
}

void TraceSession::call_fakes(const OpDef& op, Args fakes, Outs& outs) {
  bool needs = false;
  if (thread_state().grad_mode && tape_api.call) for_each_val(fakes, [&](Val v) { needs |= tape_needs(tensor_of(v)); });
  if (!needs) return execute(op, fakes, outs);
  RecorderScope recording(this);  // executions that the tape asks for come back here
  tape_api.call(op, fakes, outs);
}

void TraceSession::execute(const OpDef& op, Args fakes, Outs& outs) {
  const bool listed = python_dispatch::listing && python_dispatch::involves(fakes);
  listed ? python_dispatch::execute(op, fakes, outs) : record(op, fakes, outs);
}

void TraceSession::record(const OpDef& op, Args fakes, Outs& outs) {
  if (!open_.empty()) for_each_val(fakes, [&](Val v) { open_.back().met.push_back(TensorRef::borrow(tensor_of(v))); });
  ArgVec values(fakes.begin(), fakes.end());
  for (Arg& a : values) a = map_vals(a, [&](Val v) { return Val{value_of(tensor_of(v))}; });
  if (!op.args.empty() && op.args[0].mutated) return record_inplace(op, fakes, values, outs);
  SmallVec<TensorMeta, 2> metas;
  infer_op(op, fakes, metas);
  if (op.id == OpId::as_strided) check_in_storage(tensor_of(fakes[0].val()), metas[0]);
  bool grad = result_requires_grad(op, fakes);
  for (TensorMeta& m : metas) m.requires_grad = grad && is_differentiable(m.dtype);
  SmallVec<graph::Value*, 2> results;
  append(op, values, metas, results);
  for (size_t i = 0; i < metas.size(); ++i) {
    TensorRef t;
    if (op.id == OpId::detach) {
      t = make_alias(tensor_of(fakes[0].val()));
      set_wrapper(t.get(), new FakeWrapper(*this, results[i]));
    } else if (op.is_view()) {
      t = make_view(tensor_of(fakes[0].val()), metas[i]);
      set_wrapper(t.get(), new FakeWrapper(*this, results[i]));
      t->meta.requires_grad = metas[i].requires_grad;
      if (!thread_state().grad_mode) t->flags |= kNoGradView;
    } else {
      t = wrap(metas[i], StorageRef::steal(new_fake_storage(extent_nbytes(metas[i]))), results[i]);
    }
    if (metas[i].requires_grad) t->flags |= kNonLeaf;
    if (thread_state().inference_mode && !op.is_view()) t->flags |= kInferenceTensor;
    outs.push_back(std::move(t));
  }
}

void TraceSession::record_inplace(const OpDef& op, Args fakes, Args values, Outs& outs) {
  TensorObj* self = tensor_of(fakes[0].val());
  if (self->flags & kInferenceTensor && tape_api.check_inplace) tape_api.check_inplace(self);
  check_inplace_call(op, fakes);
  bool grad = result_requires_grad(op, fakes);
  TensorMeta meta = self->meta;
  meta.requires_grad = (tape_needs(self) || grad) && is_differentiable(meta.dtype);
  SmallVec<graph::Value*, 2> results;
  append(op, values, std::span<const TensorMeta>(&meta, 1), results);
  wrapper_in(self, this)->value = results[0];
  if (grad) {
    self->flags |= kNonLeaf;
    if (self->base) self->base->flags |= kNonLeaf;
  }
  bump_version(self);
  outs.push_back(TensorRef::borrow(self));
}

bool is_fake(PyObject* o) { return is_tensor(o) && session_of(as_tensor(o)) != nullptr; }

TraceSession* session_of(const TensorObj* t) {
  return t->wrapper && t->wrapper->layer != &dead_layer ? dynamic_cast<TraceSession*>(t->wrapper->layer) : nullptr;
}

}  // namespace fj::trace
