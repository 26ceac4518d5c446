#include "base/str.h"
#include "guard/checks.h"
namespace fj::guard {
#define X(n) Outcome n##Check::check(const Check&, Fetched&) { return Outcome::Pass; } std::string n##Check::describe(const Check&, const std::string& p, const SourceTable&, PyCodeObject*) { return p; }
X(Tensor) X(Sizes) X(DisjointStorage) X(Modes)
}
