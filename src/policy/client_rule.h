#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shardrun/messages.h"

namespace shardrun::policy {

/// What one uid may do. The table [clients.default] serves every uid that has none of its own.
struct ClientRule {
    bool may_connect = true;
    bool is_administrator = false;  ///< sees and may touch all shards; root always is
    std::uint32_t shards_max = 64;
    std::uint32_t connections_max = 64;
    std::uint32_t programs_max = 1024;      ///< running at once, over all of its shards
    std::vector<std::string> capabilities;  ///< that it may be granted, as "CAP_NET_RAW"
    std::vector<std::string> seccomp_profiles{"default"};  ///< that it may name
    bool host_network = false;
    ShardLimits limits_max;  ///< no shard of it may ask for more

    bool operator==(const ClientRule&) const = default;
};

}  // namespace shardrun::policy
