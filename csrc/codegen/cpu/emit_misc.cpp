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
  if (avx512()) as_.kmovw(x86::eax, k(mask));
  else as_.vmovmskps(x86::eax, vec(mask, 4));
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

// Arguments and result pass through the frame as arrays of L elements in their memory types. The allocator has spilled what lives on;
// pointer registers that the callee may change are loaded again.
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

}  // namespace fj::codegen::cpu
