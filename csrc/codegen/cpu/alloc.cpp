#include "codegen/cpu/alloc.h"

#include <algorithm>

namespace fj::codegen::cpu {
namespace {

constexpr int32_t kNever = 0x7fffffff;

constexpr uint8_t kFold[] = {
#define FJ_MOP(name, fold, commutes) fold,
#include "codegen/cpu/mops.def"
#undef FJ_MOP
};
constexpr bool kCommutes[] = {
#define FJ_MOP(name, fold, commutes) commutes,
#include "codegen/cpu/mops.def"
#undef FJ_MOP
};

class Allocator {
 public:
  Allocator(const MStage& s, const AllocParams& p) : s_(s), p_(p), where_(s.vals.size(), kNoReg) {
    out_.spill_of.assign(s.vals.size(), -1);
    vec_.assign(static_cast<size_t>(p.regs), kNoValue);
    mask_.assign(static_cast<size_t>(p.masks), kNoValue);
    for (size_t i = 0; i < p.pinned->size(); ++i) where_[(*p.pinned)[i]] = static_cast<PReg>(kPinnedBase + i);
    out_.code.reserve(s.insts.size() + 8);
    find_uses();
  }

  Allocation run() {
    for (at_ = 0; at_ < static_cast<int32_t>(s_.insts.size()) && out_.ok; ++at_)
      inst(s_.insts[static_cast<size_t>(at_)]);
    return std::move(out_);
  }

 private:
  // next_[4*i + k]: the next instruction after i that uses argument k; first_[v]: the first use of v.
  void find_uses() {
    size_t n = s_.insts.size();
    next_.assign(n * 4, kNever);
    use_.assign(s_.vals.size(), kNever);
    for (size_t i = n; i-- > 0;) {
      const MInst& in = s_.insts[i];
      for (int k = 0; k < in.n; ++k) next_[i * 4 + static_cast<size_t>(k)] = use_[in.a[k]];
      for (int k = 0; k < in.n; ++k) use_[in.a[k]] = static_cast<int32_t>(i);
    }
  }

  bool is_mask(MV v) const { return p_.masks > 0 && s_.vals[v].lt == LT::Mask; }
  bool has_home(MV v) const { return s_.vals[v].home != Home::None || out_.spill_of[v] >= 0; }
  bool in_file(MV v) const { return where_[v] >= 0 && (where_[v] < kPinnedBase || where_[v] >= kMaskBase); }

  std::vector<MV>& file(bool mask) { return mask ? mask_ : vec_; }
  PReg name(bool mask, size_t r) const { return static_cast<PReg>(mask ? kMaskBase + r : r); }

  void drop(MV v) {
    if (!in_file(v)) return;
    bool mask = is_mask(v);
    file(mask)[static_cast<size_t>(mask ? where_[v] - kMaskBase : where_[v])] = kNoValue;
    where_[v] = kNoReg;
  }

  void spill(MV v) {
    if (!has_home(v)) {
      out_.spill_of[v] = static_cast<int16_t>(out_.spills++);
      out_.code.push_back(
          {AInst::Spill, nullptr, kNoReg, {where_[v], kNoReg, kNoReg, kNoReg}, {v, kNoValue, kNoValue, kNoValue}});
    }
  }

  bool held(MV v, const MInst& in) const {
    for (int k = 0; k < in.n; ++k)
      if (in.a[k] == v) return true;
    return false;
  }

  PReg take(bool mask, MV v, const MInst& in) {
    std::vector<MV>& f = file(mask);
    size_t best = f.size();
    for (size_t r = 0; r < f.size(); ++r) {
      if (f[r] == kNoValue) {
        best = r;
        break;
      }
      if (held(f[r], in)) continue;
      if (best == f.size() || use_[f[r]] > use_[f[best]]) best = r;
    }
    if (best == f.size()) {
      out_.ok = false;
      return 0;
    }
    if (f[best] != kNoValue) {
      spill(f[best]);
      where_[f[best]] = kNoReg;
    }
    f[best] = v;
    where_[v] = name(mask, best);
    int& used = mask ? out_.used_masks : out_.used;
    used = std::max(used, static_cast<int>(best) + 1);
    return where_[v];
  }

  void load(MV v, const MInst& in) {
    PReg r = take(is_mask(v), v, in);
    out_.code.push_back(
        {AInst::Reload, nullptr, r, {kInMemory, kNoReg, kNoReg, kNoReg}, {v, kNoValue, kNoValue, kNoValue}});
  }

  uint8_t foldable(const MInst& in) const {
    if (in.op == MOp::Cmp && !p_.avx512 && !is_fp(in.lt))
      return in.imm == kLt || in.imm == kNlt ? 1 : 2;    // pcmpgt(b, a)
    if (in.op == MOp::Lookup) return in.n == 2 ? 2 : 4;  // the last
    return kFold[static_cast<int>(in.op)];
  }

  int acc_register(int16_t number) const {
    return static_cast<int>(std::find(p_.accs->begin(), p_.accs->end(), number) - p_.accs->begin());
  }

  void acc_get(const MInst& in) {
    int r = acc_register(in.index);
    if (!p_.accs_in_memory) {
      where_[in.dst] = static_cast<PReg>(kAccBase + r);
      return;
    }
    MVal& v = const_cast<MVal&>(s_.vals[in.dst]);  // its home is known only now
    v.home = Home::Slot;
    v.slot = (*p_.acc_slots)[static_cast<size_t>(r)];
  }

