#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/client_rule.h"
#include "shardrun/error.h"
#include "shardrun/messages.h"

namespace shardrun::policy {

/// A uid with the rule it falls under. Borrowed: lives as long as the configuration.
struct Grant {
    uid_t uid = 0;
    const ClientRule& rule;
    bool has_own_rule = false;  ///< [clients.UID] rather than [clients.default]

    /// The rule's place in the configuration: "clients.default.shards_max".
    std::string key(std::string_view field) const;
};

/// What a uid has now, over all of its connections.
struct UidUse {
    std::uint32_t connections = 0;
    std::uint32_t shards = 0;      ///< living
    std::uint32_t reclaiming = 0;  ///< being destroyed, not gone yet
    std::uint32_t programs = 0;    ///< waiting or running

    bool operator==(const UidUse&) const = default;
};

/// So many more shards than its shards_max may be on their way out, so that one who launches as
/// fast as it can is not refused for what is already dying, and shards that cannot die stay a
/// bounded harm.
inline constexpr std::uint32_t kReclaimingSlack = 256;

/// Errors of all that follow: EACCES where the rule forbids, EDQUOT where a quota is spent, EAGAIN
/// where waiting helps, EINVAL for names that mean nothing; each names the wish, the bound and the
/// key that would change it.
Result<void> check_connect(const Grant& grant, const UidUse& use);
Result<void> check_new_shard(const Grant& grant, const UidUse& use);
Result<void> check_new_program(const Grant& grant, const UidUse& use);
Result<void> check_network(const Grant& grant, NetworkMode mode);
Result<void> check_seccomp_profile(const Grant& grant, const std::string& name);
/// The capabilities as bits. Names are spelled as in capabilities(7).
Result<std::uint64_t> check_capabilities(const Grant& grant, const std::vector<std::string>& names);

/// Root and administrators may act on every shard, others on their uid's.
bool may_act_on(const Grant& grant, uid_t owner);

}  // namespace shardrun::policy
