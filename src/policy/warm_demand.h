#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/mono_time.h"

namespace shardrun::policy {

/// How many parked shards one kind deserves.
///
/// burst(t)  = wishes in the 100 ms bucket of t and in the one before it
/// wanted(t) = the largest burst of the last `memory`
///
/// A parked shard pays when its successor cannot be ready in time, and preparing takes far less
/// than 100 ms: so the largest burst is what must lie ready. It rises with a wish only, and falls
/// only when the last burst as large is forgotten, after 3/4 to 4/4 of `memory`: between two
/// changes downwards of one burst lies a whole generation, so it cannot flap. Without wishes it
/// is 0 after `memory` at the latest.
class WarmDemand {
 public:
    /// `memory` zero: nothing is ever wanted.
    explicit WarmDemand(std::chrono::nanoseconds memory) : generation_(memory / kGenerations) {}

    void on_wish(MonoTime now);
    std::uint32_t wanted(MonoTime now) const;
    /// When `wanted` may fall next; none when it is 0.
    std::optional<MonoTime> next_change(MonoTime now) const;

 private:
    static constexpr std::int64_t kGenerations = 4;
    static constexpr std::chrono::nanoseconds kBucket = std::chrono::milliseconds(100);

    struct Peak {
        std::int64_t generation = -kGenerations;
        std::uint32_t burst = 0;
    };

    std::int64_t generation_of(MonoTime now) const { return now.time_since_epoch() / generation_; }
    bool is_remembered(const Peak& peak, std::int64_t generation) const {
        return peak.burst > 0 && peak.generation + kGenerations > generation;
    }
    void count(std::int64_t bucket);

    std::chrono::nanoseconds generation_;
    std::array<Peak, kGenerations> peaks_;
    std::int64_t bucket_ = 0;
    std::uint32_t in_bucket_ = 0;
    std::uint32_t in_bucket_before_ = 0;
};

/// Divides `bound` parked shards among kinds: one each in turn, in the order given, as long as a
/// kind wants more. Same length as `wanted`, nowhere above it, sum at most `bound`.
std::vector<std::uint32_t> share_pool(const std::vector<std::uint32_t>& wanted,
                                      std::uint32_t bound);

}  // namespace shardrun::policy
