// One struct for each kind of guard (rows of kinds.def). `check` may use nothing but the fetched objects; `describe`
// says the same fact in words. Private to the room.
#pragma once
#include <string>

#include "guard/guard.h"

namespace fj::guard {

#define FJ_GUARD_KIND(name, words)                                                                   \
  struct name##Check {                                                                               \
    static Outcome check(const Check& c, Fetched& f);                                                \
    static std::string describe(const Check& c, const std::string& path, const SourceTable& sources, \
                                PyCodeObject* code);                                                 \
  };
#include "guard/kinds.def"
#undef FJ_GUARD_KIND

// Some kinds have a number that their checks on one source, and what is there, can be told apart by: checks that pass
// have the number that digest_now gives. False: no such check can pass.
bool has_digest(Kind kind);
int64_t digest(const Check& check);
bool digest_now(Kind kind, PyObject* object, int64_t* out);

inline Outcome pass_if(bool ok) { return ok ? Outcome::Pass : Outcome::Fail; }
std::string short_repr(PyObject* object);

}  // namespace fj::guard
