// Operations that leave the vector unit: coordinates, checks, calls of the reference meaning.
#include <bit>
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
  call(reinterpret_cast<const void*>(in.imm));
  if (avx512() && mode_ == Mode::Tail) as_.kmovd(x86::k1, frame(tail_k_, 4));
  for (size_t o = 0; o < ptr_reg_.size(); ++o)
    if (ptr_reg_[o] >= 3) as_.mov(ptr_reg(ptr_reg_[o]), frame(cur_ + 8 * static_cast<int32_t>(o)));
  if (mode_ == Mode::One) return load_broadcast(in.dt, phys(a.dst, u), frame(buf_));
  load_packed(in.dt, phys(a.dst, u), frame(buf_, 64), false);
}

// Where |x| >= 2^exponent: into k7 on AVX-512, as the top bits of s1's lanes on AVX2. One test serves all of args.
void Emitter::far_lanes(const int* args, int n, LT lt, int exponent) {
  int lane = lane_bytes(lt);
  if (avx512()) {
    x86::Vec e0 = vec(s0_, lane), e1 = vec(s1_, lane);
    uint32_t get = lane == 4 ? I::kIdVgetexpps : I::kIdVgetexppd;
    ins(get, e0, vec(args[0], lane));
    for (int i = 1; i < n; ++i) {  // the greater, numbers before NaN
      ins(get, e1, vec(args[i], lane));
      as_.emit(lane == 4 ? I::kIdVrangeps : I::kIdVrangepd, e0, e0, e1, asmjit::Imm(5));
    }
    uint64_t limit = lane == 4 ? std::bit_cast<uint32_t>(static_cast<float>(exponent))
                               : std::bit_cast<uint64_t>(static_cast<double>(exponent));
    as_.emit(lane == 4 ? I::kIdVcmpps : I::kIdVcmppd, x86::k7, e0, pool_vector(limit, lane), asmjit::Imm(13));  // >=
    return;
  }
  // By the bits' order, of doubles the upper half's; NaN counts as far, which is slow but right.
  x86::Vec part = vec(s0_, lane), most = vec(s1_, lane);
  uint64_t limit =
      lane == 4 ? static_cast<uint64_t>(exponent + 127) << 23 : static_cast<uint64_t>(exponent + 1023) << 52;
  uint64_t sign = lane == 4 ? 0x80000000u : 0x8000000000000000u;
  for (int i = 0; i < n; ++i) {
    as_.vpand(i == 0 ? most : part, vec(args[i], lane), pool_vector(sign - 1, lane));
    if (i > 0) as_.vpmaxsd(most, most, part);
  }
  as_.vpcmpgtd(most, most, pool_vector(limit - 1, lane));
}

// The usual path is one test for all copies of the body, and moves. The out-of-line part saves every register, so that
// the allocator need not know of it.
void Emitter::emit_far(const AInst& a, int u) {
  const MInst& in = *a.in;
  bool together = !body_->in_turn;
  if (together && u + 1 < body_->copies) return;
  Cold c{as_.newLabel(), as_.newLabel(), {}, {}, {}, {}, {}, 0, in.lt, in.index, in.imm};
  for (int v = together ? 0 : u; v <= u; ++v, ++c.n) {
    c.dst[c.n] = phys(a.dst, v);
    c.value[c.n] = source_reg(a, 0, v);
    c.test[c.n] = source_reg(a, 1, v);
    c.arg[c.n] = source_reg(a, 2, v);
    c.arg2[c.n] = in.n > 3 ? source_reg(a, 3, v) : c.arg[c.n];
  }
  far_lanes(c.test, c.n, in.lt, in.index);
  if (avx512())
    as_.kortestw(x86::k7, x86::k7);
  else
    as_.vtestps(vec_of(s1_, vb_), vec_of(s1_, vb_));
  as_.jnz(c.enter);
  for (int i = 0; i < c.n; ++i) move(c.dst[i], c.value[i], lane_bytes(in.lt));
  as_.bind(c.back);
  cold_.push_back(c);
}

void Emitter::emit_cold(const Cold& c) {
  static const x86::Gp kVolatile[] = {x86::rdi, x86::rsi, x86::r8, x86::r9};
  int32_t masks_at = cold_save_ + nregs_ * vb_, words_at = masks_at + 64, results_at = words_at + 64;
  uint32_t whole = static_cast<uint32_t>(vb_);
  int lane = lane_bytes(c.lt);
  as_.bind(c.enter);
  for (int i = 0; i < nregs_; ++i) as_.emit(I::kIdVmovups, frame(cold_save_ + i * vb_, whole), vec_of(i, vb_));
  for (int i = 1; avx512() && i < 7; ++i) as_.kmovd(frame(masks_at + 4 * i, 4), k(i));
  for (int i = 0; i < 4; ++i) as_.mov(frame(words_at + 8 * i), kVolatile[i]);
  for (int i = 0; i < c.n; ++i) {
    as_.lea(x86::rdi, frame(results_at + i * vb_));
    as_.lea(x86::rsi, frame(cold_save_ + c.arg[i] * vb_));
    as_.lea(x86::rdx, frame(cold_save_ + c.arg2[i] * vb_));
    as_.mov(x86::r8d, lanes_);
    as_.vzeroupper();
    call(reinterpret_cast<const void*>(c.fn));
  }
  for (int i = 0; i < 4; ++i) as_.mov(kVolatile[i], frame(words_at + 8 * i));
  for (int i = 1; avx512() && i < 7; ++i) as_.kmovd(k(i), frame(masks_at + 4 * i, 4));
  for (int i = 0; i < nregs_; ++i) as_.emit(I::kIdVmovups, vec_of(i, vb_), frame(cold_save_ + i * vb_, whole));
  for (int i = 0; i < c.n; ++i) {
    far_lanes(&c.test[i], 1, c.lt, c.exponent);
    x86::Mem exact = frame(results_at + i * vb_, static_cast<uint32_t>(lane * lanes_));
    x86::Vec dst = vec(c.dst[i], lane), value = vec(c.value[i], lane), mask = vec(s1_, lane);
    if (avx512()) {
      as_.k(x86::k7);
      ins(lane == 8 ? I::kIdVblendmpd : I::kIdVblendmps, dst, value, exact);
    } else {
      as_.emit(lane == 8 ? I::kIdVblendvpd : I::kIdVblendvps, dst, value, exact, mask);
    }
  }
  as_.jmp(c.back);
}

void Emitter::emit_cold_parts() {
  for (const Cold& c : cold_) emit_cold(c);
}

}  // namespace fj::codegen::cpu
