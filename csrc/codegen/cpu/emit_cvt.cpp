// Conversions between lane types. In a wide kernel 32-bit lanes fill half a register.
#include "codegen/cpu/emit.h"

namespace fj::codegen::cpu {

namespace I = x86::Inst;

namespace {

struct Row {
  CvtKind kind;
  uint8_t from, to;  // bytes a lane
  uint32_t id;
  bool avx512_only;
};
constexpr Row kRows[] = {
    {CvtKind::F32ToI32, 4, 4, I::kIdVcvtps2dq, false},      {CvtKind::F32ToI32Trunc, 4, 4, I::kIdVcvttps2dq, false},
    {CvtKind::I32ToF32, 4, 4, I::kIdVcvtdq2ps, false},      {CvtKind::F32ToF64, 4, 8, I::kIdVcvtps2pd, false},
    {CvtKind::F64ToF32, 8, 4, I::kIdVcvtpd2ps, false},      {CvtKind::F64ToI32Trunc, 8, 4, I::kIdVcvttpd2dq, false},
    {CvtKind::F64ToI32, 8, 4, I::kIdVcvtpd2dq, false},      {CvtKind::I32ToF64, 4, 8, I::kIdVcvtdq2pd, false},
    {CvtKind::I32ToI64, 4, 8, I::kIdVpmovsxdq, false},      {CvtKind::I64ToI32, 8, 4, I::kIdVpmovqd, true},
    {CvtKind::F64ToI64Trunc, 8, 8, I::kIdVcvttpd2qq, true}, {CvtKind::I64ToF64, 8, 8, I::kIdVcvtqq2pd, true},
    {CvtKind::I64ToF32, 8, 4, I::kIdVcvtqq2ps, true},       {CvtKind::F32ToI64Trunc, 4, 8, I::kIdVcvttps2qq, true},
};

}  // namespace

void Emitter::emit_cvt(const AInst& a, int u) {
  CvtKind kind = static_cast<CvtKind>(a.in->imm);
  int dst = phys(a.dst, u), src = source_reg(a, 0, u);
  if (kind == CvtKind::RoundToF16) {
    x86::Vec half = vec(s0_, 2), v = vec(src, 4);
    as_.emit(I::kIdVcvtps2ph, half, v, asmjit::Imm(0));
    return ins(I::kIdVcvtph2ps, vec(dst, 4), half);
  }
  for (const Row& r : kRows) {
    if (r.kind != kind) continue;
    if (r.avx512_only && !avx512()) break;
    return ins(r.id, vec(dst, r.to), vec(src, r.from));
  }
  cvt_lanes(kind, dst, src);
}

// What AVX2 lacks on 64-bit integers: a shuffle, or scalar conversions through the frame.
void Emitter::cvt_lanes(CvtKind kind, int dst, int src) {
  if (kind == CvtKind::I64ToI32) {
    x86::Xmm low = x86::xmm(static_cast<uint32_t>(src)), high = x86::xmm(static_cast<uint32_t>(s0_));
    as_.vextracti128(high, x86::ymm(static_cast<uint32_t>(src)), 1);
    as_.vshufps(x86::xmm(static_cast<uint32_t>(dst)), low, high, 0x88);
    return;
  }
  int from = kind == CvtKind::F32ToI64Trunc ? 4 : 8, to = kind == CvtKind::I64ToF32 ? 4 : 8;
  as_.emit(I::kIdVmovups, frame(buf_, static_cast<uint32_t>(from * lanes_)), vec(src, from));
  x86::Xmm x = x86::xmm(static_cast<uint32_t>(s0_));
  if (kind == CvtKind::I64ToF64 || kind == CvtKind::I64ToF32) as_.vxorps(x, x, x);
  for (int i = 0; i < lanes_; ++i) {
    x86::Mem in = frame(buf_ + from * i, static_cast<uint32_t>(from)),
             out = frame(buf_ + 64 + to * i, static_cast<uint32_t>(to));
    switch (kind) {
      case CvtKind::I64ToF64:
        as_.vcvtsi2sd(x, x, in);
        as_.vmovsd(out, x);
        break;
      case CvtKind::I64ToF32:
        as_.vcvtsi2ss(x, x, in);
        as_.vmovss(out, x);
        break;
      case CvtKind::F64ToI64Trunc:
        as_.vcvttsd2si(x86::rax, in);
        as_.mov(out, x86::rax);
        break;
      default:
        as_.vcvttss2si(x86::rax, in);
        as_.mov(out, x86::rax);
        break;
    }
  }
  as_.emit(I::kIdVmovups, vec(dst, to), frame(buf_ + 64, static_cast<uint32_t>(to * lanes_)));
}

}  // namespace fj::codegen::cpu
