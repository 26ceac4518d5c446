#include "capture/find_reason.h"

#include <cstring>

namespace fj::capture {
namespace {
constexpr ReasonRow kRows[] = {
#define FJ_BREAK(name, words, advice) {#name, words, advice},
#include "capture/break_reasons.def"
#undef FJ_BREAK
};
}  // namespace

const ReasonRow& row(Reason reason) { return kRows[static_cast<int>(reason)]; }
const ReasonRow* find_row(const char* name) {
  for (const ReasonRow& r : kRows)
    if (std::strcmp(r.name, name) == 0) return &r;
  return nullptr;
}
int reason_count() { return static_cast<int>(sizeof kRows / sizeof kRows[0]); }

}  // namespace fj::capture
