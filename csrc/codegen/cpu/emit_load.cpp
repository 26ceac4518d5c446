// Loads in every layout and type. Contiguous and broadcast ones are one or two instructions; strided 4- and 8-byte
// types gather; the rest (narrow types strided or in an AVX2 tail) collects elements in the frame with a scalar loop.
// No load touches memory outside the active lanes.
#include "base/error.h"
#include "codegen/cpu/emit.h"

namespace fj::codegen::cpu {

namespace I = x86::Inst;
using loop::VecClass;

x86::Gp Emitter::pointer(int operand, x86::Gp scratch) {
  int8_t r = ptr_reg_[static_cast<size_t>(operand)];
  if (r >= 0) return ptr_reg(r);
  as_.mov(scratch, frame(cur_ + 8 * operand));
  return scratch;
}

// rax = address of the copy's first lane.
void Emitter::lane_base(int operand, int u) {
  x86::Gp p = pointer(operand, x86::r11);
  if (layout(operand) == VecClass::Broadcast) {
    as_.mov(x86::rax, p);
    return;
  }
  as_.lea(x86::rax, x86::ptr(x86::r13, u * lanes_));
  as_.imul(x86::rax, x86::qword_ptr(x86::r15, 8 * (operand * k_.rank() + k_.vector_axis())));
  as_.add(x86::rax, p);
}

// Copies the active lanes' elements between the operand and buf_; with_offsets: each lane at its own byte offset,
// listed at buf_+128.
void Emitter::lane_loop(Lanes way, int operand, int u, int esize, bool with_offsets) {
  lane_base(operand, u);
  asmjit::Label again = as_.newLabel();
  as_.xor_(x86::edx, x86::edx);
  as_.bind(again);
  x86::Mem place = x86::ptr(x86::rax, 0, static_cast<uint32_t>(esize));
  if (with_offsets) {
    as_.mov(x86::r11, x86::ptr(x86::rsp, x86::rdx, 3, buf_ + 128, 8));
    place = x86::ptr(x86::rax, x86::r11, 0, 0, static_cast<uint32_t>(esize));
  }
  uint32_t shift = esize == 8 ? 3 : esize == 4 ? 2 : esize == 2 ? 1 : 0;
  x86::Mem slot = x86::ptr(x86::rsp, x86::rdx, shift, buf_, static_cast<uint32_t>(esize));
  const x86::Mem& from = way == Lanes::In ? place : slot;
  const x86::Mem& to = way == Lanes::In ? slot : place;
  switch (esize) {
    case 1:
      as_.movzx(x86::r10d, from);
      as_.mov(to, x86::r10b);
      break;
    case 2:
      as_.movzx(x86::r10d, from);
      as_.mov(to, x86::r10w);
      break;
    case 4:
      as_.mov(x86::r10d, from);
      as_.mov(to, x86::r10d);
      break;
    default:
      as_.mov(x86::r10, from);
      as_.mov(to, x86::r10);
      break;
  }
  if (layout(operand) != VecClass::Broadcast)
    as_.add(x86::rax, x86::qword_ptr(x86::r15, 8 * (operand * k_.rank() + k_.vector_axis())));
  as_.inc(x86::edx);
  if (mode_ == Mode::Tail)
    as_.cmp(x86::edx, frame(tail_n_, 4));
  else
    as_.cmp(x86::edx, lanes_);
  as_.jb(again);
}

// A vector of 0 and not-0 lanes to a mask.
void Emitter::widen_bool(int dst, int v) {
  if (avx512()) {
    as_.vptestmd(k(dst), vec(v, 4), vec(v, 4));
    return;
  }
  as_.vpxor(vec(dst, 4), vec(dst, 4), vec(dst, 4));
  as_.vpcmpgtd(vec(dst, 4), vec(v, 4), vec(dst, 4));
}

void Emitter::load_packed(DType t, int dst, const x86::Mem& mem, bool masked) {
  int esize = size_of(t), lane = lane_bytes(lane_type(t) == LT::Mask ? LT::I32 : lane_type(t));
  x86::Mem from = mem.cloneResized(static_cast<uint32_t>(esize * lanes_));
  x86::Vec d = vec(t == DType::Bool ? s1_ : dst, lane);
  auto mask = [&] {
    if (masked) as_.k(x86::k1).z();
  };
  if (esize >= 4) {
    if (masked && !avx512()) {
      as_.emit(I::kIdVmovups, vec(s0_, lane),
               frame(lane == 8 ? mask64_ : mask32_, static_cast<uint32_t>(lane * lanes_)));
      return ins(lane == 8 ? I::kIdVmaskmovpd : I::kIdVmaskmovps, d, vec(s0_, lane), from);
    }
    mask();
    return ins(lane == 8 ? I::kIdVmovupd : I::kIdVmovups, d, from);
  }
  mask();
  switch (t) {
    case DType::Bool:
    case DType::U8: ins(I::kIdVpmovzxbd, d, from); break;
    case DType::I8: ins(I::kIdVpmovsxbd, d, from); break;
    case DType::I16: ins(I::kIdVpmovsxwd, d, from); break;
    case DType::F16: ins(I::kIdVcvtph2ps, d, from); break;
    default:
      ins(I::kIdVpmovzxwd, d, from);
      ins(I::kIdVpslld, d, d, asmjit::Imm(16));
      break;
  }
  if (t == DType::Bool) widen_bool(dst, s1_);
}

void Emitter::load_broadcast(DType t, int dst, x86::Mem from) {
  int lane = lane_bytes(lane_type(t) == LT::Mask ? LT::I32 : lane_type(t));
  x86::Vec d = vec(t == DType::Bool ? s1_ : dst, lane);
  x86::Xmm x = x86::xmm(static_cast<uint32_t>(s0_));
  from.setSize(static_cast<uint32_t>(size_of(t)));
  switch (t) {
    case DType::F32:
    case DType::I32: return ins(I::kIdVbroadcastss, d, from);
    case DType::F64:
    case DType::I64: return ins(I::kIdVbroadcastsd, d, from);
    case DType::Bool:
    case DType::U8: as_.movzx(x86::eax, from); break;
    case DType::I8:
    case DType::I16: as_.movsx(x86::eax, from); break;
    case DType::F16: as_.movzx(x86::eax, from); break;
    case DType::BF16:
      as_.movzx(x86::eax, from);
      as_.shl(x86::eax, 16);
      break;
    case DType::C64:
    case DType::C128:
    case DType::U16:
    case DType::U32:
    case DType::U64: raise(ErrorKind::Internal, "a kernel over foreign elements");
  }
  as_.vmovd(x, x86::eax);
  if (t == DType::F16) as_.vcvtph2ps(x, x);
  ins(I::kIdVpbroadcastd, d, x);
  if (t == DType::Bool) widen_bool(dst, s1_);
}

bool Emitter::gather(DType t, int dst, int operand, int u) {
  int32_t offsets = offsets_off_[static_cast<size_t>(operand)];
  if (offsets < 0) return false;
  int lane = size_of(t);
  lane_base(operand, u);
  x86::Vec index = vec(s1_, 4);
  as_.emit(I::kIdVmovups, index, frame(offsets, static_cast<uint32_t>(4 * lanes_)));
  x86::Mem from = x86::ptr(x86::rax, index, 0, 0, static_cast<uint32_t>(lane));
  uint32_t id = lane == 8 ? I::kIdVgatherdpd : I::kIdVgatherdps;
  gather_lanes(id, dst, from, lane);
  return true;
}

// All lanes, or the tail's; the instruction clears its mask as it goes.
void Emitter::gather_lanes(uint32_t id, int dst, const x86::Mem& from, int lane) {
  const x86::Vec d = vec(dst, lane);
  const bool tail = mode_ == Mode::Tail;
  ins(I::kIdVxorps, d, d, d);
  if (avx512()) {
    tail ? as_.kmovw(x86::k7, x86::k1) : as_.kxnorw(x86::k7, x86::k7, x86::k7);
    as_.k(x86::k7);
    return ins(id, d, from);
  }
  const x86::Vec m = vec(s0_, lane);
  if (tail)
    as_.emit(I::kIdVmovups, m, frame(lane == 8 ? mask64_ : mask32_, static_cast<uint32_t>(lane * lanes_)));
  else
    ins(I::kIdVpcmpeqd, m, m, m);
  ins(id, d, from, m);
}

void Emitter::emit_load(const AInst& a, int u) {
  const MInst& in = *a.in;
  int dst = phys(a.dst, u), esize = size_of(in.dt);
  bool tail = mode_ == Mode::Tail;
  switch (layout(in.index)) {
    case VecClass::Broadcast: return load_broadcast(in.dt, dst, x86::ptr(pointer(in.index, x86::r11)));
    case VecClass::Contig: {
      if (tail && !avx512() && esize < 4) break;
      uint32_t shift = esize == 8 ? 3 : esize == 4 ? 2 : esize == 2 ? 1 : 0;
      return load_packed(in.dt, dst, x86::ptr(pointer(in.index, x86::r11), x86::r13, shift, u * lanes_ * esize), tail);
    }
    case VecClass::Strided:
      if (gather(in.dt, dst, in.index, u)) return;
      break;
  }
  lane_loop(Lanes::In, in.index, u, esize, false);
  load_packed(in.dt, dst, frame(buf_, 64), false);
}

void Emitter::emit_load_at(const AInst& a, int u) {
  const MInst& in = *a.in;
  int dst = phys(a.dst, u), lane = size_of(in.dt), offsets = source_reg(a, 0, u);
  if (mode_ == Mode::One) {
    as_.vmovq(x86::rax, x86::xmm(static_cast<uint32_t>(offsets)));
    return load_broadcast(in.dt, dst, x86::ptr(pointer(in.index, x86::r11), x86::rax));
  }
  if (layout(in.index) != VecClass::Broadcast || lane < 4) {
    as_.emit(I::kIdVmovups, frame(buf_ + 128, static_cast<uint32_t>(8 * lanes_)), vec(offsets, 8));
    lane_loop(Lanes::In, in.index, u, lane, true);
    return load_packed(in.dt, dst, frame(buf_, 64), false);
  }
  x86::Vec index = vec(s1_, 8);
  as_.emit(I::kIdVmovaps, index, vec(offsets, 8));
  x86::Mem from = x86::ptr(pointer(in.index, x86::r11), index, 0, 0, static_cast<uint32_t>(lane));
  gather_lanes(lane == 8 ? I::kIdVgatherqpd : I::kIdVgatherqps, dst, from, lane);
}

}  // namespace fj::codegen::cpu