  void inst(const MInst& in) {
    if (in.op == MOp::AccGet) return acc_get(in);
    AInst a{AInst::Op, &in, kNoReg, {kNoReg, kNoReg, kNoReg, kNoReg}, {in.a[0], in.a[1], in.a[2], in.a[3]}};
    bool absent0 = in.n > 1 && where_[a.val[0]] == kNoReg, absent1 = in.n > 1 && where_[a.val[1]] == kNoReg;
    if (kCommutes[static_cast<int>(in.op)] && absent0 && !absent1) std::swap(a.val[0], a.val[1]);
    uint8_t fold = foldable(in);
    for (int k = in.n; k-- > 0;) {
      MV v = a.val[k];
      if (where_[v] != kNoReg) continue;
      bool once = std::count(a.val, a.val + in.n, v) == 1;
      if ((fold >> k & 1) && once && !is_mask(v) && s_.vals[v].lt != LT::Mask) {
        a.src[k] = kInMemory;
        fold = 0;
      } else {
        load(v, in);
      }
    }
    for (int k = 0; k < in.n; ++k)
      if (a.src[k] == kNoReg) a.src[k] = where_[a.val[k]];
    if (in.op == MOp::Call) save_across(in);
    retire(in);
    if (in.dst != kNoValue) define(in, &a);
    out_.code.push_back(a);
  }

  // A call clobbers every register: what lives on goes to memory, and is reloaded when used.
  void save_across(const MInst& in) {
    for (bool mask : {false, true}) {
      for (size_t r = 0; r < file(mask).size(); ++r) {
        MV v = file(mask)[r];
        if (v == kNoValue) continue;
        bool needed = held(v, in) ? next_use(in, v) != kNever : use_[v] != kNever;
        if (needed) spill(v);
      }
    }
  }

  int32_t next_use(const MInst& in, MV v) const {
    for (int k = 0; k < in.n; ++k)
      if (in.a[k] == v) return next_[static_cast<size_t>(at_) * 4 + static_cast<size_t>(k)];
    return use_[v];
  }

  void retire(const MInst& in) {
    for (int k = 0; k < in.n; ++k) {
      int32_t next = next_[static_cast<size_t>(at_) * 4 + static_cast<size_t>(k)];
      use_[in.a[k]] = next;
    }
    for (int k = 0; k < in.n; ++k)
      if (use_[in.a[k]] == kNever) drop(in.a[k]);
    if (in.op != MOp::Call) return;
    for (bool mask : {false, true})
      for (MV& v : file(mask))
        if (v != kNoValue) {
          where_[v] = kNoReg;
          v = kNoValue;
        }
  }

  void define(const MInst& in, AInst* a) {
    static const MInst kNothing{};
    int acc = hinted_acc(in);
    if (acc >= 0) {
      a->dst = where_[in.dst] = static_cast<PReg>(kAccBase + acc);
      return;
    }
    a->dst = take(is_mask(in.dst), in.dst, kNothing);
    if (use_[in.dst] == kNever) drop(in.dst);  // never used: only its place is needed
  }

  // The accumulator that the value made here is about to be set to, if its register is free to take it: the old value
  // is dead by now, and the new one is used by nothing else.
  int hinted_acc(const MInst& in) const {
    if (!p_.hint_accs || p_.accs_in_memory) return -1;
    int32_t use = use_[in.dst];
    if (use == kNever) return -1;
    const MInst& user = s_.insts[static_cast<size_t>(use)];
    if (user.op != MOp::AccSet || next_[static_cast<size_t>(use) * 4] != kNever) return -1;
    int r = acc_register(user.index);
    for (size_t v = 0; v < where_.size(); ++v)
      if (where_[v] == kAccBase + r && use_[v] != kNever) return -1;
    // No get of the same accumulator may follow (there is one accum an accumulator, so its gets come first).
    return r;
  }

  const MStage& s_;
  const AllocParams& p_;
  std::vector<PReg> where_;
  std::vector<MV> vec_, mask_;
  std::vector<int32_t> next_, use_;
  int32_t at_ = 0;
  Allocation out_;
};

}  // namespace

Allocation allocate(const MStage& stage, const AllocParams& params) { return Allocator(stage, params).run(); }

std::vector<MV> pin_candidates(const MStage& s, bool masks_in_vectors) {
  std::vector<int> uses(s.vals.size(), 0);
  for (const MInst& in : s.insts)
    for (int k = 0; k < in.n; ++k) ++uses[in.a[k]];
  for (const MInst& in : s.insts)
    if (in.op == MOp::AccGet) uses[in.dst] = 0;  // its home, if it has one, changes with every step
  std::vector<MV> out;
  for (MV v = 0; v < s.vals.size(); ++v)
    if (uses[v] > 0 && s.vals[v].home != Home::None && (masks_in_vectors || s.vals[v].lt != LT::Mask)) out.push_back(v);
  std::stable_sort(out.begin(), out.end(), [&](MV a, MV b) { return uses[a] > uses[b]; });
  return out;
}

}  // namespace fj::codegen::cpu
