// Building and walking decision trees.
#include "guard/decision.h"

#include "guard/checks_hot.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace fj::guard {

Decision::Decision(std::vector<Candidate> candidates) { start_ = build(std::move(candidates), kNone); }

int Decision::find(Fetched& fetched) const {
  const Node* const nodes = nodes_.data();
  int32_t at = start_;
  while (at >= 0) {
    const Node& n = nodes[at];
    if (!n.check) [[unlikely]] {
      at = choose(n, fetched);
      continue;
    }
    const Outcome outcome = run_check_here(*n.check, fetched);
    if (outcome == Outcome::Error) return -2;
    at = outcome == Outcome::Pass ? n.pass : n.fail;
  }
  return at == kNone ? -1 : -2 - at;
}

int32_t Decision::node(const Check* check, int32_t pass, int32_t fail) {
  nodes_.push_back({check, pass, fail});
  return static_cast<int32_t>(nodes_.size()) - 1;
}

int32_t Decision::chain(const std::vector<const Check*>& checks, int32_t pass, int32_t fail) {
  for (auto it = checks.rbegin(); it != checks.rend(); ++it) pass = node(*it, pass, fail);
  return pass;
}

namespace {

constexpr size_t kMany = 3;

using Fact = std::tuple<Kind, SourceId, SourceId>;
using Variants = std::map<const Check*, int>;  // and how many candidates have each

bool contains(const Candidate& c, const Check* check) {
  return std::find(c.checks.begin(), c.checks.end(), check) != c.checks.end();
}

void remove(Candidate& c, const Check* check) { std::erase(c.checks, check); }

// The fact with the most variants among the candidates; none if no fact has two.
Variants telling_apart(const std::vector<Candidate>& set) {
  struct Rivals {
    Variants variants;
    const Candidate* last = nullptr;
    bool several = false;  // one candidate has two of them: they do not exclude each other
  };
  std::map<Fact, Rivals> facts;
  for (const Candidate& c : set)
    for (const Check* check : c.checks) {
      if (check->source == kNoSource && check->kind != Kind::Modes && check->kind != Kind::Storages) continue;
      Rivals& r = facts[{check->kind, check->source, check->other}];
      r.several |= std::exchange(r.last, &c) == &c;
      ++r.variants[check];
    }
  Variants* best = nullptr;
  for (auto& [fact, r] : facts)
    if (!r.several && r.variants.size() > 1 && (!best || r.variants.size() > best->size())) best = &r.variants;
  return best ? std::move(*best) : Variants{};
}

// Takes out the candidates that have the check, and the check from them.
std::vector<Candidate> take_with(std::vector<Candidate>& set, const Check* check) {
  std::vector<Candidate> with, without;
  for (Candidate& c : set) (contains(c, check) ? with : without).push_back(std::move(c));
  for (Candidate& c : with) remove(c, check);
  set = std::move(without);
  return with;
}

}  // namespace

int32_t Decision::build(std::vector<Candidate> set, int32_t otherwise) {
  if (set.empty()) return otherwise;
  if (set.size() == 1) return chain(set[0].checks, leaf(set[0].segment), otherwise);
  for (const Candidate& c : set)
    if (c.checks.empty()) return leaf(c.segment);
  const Variants variants = telling_apart(set);
  if (variants.empty()) return build_apart(std::move(set), otherwise);
  std::vector<std::pair<const Check*, std::vector<Candidate>>> parts;
  for (auto& [check, count] : variants) parts.push_back({check, take_with(set, check)});
  if (parts.size() >= kMany && has_digest(parts[0].first->kind)) {
    const int32_t rest = build(std::move(set), otherwise);
    return build_choice(std::move(parts), rest);
  }
  // Segments found earlier are tried earlier.
  std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) {
    return !a.second.empty() && (b.second.empty() || a.second[0].segment < b.second[0].segment);
  });
  int32_t next = build(std::move(set), otherwise);
  for (auto it = parts.rbegin(); it != parts.rend(); ++it)
    if (!it->second.empty()) next = node(it->first, build(std::move(it->second), next), next);
  return next;
}

int32_t Decision::build_choice(std::vector<std::pair<const Check*, std::vector<Candidate>>> parts, int32_t otherwise) {
  std::map<int64_t, int32_t> first;
  for (auto it = parts.rbegin(); it != parts.rend(); ++it) {
    if (it->second.empty()) continue;
    auto [at, fresh] = first.emplace(digest(*it->first), otherwise);
    at->second = node(it->first, build(std::move(it->second), at->second), at->second);
  }
  Choice choice{parts[0].first->kind, parts[0].first->source, {}, {}};
  for (auto& [value, rival] : first) {
    choice.digests.push_back(value);
    choice.rivals.push_back(rival);
  }
  choices_.push_back(std::move(choice));
  return node(nullptr, static_cast<int32_t>(choices_.size()) - 1, otherwise);
}

int32_t Decision::choose(const Node& n, Fetched& fetched) const {
  const Choice& c = choices_[static_cast<size_t>(n.pass)];
  int64_t now;
  if (!digest_now(c.kind, fetched.get(c.source), &now)) return n.fail;
  for (size_t i = 0; i < c.digests.size(); ++i)
    if (c.digests[i] == now) return c.rivals[i];
  return n.fail;
}

// No fact differs: some candidates only ask for more than others do. What all share first, then the rest.
int32_t Decision::build_apart(std::vector<Candidate> set, int32_t otherwise) {
  std::map<const Check*, size_t> counts;
  for (const Candidate& c : set)
    for (const Check* check : c.checks) ++counts[check];
  std::vector<const Check*> common;
  const Check* most = nullptr;
  for (const Check* check : set[0].checks)
    if (counts[check] == set.size()) common.push_back(check);
  if (!common.empty()) {
    for (Candidate& c : set) std::erase_if(c.checks, [&](const Check* k) { return counts[k] == set.size(); });
    return chain(common, build(std::move(set), otherwise), otherwise);
  }
  for (auto& [check, count] : counts)
    if (!most || count > counts[most]) most = check;
  std::vector<Candidate> with = take_with(set, most);
  const int32_t next = build(std::move(set), otherwise);
  return node(most, build(std::move(with), next), next);
}

}  // namespace fj::guard
