#pragma once

#include <cstdint>

#include "policy/eviction/cache.h"

namespace shardrun::replay {

/// What a cache did over a trace. Bytes are in the unit of the cache's bound: where each object
/// counts as 1, they count objects.
struct ReplayMetrics {
    std::uint64_t requests = 0;
    std::uint64_t misses = 0;
    std::uint64_t request_bytes = 0;
    std::uint64_t miss_bytes = 0;
    std::uint64_t evictions = 0;

    std::uint64_t hits() const { return requests - misses; }
    /// Both are 0 of no requests.
    double object_miss_ratio() const;
    double byte_miss_ratio() const;

    bool operator==(const ReplayMetrics&) const = default;
};

/// Lets a cache meet a trace, request by request. Pure.
class Replay {
 public:
    Replay(policy::EvictionPolicy policy, policy::CacheBound bound);

    void on_request(policy::ObjectId object, std::uint64_t size_bytes);

    policy::EvictionPolicy policy() const { return policy_; }
    const policy::CacheBound& bound() const { return bound_; }
    const ReplayMetrics& metrics() const { return metrics_; }

 private:
    policy::EvictionPolicy policy_;
    policy::CacheBound bound_;
    policy::Cache cache_;
    ReplayMetrics metrics_;
};

}  // namespace shardrun::replay
