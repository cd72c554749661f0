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

/// What to use where nobody says otherwise: the one that missed the fewest objects on average over
/// eight traces (starts of programs, web servers, a CDN, disks, shells, databases) with caches of
/// 0.1 to 30 % of what was asked for, at each of these sizes. It wins where sizes differ, as those
/// of files do, and is level with the best where they do not. The price is bytes: what it keeps is
/// small. Where bytes count more than waiting, s3-fifo and arc miss fewer of them.
inline constexpr EvictionPolicy kDefaultEvictionPolicy = EvictionPolicy::gdsf;

/// "s3-fifo"
std::string_view name_of(EvictionPolicy policy);
/// None for a word that is no policy's name.
std::optional<EvictionPolicy> parse_eviction_policy(std::string_view name);

}  // namespace shardrun::policy
