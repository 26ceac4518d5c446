// The backward pass: nodes run when all gradients that flow into them have arrived, latest recorded first.
//
// All state of a pass lives in Pass, so that a backward pass may run inside another one's hook and an exception leaves
// nothing behind but freed buffers.
#include <optional>
#include <algorithm>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "ops/calls.h"
#include "tensor/lazy.h"
#include "tensor/autograd_internal.h"
#include "tensor/profile.h"

namespace fj::tape {
namespace {

// A gradient being summed up. `own`: made by us for this sum, so adding in place is invisible to others.
struct Buffer {
  TensorRef grad;
  bool own = false;
};

struct Task {
  NodeRef node;
  int32_t waiting = 0;  // consumers that have not run yet
  bool needed = true;
  SmallVec<Buffer, 1> grads;                         // one a result of the node
  std::vector<std::pair<int32_t, size_t>> captures;  // (result, index among the wanted inputs)
};

struct Later {
  bool operator()(const Task* a, const Task* b) const { return a->node->sequence < b->node->sequence; }
};

class Pass;
thread_local Pass* running = nullptr;  // the innermost pass

class Pass {
 public:
  explicit Pass(const BackwardRequest& r) : r_(r), outer_(std::exchange(running, this)) {
    static int64_t passes = 0;
    number = passes++;
  }
  ~Pass() { running = outer_; }
  bool takes_part(const Node& n) const {
    auto it = tasks_.find(const_cast<Node*>(&n));
    return it != tasks_.end() && (it->second.needed || !it->second.captures.empty());
  }
  int64_t number;
  std::vector<TensorRef> run();

 private:
  Task& task_of(Node* n);
  void discover();
  void mark_needed();
  void seed();
  void step(Task& t);
  void apply(Node& n, std::span<const TensorRef> grads, Outs& out);
  void add(Task& t, int32_t nr, TensorRef grad);
  std::vector<TensorRef> collect(Task& t);
  void deliver(Task& t, Outs& grads);

