#include "policy/admission.h"

#include <cerrno>

#include "base/fail.h"

namespace shardrun::policy {

Result<void> admit_connection(const HostUse& use, const HostBounds& bounds) {
    if (use.connections < bounds.connections_max) return {};
    return refuse(EAGAIN,
                  "connections: {} are open, {} allowed by supervisor.connections_max; "
                  "connect again later",
                  use.connections, bounds.connections_max);
}

Result<void> admit_shard(const HostUse& use, const HostBounds& bounds) {
    if (use.shards < bounds.shards_max) return {};
    return refuse(EAGAIN,
                  "shards: {} are on this host, {} allowed by supervisor.shards_max; ask "
                  "again later",
                  use.shards, bounds.shards_max);
}

}  // namespace shardrun::policy
