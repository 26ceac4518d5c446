#include "schedule/arena.h"

#include <iterator>

namespace fj::schedule {
namespace {
int64_t rounded(int64_t bytes) { return bytes <= 0 ? 64 : (bytes + 63) / 64 * 64; }
}  // namespace

int64_t ArenaPlan::take(int64_t bytes) {
  bytes = rounded(bytes);
  auto best = free_.end();
  for (auto it = free_.begin(); it != free_.end(); ++it)
    if (it->second >= bytes && (best == free_.end() || it->second < best->second)) best = it;
  if (best == free_.end()) {
    // A free block at the end grows instead of being left behind.
    int64_t at = size_;
    if (!free_.empty() && std::prev(free_.end())->first + std::prev(free_.end())->second == size_) {
      at = std::prev(free_.end())->first;
      free_.erase(std::prev(free_.end()));
    }
    size_ = at + bytes;
    return at;
  }
  auto [at, have] = *best;
  free_.erase(best);
  if (have > bytes) free_[at + bytes] = have - bytes;
  return at;
}

void ArenaPlan::give_back(int64_t offset, int64_t bytes) {
  auto [it, fresh] = free_.emplace(offset, rounded(bytes));
  auto next = std::next(it);
  if (next != free_.end() && it->first + it->second == next->first) {
    it->second += next->second;
    free_.erase(next);
  }
  if (it != free_.begin()) {
    auto prev = std::prev(it);
    if (prev->first + prev->second == it->first) {
      prev->second += it->second;
      free_.erase(it);
    }
  }
}

}  // namespace fj::schedule
