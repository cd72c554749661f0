#pragma once

#include <cstdint>

namespace shardrun::policy {

/// Moves a cache's window in the direction in which the hit ratio rises: a step after each sample
/// of requests, in the other direction when the ratio fell, smaller each time, and large again
/// when the ratio changed by a twentieth.
/// Source: Einziger, Eytan, Friedman, Manes: Adaptive Software Cache Management, Middleware 2018.
class WindowClimber {
 public:
    /// What a window is after the whole bound changed.
    std::uint64_t restart(std::uint64_t bound);
    /// Counts a request; true when a sample of `sample_size` is complete: then `next` is due.
    bool count(bool is_hit, std::uint64_t sample_size);
    /// What the window shall be after the sample.
    std::uint64_t next();

    std::uint64_t window() const { return window_; }

 private:
    std::uint64_t bound_ = 0;
    std::uint64_t window_ = 0;
    std::uint64_t requests_ = 0;
    std::uint64_t hits_ = 0;
    double hit_ratio_before_ = 0;
    double step_ = 0;  ///< its sign is the direction
};

}  // namespace shardrun::policy
