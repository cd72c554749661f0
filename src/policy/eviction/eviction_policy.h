#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace shardrun::policy {

/// How a cache chooses what goes. Each has its source in the header of its order.
enum class EvictionPolicy : std::uint8_t { fifo, lru, lfu, gdsf, arc, sieve, s3_fifo, w_tinylfu };

inline constexpr std::array<EvictionPolicy, 8> kEvictionPolicies{
    EvictionPolicy::fifo,    EvictionPolicy::lru,      EvictionPolicy::lfu,
    EvictionPolicy::gdsf,    EvictionPolicy::arc,      EvictionPolicy::sieve,
    EvictionPolicy::s3_fifo, EvictionPolicy::w_tinylfu};

/// "s3-fifo"
std::string_view name_of(EvictionPolicy policy);
/// None for a word that is no policy's name.
std::optional<EvictionPolicy> parse_eviction_policy(std::string_view name);

}  // namespace shardrun::policy
