#pragma once

#include <cstdint>

#include "shardrun/error.h"

namespace shardrun::policy {

/// What the host carries, over all uids.
struct HostUse {
    std::uint32_t connections = 0;
    std::uint32_t shards = 0;  ///< clients' shards, also those on their way out; no parked ones
};

/// From [supervisor].
struct HostBounds {
    std::uint32_t connections_max = 0;
    std::uint32_t shards_max = 0;
};

/// Errors: EAGAIN with the bound; it passes when others leave.
Result<void> admit_connection(const HostUse& use, const HostBounds& bounds);
Result<void> admit_shard(const HostUse& use, const HostBounds& bounds);

}  // namespace shardrun::policy
