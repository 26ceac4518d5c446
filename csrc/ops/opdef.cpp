#include "ops/opdef.h"

#include <unordered_map>

namespace fj {

int OpDef::arg_index(std::string_view wanted) const {
  for (size_t i = 0; i < args.size(); ++i)
    if (wanted == args[i].name) return static_cast<int>(i);
  return -1;
}

const Arg& InferCtx::arg(std::string_view name) const {
  int i = op.arg_index(name);
  FJ_CHECK(i >= 0, "op ", op.full_name, " has no argument ", name);
  return args[static_cast<size_t>(i)];
}

const OpDef& op_def(OpId id) { return all_ops()[static_cast<size_t>(id)]; }

const OpDef* find_op(std::string_view full_name) {
  static const auto* index = [] {
    auto* m = new std::unordered_map<std::string_view, const OpDef*>();
    for (const OpDef& d : all_ops()) m->emplace(d.full_name, &d);
    return m;
  }();
  auto it = index->find(full_name);
  return it == index->end() ? nullptr : it->second;
}

}  // namespace fj
