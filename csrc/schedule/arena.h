// Offsets for temporaries in one arena: each lives from the step that makes it to its last use.
#pragma once
#include <cstdint>
#include <map>

namespace fj::schedule {

class ArenaPlan {
 public:
  // Takes the smallest free block that fits, else grows the arena. Offsets are multiples of 64.
  int64_t take(int64_t bytes);
  void give_back(int64_t offset, int64_t bytes);
  int64_t size() const { return size_; }

 private:
  std::map<int64_t, int64_t> free_;  // offset -> bytes; neighbours are joined
  int64_t size_ = 0;
};

}  // namespace fj::schedule
