#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <variant>
#include <vector>

#include "policy/eviction/cache.h"
#include "replay/percent.h"
#include "replay/replay.h"
#include "replay/trace_reader.h"

namespace shardrun::replay {

/// More cannot be held until the footprint is known: 4 bytes for each.
inline constexpr std::size_t kHeldRequestsMax = std::size_t{1} << 28U;

struct ReplayPlan {
    std::vector<policy::EvictionPolicy> policies;
    /// A percentage is one of the bytes of all distinct objects among the requests taken.
    std::variant<policy::CacheBound, Percent> bound;
    /// How many requests to take from the beginning.
    std::uint64_t requests_max = std::numeric_limits<std::uint64_t>::max();
};

struct ReplayResult {
    policy::EvictionPolicy policy{};
    policy::CacheBound bound;
    ReplayMetrics metrics;
};

/// Lets one cache for each policy meet the trace; the results are in the order of the policies. The
/// trace is read once, as it comes; its requests are held only where a percentage asks for the
/// footprint before. Errors: those of the trace; EOVERFLOW above kHeldRequestsMax.
Result<std::vector<ReplayResult>> replay_trace(TraceReader& trace, const ReplayPlan& plan);

}  // namespace shardrun::replay
