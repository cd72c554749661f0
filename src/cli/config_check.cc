#include "cli/config_check.h"

#include <algorithm>
#include <cerrno>

#include "base/capability.h"
#include "base/fail.h"
#include "cli/config_key.h"
#include "cli/quantity.h"
#include "fetcher/origin.h"

namespace shardrun::cli {
namespace {

/// (uid_t)-1 means "unchanged" to the kernel and -2 is the overflow id of some systems.
constexpr std::uint64_t kUidMax = 4294967293;

/// Whether it could be parsed; the value itself is parsed again when it is set.
template <class T>
Result<void> outcome(const Result<T>& parsed) {
    if (!parsed) return std::unexpected(parsed.error());
    return {};
}

bool is_word(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-' || c == '_' || c == '.';
    });
}

bool has_part(std::string_view path, std::string_view part) {
    while (!path.empty()) {
        const std::string_view first = path.substr(0, path.find('/'));
        if (first == part) return true;
        path.remove_prefix(std::min(first.size() + 1, path.size()));
    }
    return false;
}

Result<void> check_known_profile(const supervisor::Config& config, const std::string& key,
                                 const std::string& name) {
    if (name == "default" || config.seccomp_profiles.contains(name)) return {};
    return refuse(ENOENT, "{}: '{}' is neither 'default' nor a key of [seccomp.profiles]", key,
                  name);
}

Result<void> check_limits(const ShardLimits& limits, const std::string& key) {
    if (limits.memory_high_bytes && limits.memory_max_bytes &&
        *limits.memory_high_bytes > *limits.memory_max_bytes)
        return refuse(EINVAL, "{}.memory_high_mib: {} is more than memory_max_mib, which is {}",
                      key, *limits.memory_high_bytes >> 20U, *limits.memory_max_bytes >> 20U);
    return {};
}

Result<void> check_client(const supervisor::Config& config, const ClientRule& rule,
                          const std::string& key) {
    for (const std::string& name : rule.seccomp_profiles)
        SR_DO(check_known_profile(config, key + ".seccomp_profiles", name));
    return check_limits(rule.limits_max, key + ".limits_max");
}

}  // namespace

Result<void> check_absolute_path(std::string_view text) {
    if (!text.starts_with('/') || has_part(text, "..") || text.find('\0') != text.npos)
        return refuse(EINVAL, "'{}' is not an absolute path without '..'", text);
    return {};
}

Result<void> check_cgroup_path(std::string_view text) {
    if (text.starts_with('/') || has_part(text, "..") || has_part(text, ".") ||
        text.find('\0') != text.npos || text.find("//") != text.npos)
        return refuse(EINVAL, "'{}' is not a path below the cgroup mount: write one as in shardrun",
                      text);
    return {};
}

Result<void> check_group(std::string_view text) {
    if (text.empty() || !is_word(text) || text.front() == '-')
        return refuse(EINVAL, "'{}' is not the name or number of a group", text);
    return {};
}

Result<void> check_profile_name(std::string_view text) {
    if (text.empty() || text.size() > 64 || !is_word(text))
        return refuse(EINVAL,
                      "'{}' is not a profile name: write 1 to 64 letters, digits, '-', '_' and '.'",
                      text);
    return {};
}

Result<void> check_capability(std::string_view text) {
    if (!capability_number(text))
        return refuse(EINVAL, "'{}' is no capability: write one as in CAP_NET_RAW", text);
    return {};
}

Result<void> check_hostname(std::string_view text) {
    return outcome(parse_hostname(text));
}

Result<void> check_cpuset(std::string_view text) {
    return outcome(parse_cpuset(text));
}

Result<void> check_io_limit(std::string_view text) {
    return outcome(parse_io_limit(text, refuse_device_path));
}

Result<void> check_origin(std::string_view text) {
    return outcome(fetcher::parse_origin(text));
}

Result<void> check_config(const supervisor::Config& config) {
    if (std::uint64_t{config.shard.uid_first} + config.shard.uid_count > kUidMax)
        return refuse(ERANGE, "shard.uid_count: {} uids from {} go beyond {}",
                      config.shard.uid_count, config.shard.uid_first, kUidMax);
    if (config.warm_pool.shards_min > config.warm_pool.shards_max)
        return refuse(EINVAL,
                      "warm_pool.shards_min: {} is more than warm_pool.shards_max, which is {}",
                      config.warm_pool.shards_min, config.warm_pool.shards_max);
    SR_DO(check_known_profile(config, "shard.seccomp_profile", config.shard.seccomp_profile));
    SR_DO(check_limits(config.shard.limits, "shard.limits"));
    SR_DO(check_client(config, config.default_client, "clients.default"));
    for (const auto& [uid, rule] : config.clients)
        SR_DO(check_client(config, rule, fmt::format("clients.{}", uid)));
    return {};
}

}  // namespace shardrun::cli
