// Machine-level operations on registers. Sources are registers or, for the last one, memory; the last two vector
// registers and k7 are free for the sequence of one operation.
#include <cstddef>

#include "base/error.h"
#include "codegen/cpu/emit.h"

namespace fj::codegen::cpu {

namespace I = x86::Inst;

namespace {

// One instruction a lane type: f32, i32, f64, i64; 0 where there is none.
struct Ids {
  MOp op;
  uint32_t id[4];
};
constexpr Ids kPlain[] = {
    {MOp::Add, {I::kIdVaddps, I::kIdVpaddd, I::kIdVaddpd, I::kIdVpaddq}},
    {MOp::Sub, {I::kIdVsubps, I::kIdVpsubd, I::kIdVsubpd, I::kIdVpsubq}},
    {MOp::Mul, {I::kIdVmulps, I::kIdVpmulld, I::kIdVmulpd, I::kIdVpmullq}},
    {MOp::Div, {I::kIdVdivps, 0, I::kIdVdivpd, 0}},
    {MOp::MinRaw, {I::kIdVminps, I::kIdVpminsd, I::kIdVminpd, I::kIdVpminsq}},
    {MOp::MaxRaw, {I::kIdVmaxps, I::kIdVpmaxsd, I::kIdVmaxpd, I::kIdVpmaxsq}},
    {MOp::MulU32, {0, 0, 0, I::kIdVpmuludq}},
    {MOp::Sqrt, {I::kIdVsqrtps, 0, I::kIdVsqrtpd, 0}},
    {MOp::ShlI, {I::kIdVpslld, I::kIdVpslld, I::kIdVpsllq, I::kIdVpsllq}},
    {MOp::ShrI, {I::kIdVpsrld, I::kIdVpsrld, I::kIdVpsrlq, I::kIdVpsrlq}},
    {MOp::SarI, {I::kIdVpsrad, I::kIdVpsrad, I::kIdVpsraq, I::kIdVpsraq}},
    {MOp::ShlV, {0, I::kIdVpsllvd, 0, I::kIdVpsllvq}},
    {MOp::ShrV, {0, I::kIdVpsrlvd, 0, I::kIdVpsrlvq}},
    {MOp::GetExp, {I::kIdVgetexpps, 0, I::kIdVgetexppd, 0}},
    {MOp::Scalef, {I::kIdVscalefps, 0, I::kIdVscalefpd, 0}},
    {MOp::SarV, {0, I::kIdVpsravd, 0, I::kIdVpsravq}},
};
// Bitwise: {AVX2, AVX-512 on 32-bit lanes, on 64-bit lanes}.
struct BitIds {
  MOp op;
  uint32_t id[3];
};
constexpr BitIds kBits[] = {
    {MOp::And, {I::kIdVpand, I::kIdVpandd, I::kIdVpandq}},
    {MOp::Or, {I::kIdVpor, I::kIdVpord, I::kIdVporq}},
    {MOp::Xor, {I::kIdVpxor, I::kIdVpxord, I::kIdVpxorq}},
    {MOp::AndN, {I::kIdVpandn, I::kIdVpandnd, I::kIdVpandnq}},
};

uint32_t plain_id(MOp op, LT lt) {
  for (const Ids& row : kPlain)
    if (row.op == op) return row.id[static_cast<int>(lt)];
  return 0;
}

uint32_t bits_id(MOp op, LT lt, bool avx512) {
  for (const BitIds& row : kBits)
    if (row.op == op) return row.id[avx512 ? lane_bytes(lt) / 4 : 0];
  return 0;
}

}  // namespace

x86::Vec Emitter::vec_of(int id, int bytes) {
  uint32_t i = static_cast<uint32_t>(id);
  if (bytes >= 64) return x86::zmm(i);
  if (bytes >= 32) return x86::ymm(i);
  return x86::xmm(i);
}

int Emitter::acc_reg(int position, int u) const {
  const StagePlan& p = plans_[static_cast<size_t>(stage_)];
  return static_cast<int>(p.pinned.size()) + position * p.main.copies + u;
}

int Emitter::phys(PReg r, int u) const {
  const StagePlan& p = plans_[static_cast<size_t>(stage_)];
  int copy = body_->in_turn ? 0 : u;
  if (r >= kMaskBase) return 2 + copy * body_->masks + (r - kMaskBase);
  if (r >= kAccBase) return acc_reg(r - kAccBase, u);
  if (r >= kPinnedBase) return r - kPinnedBase;
  int accs = p.accs_in_memory ? 0 : static_cast<int>(p.accs.size()) * p.main.copies;
  return static_cast<int>(p.pinned.size()) + accs + copy * body_->regs + r;
}

x86::Mem Emitter::home(MV v, int u, int lane) {
  const MVal& val = stage().vals[v];
  if (val.home == Home::Const) return pool_vector(val.bits, lane);
  if (val.home == Home::Table) return pool_table(val);
  int32_t at = val.home == Home::Slot
                   ? slot_off_[static_cast<size_t>(val.slot)] + u * slot_step_[static_cast<size_t>(val.slot)]
                   : spill_ + body_->alloc.spill_of[v] * vb_;
  return frame(at, static_cast<uint32_t>(lane * lanes_));
}

asmjit::Operand Emitter::source(const AInst& a, int k, int u, int lane) {
  if (a.src[k] == kInMemory) return home(a.val[k], u, lane);
  return vec(phys(a.src[k], u), lane);
}

void Emitter::move(int dst, int src, int lane) {
  if (dst != src) as_.emit(I::kIdVmovaps, vec(dst, lane), vec(src, lane));
}

void Emitter::emit(const AInst& a, int u) {
  if (a.kind == AInst::Reload) return emit_reload(a, u);
  if (a.kind == AInst::Spill) return emit_spill(a, u);
  switch (a.in->op) {
    case MOp::Fma:
    case MOp::Fnma:
    case MOp::Fms:
    case MOp::Fnms: return emit_fma(a, u);
    case MOp::Cmp: return emit_cmp(a, u);
    case MOp::Select: return emit_select(a, u);
    case MOp::MAnd:
    case MOp::MOr:
    case MOp::MXor:
    case MOp::MNot:
    case MOp::MConst:
    case MOp::MaskBits:
    case MOp::BitsMask: return emit_mask_op(a, u);
    case MOp::MinNan:
    case MOp::MaxNan: return emit_pick_nan(a, u);
    case MOp::Lookup: return emit_lookup(a, u);
    case MOp::Cvt: return emit_cvt(a, u);
    case MOp::Load: return emit_load(a, u);
    case MOp::LoadAt: return emit_load_at(a, u);
    case MOp::Store: return emit_store(a, u);
    case MOp::StoreAt: return emit_store_at(a, u);
    case MOp::Index: return emit_index(a, u);
    case MOp::Call: return emit_call(a, u);
    case MOp::Far: return emit_far(a, u);
    case MOp::AccSet:
    case MOp::Save: return emit_save(a, u);
    case MOp::Check: return emit_check(a, u);
    default: return emit_op(a, u);
  }
}

void Emitter::emit_op(const AInst& a, int u) {
  const MInst& in = *a.in;
  int lane = lane_bytes(in.lt);
  x86::Vec dst = vec(phys(a.dst, u), lane);
  asmjit::Operand x = source(a, 0, u, lane);
  if (in.op == MOp::Round) {
    uint32_t id =
        avx512() ? (lane == 4 ? I::kIdVrndscaleps : I::kIdVrndscalepd) : (lane == 4 ? I::kIdVroundps : I::kIdVroundpd);
    return ins(id, dst, x, asmjit::Imm(in.imm));
  }
  if (in.op == MOp::MinAbs) {  // vrange: the lesser in absolute value, its sign cleared
    as_.emit(lane == 4 ? I::kIdVrangeps : I::kIdVrangepd, dst, x, source(a, 1, u, lane), asmjit::Imm(10));
    return;
  }
  if (in.op == MOp::GetMant)  // in [1, 2), without a sign
    return ins(lane == 4 ? I::kIdVgetmantps : I::kIdVgetmantpd, dst, x, asmjit::Imm(4));
  uint32_t id = plain_id(in.op, in.lt);
  if (!id) id = bits_id(in.op, in.lt, avx512());
  FJ_CHECK(id != 0, "no instruction for machine op ", static_cast<int>(in.op));
  if (in.op == MOp::ShlI || in.op == MOp::ShrI || in.op == MOp::SarI) return ins(id, dst, x, asmjit::Imm(in.imm));
  if (in.n == 1) return ins(id, dst, x);
  ins(id, dst, x, source(a, 1, u, lane));
}

// On whole registers, whatever the lanes: half of one would look up in half the table.
void Emitter::emit_lookup(const AInst& a, int u) {
  auto table = [&](int k) -> asmjit::Operand {
    if (a.src[k] == kInMemory) return home(a.val[k], u, 4);
    return vec_of(source_reg(a, k, u), vb_);
  };
  x86::Vec dst = vec_of(phys(a.dst, u), vb_), index = vec_of(source_reg(a, 0, u), vb_);
  if (a.in->n == 2) return ins(I::kIdVpermps, dst, index, table(1));
  // vpermi2ps replaces its index, vpermt2ps the first table.
  if (dst.id() == index.id()) return ins(I::kIdVpermi2ps, dst, table(1), table(2));
  bool aside = table(2) == dst;
  x86::Vec work = aside ? vec_of(s1_, vb_) : dst;
  if (table(1) != work) ins(I::kIdVmovaps, work, table(1));
  ins(I::kIdVpermt2ps, work, index, table(2));
  if (aside) ins(I::kIdVmovaps, dst, work);
}

// The three forms differ in which source the result replaces and which may be memory:
// 132: d = d*m + r   213: d = r*d + m   231: d = r*m + d.
void Emitter::emit_fma(const AInst& a, int u) {
  static constexpr uint32_t kIds[4][3][2] = {
      {{I::kIdVfmadd132ps, I::kIdVfmadd132pd},
       {I::kIdVfmadd213ps, I::kIdVfmadd213pd},
       {I::kIdVfmadd231ps, I::kIdVfmadd231pd}},
      {{I::kIdVfnmadd132ps, I::kIdVfnmadd132pd},
       {I::kIdVfnmadd213ps, I::kIdVfnmadd213pd},
       {I::kIdVfnmadd231ps, I::kIdVfnmadd231pd}},
      {{I::kIdVfmsub132ps, I::kIdVfmsub132pd},
       {I::kIdVfmsub213ps, I::kIdVfmsub213pd},
       {I::kIdVfmsub231ps, I::kIdVfmsub231pd}},
      {{I::kIdVfnmsub132ps, I::kIdVfnmsub132pd},
       {I::kIdVfnmsub213ps, I::kIdVfnmsub213pd},
       {I::kIdVfnmsub231ps, I::kIdVfnmsub231pd}},
  };
  int lane = lane_bytes(a.in->lt);
  const auto& ids = kIds[static_cast<int>(a.in->op) - static_cast<int>(MOp::Fma)];
  auto form = [&](int f, int r, const asmjit::Operand& second, const asmjit::Operand& third) {
    ins(ids[f][lane == 8], vec(r, lane), second, third);
  };
  int dst = phys(a.dst, u);
  asmjit::Operand x = source(a, 0, u, lane), y = source(a, 1, u, lane), z = source(a, 2, u, lane);
  auto is_dst = [&](int k) { return a.src[k] != kInMemory && phys(a.src[k], u) == dst; };
  if (is_dst(2)) return x.isMem() ? form(2, dst, y, x) : form(2, dst, x, y);
  if (is_dst(1) && !is_dst(0))
    std::swap(x, y);
  else if (!is_dst(0)) {
    // No source dies here: copy one that is in a register and is not needed as the memory operand.
    if (z.isMem() || y.isMem()) {
      as_.emit(I::kIdVmovaps, vec(dst, lane), x);
    } else if (x.isMem()) {
      as_.emit(I::kIdVmovaps, vec(dst, lane), y);
      std::swap(x, y);
    } else {
      as_.emit(I::kIdVmovaps, vec(dst, lane), z);
      return form(2, dst, x, y);
    }
  }
  // Now x is dst.
  y.isMem() ? form(0, dst, z, y) : form(1, dst, y, z);
}

void Emitter::emit_cmp(const AInst& a, int u) {
  const MInst& in = *a.in;
  int lane = lane_bytes(in.lt), dst = phys(a.dst, u);
  asmjit::Operand x = source(a, 0, u, lane), y = source(a, 1, u, lane);
  asmjit::Imm pred(in.imm);
  if (avx512()) {
    uint32_t id = is_fp(in.lt) ? (lane == 4 ? I::kIdVcmpps : I::kIdVcmppd) : (lane == 4 ? I::kIdVpcmpd : I::kIdVpcmpq);
    as_.emit(id, k(dst), x, y, pred);
    return;
  }
  x86::Vec d = vec(dst, lane);
  if (is_fp(in.lt)) {
    as_.emit(lane == 4 ? I::kIdVcmpps : I::kIdVcmppd, d, x, y, pred);
  } else {
    bool equal = in.imm == kEq || in.imm == kNe, swap = in.imm == kLt || in.imm == kNlt,
         negate = in.imm == kNe || in.imm == kNlt || in.imm == kLe;
    uint32_t id = equal ? (lane == 4 ? I::kIdVpcmpeqd : I::kIdVpcmpeqq) : (lane == 4 ? I::kIdVpcmpgtd : I::kIdVpcmpgtq);
    swap ? ins(id, d, y, x) : ins(id, d, x, y);
    if (negate) {
      as_.vpcmpeqd(vec_of(s0_, 32), vec_of(s0_, 32), vec_of(s0_, 32));
      ins(I::kIdVpxor, d, d, vec(s0_, lane));
    }
  }
  if (lane == 4) return;
  x86::Xmm low = x86::xmm(static_cast<uint32_t>(dst)), high = x86::xmm(static_cast<uint32_t>(s0_));
  as_.vextracti128(high, x86::ymm(static_cast<uint32_t>(dst)), 1);
  as_.vshufps(low, low, high, 0x88);
}

void Emitter::emit_select(const AInst& a, int u) {
  int lane = lane_bytes(a.in->lt);
  x86::Vec dst = vec(phys(a.dst, u), lane);
  asmjit::Operand yes = source(a, 1, u, lane), no = source(a, 2, u, lane);
  int mask = source_reg(a, 0, u);
  if (avx512()) {
    as_.k(k(mask));
    return ins(lane == 4 ? I::kIdVblendmps : I::kIdVblendmpd, dst, no, yes);
  }
  x86::Vec m = vec(mask, lane);
  if (lane == 8) {
    m = x86::ymm(static_cast<uint32_t>(s0_));
    as_.vpmovsxdq(m, x86::xmm(static_cast<uint32_t>(mask)));
  }
  as_.emit(lane == 8 ? I::kIdVblendvpd : I::kIdVblendvps, dst, no, yes, m);
}

void Emitter::emit_mask_op(const AInst& a, int u) {
  MOp op = a.in->op;
  int dst = phys(a.dst, u), n = a.in->n;
  int x = n > 0 ? source_reg(a, 0, u) : 0, y = n > 1 ? source_reg(a, 1, u) : 0;
  if (avx512()) {
    switch (op) {
      case MOp::MAnd: as_.kandw(k(dst), k(x), k(y)); break;
      case MOp::MOr: as_.korw(k(dst), k(x), k(y)); break;
      case MOp::MXor: as_.kxorw(k(dst), k(x), k(y)); break;
      case MOp::MNot: as_.knotw(k(dst), k(x)); break;
      case MOp::MConst: a.in->imm ? as_.kxnorw(k(dst), k(dst), k(dst)) : as_.kxorw(k(dst), k(dst), k(dst)); break;
      case MOp::MaskBits: as_.vpmovm2d(vec(dst, 4), k(x)); break;
      default: as_.vpmovd2m(k(dst), vec(x, 4)); break;
    }
    return;
  }
  x86::Vec d = vec(dst, 4), vx = vec(x, 4), vy = vec(y, 4), ones = vec(s0_, 4);
  switch (op) {
    case MOp::MAnd: as_.vpand(d, vx, vy); break;
    case MOp::MOr: as_.vpor(d, vx, vy); break;
    case MOp::MXor: as_.vpxor(d, vx, vy); break;
    case MOp::MNot:
      as_.vpcmpeqd(ones, ones, ones);
      as_.vpxor(d, vx, ones);
      break;
    case MOp::MConst: a.in->imm ? as_.vpcmpeqd(d, d, d) : as_.vpxor(d, d, d); break;
    default: move(dst, x, 4); break;
  }
}

// max(a, b) gives b if either is NaN: right unless only a is; then take a.
void Emitter::emit_pick_nan(const AInst& a, int u) {
  const MInst& in = *a.in;
  int lane = lane_bytes(in.lt);
  x86::Vec dst = vec(phys(a.dst, u), lane), x = vec(source_reg(a, 0, u), lane), raw = vec(s1_, lane);
  uint32_t id = plain_id(in.op == MOp::MaxNan ? MOp::MaxRaw : MOp::MinRaw, in.lt);
  ins(id, raw, x, source(a, 1, u, lane));
  if (avx512()) {
    as_.emit(lane == 4 ? I::kIdVcmpps : I::kIdVcmppd, x86::k7, x, x, asmjit::Imm(kUnord));
    as_.k(x86::k7);
    return ins(lane == 4 ? I::kIdVblendmps : I::kIdVblendmpd, dst, raw, x);
  }
  x86::Vec nan = vec(s0_, lane);
  as_.emit(lane == 4 ? I::kIdVcmpps : I::kIdVcmppd, nan, x, x, asmjit::Imm(kUnord));
  as_.emit(lane == 4 ? I::kIdVblendvps : I::kIdVblendvpd, dst, raw, x, nan);
}

void Emitter::emit_reload(const AInst& a, int u) {
  const MVal& v = stage().vals[a.val[0]];
  int dst = phys(a.dst, u);
  if (v.lt == LT::Mask) {
    if (a.dst >= kMaskBase)
      as_.kmovd(k(dst), home(a.val[0], u, 4).cloneResized(4));
    else
      as_.emit(I::kIdVmovups, vec(dst, 4), home(a.val[0], u, 4));
    return;
  }
  int lane = lane_bytes(v.lt);
  if (v.home == Home::Table) return ins(I::kIdVmovups, vec_of(dst, vb_), pool_table(v));
  if (v.home == Home::Const && avx512()) {
    return ins(lane == 8 ? I::kIdVbroadcastsd : I::kIdVbroadcastss, vec(dst, lane), pool_word(v.bits, lane));
  }
  as_.emit(I::kIdVmovups, vec(dst, lane), home(a.val[0], u, lane));
}

void Emitter::emit_spill(const AInst& a, int u) {
  const MVal& v = stage().vals[a.val[0]];
  int src = phys(a.src[0], u);
  x86::Mem to = frame(spill_ + body_->alloc.spill_of[a.val[0]] * vb_, 4);
  if (a.src[0] >= kMaskBase) {
    as_.kmovd(to, k(src));
    return;
  }
  int lane = v.lt == LT::Mask ? 4 : lane_bytes(v.lt);
  as_.emit(I::kIdVmovups, to.cloneResized(static_cast<uint32_t>(lane * lanes_)), vec(src, lane));
}

// Stores lanes to a slot; merge: only the tail's.
void Emitter::save_vector(int16_t slot, int u, int reg, LT lt, bool merge) {
  int lane = lt == LT::Mask ? 4 : lane_bytes(lt);
  x86::Mem to = slot_mem(slot, u, lane * lanes_);
  if (!merge) {
    as_.emit(I::kIdVmovups, to, vec(reg, lane));
  } else if (avx512()) {
    as_.k(x86::k1);
    as_.emit(lane == 8 ? I::kIdVmovupd : I::kIdVmovups, to, vec(reg, lane));
  } else {
    as_.emit(I::kIdVmovups, vec(s0_, lane), frame(lane == 8 ? mask64_ : mask32_, static_cast<uint32_t>(lane * lanes_)));
    as_.emit(lane == 8 ? I::kIdVmaskmovpd : I::kIdVmaskmovps, to, vec(s0_, lane), vec(reg, lane));
  }
}

void Emitter::emit_save(const AInst& a, int u) {
  const MInst& in = *a.in;
  int src = source_reg(a, 0, u);
  if (in.op == MOp::Save) {
    if (a.src[0] >= kMaskBase)
      as_.kmovd(slot_mem(in.index, u, 4), k(src));
    else
      save_vector(in.index, u, src, in.lt, false);
    return;
  }
  const StagePlan& p = plans_[static_cast<size_t>(stage_)];
  size_t position = 0;
  while (p.accs[position] != in.index) ++position;
  if (p.accs_in_memory) return save_vector(p.acc_slots[position], u, src, in.lt, mode_ == Mode::Tail);
  int lane = lane_bytes(in.lt), acc = acc_reg(static_cast<int>(position), u);
  if (mode_ != Mode::Tail) return move(acc, src, lane);
  if (avx512()) {
    as_.k(x86::k1);
    as_.emit(lane == 8 ? I::kIdVmovapd : I::kIdVmovaps, vec(acc, lane), vec(src, lane));
    return;
  }
  as_.emit(I::kIdVmovups, vec(s0_, lane), frame(lane == 8 ? mask64_ : mask32_, static_cast<uint32_t>(lane * lanes_)));
  as_.emit(lane == 8 ? I::kIdVblendvpd : I::kIdVblendvps, vec(acc, lane), vec(acc, lane), vec(src, lane),
           vec(s0_, lane));
}

}  // namespace fj::codegen::cpu
