#include "driver/passes.h"

#include <chrono>
#include <cstdio>

#include "base/flags.h"
#include "base/progress.h"
#include "codegen/codegen.h"
#include "ops/bodies.h"
#include "schedule/schedule.h"
#include "transform/decompose.h"
#include "transform/simplify.h"

namespace fj::driver {
namespace {

Pass g_passes[] = {
    {"decompose", false, transform::decompose},
    {"simplify", true, transform::simplify},
    {"eliminate_common", true, transform::eliminate_common},
};

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

KernelRef compile_kernel(const loop::Kernel& k) {
  progress::step_or_stop("kernels", static_cast<size_t>(codegen::cache_stats().entries));
  if (flags::get().verify > 0) {
    std::string broken = loop::verify(k);
    FJ_CHECK(broken.empty(), broken, "\n", loop::print(k));
  }
  if (flags::log_on("loop")) std::fprintf(stderr, "%s\n", loop::print(k).c_str());
  return codegen::compile(k);
}

}  // namespace

std::span<Pass> passes() { return g_passes; }

Pass* find_pass(std::string_view name) {
  for (Pass& p : g_passes)
    if (name == p.name) return &p;
  return nullptr;
}

std::unique_ptr<graph::Graph> run_pass(Pass& pass, const graph::Graph& g) {
  progress::step_or_stop(pass.name, g.nodes.size());
  int64_t start = now_ns();
  auto out = pass.run(g);
  pass.ns += now_ns() - start;
  ++pass.runs;
  if (flags::log_on("passes")) std::fprintf(stderr, "after %s:\n%s", pass.name, graph::print(*out).c_str());
  if (flags::get().verify > 0) graph::verify(*out);
  return out;
}

std::unique_ptr<graph::Graph> lower(const graph::Graph& functional) {
  std::unique_ptr<graph::Graph> g;
  for (Pass& p : g_passes) {
    if (p.optional && flags::list_has(flags::get().disable_passes, p.name)) continue;
    g = run_pass(p, g ? *g : functional);
  }
  g->remove_dead_nodes();
  for (const graph::Node* n : g->nodes)
    for (const Arg& a : n->args)
      if (a.tag() == ArgTag::Object && has_bodies(n->op->id)) bodies_of(a).prepare();
  return g;
}

std::unique_ptr<runtime::Program> compile_program(const graph::Graph& functional) {
  auto g = lower(functional);
  return schedule::schedule(*g, {compile_kernel});
}

}  // namespace fj::driver
