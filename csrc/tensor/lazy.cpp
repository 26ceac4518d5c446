#include "tensor/lazy.h"

#include <unordered_map>

#include "base/str.h"
#include "ops/infer.h"
#include "tensor/autograd.h"
#include "tensor/execute_internal.h"
#include "tensor/meta_device.h"

namespace fj::lazy {

bool in_use = false;

namespace {

Compiler the_compiler = nullptr;

class LazyLayer final : public Layer {
 public:
  void dispatch(const OpDef& op, Args, Outs&) override { raise(ErrorKind::Internal, op.name, "() of a lazy layer"); }
  TensorObj* data_access(TensorObj* t, const char*) override {
    sync();
    return t;
  }
  void execute(const OpDef& op, Args args, Outs& outs) override { lazy::execute(op, args, outs); }
};
LazyLayer layer;

// What a tensor stands for in the graph. All of them are in one list: a sync gives each its memory.
struct Waiting final : Wrapper {
  TensorObj* tensor = nullptr;
  graph::Value* value;
  Waiting *previous = nullptr, *next = nullptr;
  static Waiting* first;

  explicit Waiting(graph::Value* v) : value(v) {
    layer = &lazy::layer;
    keeps_memory = true;
    next = first;
    if (next) next->previous = this;
    first = this;
  }
  Wrapper* clone() const override { return new Waiting(value); }
  void attached(TensorObj* t) override { tensor = t; }
  ~Waiting() override {
    if (next) next->previous = previous;
    (previous ? previous->next : first) = next;
  }
};
Waiting* Waiting::first = nullptr;

Waiting* waiting(const TensorObj* t) {
  return t->wrapper && t->wrapper->layer == &layer ? static_cast<Waiting*>(t->wrapper) : nullptr;
}

// What is recorded at the moment. Its inputs are kept until the sync.
struct Session {
  std::unique_ptr<graph::Graph> graph = std::make_unique<graph::Graph>();
  std::vector<TensorRef> inputs;
};
Session session;

std::unordered_map<std::string, std::shared_ptr<Program>>& programs() {
  static auto* map = new std::unordered_map<std::string, std::shared_ptr<Program>>;
  return *map;
}

// Nothing is recorded, no layer is active, lazy tensors count as others: for computing, when nothing waits.
class RecordingOff {
 public:
  RecordingOff() : in_use_(std::exchange(in_use, false)) {}
  ~RecordingOff() { in_use = in_use_; }
  RecordingOff(const RecordingOff&) = delete;

