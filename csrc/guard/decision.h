// A decision tree over the checks of several segments: what is run on a call. Immutable; private to the room.
//
// Checks that tell segments apart come first, a group for each fact about one source (the dtype of x: this, that or
// another). A few rivals are asked in turn; of many, a digest of what is there picks the one to ask. The rest is the
// segment's own list.
#pragma once
#include <vector>

#include "guard/guard.h"

namespace fj::guard {

struct Candidate {
  int segment;
  std::vector<const Check*> checks;  // equal checks are one object
};

class Decision {
 public:
  Decision() = default;
  explicit Decision(std::vector<Candidate> candidates);
  // The segment, -1 (none) or -2 (a check raised).
  int find(Fetched& fetched) const;

 private:
  struct Node {
    const Check* check;  // NULL: a choice
    int32_t pass, fail;  // nodes, or what `leaf` makes; of a choice: its number, and where to go when no rival fits
  };
  // Many rivals about one fact: the digest of what is there says which of them to ask.
  struct Choice {
    Kind kind;
    SourceId source;
    std::vector<int64_t> digests;
    std::vector<int32_t> rivals;  // the first node with that digest
  };
  static constexpr int32_t kNone = -1;
  static int32_t leaf(int segment) { return -2 - segment; }
  int32_t node(const Check* check, int32_t pass, int32_t fail);
  int32_t chain(const std::vector<const Check*>& checks, int32_t pass, int32_t fail);
  // Where the tests of `set` begin; `otherwise` is where one goes when none of them passes.
  int32_t build(std::vector<Candidate> set, int32_t otherwise);
  int32_t build_choice(std::vector<std::pair<const Check*, std::vector<Candidate>>> parts, int32_t otherwise);
  int32_t choose(const Node& n, Fetched& fetched) const;
  int32_t build_apart(std::vector<Candidate> set, int32_t otherwise);

  std::vector<Node> nodes_;
  std::vector<Choice> choices_;
  int32_t start_ = kNone;
};

}  // namespace fj::guard
