// Kernel to machine-level stages. Values that later stages use get slots; constants, parameters and accumulator results
// are made anew in each stage that uses them.
#include "codegen/cpu/lower.h"

#include <limits>

#include "base/error.h"
#include "codegen/ref/scalar_table.h"

namespace fj::codegen::cpu {
namespace {

using namespace loop;

bool remade(Op op) { return op == Op::Const || op == Op::Param || op == Op::Result || op == Op::ResultValue; }
bool is_arg(AccKind k) { return k == AccKind::ArgMax || k == AccKind::ArgMin; }
bool is_logic(AccKind k) { return k == AccKind::Any || k == AccKind::All; }

class Lowering {
 public:
  Lowering(const Kernel& k, bool avx512) : k_(k), avx512_(avx512), slot_of_(k.insts.size(), -1) {}

  MKernel run() {
    out_.stages.reserve(k_.stages.size());
    for (const Acc& a : k_.accs) declare(a);
    find_crossing();
    for (const Stage& s : k_.stages) stage(s);
    return std::move(out_);
  }

 private:
  int16_t new_slot(LT lt) {
    if (lt != LT::Mask && lane_bytes(lt) == 8) out_.wide = true;
    out_.slots.push_back(lt);
    return static_cast<int16_t>(out_.slots.size()) - 1;
  }

  void declare(const Acc& a) {
    LT lt = is_logic(a.kind) ? LT::I32 : lane_type(a.dtype);
    int16_t slot = new_slot(lt);
    out_.accs.push_back({a.kind, lt, slot, is_arg(a.kind) ? new_slot(LT::I64) : int16_t{-1}});
  }

  void find_crossing() {
    for (const Stage& s : k_.stages)
      for (uint32_t i = s.first; i < s.last; ++i)
        for (Value v : {k_.insts[i].a, k_.insts[i].b, k_.insts[i].c})
          if (v != kNone && v < s.first && !remade(k_.insts[v].op) && slot_of_[v] < 0)
            slot_of_[v] = new_slot(lane_type(k_.dtype_of(v)));
  }

  void stage(const Stage& s) {
    out_.stages.push_back({s.kind, {}, {}, false});
    MBuilder b(&out_, &out_.stages.back(), avx512_);
    local_.assign(k_.insts.size(), kNoValue);
    first_ = s.first;
    for (uint32_t i = s.first; i < s.last; ++i) {
      local_[i] = inst(b, k_.insts[i]);
      if (slot_of_[i] >= 0) save(b, slot_of_[i], local_[i]);
    }
    drop_unused(&out_.stages.back());
    order(&out_.stages.back(), avx512_);
  }

  static bool has_effect(MOp op) {
    return op == MOp::Store || op == MOp::StoreAt || op == MOp::AccSet || op == MOp::Save || op == MOp::Check;
  }

  static void drop_unused(MStage* s) {
    std::vector<bool> used(s->vals.size(), false);
    std::vector<MInst> kept;
    kept.reserve(s->insts.size());
    s->calls = false;
    for (size_t i = s->insts.size(); i-- > 0;) {
      const MInst& in = s->insts[i];
      if (!has_effect(in.op) && !used[in.dst]) continue;
      for (int k = 0; k < in.n; ++k) used[in.a[k]] = true;
      s->calls |= in.op == MOp::Call;
      kept.push_back(in);
    }
    s->insts.assign(kept.rbegin(), kept.rend());
  }

  void save(MBuilder& b, int16_t slot, MV v) {
    MInst inst{MOp::Save, b.type(v), 1};
    inst.index = slot;
    inst.a[0] = v;
    b.push(inst, false);
  }

  MV arg(MBuilder& b, Value v) {
    if (v == kNone) return kNoValue;
    if (v < first_ && local_[v] == kNoValue)
      local_[v] = remade(k_.insts[v].op) ? inst(b, k_.insts[v]) : b.slot(slot_of_[v]);
    return local_[v];
  }

  MV constant(MBuilder& b, const Inst& in) {
    LT lt = lane_type(in.dtype);
    if (lt == LT::Mask) return b.mconst(in.imm.i != 0);
    if (lt == LT::F64) return b.d(in.imm.f);
    if (lt == LT::I64) return b.l(in.imm.i);
    // Everything else goes through its memory type, so that constants round as casts do.
    char cell[8] = {};
    is_float(in.dtype) ? store_scalar(cell, in.dtype, in.imm.f) : store_scalar(cell, in.dtype, in.imm.i);
    float f = 0;
    int32_t i = 0;
    if (lt == LT::F32) return cast_fn(in.dtype, DType::F32)(&f, cell, nullptr, nullptr, 1), b.f(f);
    return cast_fn(in.dtype, DType::I32)(&i, cell, nullptr, nullptr, 1), b.i(i);
  }

  MV param(MBuilder& b, const Inst& in) {
    for (const auto& p : out_.params)
      if (p.param == in.index && p.dtype == in.dtype) return b.slot(p.slot);
    int16_t slot = new_slot(lane_type(in.dtype));
    out_.params.push_back({in.index, in.dtype, slot});
    return b.slot(slot);
  }

  MV memory(MBuilder& b, const Inst& in, MOp op, MV x, MV y) {
    MInst m{op, lane_type(in.dtype)};
    m.dt = in.dtype;
    m.index = in.index;
    for (MV v : {x, y})
      if (v != kNoValue) m.a[m.n++] = v;
    return b.push(m, op == MOp::Load || op == MOp::LoadAt);
  }

