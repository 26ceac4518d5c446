#include "schedule/prune.h"

namespace fj::schedule {
namespace {

using loop::kNone;
using loop::Op;

bool has_effect(Op op) { return !loop::info(op).has_value; }

std::vector<bool> find_used(const loop::Kernel& k) {
  std::vector<bool> used(k.insts.size(), false);
  for (size_t i = k.insts.size(); i-- > 0;) {
    const loop::Inst& inst = k.insts[i];
    if (has_effect(inst.op)) used[i] = true;
    if (!used[i]) continue;
    for (loop::Value v : {inst.a, inst.b, inst.c})
      if (v != kNone) used[v] = true;
  }
  return used;
}

}  // namespace

void prune(loop::Kernel& k) {
  std::vector<bool> used = find_used(k);
  std::vector<loop::Value> now(k.insts.size(), kNone);
  std::vector<loop::Inst> insts;
  std::vector<loop::Stage> stages;
  for (const loop::Stage& s : k.stages) {
    loop::Stage kept{s.kind, static_cast<uint32_t>(insts.size()), 0};
    for (uint32_t i = s.first; i < s.last; ++i) {
      if (!used[i]) continue;
      loop::Inst inst = k.insts[i];
      for (loop::Value* v : {&inst.a, &inst.b, &inst.c})
        if (*v != kNone) *v = now[*v];
      now[i] = static_cast<loop::Value>(insts.size());
      insts.push_back(inst);
    }
    kept.last = static_cast<uint32_t>(insts.size());
    if (kept.last > kept.first) stages.push_back(kept);
  }
  if (stages.empty()) return;  // a kernel without any effect stays as it is: nobody runs it
  k.insts = std::move(insts);
  k.stages = std::move(stages);
}

}  // namespace fj::schedule
