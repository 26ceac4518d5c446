// Random streams: the Mersenne twister with the transforms that PyTorch's CPU generator uses, so that one seed gives
// the same numbers here and there. Drawn from with the interpreter's lock held.
#pragma once
#include <cstdint>
#include <random>

namespace fj {

class RandomStream {
 public:
  RandomStream() { seed(kDefaultSeed); }
  void seed(uint64_t s) {
    seed_ = s;
    engine_.seed(static_cast<uint32_t>(s));
    has_normal_ = false;
  }
  uint64_t initial_seed() const { return seed_; }

  uint32_t bits32() { return static_cast<uint32_t>(engine_()); }
  uint64_t bits64() {
    uint64_t high = bits32(), low = bits32();
    return high << 32 | low;
  }
  // Uniform in [0, 1), with as many bits as the type's significand has.
  float uniform_float() { return static_cast<float>(bits32() & ((1u << 24) - 1)) * 0x1p-24f; }
  double uniform_double() { return static_cast<double>(bits64() & ((1ull << 53) - 1)) * 0x1p-53; }
  // One standard normal number; they are made in pairs and the second one is kept.
  double normal();
  // Uniform in [low, low + range).
  int64_t integer(int64_t low, uint64_t range) {
    uint64_t v = range >= (1ull << 28) ? bits64() : bits32();
    return static_cast<int64_t>(v % range) + low;
  }

  std::mt19937& engine() { return engine_; }
  bool has_normal_ = false;
  double next_normal_ = 0;

  static constexpr uint64_t kDefaultSeed = 67280421310721ull;

 private:
  std::mt19937 engine_;
  uint64_t seed_ = kDefaultSeed;
};

// The stream that calls without a generator draw from.
RandomStream& default_stream();

}  // namespace fj
