// Functional graph -> runtime::Program: groups, kernels, order, memory plan.
//
// The graph has pointwise, view, reduction and native nodes only. Outputs are distinct results of such nodes other
// than views; each is written with the strides of its meta. Write-backs (`writes`) become stores to the inputs' memory
// after the last read of it.
#pragma once
#include <memory>

#include "graph/graph.h"
#include "loop/loop.h"
#include "runtime/program.h"

namespace fj::schedule {

struct Backend {
  KernelRef (*compile)(const loop::Kernel&);
};

std::unique_ptr<runtime::Program> schedule(graph::Graph& g, const Backend& backend);

}  // namespace fj::schedule
