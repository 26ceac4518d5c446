// Operations that leave the vector unit: coordinates, checks, calls of the reference meaning.
#include <cstddef>

#include "codegen/cpu/emit.h"

namespace fj::codegen::cpu {

namespace I = x86::Inst;

// The vector axis counts lanes on from r13; any other axis is the same for all.
void Emitter::emit_index(const AInst& a, int u) {
  const MInst& in = *a.in;
  int lane = lane_bytes(in.lt), dst = phys(a.dst, u);
  bool along = in.index == k_.vector_axis();
  as_.mov(x86::rax, frame(coord_ + 8 * in.index));
  if (along) as_.lea(x86::rax, x86::ptr(x86::rax, x86::r13, 0, u * lanes_));
  bool as_double = in.lt == LT::F64;
  x86::Vec d = vec(dst, lane);
  x86::Xmm x = x86::xmm(static_cast<uint32_t>(s0_));
  if (as_double) {
    as_.vxorps(x, x, x);
    as_.vcvtsi2sd(x, x, x86::rax);
    ins(I::kIdVbroadcastsd, d, x);
  } else {
    as_.vmovq(x, x86::rax);
    ins(lane == 8 ? I::kIdVpbroadcastq : I::kIdVpbroadcastd, d, x);
  }
  if (along) {
    if (as_double) {
      double iota[8];
      for (int i = 0; i < 8; ++i) iota[i] = i;
      ins(I::kIdVaddpd, d, d, pool_bytes(iota, 8 * lanes_));
    } else if (lane == 8) {
      int64_t iota[8];
      for (int i = 0; i < 8; ++i) iota[i] = i;
      ins(I::kIdVpaddq, d, d, pool_bytes(iota, 8 * lanes_));
    } else {
      int32_t iota[16];
      for (int i = 0; i < 16; ++i) iota[i] = i;
      ins(I::kIdVpaddd, d, d, pool_bytes(iota, 4 * lanes_));
    }
  }
  if (in.lt == LT::F32) ins(I::kIdVcvtdq2ps, d, d);
}

void Emitter::emit_check(const AInst& a, int u) {
  int mask = source_reg(a, 0, u);
  if (avx512())
    as_.kmovw(x86::eax, k(mask));
  else
    as_.vmovmskps(x86::eax, vec(mask, 4));
  as_.not_(x86::eax);
  as_.and_(x86::eax, mode_ == Mode::One ? 1 : (1 << lanes_) - 1);
  if (mode_ == Mode::Tail) {
    as_.mov(x86::ecx, frame(tail_n_, 4));
    as_.bzhi(x86::eax, x86::eax, x86::ecx);
  }
  asmjit::Label fine = as_.newLabel();
  as_.test(x86::eax, x86::eax);
  as_.jz(fine);
  as_.mov(x86::rax, frame(args_));
  as_.mov(x86::rax, x86::qword_ptr(x86::rax, offsetof(LaunchArgs, status)));
  as_.mov(x86::dword_ptr(x86::rax), static_cast<int>(a.in->index));
  as_.bind(fine);
}

// Arguments and result pass through the frame as arrays of L elements in their memory types. The allocator has spilled
// what lives on; pointer registers that the callee may change are loaded again.
void Emitter::emit_call(const AInst& a, int u) {
  const MInst& in = *a.in;
  static const x86::Gp kArgs[] = {x86::rsi, x86::rdx, x86::rcx};
  for (int i = 0; i < in.n; ++i) store_packed(in.arg_dt, source_reg(a, i, u), frame(buf_ + 64 * (i + 1), 64), false);
  for (int i = 0; i < in.n; ++i) as_.lea(kArgs[i], frame(buf_ + 64 * (i + 1)));
  as_.lea(x86::rdi, frame(buf_));
  as_.mov(x86::r8d, mode_ == Mode::One ? 1 : lanes_);
  as_.vzeroupper();
  as_.mov(x86::rax, static_cast<uint64_t>(in.imm));
  as_.call(x86::rax);
  if (avx512() && mode_ == Mode::Tail) as_.kmovd(x86::k1, frame(tail_k_, 4));
  for (size_t o = 0; o < ptr_reg_.size(); ++o)
    if (ptr_reg_[o] >= 3) as_.mov(ptr_reg(ptr_reg_[o]), frame(cur_ + 8 * static_cast<int32_t>(o)));
  if (mode_ == Mode::One) return load_broadcast(in.dt, phys(a.dst, u), frame(buf_));
  load_packed(in.dt, phys(a.dst, u), frame(buf_, 64), false);
}

// The usual path is one test and a move. The out-of-line part saves every register, so that the allocator need not know
// of it.
void Emitter::emit_rare(const AInst& a, int u) {
  const MInst& in = *a.in;
  Cold c{as_.newLabel(),
         as_.newLabel(),
         phys(a.dst, u),
         source_reg(a, 1, u),
         source_reg(a, 0, u),
         source_reg(a, 2, u),
         in.n > 3 ? source_reg(a, 3, u) : -1,
         in.lt,
         in.dt,
         in.imm};
  if (avx512())
    as_.kortestw(k(c.mask), k(c.mask));
  else
    as_.vtestps(vec(c.mask, 4), vec(c.mask, 4));
  as_.jnz(c.enter);
  move(c.dst, c.value, lane_bytes(in.lt));
  as_.bind(c.back);
  cold_.push_back(c);
}

void Emitter::emit_cold_parts() {
  static const x86::Gp kVolatile[] = {x86::rdi, x86::rsi, x86::r8, x86::r9};
  int32_t masks_at = cold_save_ + nregs_ * vb_, words_at = masks_at + 64;
  for (const Cold& c : cold_) {
    int lane = lane_bytes(c.lt);
    as_.bind(c.enter);
    for (int i = 0; i < nregs_; ++i)
      as_.emit(I::kIdVmovups, frame(cold_save_ + i * vb_, static_cast<uint32_t>(vb_)), vec_of(i, vb_));
    for (int i = 1; avx512() && i < 8; ++i) as_.kmovd(frame(masks_at + 4 * i, 4), k(i));
    for (int i = 0; i < 4; ++i) as_.mov(frame(words_at + 8 * i), kVolatile[i]);
    as_.emit(I::kIdVmovups, frame(buf_ + 64, static_cast<uint32_t>(lane * lanes_)), vec(c.arg, lane));
    if (c.arg2 >= 0)
      as_.emit(I::kIdVmovups, frame(buf_ + 128, static_cast<uint32_t>(lane * lanes_)), vec(c.arg2, lane));
    as_.lea(x86::rdi, frame(buf_));
    as_.lea(x86::rsi, frame(buf_ + 64));
    as_.lea(x86::rdx, frame(buf_ + 128));
    as_.mov(x86::r8d, lanes_);
    as_.vzeroupper();
    as_.mov(x86::rax, static_cast<uint64_t>(c.fn));
    as_.call(x86::rax);
    for (int i = 0; i < 4; ++i) as_.mov(kVolatile[i], frame(words_at + 8 * i));
    for (int i = 1; avx512() && i < 8; ++i) as_.kmovd(k(i), frame(masks_at + 4 * i, 4));
    for (int i = 0; i < nregs_; ++i)
      as_.emit(I::kIdVmovups, vec_of(i, vb_), frame(cold_save_ + i * vb_, static_cast<uint32_t>(vb_)));
    x86::Vec exact = vec(s1_, lane), mask = vec(c.mask, lane);
    as_.emit(I::kIdVmovups, exact, frame(buf_, static_cast<uint32_t>(lane * lanes_)));
    if (avx512()) {
      as_.k(k(c.mask));
      ins(lane == 8 ? I::kIdVblendmpd : I::kIdVblendmps, vec(c.dst, lane), vec(c.value, lane), exact);
    } else {
      if (lane == 8) {
        mask = x86::ymm(static_cast<uint32_t>(s0_));
        as_.vpmovsxdq(mask, x86::xmm(static_cast<uint32_t>(c.mask)));
      }
      as_.emit(lane == 8 ? I::kIdVblendvpd : I::kIdVblendvps, vec(c.dst, lane), vec(c.value, lane), exact, mask);
    }
    as_.jmp(c.back);
  }
}

}  // namespace fj::codegen::cpu
