// Fusion: which nodes of a functional graph share a kernel.
//
// A group is a set of pointwise and reduction nodes over one iteration space: the dimensions larger than one of its
// full-size values, some of them reduced. A member is Full (one value a point of the space) or Kept (one a point of the
// dimensions that are not reduced). Inside a group a value is read only at the point where it was made; the test for
// that compares addresses: the reader's strides along the space must equal the value's own. Views therefore cost
// nothing and need no cases of their own.
//
// Nodes are taken in program order; each joins a group of its producers or a sibling that shares an operand, if
// the result has no cycle. What joins nothing starts a group. Native nodes stand alone.
#pragma once
#include <memory>
#include <vector>

#include "graph/graph.h"
#include "schedule/layout.h"

namespace fj::schedule {

using graph::Graph;
using graph::Node;
using graph::Value;
using graph::value_of;

enum class Level : uint8_t { Full, Kept };

struct Group {
  std::vector<Node*> nodes;      // in program order
  SmallVec<int64_t, 6> sizes;    // of the space
  SmallVec<int64_t, 6> reduced;  // per dimension: 1 if reduced
  bool has_reduce = false;
  const Node* native = nullptr;  // a unit of its own
  int first = 0, last = 0;       // program positions
  int walk = 0;                  // the last walk over units that has been here

  int64_t points() const;
  int64_t kept_points() const;
  // A long reduction to very few results: cut in two kernels, nothing may follow the reduction in the first.
  bool is_narrow() const;
};

// The value that owns the memory which `v` looks at.
const Value* root_of(const Value* v);
// A reduction over dimensions of size one: a conversion.
bool is_trivial_reduction(const Node* n);
bool is_reduction(const Node* n);  // and not trivial
// Dimensions (of the input) that a reduction node reduces.
SmallVec<int64_t, 6> reduced_dims(const Node* n);

// Where each dimension of `sizes` lies in the space: -1 for dimensions of size one. False if sizes do not fit the
// level.
bool place_dims(const Group& g, const Shape& sizes, Level level, SmallVec<int, 6>* out);
// Strides of `v` along the space when a node with sizes `at` reads it (broadcast), or of v itself when `at` is v's
// sizes.
bool steps_in_space(const Group& g, const TensorMeta& v, const Shape& at, Level level, Steps* out);
bool level_of(const Group& g, const Node* n, Level* out);
// The sizes over which a node reads its arguments: its result's, or the input's of a reduction.
const Shape& read_sizes(const Node* n);

// The units of work in a valid order.
std::vector<std::unique_ptr<Group>> form_groups(const Graph& g);

}  // namespace fj::schedule
