#pragma once

#include <cstdint>

namespace shardrun::policy {

/// Spreads the bits of an id over a whole word; a bijection.
/// Source: the finaliser of SplitMix64, Steele, Lea, Flood 2014.
constexpr std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31U);
}

}  // namespace shardrun::policy
