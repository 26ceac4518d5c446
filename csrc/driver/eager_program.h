// Eager reductions and composites: a one-node graph, taken apart and scheduled once for each combination of op,
// attributes and argument metas; machine code is shared through codegen's cache, so a new shape costs a schedule and no
// code.
#pragma once
#include <span>

#include "graph/graph.h"
#include "ops/opdef.h"

namespace fj::driver {

// `in`: data of the tensor arguments in order, lists included. Sizes of `outs` are the inferred ones; strides are any,
// and dtypes may differ (cast on store). No output overlaps an input.
void run_eager_program(const OpDef& op, Args args, std::span<void* const> in, std::span<const TensorMeta* const> outs,
                       std::span<void* const> out_data);
void clear_eager_programs();

// Makes every output of the graph a distinct result that is no view, by clones where needed, with the given metas
// (null: its own).
void make_outputs_distinct(graph::Graph& g, std::span<const TensorMeta* const> metas);

}  // namespace fj::driver