  MV call(MBuilder& b, ArrayFn fn, DType from, DType to, MV x, MV y, MV z) {
    MInst m{MOp::Call, lane_type(to)};
    m.dt = to;
    m.arg_dt = from;
    m.imm = static_cast<int64_t>(reinterpret_cast<intptr_t>(fn));
    for (MV v : {x, y, z})
      if (v != kNoValue) m.a[m.n++] = v;
    b.stage()->calls = true;
    // Arguments pass through memory in their memory type: 64-bit types make the kernel wide whatever else is in it.
    if (size_of(from) == 8 || size_of(to) == 8) out_.wide = true;
    return b.push(m, true);
  }

  MV select(MBuilder& b, const Inst& in, MV m, MV x, MV y) {
    if (in.dtype != DType::Bool) return b.select(lane_type(in.dtype), m, x, y);
    return b.mor(b.mand(m, x), b.mand(b.mnot(m), y));
  }

  MV index(MBuilder& b, const Inst& in) {
    MInst m{MOp::Index, lane_type(in.dtype)};
    m.index = in.index;
    return b.push(m, true);
  }

  MV inst(MBuilder& b, const Inst& in) {
    if (in.op == Op::Result || in.op == Op::ResultValue) return result(b, in);
    MV x = arg(b, in.a), y = arg(b, in.b), z = arg(b, in.c);
    switch (in.op) {
      case Op::Const: return constant(b, in);
      case Op::Param: return param(b, in);
      case Op::Index: return index(b, in);
      case Op::Load: return memory(b, in, MOp::Load, kNoValue, kNoValue);
      case Op::LoadAt: return memory(b, in, MOp::LoadAt, x, kNoValue);
      case Op::Store: return memory(b, in, MOp::Store, x, kNoValue);
      case Op::StoreAt: return memory(b, in, MOp::StoreAt, x, y);
      case Op::Cast: return lower_cast(b, k_.dtype_of(in.a), in.dtype, x);
      case Op::Select: return select(b, in, x, y, z);
      case Op::Accum: return accumulate(b, in, x, y), kNoValue;
      case Op::Check: {
        MInst m{MOp::Check, LT::Mask, 1};
        m.index = in.index;
        m.a[0] = x;
        return b.push(m, false);
      }
      case Op::Philox: return call(b, philox_fn(), DType::I64, DType::I32, x, y, kNoValue);
      default: break;
    }
    DType t = k_.dtype_of(in.a);
    MV done = lower_scalar(b, in.op, t, x, y, z);
    return done != kNoValue ? done : call(b, scalar_fn(in.op, t), t, in.dtype, x, y, z);
  }

  MV result(MBuilder& b, const Inst& in) {
    const auto& acc = out_.accs[in.index];
    if (in.op == Op::Result && is_arg(acc.kind)) return b.slot(acc.arg_slot);
    MV v = b.slot(acc.slot);
    if (!is_logic(acc.kind)) return v;
    MInst m{MOp::BitsMask, LT::I32, 1};
    m.a[0] = v;
    return b.push(m, true);
  }

  // Accumulator registers are numbered 2k (value) and 2k+1 (position of an arg kind).
  MV get(MBuilder& b, int reg, LT lt) {
    MInst m{MOp::AccGet, lt};
    m.index = static_cast<int16_t>(reg);
    return b.push(m, true);
  }
  void set(MBuilder& b, int reg, LT lt, MV v) {
    MInst m{MOp::AccSet, lt, 1};
    m.index = static_cast<int16_t>(reg);
    m.a[0] = v;
    b.push(m, false);
  }

  void accumulate(MBuilder& b, const Inst& in, MV x, MV at) {
    const auto& acc = out_.accs[in.index];
    LT lt = acc.lt;
    int reg = in.index * 2;
    if (is_arg(acc.kind)) return accumulate_arg(b, acc.kind, lt, reg, x, at);
    if (is_logic(acc.kind)) {
      MInst m{MOp::MaskBits, LT::I32, 1};
      m.a[0] = x;
      x = b.push(m, true);
    }
    MV old = get(b, reg, lt), now = kNoValue;
    switch (acc.kind) {
      case AccKind::Sum: now = b.add(lt, old, x); break;
      case AccKind::Prod: now = lower_scalar(b, Op::Mul, in.dtype, old, x, kNoValue); break;
      case AccKind::Max: now = lower_scalar(b, Op::Max, in.dtype, x, old, kNoValue); break;
      case AccKind::Min: now = lower_scalar(b, Op::Min, in.dtype, x, old, kNoValue); break;
      case AccKind::Any: now = b.bor(lt, old, x); break;
      default: now = b.band(lt, old, x); break;
    }
    set(b, reg, lt, now);
  }

  // Takes the new element if it beats the best so far, or is the lane's first (position still -1). Lanes see ascending
  // positions, so ties keep the old one; the lanes are merged by arg_reduce with ties to the lower position.
  void accumulate_arg(MBuilder& b, AccKind kind, LT lt, int reg, MV x, MV at) {
    MV best = get(b, reg, lt), place = get(b, reg + 1, LT::I64);
    MV better = kind == AccKind::ArgMax ? b.cmp(lt, kLt, best, x) : b.cmp(lt, kLt, x, best);
    if (is_fp(lt)) better = b.mor(better, b.mand(b.is_nan(lt, x), b.cmp(lt, kOrd, best, best)));
    better = b.mor(better, b.cmp(LT::I64, kLt, place, b.l(0)));
    set(b, reg, lt, b.select(lt, better, x, best));
    set(b, reg + 1, LT::I64, b.select(LT::I64, better, at, place));
  }

  const Kernel& k_;
  bool avx512_;
  MKernel out_;
  std::vector<int16_t> slot_of_;
  std::vector<MV> local_;
  uint32_t first_ = 0;
};

}  // namespace

MKernel lower(const Kernel& kernel, bool avx512) { return Lowering(kernel, avx512).run(); }

}  // namespace fj::codegen::cpu
