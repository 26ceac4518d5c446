#include "base/flags.h"

#include <cstdlib>

namespace fj::flags {
namespace {

const char* text_of(const char* upper_name, const char* def) {
  const char* v = std::getenv(upper_name);
  return v && *v ? v : def;
}

std::string env_name(const char* name) {
  std::string out = "FRAMEJIT_";
  for (const char* p = name; *p; ++p) out.push_back(*p >= 'a' && *p <= 'z' ? static_cast<char>(*p - 32) : *p);
  return out;
}

bool parse_Bool(const char* s) {
  return !(s[0] == '0' || s[0] == 'n' || s[0] == 'N' || s[0] == 'f' || s[0] == 'F' || !s[0]);
}
int64_t parse_Int(const char* s) { return std::strtoll(s, nullptr, 10); }
std::string parse_Str(const char* s) { return s; }

Values read() {
  Values v;
#define FJ_FLAG(name, kind, def, help) v.name = parse_##kind(text_of(env_name(#name).c_str(), def));
#include "base/flags.def"
#undef FJ_FLAG
  return v;
}

}  // namespace

Values& get() {
  static Values values = read();
  return values;
}

bool list_has(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    size_t comma = list.find(',');
    std::string_view head = list.substr(0, comma);
    if (head == item || head == "all") return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

const Info kInfo[] = {
#define FJ_FLAG(name, kind, def, help) {#name, #kind, def, help},
#include "base/flags.def"
#undef FJ_FLAG
};
const int kCount = sizeof kInfo / sizeof kInfo[0];

}  // namespace fj::flags