 private:
  RecorderScope recorder_{nullptr};
  bool in_use_;
  LayerPause pause_;
};

struct Computing {
  RecordingOff off;
  GradModeGuard no_grad{false};
};

graph::Value* value_of(TensorObj* t) {
  if (Waiting* w = waiting(t)) return w->value;
  TensorMeta meta = t->meta;
  meta.device = {};
  meta.requires_grad = false;
  graph::Value* value = session.graph->add_input(meta);
  session.inputs.push_back(TensorRef::borrow(t));
  if (is_lazy(t)) set_wrapper(t, new Waiting(value));
  return value;
}

// A tensor that has data and is written to: others that share the memory do not know that they would have to wait.
bool has_strangers(const TensorObj* self) {
  uint32_t known = 0;
  for (Waiting* w = Waiting::first; w; w = w->next) known += w->tensor->storage == self->storage;
  if (!waiting(self)) ++known;
  return self->storage->data && self->storage->refs > known;
}

std::string aten_name(const OpDef& op) {
  std::string_view name = op.name;
  if (op.has(kInplace) && name.ends_with('_')) name.remove_suffix(1);
  return cat("aten::", name);
}

bool is_copy_to_cpu(const OpDef& op, Args args) { return op.id == OpId::copy_ && !is_lazy(tensor_of(args[0].val())); }

bool falls_back(const OpDef& op, Args args) {
  return op.has(kDynamicShape) || op.has(kDataAccess) || is_copy_to_cpu(op, args) ||
         (!forced_fallback().empty() && aten_name(op) == forced_fallback());
}

void check_devices(const OpDef& op, Args args) {
  if (op.id == OpId::copy_) return;
  for_each_val(args, [&](Val v) {
    FJ_USER_CHECK(v->device == kDevice || v->dim() == 0 || waiting(tensor_of(v)), ErrorKind::Runtime,
                  "Expected all tensors to be on the same device, but found at least two devices, lazy:0 and cpu! "
                  "(when checking arguments for ",
                  op.name, ")");
  });
}

ArgVec on_cpu(Args args) {
  ArgVec own(args.begin(), args.end());
  for (Arg& a : own)
    if (a.tag() == ArgTag::Device) a = Arg(Device{});
  return own;
}

// Computes at once; what comes out has data.
void fall_back(const OpDef& op, Args args, Outs& outs, Proceed proceed) {
  ++counters()[aten_name(op)];
  sync();
  {
    RecordingOff off;
    proceed(op, on_cpu(args), outs);
  }
  if (!is_copy_to_cpu(op, args))
    for (TensorRef& t : outs) t->meta.device = kDevice;
}

void wait(TensorRef t, graph::Value* value, Outs& outs) {
  t->meta.device = kDevice;
  set_wrapper(t.get(), new Waiting(value));
  outs.push_back(std::move(t));
}

void record_inplace(const OpDef& op, Args args, Args values, Outs& outs) {
  TensorObj* self = tensor_of(args[0].val());
  check_inplace_call(op, args);
  graph::Node* n = session.graph->add_node(op, values, std::span<const TensorMeta>(values[0].val().m, 1));
  n->no_grad = true;
  waiting(self)->value = n->outs[0];
  bump_version(self);
  outs.push_back(TensorRef::borrow(self));
}

void install(TensorObj* t, TensorObj* result) {
  if (t == result || t->storage == result->storage) return;
  const uint32_t version = t->storage->version;
  StorageRef old = StorageRef::steal(t->storage);
  t->storage = StorageRef::borrow(result->storage).release();
  t->storage->version = std::max(t->storage->version, version);
  t->meta.strides = result->meta.strides;
  t->meta.offset = result->meta.offset;
}

// What a program depends on besides the graph: its inputs' strides, and which of them share memory.
std::string layouts() {
  std::string text;
  std::unordered_map<Storage*, size_t> first;
  for (const TensorRef& t : session.inputs) {
    text += cat(t->meta.strides, " memory ", first.emplace(t->storage, first.size()).first->second);
    if (!t->meta.is_contiguous()) text += cat(" offset ", t->meta.offset);
    text += "\n";
  }
  return text;
}

std::shared_ptr<Program> compiled(std::string* key) {
  graph::Graph& g = *session.graph;
  *key = graph::print(g) + layouts();
  std::shared_ptr<Program>& slot = programs()[*key];
  ++counters()[slot ? "CachedCompile" : "UncachedCompile"];
  if (!slot) {
    FJ_CHECK(the_compiler, "no compiler for lazy tensors");
    slot = the_compiler(g, session.inputs);
  }
  return slot;
}

SmallVec<TensorObj*, 16> raw(const std::vector<TensorRef>& tensors) {
  SmallVec<TensorObj*, 16> out;
  for (const TensorRef& t : tensors) out.push_back(t.get());
  return out;
}

}  // namespace

bool is_lazy(const TensorObj* t) { return t->meta.device.type == DeviceType::Lazy; }

bool involves(Args args) {
  bool found = false;
  for (const Arg& a : args) found |= a.tag() == ArgTag::Device && a.as_device().type == DeviceType::Lazy;
  for_each_val(args, [&](Val v) { found |= v->device.type == DeviceType::Lazy; });
  return found || meta_device::involves(args);
}

void call(const OpDef& op, Args args, Outs& outs, Proceed proceed) {
  if (meta_device::involves(args)) return meta_device::call(op, args, outs, proceed);
  if (falls_back(op, args)) return fall_back(op, args, outs, proceed);
  RecorderScope recorder(&layer);
  proceed(op, args, outs);
}

Scope::Scope(std::span<const TensorRef> grads)
    : recorder_(std::ranges::any_of(grads, [](const TensorRef& t) { return t && is_lazy(t.get()); })
                    ? &layer
                    : thread_state().recorder) {}

namespace {

// Beside lazy tensors other code goes on as it is: what has tensors, none of them lazy, is computed.
bool is_elsewhere(Args args) {
  bool tensors = false;
  for_each_val(args, [&](Val) { tensors = true; });
  return tensors && !involves(args);
}

}  // namespace

void execute(const OpDef& op, Args given, Outs& outs) {
  if (meta_device::involves(given)) return meta_device::execute(op, given, outs);
  if (is_elsewhere(given)) {
    Computing computing;
    return execute_op(op, given, outs);
  }
  const ArgVec args = on_cpu(given);
  check_devices(op, args);
  const bool writes = !op.args.empty() && op.args[0].mutated;
  if (falls_back(op, args) || (writes && has_strangers(tensor_of(args[0].val()))))
    return fall_back(op, args, outs, execute_op);
  SmallVec<TensorMeta, 2> metas;
  if (!writes) infer_op(op, args, metas);  // raises before anything is recorded
  if (op.id == OpId::as_strided) check_in_storage(tensor_of(args[0].val()), metas[0]);
  ArgVec values(args.begin(), args.end());
  for (Arg& a : values) a = map_vals(a, [&](Val v) { return Val{value_of(tensor_of(v))}; });
  if (writes) return record_inplace(op, args, values, outs);
  for (TensorMeta& m : metas) {
    m.requires_grad = false;
    m.device = {};
  }
  graph::Node* n = session.graph->add_node(op, values, metas);
  n->no_grad = true;
  for (size_t i = 0; i < metas.size(); ++i) {
    TensorObj* self = op.is_view() ? tensor_of(args[0].val()) : nullptr;
    TensorRef t = op.id == OpId::detach ? make_alias(self)
                  : self                ? make_view(self, metas[i])
                         : new_tensor(metas[i], StorageRef::steal(new_fake_storage(extent_nbytes(metas[i]))));
    if (self && !thread_state().grad_mode) t->flags |= kNoGradView;
    wait(std::move(t), n->outs[i], outs);
  }
}

void sync() {
  if (!Waiting::first) return;
  Computing computing;
  graph::Graph& g = *session.graph;
  g.outputs.clear();
  // Nothing waits while the program runs: an alias of an input that it makes would wait for a graph that is gone then.
  std::vector<std::pair<TensorRef, graph::Value*>> all;
  for (Waiting* w = Waiting::first; w; w = w->next) all.emplace_back(TensorRef::borrow(w->tensor), w->value);
  std::vector<TensorRef> waiters;
  for (auto& [tensor, value] : all) {
    set_wrapper(tensor.get(), nullptr);
    if (!value->def) continue;  // an input: it has its data already
    waiters.push_back(tensor);
    g.add_output(value);
  }
  Outs results;
  try {
    std::string key;
    if (!waiters.empty()) compiled(&key)->run(raw(session.inputs), results);
  } catch (...) {  // they go on waiting
    g.outputs.clear();
    for (auto& [tensor, value] : all) set_wrapper(tensor.get(), new Waiting(value));
    throw;
  }
  for (size_t i = 0; i < waiters.size(); ++i) install(waiters[i].get(), results[i].get());
  session = Session();
}

Extracted extract(std::span<TensorObj* const> outputs) {
  Computing computing;
  graph::Graph& g = *session.graph;
  g.outputs.clear();
  for (TensorObj* t : outputs) g.add_output(value_of(t));
  Extracted e;
  try {
    compiled(&e.key);
  } catch (...) {
    g.outputs.clear();
    throw;
  }
  g.outputs.clear();
  e.inputs = session.inputs;
  return e;
}

void run_cached(const std::string& key, std::span<TensorObj* const> inputs, Outs& outs) {
  auto found = programs().find(key);
  FJ_USER_CHECK(found != programs().end(), ErrorKind::Runtime, "no compiled graph is kept under this hash");
  std::shared_ptr<Program> program = found->second;
  sync();
  Computing computing;
  program->run(inputs, outs);
}

void register_compiler(Compiler fn) { the_compiler = fn; }

std::string& forced_fallback() {
  static std::string name;
  return name;
}

std::map<std::string, int64_t>& counters() {
  static std::map<std::string, int64_t> map;
  return map;
}

std::string graph_text() { return graph::print(*session.graph); }

// --- between devices

namespace {

TensorRef copy_to(TensorObj* t, Device to) {
  if (is_lazy(t)) check_data(t, "a copy to the CPU");
  Computing computing;
  TensorRef copy = empty(t->meta.sizes, t->meta.dtype);
  copy_into(copy.get(), t);
  copy->meta.device = to;
  return copy;
}

class MoveBackward final : public tape::BackwardFn {
 public:
  explicit MoveBackward(Device from) : from_(from) {}
  void apply(std::span<const TensorRef> grads, std::span<const TensorRef>, Outs& out) override {
    out.push_back(grads[0] ? copy_to(grads[0].get(), from_) : TensorRef());
  }
  void apply_differentiably(std::span<const TensorRef> grads, std::span<const TensorRef>, std::span<const TensorRef>,
                            Outs& out) override {
    out.push_back(grads[0] ? moved(grads[0].get(), from_) : TensorRef());
  }
  const char* name() const override { return "ToCopyBackward0"; }

 private:
  Device from_;
};

}  // namespace

TensorRef moved(TensorObj* t, Device to) {
  if (t->meta.device.type == to.type) return TensorRef::borrow(t);
  if (to.type == DeviceType::Lazy) to = kDevice, in_use = true;
  if (to.type == DeviceType::Meta) {
    in_use = true;
    return meta_device::like(t);
  }
  if (meta_device::is_meta(t)) check_data(t, "a copy to another device");
  FJ_USER_CHECK(!t->wrapper || waiting(t), ErrorKind::Unsupported, "a move between devices inside a trace");
  const Device from = t->meta.device;
  TensorRef copy = copy_to(t, to);
  if (t->meta.requires_grad && thread_state().grad_mode) {
    TensorObj *in[] = {t}, *out[] = {copy.get()};
    tape::attach_backward(std::make_unique<MoveBackward>(from), in, out, {}, in);
  }
  return copy;
}

}  // namespace fj::lazy
