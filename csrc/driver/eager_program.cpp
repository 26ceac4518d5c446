#include "driver/eager_program.h"

#include <list>
#include <unordered_map>

#include "driver/passes.h"
#include "driver/stats.h"
#include "ops/calls.h"

namespace fj::driver {
namespace {

constexpr size_t kMaxBytes = size_t{64} << 20;
constexpr size_t kMaxPrograms = 8192;

void add_word(std::string& key, uint64_t v) { key.append(reinterpret_cast<const char*>(&v), 8); }

void add_meta(std::string& key, const TensorMeta& m) {
  add_word(key, static_cast<uint64_t>(m.dtype) | static_cast<uint64_t>(m.sizes.size()) << 8);
  key.append(reinterpret_cast<const char*>(m.sizes.data()), 8 * m.sizes.size());
  key.append(reinterpret_cast<const char*>(m.strides.data()), 8 * m.strides.size());
}

std::string key_of(const OpDef& op, Args args, std::span<const TensorMeta* const> outs) {
  std::string key;
  key.reserve(256);
  add_word(key, static_cast<uint64_t>(op.id) | static_cast<uint64_t>(default_dtype()) << 32);
  for (const Arg& a : args) {
    if (a.is_tensor()) {
      add_meta(key, *a.val());
      continue;
    }
    add_word(key, a.hash());
    if (a.tag() == ArgTag::TensorList)
      for (Val v : a.as_vals()) {
        if (v)
          add_meta(key, *v);
        else
          add_word(key, 0);
      }
  }
  for (const TensorMeta* m : outs) add_meta(key, *m);
  return key;
}

struct Entry {
  std::string key;
  std::shared_ptr<const runtime::Program> program;
  size_t bytes;
};

// Least recently used first out. Guarded by the interpreter's lock.
class Cache {
 public:
  std::shared_ptr<const runtime::Program> find(const std::string& key) {
    auto it = index_.find(key);
    if (it == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, it->second);
    return it->second->program;
  }
  void add(std::string key, std::shared_ptr<const runtime::Program> program) {
    size_t bytes = program->bytes() + key.size() * 2;
    order_.push_front({std::move(key), std::move(program), bytes});
    index_[order_.front().key] = order_.begin();
    bytes_ += bytes;
    while (order_.size() > 1 && (bytes_ > kMaxBytes || order_.size() > kMaxPrograms)) {
      bytes_ -= order_.back().bytes;
      index_.erase(order_.back().key);
      order_.pop_back();
    }
  }
  void clear() {
    index_.clear();
    order_.clear();
    bytes_ = 0;
  }

 private:
  std::list<Entry> order_;
  std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;
  size_t bytes_ = 0;
};

Cache& cache() {
  static Cache* c = new Cache;
  return *c;
}

std::shared_ptr<const runtime::Program> compile(const OpDef& op, Args args, std::span<const TensorMeta* const> outs) {
  CompileTimer timer;
  graph::Graph g;
  g.functional = true;
  ArgVec mapped;
  for (const Arg& a : args) {
    mapped.push_back(map_vals(a, [&](Val v) {
      TensorMeta m = *v;
      m.offset = 0;
      m.requires_grad = false;
      return Val{g.add_input(m)};
    }));
  }
  const OpDef& functional = op.has(kInplace) ? *op.partner : op;
  graph::Node* n = g.add_node(functional, mapped);
  FJ_CHECK(n->outs.size() == outs.size(), op.full_name, ": wrong number of results");
  for (graph::Value* v : n->outs) g.add_output(v);
  make_outputs_distinct(g, outs);
  ++stats().programs;
  return compile_program(g);
}

}  // namespace

void make_outputs_distinct(graph::Graph& g, std::span<const TensorMeta* const> metas) {
  graph::GraphBuilder b(g);
  for (size_t i = 0; i < g.outputs.size(); ++i) {
    graph::Value* v = g.outputs[i];
    const TensorMeta* want = i < metas.size() ? metas[i] : nullptr;
    bool first = std::find(g.outputs.begin(), g.outputs.begin() + static_cast<std::ptrdiff_t>(i), v) ==
                 g.outputs.begin() + static_cast<std::ptrdiff_t>(i);
    bool result = v->def && !v->def->op->is_view() && v->def->op->kind != OpKind::Composite;
    bool fits = !want || (want->dtype == v->dtype && want->strides == v->strides);
    if (first && result && fits) continue;
    graph::Value* copy = graph::value_of(t::clone(b, Val{v}));
    if (want) {
      copy->dtype = want->dtype;
      copy->strides = want->strides;
    } else {
      copy->strides = v->is_dense() ? v->strides : contiguous_strides(v->sizes);
    }
    copy->offset = 0;
    g.outputs[i] = copy;
  }
}

void run_eager_program(const OpDef& op, Args args, std::span<void* const> in, std::span<const TensorMeta* const> outs,
                       std::span<void* const> out_data) {
  std::string key = key_of(op, args, outs);
  std::shared_ptr<const runtime::Program> program = cache().find(key);
  if (!program) {
    program = compile(op, args, outs);
    cache().add(std::move(key), program);
  }
  LockRelease unlocked(program->ns);
  program->run(in.data(), out_data.data());
}

void clear_eager_programs() { cache().clear(); }

}  // namespace fj::driver
