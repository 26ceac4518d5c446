// From allocated stages to bytes. One Emitter makes one kernel; its parts are
//   emit_frame.cpp   prologue, parameters, epilogue, the constant pool
//   emit_nest.cpp    loops over axes, vector blocks, stages
//   emit_ops.cpp     arithmetic, comparisons, selects
//   emit_cvt.cpp     conversions
//   emit_load.cpp, emit_store.cpp   memory in all layouts
//   emit_acc.cpp     accumulators: start, merge, finish
//
// Registers. r15: strides; r13: position on the vector axis, in elements; r12: its size; kPtrRegs: operand pointers of
// the stage (further ones stay in the frame); rax rcx rdx r10 r11: scratch. The last two vector registers and k7 are
// scratch, k1 is the tail's mask on AVX-512. Everything else of a vector register's use is the plan's.
#pragma once
#include <asmjit/x86.h>

#include "codegen/codegen.h"
#include "codegen/cpu/alloc.h"

namespace fj::codegen::cpu {

namespace x86 = asmjit::x86;

inline constexpr int kMaxCopies = 8;

// Full: L lanes. Tail: fewer, masked. One: the point stages of a row kernel: lane 0 matters, all lanes are equal.
enum class Mode : uint8_t { Full, Tail, One };

struct Body {
  int copies = 1;
  int regs = 0, masks = 0;  // a copy
  bool in_turn = false;     // copies run one after the other in the same registers (but for accumulators)
  Allocation alloc;
};

struct StagePlan {
  bool accs_in_memory = false;
  std::vector<MV> pinned;
  std::vector<int16_t> accs, acc_slots;
  Body main, single, tail;  // main may be the single body: copies == 1
};

class Emitter {
 public:
  Emitter(const loop::Kernel& kernel, const MKernel& mir, Isa isa);
  // Returns the code's size, or raises Internal.
  size_t run(KernelFn* fn);
  // Where the code holds the addresses of functions of this process: offset, function.
  const std::vector<std::pair<uint32_t, const void*>>& externals() const { return externals_; }

 private:
  // plan.cpp
  void plan();
  bool plan_stage(const MStage& stage, int copies, StagePlan* out);
  int preferred_copies(const MStage& stage) const;
  bool is_param_slot(int16_t slot) const;

  // emit_frame.cpp
  int32_t reserve(int bytes, int align = 8);
  void lay_out_frame();
  void prologue();
  void epilogue();
  void convert_params();
  void convert_param(const MKernel::ParamSlot& p);
  void lane_offsets();
  void emit_pool();
  x86::Mem frame(int32_t offset, uint32_t size = 8) { return x86::ptr(x86::rsp, offset, size); }
  x86::Mem pool_word(uint64_t bits, int bytes);   // one scalar
  x86::Mem pool_vector(uint64_t bits, int lane);  // replicated (AVX2) or broadcast (AVX-512)
  x86::Mem pool_bytes(const void* data, int size);
  x86::Mem pool_table(const MVal& v) { return pool_bytes(reinterpret_cast<const void*>(v.bits), vb_); }

  // emit_nest.cpp
  void nest();
  void parallel(int axis);
  void row_kernel();
  void column_kernel();
  void column_block(int which);
  void row_sweep(int stage);
  void reduce_nest(int stage, int axis, int end, const Body* b, Mode mode);
  void prefetch_rows(int stage, int axis, int copies);
  void innermost_reduce(int stage, int axis, const Body& b, Mode mode);
  template <class Fn, class Between>
  void blocks(int copies, int chunk, Fn&& inside, Between&& between);
  void vector_loops(int stage);
  void body(int stage, const Body& b, Mode mode);
  const Body& body_of(int stage, int which) const;
  uint64_t operands_of(int stage) const;
  void begin_tail();
  void load_pins(int stage);
  void load_pointers(int stage);
  void advance(int axis, uint64_t operands);
  void rewind(int axis, uint64_t operands);
  void step_coord(int axis);
  template <class Fn>
  void loop(int axis, uint64_t operands, Fn&& inside);

  // emit_ops.cpp
  void emit(const AInst& a, int u);
  void emit_op(const AInst& a, int u);
  void emit_lookup(const AInst& a, int u);
  void emit_fma(const AInst& a, int u);
  void emit_cmp(const AInst& a, int u);
  void emit_select(const AInst& a, int u);
  void emit_mask_op(const AInst& a, int u);
  void emit_pick_nan(const AInst& a, int u);
  void emit_reload(const AInst& a, int u);
  void emit_spill(const AInst& a, int u);
  void emit_index(const AInst& a, int u);
  void emit_check(const AInst& a, int u);
  void emit_call(const AInst& a, int u);
  void far_lanes(const int* args, int n, LT lt, int exponent);
  void emit_far(const AInst& a, int u);
  void emit_cold_parts();
  void emit_save(const AInst& a, int u);
  void save_vector(int16_t slot, int u, int reg, LT lt, bool merge);
  void move(int dst, int src, int lane);
  void combine(loop::AccKind kind, LT lt, int dst, int a, int b, int bytes);

