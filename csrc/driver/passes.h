// The list of compiler passes, in order. Every pass has a name, is timed, can be dumped (FRAMEJIT_LOG=passes), is
// verified after (FRAMEJIT_VERIFY=1) and, unless it is needed for correctness, can be left out
// (FRAMEJIT_DISABLE_PASSES=simplify,…).
#pragma once
#include <memory>
#include <span>

#include "graph/graph.h"
#include "runtime/program.h"

namespace fj::driver {

struct Pass {
  const char* name;
  bool optional;
  std::unique_ptr<graph::Graph> (*run)(const graph::Graph& g);
  int64_t ns = 0;  // spent in it, all graphs together
  int64_t runs = 0;
};

std::span<Pass> passes();
Pass* find_pass(std::string_view name);
// Runs one pass with its timing, dump and verification.
std::unique_ptr<graph::Graph> run_pass(Pass& pass, const graph::Graph& g);
// All passes from a functional graph to one that the scheduler takes.
std::unique_ptr<graph::Graph> lower(const graph::Graph& functional);
// Passes, schedule and code for a functional graph whose outputs are distinct results (see make_outputs_distinct).
std::unique_ptr<runtime::Program> compile_program(const graph::Graph& functional);

}  // namespace fj::driver
