// Accumulators: their start values, merging copies and lanes, results to slots. Between the sweep's loops and the next
// stage every register above the accumulators is free.
#include <cstring>
#include <limits>

#include "codegen/cpu/cpu_kernel.h"
#include "codegen/cpu/emit.h"

namespace fj::codegen::cpu {

namespace I = x86::Inst;
using loop::AccKind;

namespace {

template <class T>
uint64_t extreme(bool low) {
  using Limits = std::numeric_limits<T>;
  T v = low ? (Limits::has_infinity ? -Limits::infinity() : Limits::min())
            : (Limits::has_infinity ? Limits::infinity() : Limits::max());
  uint64_t bits = 0;
  std::memcpy(&bits, &v, sizeof v);
  return bits;
}

uint64_t extreme(LT lt, bool low) {
  switch (lt) {
    case LT::F32: return extreme<float>(low);
    case LT::I32: return extreme<int32_t>(low);
    case LT::F64: return extreme<double>(low);
    default: return extreme<int64_t>(low);
  }
}

uint64_t start_bits(AccKind kind, LT lt) {
  switch (kind) {
    case AccKind::Sum:
    case AccKind::Any: return 0;
    case AccKind::Prod: return lt == LT::F32 ? 0x3f800000u : lt == LT::F64 ? 0x3ff0000000000000ull : 1;
    case AccKind::Max:
    case AccKind::ArgMax: return extreme(lt, true);
    case AccKind::Min:
    case AccKind::ArgMin: return extreme(lt, false);
    case AccKind::All: return 0xffffffffu;
  }
  return 0;
}

bool is_arg(AccKind k) { return k == AccKind::ArgMax || k == AccKind::ArgMin; }

const void* arg_reducer(LT lt) {
  switch (lt) {
    case LT::F32: return reinterpret_cast<const void*>(&arg_reduce<float>);
    case LT::I32: return reinterpret_cast<const void*>(&arg_reduce<int32_t>);
    case LT::F64: return reinterpret_cast<const void*>(&arg_reduce<double>);
    default: return reinterpret_cast<const void*>(&arg_reduce<int64_t>);
  }
}

}  // namespace

template <class T>
void arg_reduce(T* v, int64_t* at, int64_t n, int kind) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; ++i) {
    if (at[i] < 0) continue;
    T x = v[i], y = v[best];
    bool tie = x == y || (x != x && y != y);
    bool wins = x != x ? y == y : y == y && (kind == 0 ? x > y : x < y);
    if (at[best] < 0 || (tie ? at[i] < at[best] : wins)) best = i;
  }
  v[0] = v[best];
  at[0] = at[best] < 0 ? 0 : at[best];
}
template void arg_reduce<float>(float*, int64_t*, int64_t, int);
template void arg_reduce<int32_t>(int32_t*, int64_t*, int64_t, int);
template void arg_reduce<double>(double*, int64_t*, int64_t, int);
template void arg_reduce<int64_t>(int64_t*, int64_t*, int64_t, int);

void Emitter::start_accs(int stage, int copies) {
  stage_ = stage;
  const StagePlan& p = plans_[static_cast<size_t>(stage)];
  for (size_t i = 0; i < p.accs.size(); ++i) {
    const auto& acc = mir_.accs[static_cast<size_t>(p.accs[i] / 2)];
    bool place = p.accs[i] & 1;
    LT lt = place ? LT::I64 : acc.lt;
    int lane = lane_bytes(lt);
    uint64_t bits = place ? ~uint64_t{0} : start_bits(acc.kind, lt);
    for (int u = 0; u < copies; ++u) {
      int reg = p.accs_in_memory ? s1_ : acc_reg(static_cast<int>(i), u);
      if (bits == 0)
        ins(I::kIdVxorps, vec(reg, lane), vec(reg, lane), vec(reg, lane));
      else if (avx512())
        ins(lane == 8 ? I::kIdVbroadcastsd : I::kIdVbroadcastss, vec(reg, lane), pool_word(bits, lane));
      else
        as_.emit(I::kIdVmovups, vec(reg, lane), pool_vector(bits, lane));
      if (p.accs_in_memory) save_vector(p.acc_slots[i], u, reg, lt, false);
      int32_t high = high_off_[static_cast<size_t>(p.accs[i] / 2)];
      if (high >= 0) ins(I::kIdVmovups, frame(high + u * vb_, static_cast<uint32_t>(4 * lanes_)), vec(reg, 4));
    }
  }
}

