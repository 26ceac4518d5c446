// Loops. Pointers of the current point are in the frame (cur_); each loop moves those of the operands concerned on by
// their strides and, at its end, back. The vector axis moves an index instead (r13), so that pointers stay put in the
// innermost loop of row and pointwise kernels.
#include "codegen/cpu/emit.h"

namespace fj::codegen::cpu {

using loop::AxisKind;
using loop::StageKind;

namespace {
enum { kMain, kSingle, kTail };
constexpr int kFlushEvery = 64;  // a power of two
}  // namespace

const Body& Emitter::body_of(int stage, int which) const {
  const StagePlan& p = plans_[static_cast<size_t>(stage)];
  if (which == kTail) return p.tail;
  return which == kMain || p.main.copies == 1 ? p.main : p.single;
}

uint64_t Emitter::operands_of(int stage) const {
  uint64_t out = 0;
  for (const MInst& in : mir_.stages[static_cast<size_t>(stage)].insts)
    if (in.op == MOp::Load || in.op == MOp::LoadAt || in.op == MOp::Store || in.op == MOp::StoreAt)
      out |= uint64_t{1} << in.index;
  return out;
}

void Emitter::step_coord(int axis) {
  if (indexed_ >> axis & 1) as_.inc(frame(coord_ + 8 * axis));
}

void Emitter::advance(int axis, uint64_t operands) {
  for (size_t o = 0; o < k_.operands.size(); ++o) {
    if (!(operands >> o & 1)) continue;
    as_.mov(x86::rax,
            x86::qword_ptr(x86::r15, static_cast<int32_t>(8 * (o * k_.axes.size() + static_cast<size_t>(axis)))));
    as_.add(frame(cur_ + 8 * static_cast<int32_t>(o)), x86::rax);
  }
  step_coord(axis);
}

void Emitter::rewind(int axis, uint64_t operands) {
  for (size_t o = 0; o < k_.operands.size(); ++o) {
    if (!(operands >> o & 1)) continue;
    as_.mov(x86::rax,
            x86::qword_ptr(x86::r15, static_cast<int32_t>(8 * (o * k_.axes.size() + static_cast<size_t>(axis)))));
    as_.imul(x86::rax, frame(size_ + 8 * axis));
    as_.sub(frame(cur_ + 8 * static_cast<int32_t>(o)), x86::rax);
  }
  if (!(indexed_ >> axis & 1)) return;
  as_.mov(x86::rax, frame(size_ + 8 * axis));
  as_.sub(frame(coord_ + 8 * axis), x86::rax);
}

template <class Fn>
void Emitter::loop(int axis, uint64_t operands, Fn&& inside) {
  asmjit::Label again = as_.newLabel(), done = as_.newLabel();
  as_.mov(x86::rax, frame(size_ + 8 * axis));
  as_.mov(frame(count_ + 8 * axis), x86::rax);
  if (k_.axes[static_cast<size_t>(axis)] == AxisKind::Reduce) {
    as_.test(x86::rax, x86::rax);
    as_.jle(done);
  }
  as_.bind(again);
  inside();
  advance(axis, operands);
  as_.dec(frame(count_ + 8 * axis));
  as_.jnz(again);
  if (axis > 0 || k_.axes[0] == AxisKind::Reduce) rewind(axis, operands);
  as_.bind(done);
}

void Emitter::nest() {
  // A kernel that is one loop keeps its pins in registers throughout.
  if (!k_.has_reduce() && plans_.size() == 1) load_pins(0);
  parallel(0);
}

void Emitter::parallel(int axis) {
  if (axis < outer_) return loop(axis, ~uint64_t{0}, [&] { parallel(axis + 1); });
  k_.is_row() ? row_kernel() : column_kernel();
}

void Emitter::load_pins(int stage) {
  stage_ = stage;
  const StagePlan& p = plans_[static_cast<size_t>(stage)];
  for (size_t i = 0; i < p.pinned.size(); ++i) {
    const MVal& v = this->stage().vals[p.pinned[i]];
    int lane = v.lt == LT::Mask ? 4 : lane_bytes(v.lt);
    if (v.home == Home::Table) {
      as_.vmovups(vec_of(static_cast<int>(i), vb_), pool_table(v));
    } else if (v.home == Home::Const && avx512()) {
      ins(lane == 8 ? x86::Inst::kIdVbroadcastsd : x86::Inst::kIdVbroadcastss, vec(static_cast<int>(i), lane),
          pool_word(v.bits, lane));
    } else {
      as_.vmovups(vec(static_cast<int>(i), lane), home(p.pinned[i], 0, lane));
    }
  }
}

// Gives the stage's operands pointer registers, first come first served, and loads them.
void Emitter::load_pointers(int stage) {
  ptr_reg_.assign(k_.operands.size(), -1);
  uint64_t used = operands_of(stage);
  int next = 0;
  for (size_t o = 0; o < k_.operands.size() && next < kPtrRegCount; ++o) {
    if (!(used >> o & 1)) continue;
    as_.mov(ptr_reg(next), frame(cur_ + 8 * static_cast<int32_t>(o)));
    ptr_reg_[o] = static_cast<int8_t>(next++);
  }
}

void Emitter::body(int stage, const Body& b, Mode mode) {
  stage_ = stage;
  body_ = &b;
  mode_ = mode;
  if (b.in_turn) {
    for (int u = 0; u < b.copies; ++u)
      for (const AInst& a : b.alloc.code) emit(a, u);
    return;
  }
  for (const AInst& a : b.alloc.code)
    for (int u = 0; u < b.copies; ++u) emit(a, u);
}

void Emitter::begin_tail() {
  as_.mov(x86::rax, x86::r12);
  as_.sub(x86::rax, x86::r13);
  as_.mov(frame(tail_n_), x86::rax);
  if (avx512()) {
    as_.mov(x86::ecx, -1);
    as_.bzhi(x86::ecx, x86::ecx, x86::eax);
    as_.mov(frame(tail_k_, 4), x86::ecx);
    as_.kmovd(x86::k1, x86::ecx);
    return;
  }
  int32_t table[16];
  for (int i = 0; i < 16; ++i) table[i] = i < lanes_ ? -1 : 0;
  x86::Mem sliding = pool_bytes(table, 4 * 2 * lanes_);
  as_.lea(x86::rdx, sliding);
  as_.mov(x86::ecx, lanes_);
  as_.sub(x86::ecx, x86::eax);
  x86::Vec m = vec(s0_, 4);
  as_.vmovups(m, x86::ptr(x86::rdx, x86::rcx, 2, 0, static_cast<uint32_t>(4 * lanes_)));
  as_.vmovups(frame(mask32_, static_cast<uint32_t>(4 * lanes_)), m);
  if (!mir_.wide) return;
  as_.vpmovsxdq(x86::ymm(static_cast<uint32_t>(s0_)), x86::xmm(static_cast<uint32_t>(s0_)));
  as_.vmovups(frame(mask64_, 32), x86::ymm(static_cast<uint32_t>(s0_)));
}

// Blocks of copies*L lanes, then of L, then the rest under a mask; inside(which) emits one block. With a chunk, the
// first kind of blocks is interrupted every `chunk` of them for between().
template <class Fn, class Between>
void Emitter::blocks(int copies, int chunk, Fn&& inside, Between&& between) {
  as_.xor_(x86::r13d, x86::r13d);
  for (int which = copies > 1 ? kMain : kSingle; which <= kSingle; ++which) {
    int width = lanes_ * (which == kMain ? copies : 1);
    bool chunked = chunk > 0 && which == (copies > 1 ? kMain : kSingle);
    asmjit::Label again = as_.newLabel(), next_chunk = as_.newLabel(), done = as_.newLabel();
    as_.mov(x86::rax, x86::r12);
    as_.sub(x86::rax, width);
    as_.cmp(x86::r13, x86::rax);
    as_.jg(done);
    if (chunked) {
      as_.mov(frame(last_), x86::rax);
      as_.bind(next_chunk);
      as_.lea(x86::rcx, x86::ptr(x86::r13, (chunk - 1) * width));
      as_.cmp(x86::rcx, x86::rax);
      as_.cmovl(x86::rax, x86::rcx);
    }
    as_.mov(frame(limit_), x86::rax);
    if (!k_.has_reduce()) as_.align(asmjit::AlignMode::kCode, 32);
    as_.bind(again);
    inside(which);
    as_.add(x86::r13, width);
    as_.cmp(x86::r13, frame(limit_));
    as_.jle(again);
    if (chunked) {
      as_.mov(x86::rax, frame(last_));
      as_.cmp(x86::r13, x86::rax);
      as_.jg(done);
      between();
      as_.jmp(next_chunk);
    }
    as_.bind(done);
  }
  asmjit::Label done = as_.newLabel();
  as_.cmp(x86::r13, x86::r12);
  as_.jge(done);
  begin_tail();
  inside(kTail);
  as_.bind(done);
}

void Emitter::vector_loops(int stage) {
  load_pointers(stage);
  int copies = plans_[static_cast<size_t>(stage)].main.copies;
  blocks(
      copies, deep(stage) ? kFlushEvery : 0,
      [&](int which) { body(stage, body_of(stage, which), which == kTail ? Mode::Tail : Mode::Full); },
      [&] { flush_sums(stage, copies); });
}

void Emitter::row_kernel() {
  for (int s = 0; s < static_cast<int>(plans_.size()); ++s) {
    load_pins(s);
    if (stage().kind == StageKind::Sweep) {
      row_sweep(s);
      continue;
    }
    as_.xor_(x86::r13d, x86::r13d);
    load_pointers(s);
    body(s, body_of(s, kMain), Mode::One);
  }
}

void Emitter::row_sweep(int stage) {
  int copies = plans_[static_cast<size_t>(stage)].main.copies;
  start_accs(stage, copies);
  reduce_nest(stage, outer_, k_.vector_axis(), nullptr, Mode::Full);
  finish_accs(stage, copies, true);
}

// The loops over reduce axes [axis, end) around the vector loops (row kernels, b null) or one block's body (column
// kernels).
void Emitter::reduce_nest(int stage, int axis, int end, const Body* b, Mode mode) {
  if (axis == end) {
    if (!b) return vector_loops(stage);
    load_pointers(stage);
    return body(stage, *b, mode);
  }
  if (b && axis == end - 1 && !mir_.stages[static_cast<size_t>(stage)].calls)
    return innermost_reduce(stage, axis, *b, mode);
  int copies = plans_[static_cast<size_t>(stage)].main.copies;
  loop(axis, operands_of(stage), [&] {
    reduce_nest(stage, axis + 1, end, b, mode);
    if (axis == end - 1) flush_now_and_then(stage, axis, copies);
  });
}

// A block of columns visits each row for a few cache lines only, which hardware prefetchers do not follow: ask for rows
// ahead.
void Emitter::prefetch_rows(int stage, int axis, int copies) {
  constexpr int kRowsAhead = 4;
  uint64_t asked = 0;
  for (const MInst& in : mir_.stages[static_cast<size_t>(stage)].insts) {
    if (in.op != MOp::Load || k_.operands[static_cast<size_t>(in.index)].vec != loop::VecClass::Contig ||
        ptr_reg_[static_cast<size_t>(in.index)] < 0)
      continue;
    if (asked >> in.index & 1) continue;
    asked |= uint64_t{1} << in.index;
    int esize = size_of(in.dt);
    uint32_t shift = esize == 8 ? 3 : esize == 4 ? 2 : esize == 2 ? 1 : 0;
    as_.mov(x86::rax, x86::qword_ptr(x86::r15, 8 * (in.index * k_.rank() + axis)));
    as_.lea(x86::rax, x86::ptr(ptr_reg(ptr_reg_[static_cast<size_t>(in.index)]), x86::rax, 2));
    static_assert(kRowsAhead == 1 << 2);
    for (int at = 0; at < copies * lanes_ * esize; at += 64) as_.prefetcht0(x86::ptr(x86::rax, x86::r13, shift, at));
  }
}

// Pointers in registers move there; only those without a register go through the frame.
void Emitter::innermost_reduce(int stage, int axis, const Body& b, Mode mode) {
  asmjit::Label again = as_.newLabel(), done = as_.newLabel();
  as_.mov(x86::rax, frame(size_ + 8 * axis));
  as_.mov(frame(count_ + 8 * axis), x86::rax);
  as_.test(x86::rax, x86::rax);
  as_.jle(done);
  load_pointers(stage);
  uint64_t in_frame = operands_of(stage);
  as_.bind(again);
  prefetch_rows(stage, axis, b.copies);
  body(stage, b, mode);
  flush_now_and_then(stage, axis, b.copies);
  for (size_t o = 0; o < k_.operands.size(); ++o) {
    if (ptr_reg_[o] < 0) continue;
    in_frame &= ~(uint64_t{1} << o);
    as_.add(ptr_reg(ptr_reg_[o]),
            x86::qword_ptr(x86::r15, static_cast<int32_t>(8 * (o * k_.axes.size() + static_cast<size_t>(axis)))));
  }
  advance(axis, in_frame);
  as_.dec(frame(count_ + 8 * axis));
  as_.jnz(again);
  rewind(axis, in_frame);
  as_.bind(done);
}

// Long f32 sums go in two levels: every kFlushEvery-th step the accumulators are added to their second level in the
// frame.
void Emitter::flush_now_and_then(int stage, int axis, int copies) {
  if (!deep(stage)) return;
  asmjit::Label skip = as_.newLabel();
  as_.test(frame(count_ + 8 * axis, 1), kFlushEvery - 1);
  as_.jnz(skip);
  flush_sums(stage, copies);
  as_.bind(skip);
}

void Emitter::column_kernel() {
  if (!k_.has_reduce() && plans_.size() == 1) return vector_loops(0);
  blocks(
      plans_[0].main.copies, 0, [&](int which) { column_block(which); }, [] {});
}

void Emitter::column_block(int which) {
  Mode mode = which == kTail ? Mode::Tail : Mode::Full;
  for (int s = 0; s < static_cast<int>(plans_.size()); ++s) {
    const Body& b = body_of(s, which);
    load_pins(s);
    bool sweep = stage().kind == StageKind::Sweep;
    if (sweep) start_accs(s, b.copies);
    reduce_nest(s, sweep ? outer_ : k_.vector_axis(), k_.vector_axis(), &b, mode);
    if (sweep) finish_accs(s, b.copies, false);
  }
}

}  // namespace fj::codegen::cpu
