// What compiled functions did in this process, for tests, logs and explain.
#pragma once

#include <cstdint>

namespace fj::frame {

struct Stats {
#define FJ_FRAME_STATS(X)                                          \
  X(traces)        /* segments made */                             \
  X(graphs)        /* segments with tensor work */                 \
  X(ops)           /* their graph nodes */                         \
  X(guards)        /* their checks */                              \
  X(breaks)        /* exits that are not return */                 \
  X(hits)          /* segments run */                              \
  X(instructions)  /* bytecode instructions that they stood for */ \
  X(misses)        /* entries where no segment's guards passed */  \
  X(plain_calls)   /* calls that ran without compiled code */      \
  X(fallbacks)     /* segments whose program failed */             \
  X(limit_reached) /* entry points that hit the recompile limit */
#define FJ_STAT(name) int64_t name = 0;
  FJ_FRAME_STATS(FJ_STAT)
#undef FJ_STAT
};

Stats& stats();

}  // namespace fj::frame
