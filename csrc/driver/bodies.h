// Bodies of operators (ops/bodies.h) made of traced graphs.
#pragma once
#include <memory>
#include <vector>

#include "graph/graph.h"
#include "ops/bodies.h"

namespace fj::driver {

// The graphs as they were traced, with the same inputs. Their results, as many, must agree in sizes and dtype if
// `alike`. Raises Unsupported for what cannot be a body. Graphs that were met before give the bodies made then.
Bodies& make_bodies(std::vector<std::unique_ptr<graph::Graph>> graphs, bool alike, Bodies* forward = nullptr);
// Takes the random numbers out of graphs that become the two bodies of a `_cond`: gives those of one that draws them
// all, whose results the graphs then take as their last inputs. Empty if there are none.
std::vector<std::unique_ptr<graph::Graph>> take_draws(std::vector<std::unique_ptr<graph::Graph>>& graphs);
bool draws(const graph::Graph& g);
size_t body_count(const Bodies& bodies);
// The graph of one of them, for people and for back ends written in Python.
const graph::Graph& graph_of(const Bodies& bodies, size_t i);

}  // namespace fj::driver
