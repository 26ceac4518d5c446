// Stores, the mirror image of the loads: nothing outside the active lanes is written.
#include "codegen/cpu/emit.h"

namespace fj::codegen::cpu {

namespace I = x86::Inst;
using loop::VecClass;

namespace {

// Which bytes of four 32-bit lanes go where; 0x80 gives zero.
constexpr uint8_t kBytes[32] = {0, 4, 8, 12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                0, 4, 8, 12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
constexpr uint8_t kWords[32] = {0, 1, 4, 5, 8, 9, 12, 13, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                0, 1, 4, 5, 8, 9, 12, 13, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};

}  // namespace

// The low bytes (words) of 32-bit lanes, packed into the low end of an xmm register. AVX2 only; dst is s1.
void Emitter::narrow_to_bytes(int dst, int src) {
  as_.emit(I::kIdVpshufb, vec(dst, 4), vec(src, 4), pool_bytes(kBytes, 4 * lanes_));
  if (lanes_ == 4) return;
  x86::Xmm low = x86::xmm(static_cast<uint32_t>(dst)), high = x86::xmm(static_cast<uint32_t>(s0_));
  as_.vextracti128(high, x86::ymm(static_cast<uint32_t>(dst)), 1);
  as_.vpunpckldq(low, low, high);
}
void Emitter::narrow_to_words(int dst, int src) {
  as_.emit(I::kIdVpshufb, vec(dst, 4), vec(src, 4), pool_bytes(kWords, 4 * lanes_));
  if (lanes_ == 4) return;
  x86::Xmm low = x86::xmm(static_cast<uint32_t>(dst)), high = x86::xmm(static_cast<uint32_t>(s0_));
  as_.vextracti128(high, x86::ymm(static_cast<uint32_t>(dst)), 1);
  as_.vpunpcklqdq(low, low, high);
}

void Emitter::store_packed(DType t, int src, const x86::Mem& mem, bool masked) {
  int esize = size_of(t), lane = lane_bytes(lane_type(t) == LT::Mask ? LT::I32 : lane_type(t));
  x86::Mem to = mem.cloneResized(static_cast<uint32_t>(esize * lanes_));
  auto mask = [&] {
    if (masked) as_.k(x86::k1);
  };
  if (esize >= 4) {
    if (masked && !avx512()) {
      as_.emit(I::kIdVmovups, vec(s0_, lane),
               frame(lane == 8 ? mask64_ : mask32_, static_cast<uint32_t>(lane * lanes_)));
      return ins(lane == 8 ? I::kIdVmaskmovpd : I::kIdVmaskmovps, to, vec(s0_, lane), vec(src, lane));
    }
    mask();
    return ins(lane == 8 ? I::kIdVmovupd : I::kIdVmovups, to, vec(src, lane));
  }
  if (t == DType::F16) {
    mask();
    return ins(I::kIdVcvtps2ph, to, vec(src, 4), asmjit::Imm(0));
  }
  if (t == DType::Bool) {
    if (avx512()) as_.vpmovm2d(vec(s1_, 4), k(src));
    as_.emit(I::kIdVpsrld, vec(s1_, 4), avx512() ? vec(s1_, 4) : vec(src, 4), asmjit::Imm(31));
    src = s1_;
  } else if (t == DType::BF16) {
    as_.emit(I::kIdVpsrld, vec(s1_, 4), vec(src, 4), asmjit::Imm(16));
    src = s1_;
  }
  if (avx512()) {
    mask();
    return ins(esize == 1 ? I::kIdVpmovdb : I::kIdVpmovdw, to, vec(src, 4));
  }
  esize == 1 ? narrow_to_bytes(s1_, src) : narrow_to_words(s1_, src);
  x86::Xmm packed = x86::xmm(static_cast<uint32_t>(s1_));
  int bytes = esize * lanes_;
  as_.emit(bytes == 4 ? I::kIdVmovd : bytes == 8 ? I::kIdVmovq : I::kIdVmovups, to, packed);
}

void Emitter::store_one(DType t, int src, x86::Mem to) {
  x86::Xmm x = x86::xmm(static_cast<uint32_t>(src));
  to.setSize(static_cast<uint32_t>(size_of(t)));
  switch (t) {
    case DType::F32:
    case DType::I32: as_.vmovss(to, x); return;
    case DType::F64:
    case DType::I64: as_.vmovsd(to, x); return;
    case DType::F16:
      as_.vcvtps2ph(x86::xmm(static_cast<uint32_t>(s0_)), x, 0);
      as_.vmovd(x86::eax, x86::xmm(static_cast<uint32_t>(s0_)));
      as_.mov(to, x86::ax);
      return;
    case DType::BF16:
      as_.vmovd(x86::eax, x);
      as_.shr(x86::eax, 16);
      as_.mov(to, x86::ax);
      return;
    case DType::I16:
      as_.vmovd(x86::eax, x);
      as_.mov(to, x86::ax);
      return;
    case DType::Bool:
      if (avx512())
        as_.kmovw(x86::eax, k(src));
      else
        as_.vmovd(x86::eax, x);
      as_.and_(x86::eax, 1);
      as_.mov(to, x86::al);
      return;
    default: as_.vmovd(x86::eax, x); as_.mov(to, x86::al);
  }
}

void Emitter::emit_store(const AInst& a, int u) {
  const MInst& in = *a.in;
  int src = source_reg(a, 0, u), esize = size_of(in.dt);
  bool tail = mode_ == Mode::Tail;
  if (mode_ == Mode::One) return store_one(in.dt, src, x86::ptr(pointer(in.index, x86::r11)));
  bool direct = layout(in.index) == VecClass::Contig && (avx512() || !tail || esize >= 4);
  if (direct) {
    uint32_t shift = esize == 8 ? 3 : esize == 4 ? 2 : esize == 2 ? 1 : 0;
    return store_packed(in.dt, src, x86::ptr(pointer(in.index, x86::r11), x86::r13, shift, u * lanes_ * esize), tail);
  }
  int32_t offsets = offsets_off_[static_cast<size_t>(in.index)];
  if (avx512() && offsets >= 0) {
    lane_base(in.index, u);
    x86::Vec index = vec(s1_, 4);
    as_.emit(I::kIdVmovups, index, frame(offsets, static_cast<uint32_t>(4 * lanes_)));
    tail ? as_.kmovw(x86::k7, x86::k1) : as_.kxnorw(x86::k7, x86::k7, x86::k7);
    as_.k(x86::k7);
    return ins(esize == 8 ? I::kIdVscatterdpd : I::kIdVscatterdps,
               x86::ptr(x86::rax, index, 0, 0, static_cast<uint32_t>(esize)), vec(src, esize));
  }
  store_packed(in.dt, src, frame(buf_, 64), false);
  lane_loop(Lanes::Out, in.index, u, esize, false);
}

void Emitter::emit_store_at(const AInst& a, int u) {
  const MInst& in = *a.in;
  int offsets = source_reg(a, 0, u), src = source_reg(a, 1, u);
  if (mode_ == Mode::One) {
    as_.vmovq(x86::rcx, x86::xmm(static_cast<uint32_t>(offsets)));
    return store_one(in.dt, src, x86::ptr(pointer(in.index, x86::r11), x86::rcx));
  }
  as_.emit(I::kIdVmovups, frame(buf_ + 128, static_cast<uint32_t>(8 * lanes_)), vec(offsets, 8));
  store_packed(in.dt, src, frame(buf_, 64), false);
  lane_loop(Lanes::Out, in.index, u, size_of(in.dt), true);
}

}  // namespace fj::codegen::cpu
