#pragma once

#include <cstdint>

namespace shardrun {

/// A small seeded generator (SplitMix64): one seed replays a whole run. Not for secrets.
/// Source: Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014.
class Rng {
 public:
    explicit Rng(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }

    /// Uniform in 0..bound-1; bound must not be 0. The bias is below bound / 2^64.
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }

    /// True with probability `percent` / 100.
    bool chance(unsigned percent) { return below(100) < percent; }

 private:
    std::uint64_t state_;
};

}  // namespace shardrun
