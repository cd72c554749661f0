#include "policy/permission.h"

#include <algorithm>
#include <cerrno>

#include "base/capability.h"
#include "base/fail.h"

namespace shardrun::policy {

namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string Grant::key(std::string_view field) const {
    if (has_own_rule) return fmt::format("clients.{}.{}", uid, field);
    return fmt::format("clients.default.{}", field);
}

Result<void> check_connect(const Grant& grant, const UidUse& use) {
    if (!grant.rule.may_connect)
        return refuse(EACCES, "connect: uid {} may not, by {}", grant.uid,
                      grant.key("may_connect"));
    if (use.connections >= grant.rule.connections_max)
        return refuse(EDQUOT, "connections: {} asked, {} allowed for uid {} by {}",
                      use.connections + 1, grant.rule.connections_max, grant.uid,
                      grant.key("connections_max"));
    return {};
}

Result<void> check_new_shard(const Grant& grant, const UidUse& use) {
    const std::uint32_t bound = grant.rule.shards_max;
    if (use.shards >= bound)
        return refuse(EDQUOT, "shards: {} asked, {} allowed for uid {} by {}", use.shards + 1,
                      bound, grant.uid, grant.key("shards_max"));
    const std::uint64_t slack = std::uint64_t{bound} + kReclaimingSlack;
    if (use.reclaiming >= slack)
        return refuse(EAGAIN,
                      "shards: {} of uid {} are still being reclaimed, {} may be; ask again"
                      " when some are gone",
                      use.reclaiming, grant.uid, slack);
    return {};
}

Result<void> check_new_program(const Grant& grant, const UidUse& use) {
    if (use.programs < grant.rule.programs_max) return {};
    return refuse(EDQUOT, "programs: {} asked, {} allowed for uid {} by {}", use.programs + 1,
                  grant.rule.programs_max, grant.uid, grant.key("programs_max"));
}

Result<void> check_network(const Grant& grant, NetworkMode mode) {
    switch (mode) {
        case NetworkMode::none:
            return {};
        case NetworkMode::host:
            if (grant.rule.host_network) return {};
            return refuse(EACCES, "network: uid {} may not use the host's, by {}", grant.uid,
                          grant.key("host_network"));
        case NetworkMode::isolated:
        case NetworkMode::nat:
            return refuse(EOPNOTSUPP,
                          "network: '{}' is not offered by this version; ask for 'none'",
                          mode == NetworkMode::nat ? "nat" : "isolated");
    }
    return refuse(EINVAL, "network: mode {} is unknown; ask for 'none'", static_cast<int>(mode));
}

Result<void> check_seccomp_profile(const Grant& grant, const std::string& name) {
    if (contains(grant.rule.seccomp_profiles, name)) return {};
    return refuse(EACCES, "seccomp_profile: '{}' is not among those of uid {} in {}", name,
                  grant.uid, grant.key("seccomp_profiles"));
}

Result<std::uint64_t> check_capabilities(const Grant& grant,
                                         const std::vector<std::string>& names) {
    std::uint64_t bits = 0;
    for (const std::string& name : names) {
        const std::optional<unsigned> number = capability_number(name);
        if (!number)
            return refuse(EINVAL, "capabilities: '{}' is not one; see capabilities(7)", name);
        if (!contains(grant.rule.capabilities, name))
            return refuse(EACCES, "capabilities: {} is not among those of uid {} in {}", name,
                          grant.uid, grant.key("capabilities"));
        bits |= std::uint64_t{1} << *number;
    }
    return bits;
}

bool may_act_on(const Grant& grant, uid_t owner) {
    return grant.uid == 0 || grant.rule.is_administrator || grant.uid == owner;
}

}  // namespace shardrun::policy
