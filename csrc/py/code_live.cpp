// Which fast locals may still be read: the usual backward flow, with an edge from every covered instruction to its
// handler.
#include "py/code.h"

namespace fj::py {

void Code::find_live() const {
  const size_t width = kinds_.size();
  live_.assign(instrs_.size() * width, false);
  auto row = [&](int index) { return static_cast<size_t>(ordinal(index)) * width; };
  std::vector<bool> now(width);
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t k = instrs_.size(); k-- > 0;) {
      const Instr& in = instrs_[k];
      const bool falls = !in.ends && in.next < units();
      for (size_t s = 0; s < width; ++s) {
        now[s] = (falls && live_[row(in.next) + s]) || (in.target >= 0 && live_[row(in.target) + s]);
      }
      const LocalUse use = local_use(in);
      for (int s : use.writes) {
        if (s >= 0) now[static_cast<size_t>(s)] = false;
      }
      for (int s : use.reads) {
        if (s >= 0) now[static_cast<size_t>(s)] = true;
      }
      const Handler* h = handler(in.index);
      for (size_t s = 0; s < width; ++s) {
        const bool value = now[s] || (h && live_[row(h->target) + s]);
        if (value == live_[k * width + s]) continue;
        live_[k * width + s] = value;
        changed = true;
      }
    }
  }
}

bool Code::live(int index, int slot) const {
  if (kinds_[static_cast<size_t>(slot)] != LocalKind::kFast) return true;
  if (live_.empty()) find_live();
  return live_[static_cast<size_t>(ordinal(index)) * kinds_.size() + static_cast<size_t>(slot)];
}

}  // namespace fj::py
