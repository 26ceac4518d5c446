// Raw graph -> functional graph: in-place ops become their functional partners, writes through views become new values
// of the base, views of a written base are made again, and writes to inputs become write-backs at the end.
//
// Every raw value belongs to a family: the inputs or fresh results (bases) and everything that views them. A family has
// one current value of its base; a raw value is looked up by applying its own chain of views to it.
#pragma once
#include "transform/rewrite.h"

namespace fj::transform {

// What an output of the raw graph is, seen from outside.
struct OutputSpec {
  enum Kind : uint8_t {
    Result,       // output `index` of the functional graph
    InputItself,  // the very tensor that input `index` was
    InputView,    // what `views` make of input `index`
    ResultView,   // what `views` make of output `index` of the functional graph
  };
  Kind kind = Result;
  int32_t index = 0;
  int32_t same_as = -1;  // an earlier output that is the same tensor object
  // From the base to the view: nodes of the raw graph, which must outlive the spec, and which of their results.
  std::vector<std::pair<const Node*, int32_t>> views;
};

struct Functional {
  std::unique_ptr<Graph> graph;
  std::vector<OutputSpec> outputs;
  std::vector<bool> plain;  // results that are seen through detach() alone: no gradient comes for them
};

// Is a value with a history written where gradients are off (under no_grad, or through detach()), and does an output
// depend on it afterwards? The history stays in eager code, but the functional graph has none for the new value.
bool loses_history(const Graph& raw);

// Raises Unsupported for what it cannot take (an in-place op without a functional partner).
Functional functionalise(const Graph& raw);

}  // namespace fj::transform
