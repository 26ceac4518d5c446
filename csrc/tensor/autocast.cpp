#include "tensor/autocast.h"

#include <array>
#include <unordered_map>

#include "tensor/tape_api.h"

namespace fj::autocast {
namespace {

struct Row {
  const char* name;
  Policy policy;
};
constexpr Row kRows[] = {
#define FJ_AUTOCAST(name, policy) {#name, Policy::policy},
#include "tensor/autocast.def"
#undef FJ_AUTOCAST
};

std::array<Policy, static_cast<size_t>(OpId::kCount)> policies_by_op() {
  std::array<Policy, static_cast<size_t>(OpId::kCount)> out{};
  for (const OpDef& op : all_ops())
    if (!op.has(kInplace) && (op.args.empty() || !op.args[0].mutated))
      out[static_cast<size_t>(op.id)] = policy_of(op.name);
  return out;
}

// A leaf's cast, while a region lasts. Both are held: an address is not used again meanwhile.
struct Cast {
  TensorRef leaf, cast;
};
std::unordered_map<TensorObj*, Cast>& cache() {
  static auto* map = new std::unordered_map<TensorObj*, Cast>;
  return *map;
}

bool is_eligible(Val v) { return is_float(v->dtype) && v->dtype != DType::F64; }

TensorRef cast_to(TensorObj* t, DType dtype) {
  const bool cached = thread_state().autocast.cache && dtype == thread_state().autocast.cpu_dtype &&
                      t->meta.dtype == DType::F32 && t->meta.requires_grad && !is_non_leaf(t) && !t->base &&
                      thread_state().grad_mode;
  if (cached)
    if (auto it = cache().find(t); it != cache().end() && it->second.cast->meta.dtype == dtype) return it->second.cast;
  TensorRef made = call1(OpId::_to_dtype, {Arg(val_of(t)), Arg(dtype)});
  if (cached) cache()[t] = {TensorRef::borrow(t), made};
  return made;
}

// The widest dtype among the arguments, as the Promote policy counts.
DType promoted(Args args) {
  const DType lower = thread_state().autocast.cpu_dtype;
  DType widest = lower;
  for_each_val(args, [&](Val v) {
    if (!is_eligible(v)) return;
    FJ_USER_CHECK(v->dtype == DType::F32 || v->dtype == lower, ErrorKind::Runtime,
                  "Unexpected floating ScalarType in at::autocast::prioritize");
    if (v->dtype == DType::F32) widest = DType::F32;
  });
  return widest;
}

}  // namespace

Policy policy_of(std::string_view name) {
  static const auto* rows = [] {
    auto* map = new std::unordered_map<std::string_view, Policy>;
    for (const Row& r : kRows) map->emplace(r.name, r.policy);
    return map;
  }();
  auto it = rows->find(name);
  return it == rows->end() ? Policy::None : it->second;
}

ArgVec cast_args(Policy policy, Args args, Outs& keep) {
  if (policy == Policy::None) return ArgVec(args.begin(), args.end());
  DType to = policy == Policy::Lower     ? thread_state().autocast.cpu_dtype
             : policy == Policy::Promote ? promoted(args)
                                         : DType::F32;
  ArgVec out;
  for (const Arg& a : args)
    out.push_back(map_vals(a, [&](Val v) {
      if (!v || !is_eligible(v) || v->dtype == to) return v;
      keep.push_back(cast_to(tensor_of(v), to));
      return keep.back().val();
    }));
  return out;
}

bool call(const OpDef& op, Args args, Outs& outs) {
  static const auto policies = policies_by_op();
  const Policy policy = policies[static_cast<size_t>(op.id)];
  if (policy == Policy::None || (thread_state().autocast.inside && policy != Policy::Lower)) return false;
  Outs keep;
  ArgVec cast = cast_args(policy, args, keep);
  Pause pause;
  call_op(op, cast, outs);
  return true;
}

void clear_cache() {
  if (cache().empty()) return;
  auto dropped = std::move(cache());
  cache().clear();
}

void drop_traced() {
  std::vector<Cast> dropped;
  for (auto it = cache().begin(); it != cache().end();) {
    if (!it->second.cast->wrapper) {
      ++it;
      continue;
    }
    dropped.push_back(std::move(it->second));
    it = cache().erase(it);
  }
}

void set_modes(const Modes& modes) {
  static_cast<Modes&>(thread_state()) = modes;
  if (modes.autocast.nesting == 0) clear_cache();
}

}  // namespace fj::autocast
