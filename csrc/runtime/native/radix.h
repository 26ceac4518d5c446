// Sorting of long lines by the bits of their elements, some at a time: stable, and in time proportional to the length.
#pragma once
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "runtime/native/iterate.h"

namespace fj::native {

template <class C>
using bits_t = std::conditional_t<sizeof(C) == 8, uint64_t, uint32_t>;

// Unsigned numbers in the order of the elements: NaN is the greatest, both zeros are the same.
template <class C>
bits_t<C> ordered_bits(C v) {
  using U = bits_t<C>;
  constexpr U top = U(1) << (sizeof(U) * 8 - 1);
  if constexpr (std::is_floating_point_v<C>) {
    if (v != v) return ~U(0);
    const U u = std::bit_cast<U>(v == 0 ? C(0) : v);
    return u & top ? ~u : u | top;
  } else if constexpr (std::is_signed_v<C>) {
    return static_cast<U>(v) ^ top;
  } else {
    return static_cast<U>(v);
  }
}

inline constexpr int kDigit = 11;             // bits looked at a time
inline constexpr int64_t kRadixFrom = 1024;   // shorter lines are sorted by comparing
inline constexpr int64_t kRadixTo = 1 << 30;  // places are 32 bits wide

// Memory that the lines of one call share.
struct RadixRoom {
  std::unique_ptr<std::byte[]> bytes;
};

// Writes the places of the elements of `key` in their order.
template <class C>
void radix_order(const C* key, int64_t* order, int64_t n, bool descending, RadixRoom& room) {
  using U = bits_t<C>;
  struct Item {
    U key;
    uint32_t at;
  };
  constexpr int kPasses = (sizeof(U) * 8 + kDigit - 1) / kDigit;
  constexpr size_t kBuckets = size_t{1} << kDigit;
  const size_t bytes = static_cast<size_t>(n) * sizeof(Item), counts = sizeof(uint32_t) * kBuckets * kPasses;
  if (!room.bytes) room.bytes = std::make_unique_for_overwrite<std::byte[]>(2 * bytes + counts);
  auto* from = reinterpret_cast<Item*>(room.bytes.get());
  auto* to = from + n;
  auto* begins = reinterpret_cast<uint32_t*>(to + n);
  std::memset(begins, 0, counts);
  for (int64_t i = 0; i < n; ++i) {
    const U u = descending ? ~ordered_bits(key[i]) : ordered_bits(key[i]);
    from[i] = {u, static_cast<uint32_t>(i)};
    for (int p = 0; p < kPasses; ++p) ++begins[p * kBuckets + (u >> (p * kDigit) & (kBuckets - 1))];
  }
  for (int p = 0; p < kPasses; ++p) {
    uint32_t* begin = begins + p * kBuckets;
    // All in one bucket: this digit decides nothing.
    if (begin[from[0].key >> (p * kDigit) & (kBuckets - 1)] == static_cast<uint32_t>(n)) continue;
    for (uint32_t b = 0, sum = 0; b < kBuckets; ++b) sum += std::exchange(begin[b], sum);
    for (int64_t i = 0; i < n; ++i) to[begin[from[i].key >> (p * kDigit) & (kBuckets - 1)]++] = from[i];
    std::swap(from, to);
  }
  for (int64_t i = 0; i < n; ++i) order[i] = from[i].at;
}

}  // namespace fj::native
