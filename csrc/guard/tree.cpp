// Building, walking and explaining the tree. Each node is one check; its children share it as their prefix.
#include "base/str.h"
#include "guard/guard.h"

namespace fj::guard {

struct Tree::Node {
  Check check;
  int segment = -1;  // a segment whose last check this is
  std::vector<std::unique_ptr<Node>> children;
};

Tree::Tree() : root_(new Node) {}
Tree::~Tree() = default;

bool Check::same_as(const Check& o) const {
  return kind == o.kind && source == o.source && other == o.other && object == o.object && extra == o.extra &&
         numbers == o.numbers;
}

// Walks along existing nodes as long as one of them is a check that the new segment wants too: the order of checks does
// not matter, since every step and check is total.
void Tree::insert(const std::vector<Check>& checks, int segment) {
  if (static_cast<size_t>(segment) >= by_segment_.size()) by_segment_.resize(static_cast<size_t>(segment) + 1);
  by_segment_[static_cast<size_t>(segment)] = checks;
  std::vector<const Check*> todo;
  for (const Check& c : checks) todo.push_back(&c);
  Node* at = root_.get();
  for (bool moved = true; moved && !todo.empty();) {
    moved = false;
    for (auto& child : at->children) {
      size_t i = 0;
      while (i < todo.size() && !todo[i]->same_as(child->check)) ++i;
      if (i == todo.size()) continue;
      todo.erase(todo.begin() + static_cast<long>(i));
      at = child.get();
      moved = true;
      break;
    }
  }
  for (const Check* c : todo) {
    at->children.push_back(std::make_unique<Node>());
    at = at->children.back().get();
    at->check = *c;
  }
  if (at->segment < 0) at->segment = segment;
}

int Tree::find(Fetched& fetched) const { return find_in(*root_, fetched); }

int Tree::find_in(const Node& node, Fetched& fetched) const {
  if (node.segment >= 0) return node.segment;
  for (const auto& child : node.children) {
    const Outcome outcome = run_check(child->check, fetched);
    if (outcome == Outcome::Fail) continue;
    if (outcome == Outcome::Error) return -2;
    const int found = find_in(*child, fetched);
    if (found != -1) return found;
  }
  return -1;
}

std::string Tree::explain(int segment, Fetched& fetched, PyCodeObject* code) const {
  for (const Check& c : by_segment_[static_cast<size_t>(segment)]) {
    const Outcome outcome = run_check(c, fetched);
    if (outcome == Outcome::Pass) continue;
    if (outcome == Outcome::Error) PyErr_Clear();
    return describe(c, sources_, code);
  }
  return "";
}

}  // namespace fj::guard
