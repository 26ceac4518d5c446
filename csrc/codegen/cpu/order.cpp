// The order of a body's instructions: independent chains side by side.
//
// Lowering writes one function after the other. A CPU looks some sixty operations ahead for one that can start, which
// is little where each waits for the one before it; so the instruction with the longest way to the end goes first, as
// long as registers last.
#include <algorithm>

#include "codegen/cpu/lower.h"

namespace fj::codegen::cpu {
namespace {

constexpr size_t kWorthwhile = 12, kMost = 400;  // instructions

int latency(const MInst& in) {
  switch (in.op) {
    case MOp::Load: return 7;
    case MOp::LoadAt: return 20;
    case MOp::Div:
    case MOp::Sqrt: return 14;
    case MOp::Lookup:
    case MOp::Scalef: return 6;
    case MOp::Add:
    case MOp::Sub:
    case MOp::Mul:
    case MOp::Fma:
    case MOp::Fnma:
    case MOp::Fms:
    case MOp::Fnms: return is_fp(in.lt) ? 4 : in.op == MOp::Mul ? 8 : 1;
    case MOp::Cvt:
    case MOp::GetExp:
    case MOp::GetMant:
    case MOp::Cmp:
    case MOp::Round: return 4;
    default: return 2;
  }
}

bool reads_memory(MOp op) { return op == MOp::Load || op == MOp::LoadAt; }

class Order {
 public:
  Order(MStage* s, int room) : s_(*s), room_(room), n_(s->insts.size()) {}

  void run() {
    find_dependences();
    std::vector<MInst> out;
    out.reserve(n_);
    for (size_t i = 0; i < n_; ++i)
      if (waits_[i] == 0) ready_.push_back(i);
    while (!ready_.empty()) {
      size_t i = take();
      out.push_back(s_.insts[i]);
      place(i);
    }
    s_.insts = std::move(out);
  }

 private:
  void depend(size_t later, size_t earlier) {
    users_[earlier].push_back(static_cast<uint32_t>(later));
    ++waits_[later];
  }

  void find_dependences() {
    users_.resize(n_);
    waits_.assign(n_, 0);
    uses_.assign(s_.vals.size(), 0);
    std::vector<int32_t> maker(s_.vals.size(), -1);
    std::vector<size_t> memory;  // loads since the last effect
    size_t effect = n_;
    for (size_t i = 0; i < n_; ++i) {
      const MInst& in = s_.insts[i];
      for (int k = 0; k < in.n; ++k) {
        if (std::find(in.a, in.a + k, in.a[k]) != in.a + k) continue;
        ++uses_[in.a[k]];
        if (maker[in.a[k]] >= 0) depend(i, static_cast<size_t>(maker[in.a[k]]));
      }
      if (in.dst != kNoValue) maker[in.dst] = static_cast<int32_t>(i);
      bool has_effect = in.dst == kNoValue;
      if (!has_effect && !reads_memory(in.op)) continue;
      if (effect < n_) depend(i, effect);
      if (has_effect) {
        for (size_t load : memory) depend(i, load);
        memory.clear();
        effect = i;
      } else {
        memory.push_back(i);
      }
    }
    height_.assign(n_, 0);
    for (size_t i = n_; i-- > 0;) {
      for (uint32_t u : users_[i]) height_[i] = std::max(height_[i], height_[u]);
      height_[i] += latency(s_.insts[i]);
    }
  }

  // Registers that the instruction takes, less those that it frees.
  int growth(size_t i) const {
    const MInst& in = s_.insts[i];
    int g = in.dst != kNoValue;
    for (int k = 0; k < in.n; ++k)
      g -= std::find(in.a, in.a + k, in.a[k]) == in.a + k && s_.vals[in.a[k]].home == Home::None && uses_[in.a[k]] == 1;
    return g;
  }

  size_t take() {
    size_t best = 0;
    bool full = live_ >= room_;
    auto better = [&](size_t a, size_t b) {
      if (full && growth(a) != growth(b)) return growth(a) < growth(b);
      return height_[a] != height_[b] ? height_[a] > height_[b] : a < b;
    };
    for (size_t r = 1; r < ready_.size(); ++r)
      if (better(ready_[r], ready_[best])) best = r;
    size_t i = ready_[best];
    ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(best));
    return i;
  }

  void place(size_t i) {
    live_ += growth(i);
    const MInst& in = s_.insts[i];
    for (int k = 0; k < in.n; ++k)
      if (std::find(in.a, in.a + k, in.a[k]) == in.a + k) --uses_[in.a[k]];
    for (uint32_t u : users_[i])
      if (--waits_[u] == 0) ready_.push_back(u);
  }

  MStage& s_;
  int room_;
  size_t n_;
  std::vector<std::vector<uint32_t>> users_;
  std::vector<int> waits_, uses_, height_;
  std::vector<size_t> ready_;
  int live_ = 0;
};

}  // namespace

void order(MStage* s, bool avx512) {
  if (s->calls || s->insts.size() < kWorthwhile || s->insts.size() > kMost) return;
  for (const MInst& in : s->insts)
    if (in.op == MOp::AccGet) return;
  Order(s, avx512 ? 9 : 6).run();
}

}  // namespace fj::codegen::cpu
