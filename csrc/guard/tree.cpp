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

// Chains are as long as a model has guards: taken apart without recursion.
Tree::~Tree() {
  std::vector<std::unique_ptr<Node>> todo;
  todo.push_back(std::move(root_));
  while (!todo.empty()) {
    std::unique_ptr<Node> node = std::move(todo.back());
    todo.pop_back();
    for (auto& child : node->children) todo.push_back(std::move(child));
  }
}

namespace {

// Facts dicts of two traces are the same when they hold the same objects under the same names (a dict stands for
// "nothing").
bool same_facts(PyObject* a, PyObject* b) {
  if (a == b) return true;
  if (!a || !b || !PyDict_CheckExact(a) || !PyDict_CheckExact(b) || PyDict_GET_SIZE(a) != PyDict_GET_SIZE(b))
    return false;
  PyObject *name, *value;
  Py_ssize_t pos = 0;
  while (PyDict_Next(a, &pos, &name, &value)) {
    PyObject* other = PyDict_GetItemWithError(b, name);
    if (other != value && !(value == a && other == b)) return false;
  }
  return true;
}

}  // namespace

bool Check::same_as(const Check& o) const {
  return kind == o.kind && source == o.source && other == o.other && object == o.object && numbers == o.numbers &&
         same_facts(extra.get(), o.extra.get());
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

int Tree::find_in(const Node& start, Fetched& fetched) const {
  const Node* node = &start;
  while (node->segment < 0 && node->children.size() == 1) {  // no choice, nothing to come back to
    node = node->children[0].get();
    const Outcome outcome = run_check(node->check, fetched);
    if (outcome != Outcome::Pass) return outcome == Outcome::Fail ? -1 : -2;
  }
  if (node->segment >= 0) return node->segment;
  for (const auto& child : node->children) {
    const Outcome outcome = run_check(child->check, fetched);
    if (outcome == Outcome::Fail) continue;
    if (outcome == Outcome::Error) return -2;
    const int found = find_in(*child, fetched);
    if (found != -1) return found;
  }
  return -1;
}

namespace {

int visit_check(const Check& c, visitproc visit, void* arg) {
  Py_VISIT(c.object.get());
  Py_VISIT(c.extra.get());
  return 0;
}

}  // namespace

int Tree::traverse(visitproc visit, void* arg) const {
  if (int r = sources_.traverse(visit, arg)) return r;
  for (const auto& checks : by_segment_)
    for (const Check& c : checks)
      if (int r = visit_check(c, visit, arg)) return r;
  std::vector<const Node*> todo{root_.get()};
  while (!todo.empty()) {
    const Node* node = todo.back();
    todo.pop_back();
    if (int r = visit_check(node->check, visit, arg)) return r;
    for (const auto& child : node->children) todo.push_back(child.get());
  }
  return 0;
}

bool Tree::varies(SourceId source, PyObject* now) const {
  for (const auto& checks : by_segment_)
    for (const Check& c : checks)
      if (c.kind == Kind::Equal && c.source == source && c.object.get() != now &&
          Py_TYPE(c.object.get()) == Py_TYPE(now))
        return true;
  return false;
}

bool Tree::sizes_vary(SourceId source, const std::vector<int64_t>& now, size_t i) const {
  for (const auto& checks : by_segment_)
    for (const Check& c : checks) {
      if (c.source != source || (c.kind != Kind::Sizes && c.kind != Kind::SomeSizes)) continue;
      const bool same_rank = c.numbers.size() == now.size() || c.numbers.size() * 2 == now.size();
      if (same_rank && i < c.numbers.size() && c.numbers[i] != now[i]) return true;
    }
  return false;
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
