// f16 and bf16 as bit patterns, with conversions that round to nearest even, in portable C++.
#pragma once
#include <bit>
#include <cstdint>

namespace fj {

struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};

inline float to_float(F16 h) {
  uint32_t sign = static_cast<uint32_t>(h.bits & 0x8000) << 16, exp = h.bits >> 10 & 31, man = h.bits & 0x3ff;
  if (exp == 31) return std::bit_cast<float>(sign | 0x7f800000u | man << 13);
  if (exp != 0) return std::bit_cast<float>(sign | (exp + 112) << 23 | man << 13);
  float tiny = static_cast<float>(man) * 0x1p-24f;
  return sign ? -tiny : tiny;
}

inline F16 to_f16(float f) {
  uint32_t x = std::bit_cast<uint32_t>(f), sign = x >> 16 & 0x8000, a = x & 0x7fffffffu;
  if (a > 0x7f800000u) return {static_cast<uint16_t>(sign | 0x7e00 | (a >> 13 & 0x1ff))};
  if (a >= 0x477ff000u) return {static_cast<uint16_t>(sign | 0x7c00)};
  if (a < 0x38800000u) {  // subnormal: let the float adder round
    float r = std::bit_cast<float>(a) + 0.5f;
    return {static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(r) - 0x3f000000u))};
  }
  a += 0xfff + (a >> 13 & 1);
  return {static_cast<uint16_t>(sign | ((a - 0x38000000u) >> 13))};
}

inline float to_float(BF16 b) { return std::bit_cast<float>(static_cast<uint32_t>(b.bits) << 16); }

inline BF16 to_bf16(float f) {
  uint32_t x = std::bit_cast<uint32_t>(f);
  if ((x & 0x7fffffffu) > 0x7f800000u) return {0x7fc0};
  return {static_cast<uint16_t>((x + 0x7fff + (x >> 16 & 1)) >> 16)};
}

}  // namespace fj
