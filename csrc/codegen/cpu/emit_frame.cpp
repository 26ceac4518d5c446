// The function's outside: registers saved, arguments copied to the frame, parameters converted and spread over slots,
// the constant pool. Offsets into LaunchArgs are taken from the struct itself.
#include <cstddef>
#include <cstring>

#include "base/error.h"
#include "codegen/cpu/cpu_kernel.h"
#include "codegen/cpu/emit.h"
#include "codegen/ref/scalar_table.h"

namespace fj::codegen::cpu {

using loop::AxisKind;
using loop::VecClass;

namespace {

constexpr int kBufferBytes = 1024;
const x86::Gp kSaved[] = {x86::rbx, x86::rbp, x86::r12, x86::r13, x86::r14, x86::r15};

}  // namespace

void convert_slowly(const ParamValue* p, void* cell, int packed) {
  DType t = static_cast<DType>(packed & 255);
  char tmp[8] = {};
  packed >> 8 ? store_scalar(tmp, t, p->f) : store_scalar(tmp, t, p->i);
  LT lt = lane_type(t);
  DType lane = lt == LT::F32 ? DType::F32 : lt == LT::F64 ? DType::F64 : lt == LT::I64 ? DType::I64 : DType::I32;
  if (lt == LT::Mask) tmp[0] = tmp[0] ? -1 : 0;
  cast_fn(lt == LT::Mask ? DType::I8 : t, lane)(cell, tmp, nullptr, nullptr, 1);
}

// The address is written in full, wherever it is, so that code in a file can be given another one.
void Emitter::call(const void* fn) {
  as_.embedUInt8(0x48);  // mov rax, imm64
  as_.embedUInt8(0xb8);
  externals_.push_back({static_cast<uint32_t>(as_.offset()), fn});
  as_.embedUInt64(reinterpret_cast<uintptr_t>(fn));
  as_.call(x86::rax);
}

x86::Gp ptr_reg(int i) {
  static const x86::Gp regs[kPtrRegCount] = {x86::rbx, x86::rbp, x86::r14, x86::rdi, x86::rsi, x86::r8, x86::r9};
  return regs[i];
}

int32_t Emitter::reserve(int bytes, int align) {
  frame_size_ = (frame_size_ + align - 1) / align * align;
  int32_t at = frame_size_;
  frame_size_ += bytes;
  return at;
}

void Emitter::lay_out_frame() {
  int rank = k_.rank(), operands = static_cast<int>(k_.operands.size());
  saved_rsp_ = reserve(8);
  args_ = reserve(8);
  tail_n_ = reserve(8);
  tail_k_ = reserve(8);
  limit_ = reserve(8);
  last_ = reserve(8);
  cur_ = reserve(8 * operands);
  size_ = reserve(8 * rank);
  coord_ = reserve(8 * rank);
  count_ = reserve(8 * rank);
  mask32_ = reserve(64, 64);
  mask64_ = reserve(64, 64);
  buf_ = reserve(kBufferBytes, 64);
  int spills = 0, copies = 1;
  for (const StagePlan& p : plans_) {
    for (const Body* b : {&p.main, &p.single, &p.tail}) spills = std::max(spills, b->alloc.spills);
    copies = std::max(copies, p.main.copies);
  }
  spill_ = reserve(spills * vb_, 64);
  if (mir_.rare) cold_save_ = reserve((nregs_ + kMaxCopies) * vb_ + 128, 64);
  std::vector<bool> shared(mir_.slots.size(), k_.is_row());
  for (const auto& p : mir_.params) shared[static_cast<size_t>(p.slot)] = true;
  for (size_t i = 0; i < mir_.slots.size(); ++i) {
    slot_off_.push_back(reserve(vb_ * (shared[i] ? 1 : copies), 64));
    slot_step_.push_back(shared[i] ? 0 : vb_);
  }
  for (const auto& acc : mir_.accs)
    high_off_.push_back(acc.kind == loop::AccKind::Sum && acc.lt == LT::F32 ? reserve(vb_ * copies, 64) : -1);
  for (const loop::Operand& o : k_.operands) {
    bool gathered = o.vec == VecClass::Strided && size_of(o.dtype) >= 4;
    offsets_off_.push_back(gathered ? reserve(vb_, 64) : -1);
    gathers_ |= gathered;
  }
  frame_size_ = (frame_size_ + 63) / 64 * 64;
}

void Emitter::prologue() {
  for (const x86::Gp& r : kSaved) as_.push(r);
  as_.mov(x86::rax, x86::rsp);
  as_.sub(x86::rsp, frame_size_);
  as_.and_(x86::rsp, -64);
  as_.mov(frame(saved_rsp_), x86::rax);
  as_.mov(frame(args_), x86::rdi);
  auto copy = [&](size_t field, int32_t to, int n) {
    as_.mov(x86::rcx, x86::qword_ptr(x86::rdi, static_cast<int32_t>(field)));
    for (int i = 0; i < n; ++i) {
      as_.mov(x86::rax, x86::qword_ptr(x86::rcx, 8 * i));
      as_.mov(frame(to + 8 * i), x86::rax);
    }
  };
  copy(offsetof(LaunchArgs, sizes), size_, k_.rank());
  for (int i = 0; i < k_.rank(); ++i) {
    if (k_.axes[static_cast<size_t>(i)] != AxisKind::Parallel) continue;
    as_.cmp(frame(size_ + 8 * i), 0);
    as_.jle(exit_);
  }
  copy(offsetof(LaunchArgs, ptrs), cur_, static_cast<int>(k_.operands.size()));
  if (indexed_) copy(offsetof(LaunchArgs, index_base), coord_, k_.rank());
  as_.mov(x86::r15, x86::qword_ptr(x86::rdi, offsetof(LaunchArgs, strides)));
  as_.mov(x86::r12, frame(size_ + 8 * k_.vector_axis()));
  if (gathers_) lane_offsets();
  convert_params();
}

void Emitter::epilogue() {
  as_.bind(exit_);
  as_.mov(x86::rsp, frame(saved_rsp_));
  as_.vzeroupper();
  for (size_t i = std::size(kSaved); i-- > 0;) as_.pop(kSaved[i]);
  as_.ret();
}

// Gathers use 32-bit byte offsets from the first lane; a stride too long for that sends the whole launch to the
// interpreter.
void Emitter::lane_offsets() {
  asmjit::Label fine = as_.newLabel(), slow = as_.newLabel();
  int32_t iota[16];
  for (int i = 0; i < 16; ++i) iota[i] = i;
  for (size_t o = 0; o < k_.operands.size(); ++o) {
    if (offsets_off_[o] < 0) continue;
    x86::Mem stride = x86::qword_ptr(x86::r15, static_cast<int32_t>(8 * (o * static_cast<size_t>(k_.rank()) +
                                                                         static_cast<size_t>(k_.vector_axis()))));
    as_.mov(x86::rax, stride);
    as_.add(x86::rax, 1 << 26);
    as_.cmp(x86::rax, 1 << 27);
    as_.ja(slow);
    stride.setSize(4);
    as_.vpbroadcastd(vec(s0_, 4), stride);
    as_.vpmulld(vec(s0_, 4), vec(s0_, 4), pool_bytes(iota, 4 * lanes_));
    as_.vmovups(frame(offsets_off_[o], static_cast<uint32_t>(4 * lanes_)), vec(s0_, 4));
  }
  as_.jmp(fine);
  as_.bind(slow);
  call(reinterpret_cast<const void*>(&run_interpreted));
  as_.jmp(exit_);
  as_.bind(fine);
  as_.mov(x86::rdi, frame(args_));
}

void Emitter::convert_params() {
  for (const auto& p : mir_.params) convert_param(p);
}

void Emitter::convert_param(const MKernel::ParamSlot& p) {
  bool fp = k_.params[static_cast<size_t>(p.param)] == loop::ParamKind::Float;
  LT lt = lane_type(p.dtype);
  x86::Xmm x = x86::xmm(static_cast<uint32_t>(s0_));
  as_.mov(x86::rcx, frame(args_));
  as_.mov(x86::rcx, x86::qword_ptr(x86::rcx, offsetof(LaunchArgs, params)));
  x86::Mem value = x86::qword_ptr(x86::rcx, 8 * p.param);
  x86::Mem cell = frame(buf_);
  if (fp && p.dtype == DType::F64) {
    cell = value;
  } else if (fp && p.dtype == DType::F32) {
    as_.vmovsd(x, value);
    as_.vcvtsd2ss(x, x, x);
    as_.vmovss(frame(buf_, 4), x);
  } else if (!fp && (p.dtype == DType::I64 || p.dtype == DType::I32)) {
    cell = value;
  } else {
    as_.lea(x86::rdi, value);
    as_.lea(x86::rsi, cell);
    as_.mov(x86::edx, static_cast<int>(p.dtype) | (fp ? 256 : 0));
    call(reinterpret_cast<const void*>(&convert_slowly));
  }
  if (lt == LT::Mask && avx512()) {
    as_.mov(x86::eax, frame(buf_, 4));
    as_.mov(slot_mem(p.slot, 0, 4), x86::eax);
    return;
  }
  int lane = lane_bytes(lt);
  cell.setSize(static_cast<uint32_t>(lane));
  x86::Vec all = vec(s0_, lane);
  if (lane == 8)
    ins(x86::Inst::kIdVbroadcastsd, all, cell);
  else
    ins(x86::Inst::kIdVbroadcastss, all, cell);
  as_.vmovups(slot_mem(p.slot, 0, lane * lanes_), all);
}

x86::Mem Emitter::pool_bytes(const void* data, int size) {
  size_t whole = static_cast<size_t>(size);
  for (size_t at = 0; whole >= 32 && at + whole <= pool_data_.size(); at += 64)
    if (std::memcmp(pool_data_.data() + at, data, whole) == 0)
      return x86::ptr(pool_, static_cast<int32_t>(at), static_cast<uint32_t>(size));
  while (pool_data_.size() % 64 != 0 && size > 8) pool_data_.push_back(0);
  while (pool_data_.size() % 8 != 0) pool_data_.push_back(0);
  int32_t at = static_cast<int32_t>(pool_data_.size());
  pool_data_.insert(pool_data_.end(), static_cast<const char*>(data), static_cast<const char*>(data) + size);
  return x86::ptr(pool_, at, static_cast<uint32_t>(size));
}

x86::Mem Emitter::pool_word(uint64_t bits, int bytes) {
  for (const PoolEntry& e : pool_entries_)
    if (e.bits == bits && e.lane == bytes) return x86::ptr(pool_, e.at, static_cast<uint32_t>(bytes));
  char data[64];
  int n = avx512() ? bytes : vb_;  // AVX2: replicated, so that the entry serves as a vector too
  for (int i = 0; i < n; i += bytes) std::memcpy(data + i, &bits, static_cast<size_t>(bytes));
  x86::Mem m = pool_bytes(data, n);
  pool_entries_.push_back({bits, bytes, static_cast<int32_t>(m.offset())});
  m.setSize(static_cast<uint32_t>(bytes));
  return m;
}

x86::Mem Emitter::pool_vector(uint64_t bits, int lane) {
  x86::Mem m = pool_word(bits, lane);
  if (!avx512()) {
    m.setSize(static_cast<uint32_t>(lane * lanes_));
    return m;
  }
  return lanes_ == 16 ? m._1to16() : m._1to8();
}

void Emitter::emit_pool() {
  as_.align(asmjit::AlignMode::kData, 64);
  as_.bind(pool_);
  if (!pool_data_.empty()) as_.embed(pool_data_.data(), pool_data_.size());
}

}  // namespace fj::codegen::cpu