  const BackwardRequest& r_;
  Pass* outer_;
  std::unordered_map<Node*, Task> tasks_;
  std::vector<Node*> order_;  // every node after all that it leads to
  std::priority_queue<Task*, std::vector<Task*>, Later> ready_;
  std::vector<TensorRef> captured_;
};

Task& Pass::task_of(Node* n) { return tasks_.find(n)->second; }

// Depth first without recursion: counts consumers and lists nodes in post-order.
void Pass::discover() {
  struct Frame {
    Node* node;
    size_t edge;
  };
  std::vector<Frame> stack;
  auto enter = [&](Node* n) {
    auto [it, fresh] = tasks_.try_emplace(n);
    if (!fresh) return;
    it->second.node = NodeRef::borrow(n->self);
    it->second.grads.resize(n->results.size());
    stack.push_back({n, 0});
  };
  for (const Edge& root : r_.roots) {
    enter(root.node.get()->node);
    while (!stack.empty()) {
      Frame& f = stack.back();
      if (f.edge == f.node->next.size()) {
        order_.push_back(f.node);
        stack.pop_back();
        continue;
      }
      const Edge& e = f.node->next[f.edge++];
      if (!e.node) continue;
      Node* to = e.node.get()->node;
      enter(to);
      ++task_of(to).waiting;
    }
  }
}

// With wanted inputs, only nodes on a path to one of them run.
void Pass::mark_needed() {
  if (r_.inputs.empty()) return;
  captured_.resize(r_.inputs.size());
  for (auto& [n, t] : tasks_) t.needed = false;
  for (size_t i = 0; i < r_.inputs.size(); ++i) {
    if (!r_.inputs[i].node) continue;
    auto it = tasks_.find(r_.inputs[i].node.get()->node);
    if (it == tasks_.end()) continue;
    it->second.captures.push_back({r_.inputs[i].nr, i});
  }
  for (Node* n : order_) {
    Task& t = task_of(n);
    for (const Edge& e : n->next)
      if (e.node) {
        Task& to = task_of(e.node.get()->node);
        t.needed = t.needed || to.needed || !to.captures.empty();
      }
  }
}

// A gradient of another shape or type than the result it belongs to: broadcast ones are summed, types cast.
TensorRef fitted(TensorRef grad, const ResultMeta& want, const Node& node, size_t index) {
  const bool sparse = is_sparse(grad.get());
  if (grad->meta.sizes == want.sizes && (grad->meta.dtype == want.dtype || sparse)) return grad;
  if (sparse) grad = dense(grad);
  const TensorMeta& m = grad->meta;
  EagerBuilder b;
  Val v = grad.val();
  if (!(m.sizes == want.sizes)) {
    int64_t lead = m.dim() - static_cast<int64_t>(want.sizes.size());
    bool fits = lead >= 0;
    for (int64_t d = lead; fits && d < m.dim(); ++d)
      fits = want.sizes[d - lead] == m.sizes[d] || want.sizes[d - lead] == 1;
    FJ_USER_CHECK(fits, ErrorKind::Runtime, "Function ", node.name(), " returned an invalid gradient at index ", index,
                  " - got ", m.sizes, " but expected shape compatible with ", want.sizes);
    TensorMeta like = make_meta(want.sizes, m.dtype);
    v = reduce_to(b, v, Val{&like});
  }
  if (v->dtype != want.dtype) v = t::_to_dtype(b, v, want.dtype);
  return b.take(v);
}

void Pass::seed() {
  for (size_t i = 0; i < r_.roots.size(); ++i) add(task_of(r_.roots[i].node.get()->node), r_.roots[i].nr, r_.grads[i]);
  for (auto& [n, t] : tasks_)
    if (t.waiting == 0) ready_.push(&t);
}

void Pass::add(Task& t, int32_t nr, TensorRef grad) {
  Buffer& buffer = t.grads[static_cast<size_t>(nr)];
  if (!buffer.grad) {
    buffer.grad = std::move(grad);
    return;
  }
  if (buffer.own && !r_.create_graph && !is_sparse(grad.get())) {
    call1(OpId::add_, {Arg(buffer.grad.val()), Arg(grad.val()), Arg(int64_t{1})});
    return;
  }
  buffer.grad = sum_of(buffer.grad, grad);
  buffer.own = !is_sparse(buffer.grad.get());
}

TensorRef run_hooks_on(Node& n, int32_t nr, TensorRef grad) {
  for (size_t i = 0; i < n.hooks->tensor_pre.size(); ++i)
    if (n.hooks->tensor_pre[i].nr == nr) grad = run_tensor_hooks(n.hooks->tensor_pre[i].dict, std::move(grad));
  return grad;
}

void retain(TensorObj* t, const TensorRef& grad, bool create_graph) {
  AutogradMeta& m = need_meta(t);
  TensorRef value = grad;
  if (m.grad)
    value = sum_of(TensorRef::borrow(m.grad), grad);
  else if (is_sparse(grad.get()))
    value = detached(grad);
  else if (!create_graph)
    value = call1(OpId::clone, {Arg(grad.val()), Arg()});
  TensorObj* old = std::exchange(m.grad, value.release());
  Py_XDECREF(old);
}

// The gradients of a node's results, after hooks; what was asked for is taken down.
std::vector<TensorRef> Pass::collect(Task& t) {
  Node& n = *t.node.get()->node;
  std::vector<TensorRef> grads;
  TensorObj* leaf = accumulated_leaf_of(n);
  for (size_t i = 0; i < t.grads.size(); ++i) {
    TensorRef g = std::move(t.grads[i].grad);
    if (g) {
      int32_t nr = static_cast<int32_t>(i);
      if (leaf && leaf->autograd && leaf->autograd->hooks) g = run_tensor_hooks(leaf->autograd->hooks, std::move(g));
      if (n.hooks) {
        g = run_hooks_on(n, nr, std::move(g));
        for (size_t k = 0; k < n.hooks->retained.size(); ++k)
          if (n.hooks->retained[k].nr == nr) retain(n.hooks->retained[k].tensor, g, r_.create_graph);
      }
      for (auto& [result, index] : t.captures)
        if (result == nr) captured_[index] = g;
    }
    grads.push_back(std::move(g));
  }
  return grads;
}

// Counts this node's edges as done and hands its gradients on.
void Pass::deliver(Task& t, Outs& grads) {
  Node& n = *t.node.get()->node;
  for (size_t i = 0; i < n.next.size(); ++i) {
    const Edge& e = n.next[i];
    if (!e.node) continue;
    Task& to = task_of(e.node.get()->node);
    if (i < grads.size() && grads[i]) {
      TensorRef g = std::move(grads[i]);
      if (n.check_results()) g = fitted(std::move(g), e.node->results[static_cast<size_t>(e.nr)], n, i);
      add(to, e.nr, std::move(g));
    }
    if (--to.waiting == 0) ready_.push(&to);
  }
}

// A node's work as the profiler shows it.
class Profiled {
 public:
  explicit Profiled(const Node& n) : active_(__builtin_expect(profile::on, 0) && profile::is_active()) {
    if (!active_) return;
    before_ = std::exchange(profile::running_node, static_cast<int64_t>(n.sequence));
    profile::begin("autograd::engine::evaluate_function: " + n.name(), false);
    profile::begin(n.name(), false);
  }
  ~Profiled() {
    if (!active_) return;
    profile::end();
    profile::end();
    profile::running_node = before_;
  }
  Profiled(const Profiled&) = delete;
  Profiled& operator=(const Profiled&) = delete;

