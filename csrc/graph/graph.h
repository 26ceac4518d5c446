// The tensor IR: nodes in SSA form over the op table. A graph is what capture records (in-place ops and views as the
// program wrote them), what transforms rewrite and what the scheduler lowers; `functional` says which stage it is at.
// A Value embeds its TensorMeta, so a Val (ops/meta.h) is a pointer to it and rules work on graphs unchanged.
//
// Rules for changing it: nodes are owned by the graph and never move; a value's uses are not stored, passes count them
// (`use_counts`); every pass leaves a graph that `verify` accepts.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "ops/builder.h"

namespace fj::graph {

struct Node;

struct Value : TensorMeta {
  int32_t id = -1;
  Node* def = nullptr;  // null: an input of the graph
  int32_t index = 0;    // which result of def, or which input
  std::string name;     // for people; unique within a graph
};

inline Value* value_of(Val v) { return static_cast<Value*>(const_cast<TensorMeta*>(v.m)); }

// Where in the user's program an op was called: for errors, printing and profiles.
struct Location {
  std::string file;
  std::string function;
  int32_t line = 0;
};

// Where autocast was on. The casts themselves are nodes; this is for back ends that keep its switches in their graphs.
struct Autocast {
  bool on = false, cache = true;
  DType dtype = DType::BF16;
  friend bool operator==(const Autocast&, const Autocast&) = default;
};

// A part of the program whose nodes belong together: the body of a higher-order operator. Like autocast's, it is for
// back ends written in Python; native code does not care.
struct Region {
  std::string name;
  std::shared_ptr<const Region> parent;
  bool closed = false;  // its end has been recorded; one that stayed open is none
};

struct Node {
  const OpDef* op = nullptr;
  ArgVec args;
  SmallVec<Value*, 2> outs;
  std::shared_ptr<const Location> location;
  bool no_grad = false;  // recorded while grad mode was off
  Autocast autocast;
  std::shared_ptr<const Region> region;  // the innermost
};

class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  Value* add_input(const TensorMeta& meta, std::string name = {});
  // Appends a node; its output metas are inferred. For an in-place op the output is a new value with self's meta.
  Node* add_node(const OpDef& op, Args args);
  // The same with metas that the caller knows.
  Node* add_node(const OpDef& op, Args args, std::span<const TensorMeta> metas);
  void add_output(Value* v) { outputs.push_back(v); }

  std::vector<Value*> inputs;
  std::vector<Node*> nodes;     // in program order
  std::vector<Value*> outputs;  // may repeat, may be inputs
  bool functional = false;      // no op mutates; write-backs are listed in `writes`
  // After functionalisation: at the end, input `first` receives the data of value `second`.
  std::vector<std::pair<Value*, Value*>> writes;

  int32_t value_count() const { return static_cast<int32_t>(values_.size()); }
  // Drops nodes whose results nobody uses (random and mutating ops stay).
  void remove_dead_nodes();
  std::vector<int32_t> use_counts() const;  // by value id; outputs and writes count

 private:
  Value* new_value(const TensorMeta& m, std::string name);
  std::deque<Value> values_;
  std::deque<Node> nodes_store_;
};

// Records ops into a graph. Transparent composites are taken apart unless `keep_composites`.
class GraphBuilder final : public Builder {
 public:
  explicit GraphBuilder(Graph& g, bool keep_composites = false) : graph_(g), keep_composites_(keep_composites) {}
  void emit(const OpDef& op, Args args, SmallVec<Val, 2>& outs) override;
  std::shared_ptr<const Location> location;  // given to every node that is emitted
  bool no_grad = false;

 private:
  Graph& graph_;
  bool keep_composites_;
};

// One line a node: `%3: float32[2, 3] = add(%0, %1, alpha=1)`.
std::string print(const Graph& g);
// Reads what `print` writes (metas of nodes are inferred and compared). Raises ValueError with line and reason.
std::unique_ptr<Graph> parse(std::string_view text);
// Checks order, ownership, arity and argument types, metas against the ops' rules; raises Internal naming the node.
void verify(const Graph& g);

}  // namespace fj::graph