// Whether the stage has sums of the two-level kind.
bool Emitter::deep(int stage) const {
  const StagePlan& p = plans_[static_cast<size_t>(stage)];
  if (p.accs_in_memory) return false;
  for (int16_t a : p.accs)
    if (!(a & 1) && high_off_[static_cast<size_t>(a / 2)] >= 0) return true;
  return false;
}

void Emitter::flush_sums(int stage, int copies) {
  stage_ = stage;
  const StagePlan& p = plans_[static_cast<size_t>(stage)];
  for (size_t i = 0; i < p.accs.size(); ++i) {
    int32_t high = p.accs[i] & 1 ? -1 : high_off_[static_cast<size_t>(p.accs[i] / 2)];
    for (int u = 0; high >= 0 && u < copies; ++u) {
      x86::Vec r = vec(acc_reg(static_cast<int>(i), u), 4);
      x86::Mem m = frame(high + u * vb_, static_cast<uint32_t>(4 * lanes_));
      ins(I::kIdVaddps, r, r, m);
      ins(I::kIdVmovups, m, r);
      ins(I::kIdVxorps, r, r, r);
    }
  }
}

// dst = a (kind) b on `bytes` of register; dst may be a. Uses both scratch registers.
void Emitter::combine(AccKind kind, LT lt, int dst, int a, int b, int bytes) {
  x86::Vec d = vec_of(dst, bytes), x = vec_of(a, bytes), y = vec_of(b, bytes), s0 = vec_of(s0_, bytes),
           s1 = vec_of(s1_, bytes);
  bool max = kind == AccKind::Max, wide = lane_bytes(lt) == 8;
  static constexpr uint32_t kAdd[] = {I::kIdVaddps, I::kIdVpaddd, I::kIdVaddpd, I::kIdVpaddq};
  static constexpr uint32_t kMul[] = {I::kIdVmulps, I::kIdVpmulld, I::kIdVmulpd, I::kIdVpmullq};
  static constexpr uint32_t kMax[] = {I::kIdVmaxps, I::kIdVpmaxsd, I::kIdVmaxpd, I::kIdVpmaxsq};
  static constexpr uint32_t kMin[] = {I::kIdVminps, I::kIdVpminsd, I::kIdVminpd, I::kIdVpminsq};
  int t = static_cast<int>(lt);
  switch (kind) {
    case AccKind::Sum: return ins(kAdd[t], d, x, y);
    case AccKind::Any: return ins(I::kIdVorps, d, x, y);
    case AccKind::All: return ins(I::kIdVandps, d, x, y);
    case AccKind::Prod:
      if (lt != LT::I64 || avx512()) return ins(kMul[t], d, x, y);
      ins(I::kIdVpsrlq, s0, x, asmjit::Imm(32));
      ins(I::kIdVpmuludq, s0, s0, y);
      ins(I::kIdVpsrlq, s1, y, asmjit::Imm(32));
      ins(I::kIdVpmuludq, s1, s1, x);
      ins(I::kIdVpaddq, s0, s0, s1);
      ins(I::kIdVpsllq, s0, s0, asmjit::Imm(32));
      ins(I::kIdVpmuludq, d, x, y);
      return ins(I::kIdVpaddq, d, d, s0);
    default: break;
  }
  if (lt == LT::I64 && !avx512()) {
    ins(I::kIdVpcmpgtq, s0, x, y);  // set where a is greater
    return max ? as_.emit(I::kIdVblendvpd, d, y, x, s0), void() : (as_.emit(I::kIdVblendvpd, d, x, y, s0), void());
  }
  ins(max ? kMax[t] : kMin[t], is_fp(lt) ? s1 : d, x, y);
  if (!is_fp(lt)) return;
  if (avx512()) {
    as_.emit(wide ? I::kIdVcmppd : I::kIdVcmpps, x86::k7, x, x, asmjit::Imm(kUnord));
    as_.k(x86::k7);
    return ins(wide ? I::kIdVblendmpd : I::kIdVblendmps, d, s1, x);
  }
  as_.emit(wide ? I::kIdVcmppd : I::kIdVcmpps, s0, x, x, asmjit::Imm(kUnord));
  as_.emit(wide ? I::kIdVblendvpd : I::kIdVblendvps, d, s1, x, s0);
}