 private:
  bool active_;
  int64_t before_ = -1;
};

// Runs a node for the edges that lead to something asked for.
void Pass::apply(Node& n, std::span<const TensorRef> grads, Outs& out) {
  std::vector<bool> wanted;
  if (!r_.inputs.empty())
    for (const Edge& e : n.next) {
      const Task* to = e.node ? &task_of(e.node.get()->node) : nullptr;
      wanted.push_back(to && (to->needed || !to->captures.empty()));
    }
  struct Scope {
    Node& n;
    const std::vector<bool>* before;
    ~Scope() { n.wanted = before; }
  } scope{n, std::exchange(n.wanted, r_.inputs.empty() ? nullptr : &wanted)};
  const Profiled profiled(n);
  std::optional<lazy::Scope> lazily;
  if (lazy::in_use) lazily.emplace(grads);
  if (!anomaly.on) return n.apply(grads, r_.create_graph, out);
  try {
    n.apply(grads, r_.create_graph, out);
  } catch (...) {
    tell_anomaly(n);
    throw;
  }
  if (anomaly.check_nan) check_nan(n, out);
}

void Pass::step(Task& t) {
  Node& n = *t.node.get()->node;
  std::vector<TensorRef> grads = collect(t);
  Outs out;
  bool any = std::any_of(grads.begin(), grads.end(), [](const TensorRef& g) { return static_cast<bool>(g); });
  if (any && t.needed) {
    if (n.hooks && n.hooks->pre) run_node_pre_hooks(n, grads);
    if (!n.is_accumulate())
      for (TensorRef& g : grads)
        if (g && is_sparse(g.get())) g = dense(g);  // what nodes compute, they compute with memory
    apply(n, grads, out);
    if (n.hooks && n.hooks->post) run_node_post_hooks(n, out, grads);
    if (!r_.keep_graph) n.release_saved();
  }
  grads.clear();
  deliver(t, out);
}

std::vector<TensorRef> Pass::run() {
  GradModeGuard mode(r_.create_graph);
  discover();
  mark_needed();
  seed();
  while (!ready_.empty()) {
    Task* t = ready_.top();
    ready_.pop();
    step(*t);
  }
  return std::move(captured_);
}

// May the gradient's memory become .grad as it is? Two references: the pass's and accumulate_into's own.
bool is_ours(TensorObj* g) {
  return Py_REFCNT(as_object(g)) <= 2 && g->storage->refs == 1 && !g->base && is_exact_tensor(as_object(g)) &&
         g->meta.is_dense() && !overlaps_itself(g->meta) && !g->autograd;
}

}  // namespace

void accumulate_into(TensorObj* leaf, TensorRef grad, bool create_graph) {
  AutogradMeta& m = need_meta(leaf);
  const bool sparse = is_sparse(grad.get()) || (m.grad && is_sparse(m.grad));
  if (grad->meta.dtype != leaf->meta.dtype && !sparse)
    grad = call1(OpId::_to_dtype, {Arg(grad.val()), Arg(leaf->meta.dtype)});
  if (sparse && !m.grad) {
    m.grad = detached(grad).release();
  } else if (!m.grad) {
    bool same_layout = grad->meta.strides == leaf->meta.strides;
    if (!create_graph && grad->wrapper) {  // a trace: what the memory's layout will be is the graph's matter
      grad = call1(OpId::clone, {Arg(grad.val()), Arg()});
    } else if (!create_graph && !(is_ours(grad.get()) && same_layout)) {
      TensorMeta like = leaf->meta.is_dense() ? leaf->meta : make_meta(leaf->meta.sizes, leaf->meta.dtype);
      like.requires_grad = false;
      TensorRef copy = empty(std::move(like));
      call1(OpId::copy_, {Arg(copy.val()), Arg(grad.val()), Arg(false)});
      grad = std::move(copy);
    }
    m.grad = grad.release();
  } else if (create_graph || sparse) {
    TensorRef sum = sum_of(TensorRef::borrow(m.grad), grad);
    TensorObj* old = std::exchange(m.grad, sum.release());
    Py_DECREF(old);
  } else {
    TensorRef hold = TensorRef::borrow(m.grad);
    call1(OpId::add_, {Arg(hold.val()), Arg(grad.val()), Arg(int64_t{1})});
  }
  if (leaf->autograd->post_hooks) run_post_accumulate_hooks(leaf);
}

std::vector<Node*> nodes_reached(const std::vector<Edge>& from) {
  std::vector<Node*> found;
  std::unordered_set<Node*> seen;
  auto enter = [&](const Edge& e) {
    if (e.node && seen.insert(e.node.get()->node).second) found.push_back(e.node.get()->node);
  };
  for (const Edge& e : from) enter(e);
  for (size_t i = 0; i < found.size(); ++i)
    for (const Edge& e : found[i]->next) enter(e);
  return found;
}

bool reaches_leaf(const std::vector<Edge>& from, const std::vector<Edge>& stop) {
  std::vector<Node*> stack;
  std::unordered_set<Node*> seen;
  auto enter = [&](const Edge& e) {
    if (!e.node) return;
    for (const Edge& s : stop)
      if (s.node.get() == e.node.get() && s.nr == e.nr) return;
    if (seen.insert(e.node.get()->node).second) stack.push_back(e.node.get()->node);
  };
  for (const Edge& e : from) enter(e);
  while (!stack.empty()) {
    Node* n = stack.back();
    stack.pop_back();
    if (n->is_accumulate()) return true;
    for (const Edge& e : n->next) enter(e);
  }
  return false;
}

int64_t current_pass() { return running ? running->number : -1; }
bool in_current_pass(const Node& n) { return running && running->takes_part(n); }

std::vector<TensorRef> run_backward(const BackwardRequest& request) { return Pass(request).run(); }

}  // namespace fj::tape