  // emit_cvt.cpp
  void emit_cvt(const AInst& a, int u);
  void cvt_lanes(CvtKind kind, int dst, int src);

  // emit_load.cpp / emit_store.cpp
  void emit_load(const AInst& a, int u);
  void emit_load_at(const AInst& a, int u);
  void emit_store(const AInst& a, int u);
  void emit_store_at(const AInst& a, int u);
  void load_packed(DType t, int dst, const x86::Mem& from, bool masked);
  void load_broadcast(DType t, int dst, x86::Mem from);
  void store_packed(DType t, int src, const x86::Mem& to, bool masked);
  void store_one(DType t, int src, x86::Mem to);
  bool gather(DType t, int dst, int operand, int u);
  void gather_lanes(uint32_t id, int dst, const x86::Mem& from, int lane);
  enum class Lanes { In, Out };
  void lane_loop(Lanes way, int operand, int u, int esize, bool with_offsets);
  void lane_base(int operand, int u);
  void widen_bool(int dst, int src_vec);
  void narrow_to_bytes(int dst, int src);
  void narrow_to_words(int dst, int src);
  x86::Gp pointer(int operand, x86::Gp scratch);
  loop::VecClass layout(int operand) const {
    return mode_ == Mode::One ? loop::VecClass::Broadcast : k_.operands[operand].vec;
  }

  // emit_acc.cpp
  void start_accs(int stage, int copies);
  void finish_accs(int stage, int copies, bool row);
  bool deep(int stage) const;
  void flush_sums(int stage, int copies);
  void flush_now_and_then(int stage, int axis, int copies);
  void reduce_lanes(loop::AccKind kind, LT lt, int reg);
  void finish_arg(int stage, size_t acc, int copies);
  int acc_reg(int position, int u) const;

  // small helpers
  void call(const void* fn);
  bool avx512() const { return isa_ == Isa::Avx512; }
  int phys(PReg r, int u) const;
  x86::Vec vec(int id, int lane) const { return vec_of(id, lane * lanes_); }
  static x86::Vec vec_of(int id, int bytes);
  x86::KReg k(int id) const { return x86::KReg(static_cast<uint32_t>(id)); }
  x86::Mem home(MV v, int u, int lane);  // as an operand of an instruction on lanes
  x86::Mem slot_mem(int16_t slot, int u, int bytes) {
    return frame(slot_off_[slot] + u * slot_step_[slot], static_cast<uint32_t>(bytes));
  }
  asmjit::Operand source(const AInst& a, int k, int u, int lane);
  int source_reg(const AInst& a, int k, int u) const { return phys(a.src[k], u); }
  const MStage& stage() const { return mir_.stages[static_cast<size_t>(stage_)]; }
  void ins(uint32_t id, const asmjit::Operand_& a, const asmjit::Operand_& b) { as_.emit(id, a, b); }
  void ins(uint32_t id, const asmjit::Operand_& a, const asmjit::Operand_& b, const asmjit::Operand_& c) {
    as_.emit(id, a, b, c);
  }

  const loop::Kernel& k_;
  const MKernel& mir_;
  Isa isa_;
  int vb_, lanes_, nregs_, s0_, s1_;
  std::vector<StagePlan> plans_;

  asmjit::CodeHolder code_;
  x86::Assembler as_;
  asmjit::Label pool_, exit_;
  std::vector<char> pool_data_;
  struct PoolEntry {
    uint64_t bits;
    int lane;
    int32_t at;
  };
  std::vector<PoolEntry> pool_entries_;
  std::vector<std::pair<uint32_t, const void*>> externals_;

  // where the body being emitted stands
  int stage_ = 0;
  const Body* body_ = nullptr;
  Mode mode_ = Mode::Full;
  std::vector<int8_t> ptr_reg_;  // operand -> index of its pointer register, or -1
  int outer_ = 0;                // parallel axes outside the stages
  uint32_t indexed_ = 0;         // axes whose coordinate some body reads
  bool gathers_ = false;

  // out-of-line calls, emitted after the function
  struct Cold {
    asmjit::Label enter, back;
    int dst[kMaxCopies], value[kMaxCopies], test[kMaxCopies], arg[kMaxCopies], arg2[kMaxCopies], n;
    LT lt;
    int exponent;
    int64_t fn;
  };
  void emit_cold(const Cold& c);
  std::vector<Cold> cold_;

  // frame offsets
  int32_t frame_size_ = 0, saved_rsp_ = 0, args_ = 0, cur_ = 0, size_ = 0, coord_ = 0, count_ = 0, tail_n_ = 0,
          tail_k_ = 0;
  int32_t limit_ = 0, mask32_ = 0, mask64_ = 0, buf_ = 0, spill_ = 0, cold_save_ = 0;
  std::vector<int32_t> high_off_;  // per accumulator: where sums are flushed to
  int32_t last_ = 0;
  std::vector<int32_t> slot_off_, slot_step_, offsets_off_;  // per slot; per strided operand, else -1
};

inline constexpr int kPtrRegCount = 7;
x86::Gp ptr_reg(int i);

}  // namespace fj::codegen::cpu