// Merges all lanes of `reg`, leaving the result in all of them. The first free register takes the other half.
void Emitter::reduce_lanes(AccKind kind, LT lt, int reg) {
  const StagePlan& p = plans_[static_cast<size_t>(stage_)];
  int lane = lane_bytes(lt), t = p.accs_in_memory ? 1 : acc_reg(static_cast<int>(p.accs.size()), 0);
  uint32_t r = static_cast<uint32_t>(reg), o = static_cast<uint32_t>(t);
  int bytes = lane * lanes_;
  if (bytes == 64) {
    as_.vextractf64x4(x86::ymm(o), x86::zmm(r), 1);
    combine(kind, lt, reg, reg, t, 32);
  }
  if (bytes >= 32) {
    if (avx512())
      as_.vextractf32x4(x86::xmm(o), x86::ymm(r), 1);
    else
      as_.vextractf128(x86::xmm(o), x86::ymm(r), 1);
    combine(kind, lt, reg, reg, t, 16);
  }
  as_.vpshufd(x86::xmm(o), x86::xmm(r), 0x4e);
  combine(kind, lt, reg, reg, t, 16);
  if (lane == 4) {
    as_.vpshufd(x86::xmm(o), x86::xmm(r), 0xb1);
    combine(kind, lt, reg, reg, t, 16);
  }
  ins(lane == 8 ? I::kIdVbroadcastsd : I::kIdVbroadcastss, vec(reg, lane), x86::xmm(r));
}

void Emitter::finish_accs(int stage, int copies, bool row) {
  stage_ = stage;
  const StagePlan& p = plans_[static_cast<size_t>(stage)];
  for (size_t i = 0; i < p.accs.size(); ++i) {
    const auto& acc = mir_.accs[static_cast<size_t>(p.accs[i] / 2)];
    LT lt = p.accs[i] & 1 ? LT::I64 : acc.lt;
    if (p.accs_in_memory) {
      if (!row || is_arg(acc.kind)) continue;
      as_.emit(I::kIdVmovups, vec(0, lane_bytes(lt)), slot_mem(p.acc_slots[i], 0, lane_bytes(lt) * lanes_));
      reduce_lanes(acc.kind, lt, 0);
      save_vector(p.acc_slots[i], 0, 0, lt, false);
      continue;
    }
    int first = acc_reg(static_cast<int>(i), 0);
    int32_t high = p.accs[i] & 1 ? -1 : high_off_[static_cast<size_t>(p.accs[i] / 2)];
    for (int u = 0; high >= 0 && u < copies; ++u) {
      x86::Vec r = vec(acc_reg(static_cast<int>(i), u), 4);
      ins(I::kIdVaddps, r, r, frame(high + u * vb_, static_cast<uint32_t>(4 * lanes_)));
    }
    if (row && !is_arg(acc.kind)) {
      for (int u = 1; u < copies; ++u)
        combine(acc.kind, lt, first, first, acc_reg(static_cast<int>(i), u), lane_bytes(lt) * lanes_);
      reduce_lanes(acc.kind, lt, first);
    }
    for (int u = 0; u < (row ? 1 : copies); ++u)
      save_vector(p.acc_slots[i], u, acc_reg(static_cast<int>(i), u), lt, false);
  }
  if (!row) return;
  for (size_t i = 0; i < p.accs.size(); ++i)
    if (!(p.accs[i] & 1) && is_arg(mir_.accs[static_cast<size_t>(p.accs[i] / 2)].kind)) finish_arg(stage, i, copies);
}

// Stages with arg accumulators have one copy, so that a slot holds all candidates.
void Emitter::finish_arg(int stage, size_t position, int) {
  const auto& acc = mir_.accs[static_cast<size_t>(plans_[static_cast<size_t>(stage)].accs[position] / 2)];
  as_.lea(x86::rdi, slot_mem(acc.slot, 0, 8));
  as_.lea(x86::rsi, slot_mem(acc.arg_slot, 0, 8));
  as_.mov(x86::edx, lanes_);
  as_.mov(x86::ecx, acc.kind == AccKind::ArgMax ? 0 : 1);
  as_.vzeroupper();
  call(arg_reducer(acc.lt));
  for (bool place : {false, true}) {
    LT lt = place ? LT::I64 : acc.lt;
    int16_t slot = place ? acc.arg_slot : acc.slot;
    int lane = lane_bytes(lt);
    ins(lane == 8 ? I::kIdVbroadcastsd : I::kIdVbroadcastss, vec(s0_, lane), slot_mem(slot, 0, lane));
    save_vector(slot, 0, s0_, lt, false);
  }
}

}  // namespace fj::codegen::cpu
