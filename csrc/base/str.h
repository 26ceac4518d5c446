// String building for messages: cat("size ", n, " of ", name). Kept free of <sstream>.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace fj {

inline void append(std::string& out, std::string_view s) { out.append(s); }
inline void append(std::string& out, const char* s) { out.append(s); }
inline void append(std::string& out, const std::string& s) { out.append(s); }
inline void append(std::string& out, char c) { out.push_back(c); }
inline void append(std::string& out, bool b) { out.append(b ? "True" : "False"); }
void append(std::string& out, double d);
template <class T>
requires(std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>) void append(std::string& out,
                                                                                                    T v) {
  out.append(std::to_string(v));
}
inline void append(std::string& out, float d) { append(out, static_cast<double>(d)); }

// "[2, 3]", the way that PyTorch prints sizes in messages.
template <class Range>
requires requires(const Range& r) {
  r.begin();
  r.end();
  r.size();
} &&(!std::is_convertible_v<const Range&, std::string_view>)void append(std::string& out, const Range& range) {
  out.push_back('[');
  bool first = true;
  for (const auto& v : range) {
    if (!first) out.append(", ");
    first = false;
    append(out, v);
  }
  out.push_back(']');
}

template <class... Ts>
std::string cat(const Ts&... parts) {
  std::string out;
  (append(out, parts), ...);
  return out;
}

}  // namespace fj
