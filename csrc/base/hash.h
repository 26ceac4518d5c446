// One way to hash: feed words into a Hasher. Good enough for tables, not for adversaries.
#pragma once
#include <bit>
#include <cstdint>
#include <string_view>

namespace fj {

class Hasher {
 public:
  Hasher& add(uint64_t v) {
    state_ = (state_ ^ v) * 0x9E3779B97F4A7C15ull;
    state_ ^= state_ >> 29;
    return *this;
  }
  Hasher& add(double d) { return add(std::bit_cast<uint64_t>(d)); }
  Hasher& add(std::string_view s) {
    add(static_cast<uint64_t>(s.size()));
    for (char c : s) add(static_cast<uint64_t>(static_cast<unsigned char>(c)));
    return *this;
  }
  uint64_t value() const { return state_ ^ (state_ >> 32); }

 private:
  uint64_t state_ = 0xCBF29CE484222325ull;
};

}  // namespace fj
