// Switches from the environment; the list is flags.def.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace fj::flags {

#define FJ_FLAG_TYPE_Bool bool
#define FJ_FLAG_TYPE_Int int64_t
#define FJ_FLAG_TYPE_Str std::string

struct Values {
#define FJ_FLAG(name, kind, def, help) FJ_FLAG_TYPE_##kind name;
#include "base/flags.def"
#undef FJ_FLAG
};

// The process's switches. Mutable so that tests and `framejit.config` can change one.
Values& get();

// True if `item` stands in a comma list such as FRAMEJIT_LOG.
bool list_has(std::string_view list, std::string_view item);
inline bool log_on(std::string_view what) { return !get().log.empty() && list_has(get().log, what); }

struct Info {
  const char* name;
  const char* kind;
  const char* def;
  const char* help;
};
extern const Info kInfo[];
extern const int kCount;

}  // namespace fj::flags
