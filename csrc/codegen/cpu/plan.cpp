// How many copies of each stage's body, which registers they get, what is pinned.
//
// Copies hide latency: four for cheap reductions, two for short chains, one for long ones (the measurements are in
// docs/performance.md). A copy count is kept only if the copies need no spills. Bodies with calls keep nothing in
// registers across the call: one copy, no pins, accumulators in memory.
#include <algorithm>

#include "base/error.h"
#include "codegen/cpu/emit.h"

namespace fj::codegen::cpu {
namespace {

constexpr int kMaskRegs = 5;  // k2..k6
// Longer pointwise bodies get one copy: AVX-512 has the issue slots full by then, AVX2 gains up to here.
constexpr int kLongChain = 64, kLongChain512 = 64;

std::vector<int16_t> accs_of(const MStage& s) {
  std::vector<int16_t> out;
  for (const MInst& in : s.insts)
    if (in.op == MOp::AccGet) out.push_back(in.index);
  return out;
}

}  // namespace

int Emitter::preferred_copies(const MStage& s) const {
  if (s.calls || (k_.is_row() && s.kind == loop::StageKind::Point)) return 1;
  std::vector<int16_t> accs = accs_of(s);
  for (int16_t a : accs)
    if (a & 1) return 1;  // arg kinds: finish_arg expects one copy
  if (!accs.empty()) return s.insts.size() <= 12 ? (k_.is_row() ? 4 : 8) : 2;
  if (!k_.is_row() && s.kind == loop::StageKind::Point) return 8;
  return s.insts.size() <= static_cast<size_t>(avx512() ? kLongChain512 : kLongChain) ? 2 : 1;
}

// Parameters are the same for all copies; what else lives in slots is not, in a column kernel.
bool Emitter::is_param_slot(int16_t slot) const {
  for (const auto& p : mir_.params)
    if (p.slot == slot) return true;
  return false;
}

bool Emitter::plan_stage(const MStage& s, int copies, StagePlan* out) {
  *out = {};
  out->accs = accs_of(s);
  for (int16_t a : out->accs) {
    const auto& acc = mir_.accs[static_cast<size_t>(a / 2)];
    out->acc_slots.push_back(a & 1 ? acc.arg_slot : acc.slot);
  }
  int room = nregs_ - 2, accs = static_cast<int>(out->accs.size());
  if (copies == 1) out->accs_in_memory = s.calls || accs > room - 6;
  if (!out->accs_in_memory) room -= accs * copies;
  // Copies of a reduction are independent through their accumulators: they need no registers of their own beyond those.
  bool in_turn = copies > 1 && (accs > 0 || copies > 4);
  int sets = in_turn ? 1 : copies;
  int masks = avx512() ? kMaskRegs / sets : 0, regs = room / sets;
  if (regs < 4) return false;

  AllocParams p{regs, masks, avx512(), out->accs_in_memory, true, &out->pinned, &out->accs, &out->acc_slots};
  Body& main = out->main;
  main.alloc = allocate(s, p);
  if (!main.alloc.ok || (copies > 1 && main.alloc.spills > 0)) return false;
  main.copies = copies;
  main.in_turn = in_turn;
  main.regs = regs;
  main.masks = masks;
  int spare = room - main.alloc.used * sets;
  if (!s.calls && main.alloc.spills == 0 && spare > 0) {
    out->pinned = pin_candidates(s, !avx512());
    if (copies > 1 && !k_.is_row())
      std::erase_if(out->pinned, [&](MV v) { return s.vals[v].home == Home::Slot && !is_param_slot(s.vals[v].slot); });
    if (out->pinned.size() > static_cast<size_t>(spare)) out->pinned.resize(static_cast<size_t>(spare));
    p.regs = (room - static_cast<int>(out->pinned.size())) / sets;
    Allocation again = allocate(s, p);
    if (again.ok && again.spills == 0) {
      main.alloc = std::move(again);
      main.regs = p.regs;
    } else {
      out->pinned.clear();
    }
  }
  auto variant = [&](Body* b, bool hint) {
    p.regs = room - static_cast<int>(out->pinned.size());
    p.masks = avx512() ? kMaskRegs : 0;
    p.hint_accs = hint;
    b->copies = 1;
    b->regs = p.regs;
    b->masks = p.masks;
    b->alloc = allocate(s, p);
    return b->alloc.ok;
  };
  if (copies > 1 && !variant(&out->single, true)) return false;
  return variant(&out->tail, false);
}

void Emitter::plan() {
  plans_.resize(mir_.stages.size());
  int common = 8;
  if (!k_.is_row())
    for (const MStage& s : mir_.stages) common = std::min(common, preferred_copies(s));
  for (size_t i = 0; i < mir_.stages.size(); ++i) {
    const MStage& s = mir_.stages[i];
    int copies = k_.is_row() ? preferred_copies(s) : common;
    while (!plan_stage(s, copies, &plans_[i])) {
      FJ_CHECK(copies > 1, "a stage does not fit the registers");
      copies /= 2;
      if (k_.is_row()) continue;
      common = copies;  // all stages of a column kernel share the block
      i = static_cast<size_t>(-1);
      break;
    }
  }
}

}  // namespace fj::codegen::cpu
