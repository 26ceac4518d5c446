// Register allocation for one stage's straight-line body: one pass, evicting the value whose next use is furthest away.
//
// A body is allocated once for a virtual file of `regs` vector registers; each of U unrolled copies maps it onto its
// own range. Pinned registers hold constants and slots for the whole loop, shared by the copies; accumulators have one
// register a copy.
#pragma once
#include "codegen/cpu/mir.h"

namespace fj::codegen::cpu {

// A register name, before it is mapped to a copy.
using PReg = int16_t;
inline constexpr PReg kNoReg = -1;
inline constexpr PReg kInMemory = -2;  // the value's home, as a memory operand
inline constexpr PReg kPinnedBase = 64, kAccBase = 128, kMaskBase = 192;

struct AInst {
  enum Kind : uint8_t { Op, Reload, Spill } kind;
  const MInst* in;  // of Op
  PReg dst;
  PReg src[4];
  MV val[4];  // Op: the arguments (commuted, perhaps); else val[0] is the value moved
};

struct AllocParams {
  int regs;   // vector registers a copy
  int masks;  // mask registers a copy; 0: masks live in vector registers
  bool avx512;
  bool accs_in_memory;
  bool hint_accs;  // compute straight into accumulators (not for tails, which merge)
  const std::vector<MV>* pinned;
  const std::vector<int16_t>* accs;       // accumulator numbers of the stage; position = register
  const std::vector<int16_t>* acc_slots;  // their homes, if in memory
};

struct Allocation {
  bool ok = true;
  int spills = 0;  // spill slots used
  int used = 0, used_masks = 0;
  std::vector<AInst> code;
  std::vector<int16_t> spill_of;  // value -> spill slot or -1
};

Allocation allocate(const MStage& stage, const AllocParams& params);
// Constants and slots by number of uses, most used first: candidates for pinning.
std::vector<MV> pin_candidates(const MStage& stage, bool masks_in_vectors);

}  // namespace fj::codegen::cpu
